/** What every workload has attempted, those of its processes included that have ended: one entry for each. Pure. */
import { addRow, COUNTER_COLUMNS, type Counters } from './counters.ts';
import { type CountsSummary, countsSummary, isEagain } from './summary.ts';
import type { Snapshot, Workload } from './snapshot.ts';

export interface WorkloadSummary extends CountsSummary {
  /** Those that live. */
  readonly processes: number;
}

interface Sum extends Workload {
  readonly counters: Counters;
  processes: number;
  fallen: number;
  eagain: number;
}

/** Most attempts first. */
export function workloadSummaries({ processes, departed, causes }: Snapshot): WorkloadSummary[] {
  const sums = new Map<string, Sum>();
  const sumOf = ({ unit, comm }: Workload): Sum => {
    const key = JSON.stringify([unit, comm]);
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = { unit, comm, counters: new Float64Array(COUNTER_COLUMNS), processes: 0, fallen: 0, eagain: 0 };
      sums.set(key, sum);
    }
    return sum;
  };
  for (let row = 0; row < processes.length; row++) {
    const sum = sumOf({ unit: processes.units[row] ?? '', comm: processes.comms[row] ?? '' });
    addRow(sum.counters, processes.counters, row * COUNTER_COLUMNS);
    if (processes.endedAt[row] !== 0) continue;
    sum.processes++;
    sum.fallen |= processes.fallen[row] ?? 0;
  }
  for (const gone of departed) addRow(sumOf(gone).counters, gone.counters);
  for (const cause of causes) if (isEagain(cause)) sumOf(cause).eagain += cause.count;
  return Array.from(sums.values(), ({ processes, ...sum }) => ({ ...countsSummary(sum), processes })).sort(
    (a, b) => b.attempts - a.attempts,
  );
}
