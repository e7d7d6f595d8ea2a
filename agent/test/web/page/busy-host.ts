/** A host on which much happens, second by second: all tables of the page are full, and every figure of them changes. */
import { OUTCOMES } from '../../../src/abi/layout.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { programOf, snapshotOf } from '../../support/snapshots.ts';

const WORKLOADS = 25;
const FLOWS = 25;

/** By what grows: attempts up to each second; they go up and down, and are the same in every run. */
const sums = new Map<number, number[]>();

function grown(second: number, of: number): number {
  const known = sums.get(of) ?? [];
  sums.set(of, known);
  for (let at = known.length; at <= second; at++)
    known.push((known.at(-1) ?? 0) + 500 + Math.round(400 * Math.sin(at / 9 + of) + ((at * 7919 + of * 104_729) % 97)));
  return known[second] ?? 0;
}

export function busyHost(second: number): Snapshot {
  const counts = (of: number) => {
    const all = grown(second, of);
    return {
      ...Object.fromEntries(OUTCOMES.map((outcome, i) => [outcome, Math.floor(all / 10 ** (i / 2))])),
      bytes: 4096 * all,
      copiedBytes: 1024 * all,
    };
  };
  const refused = (of: number) => Math.floor(grown(second, of) / 10 ** (OUTCOMES.indexOf('refused') / 2));
  return snapshotOf({
    boottime: 10_000 + second * 1.003,
    processes: Array.from({ length: WORKLOADS }, (_, i) => ({
      pid: 1000 + i,
      unit: `service-${String(i)}.service`,
      comm: `program-${String(i)}`,
      counters: {
        [i % 2 === 0 ? 'sendfile' : 'splice']: { ...counts(i), confirmed: refused(i) },
        enters: grown(second, i),
      },
    })),
    causes: [
      ...Array.from({ length: 25 }, (_, i) => ({
        refused: 'source_cannot_splice' as const,
        process: i,
        count: refused(i),
        culprit: { type: 'file' as const, filesystem: 'proc', name: `/proc/${String(i)}/status`, flags: [] },
      })),
      { kind: 'enter_errno', code: 11, count: grown(second, 3) },
    ],
    flows: Array.from({ length: FLOWS }, (_, i) => ({
      src: '10.0.0.1',
      dst: `10.0.1.${String(i)}`,
      counts: counts(i),
    })),
    programs: Array.from({ length: 30 }, (_, i) => programOf({ name: `program_${String(i)}` })),
  });
}
