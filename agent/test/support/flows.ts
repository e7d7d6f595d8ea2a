/** Snapshots of very many flows. */
import type { Snapshot } from '../../src/model/snapshot.ts';
import { snapshotOf } from './snapshots.ts';

/** So many IPv4 flows, each with attempts and bytes of one outcome. */
export function manyFlows(flows: number, attempts = 1): Snapshot {
  const keys = new Uint32Array(3 * flows);
  const counts = new Float64Array(8 * flows);
  for (let row = 0; row < flows; row++) {
    keys.set([0x0100007f, row, 6], 3 * row);
    counts[8 * row] = attempts;
    counts[8 * row + 6] = 2 ** 40 + row;
  }
  const none = snapshotOf();
  return { ...none, flows: [{ family: 4, length: flows, keys, counts }, none.flows[1]] };
}
