/** Which processes a rule is about. Pure. */
import { MECHANISMS, type Mechanism } from '../abi/layout.ts';
import {
  attemptsOf,
  COUNTER_COLUMNS,
  fallbacksOf,
  mechanismColumn,
  pendingOf,
  RING,
  sumAttempts,
} from '../model/counters.ts';
import { errnoName } from '../model/errno.ts';
import { type Cause, FALLEN_RINGS, type Snapshot } from '../model/snapshot.ts';
import type { Subject } from './rule.ts';

/** What a rule counts: attempts of one mechanism, or what rings do besides. */
export type Involving = Mechanism | 'io_uring_enter';

/** A process that a rule is about. */
export interface Involved {
  /** Row of the snapshot's processes. */
  readonly row: number;
  readonly pid: number;
  /** Nanoseconds since boot. */
  readonly startTime: number;
  readonly unit: string;
  readonly comm: string;
  /** Of the mechanism, or calls of io_uring_enter, since the process began. */
  readonly attempts: number;
}

/** Waits that end by a signal or by time are what programs do all day; EINVAL is how they find out what the kernel can do. */
const HARMLESS: Readonly<Partial<Record<Cause['kind'], readonly string[]>>> = {
  enter_errno: ['EINTR', 'ETIME'],
  setup_errno: ['EINVAL'],
};

/**
 * The processes of a subject that used a mechanism: first those that fell back (rings: an error, an overflow), then those whose bytes
 * were copied or that were denied, then the rest; within each, most attempts first.
 */
export function involvedProcesses(
  snapshot: Snapshot,
  subject: Subject,
  mechanism: Involving,
  limit: number,
): readonly Involved[] {
  const { processes } = snapshot;
  const judge = mechanism === 'io_uring_enter' ? ringJudge(snapshot) : attemptJudge(snapshot, mechanism);
  const found: (Involved & { readonly degree: number })[] = [];
  for (let row = 0; row < processes.length; row++) {
    const workload = { unit: processes.units[row] ?? '', comm: processes.comms[row] ?? '' };
    if (!concerns(subject, workload)) continue;
    const { degree, attempts } = judge(row);
    if (degree === 0) continue;
    const [pid = 0, startTime = 0] = [processes.pids[row], processes.startTimes[row]];
    found.push({ row, pid, startTime, ...workload, attempts, degree });
  }
  found.sort((a, b) => b.degree - a.degree || b.attempts - a.attempts || a.pid - b.pid);
  const seen = new Set<string>();
  return found
    .filter(({ pid, startTime }) => {
      // a process that called exec has a row for each program
      const process = `${String(pid)} ${String(startTime)}`;
      return !seen.has(process) && seen.add(process);
    })
    .slice(0, limit)
    .map(({ degree: _, ...involved }) => involved);
}

/** Is the alert about this workload? */
export const concerns = (subject: Subject, { unit, comm }: { unit: string; comm: string }): boolean =>
  subject === null || (subject.unit === unit && subject.comm === comm);

/** How much the process of a row has to do with it: 3 it fell back, 2 copied or denied, 1 it used it, 0 it did not. */
type Judge = (row: number) => { readonly degree: number; readonly attempts: number };

function attemptJudge({ processes }: Snapshot, mechanism: Mechanism): Judge {
  const bit = 1 << MECHANISMS.indexOf(mechanism);
  return (row) => {
    const counters = processes.counters.subarray(row * COUNTER_COLUMNS, (row + 1) * COUNTER_COLUMNS);
    const attempts = sumAttempts(counters, mechanismColumn(mechanism));
    const fell = fallbacksOf(counters, mechanism) + pendingOf(counters, mechanism) > 0;
    if (fell || ((processes.fallen[row] ?? 0) & bit) !== 0) return { degree: 3, attempts };
    const copied = attemptsOf(counters, mechanism, 'copied') + attemptsOf(counters, mechanism, 'denied');
    return { degree: copied > 0 ? 2 : attempts > 0 ? 1 : 0, attempts };
  };
}

function ringJudge({ processes, causes }: Snapshot): Judge {
  const failing = new Set<number | null>();
  for (const { kind, code, process } of causes) {
    if (kind !== 'enter_errno' && kind !== 'setup_errno') continue;
    if (HARMLESS[kind]?.includes(errnoName(code)) !== true) failing.add(process);
  }
  return (row) => {
    const column = (at: number) => processes.counters[row * COUNTER_COLUMNS + at] ?? 0;
    const fallen = ((processes.fallen[row] ?? 0) >>> FALLEN_RINGS) & 1;
    const fell = failing.has(row) || fallen === 1 || column(RING.cqOverflows) > 0;
    const used = column(RING.enters) + column(RING.setups) > 0;
    return { degree: fell ? 3 : used ? 1 : 0, attempts: column(RING.enters) };
  };
}
