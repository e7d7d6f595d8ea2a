/** Variables of the programs. */
import { LAYOUT } from '../abi/layout.ts';
import type { MappedRegion } from '../../../native/lib/index.ts';

type Variable = 'events_lost' | 'forks_lost' | 'programs_are_preempted';

/** One of 64 bits. @param globals `.bss` */
export const readGlobal = (globals: MappedRegion, name: Variable): number =>
  readWord(globals, LAYOUT.variables[name].offset);

export function readWord(region: MappedRegion, offset = 0): number {
  const value = new Float64Array(1);
  region.readU64(value, offset, 8, 1, 1);
  return value[0] ?? 0;
}
