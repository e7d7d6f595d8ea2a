/** A Snapshot as the objects that JSON and tables show: by name, what did not occur left out. */
import {
  COPY_REASONS,
  type CopyReason,
  MECHANISMS,
  type Mechanism,
  OUTCOMES,
  type Outcome,
  REFUSAL_REASONS,
  type RefusalReason,
  type Resolution,
  RESOLUTIONS,
} from '../abi/layout.ts';
import {
  attemptsColumn,
  attemptsOf,
  bytesOf,
  COUNT_COLUMNS,
  COUNTER_COLUMNS,
  type Counters,
  fallbacksOf,
  mechanismColumn,
  OUTCOMES_WITH_BYTES,
  bytesColumn,
  pendingOf,
  resolvedOf,
  RING,
  sumAttempts,
  totalAttempts,
} from './counters.ts';
import { errnoName } from './errno.ts';
import { flowName, type FlowName, NON_IP_FLOW } from './flow.ts';
import { type Percentiles, percentiles } from './latency.ts';
import { callsOf, type ProcessCalls } from './process-calls.ts';
import {
  type Cause,
  type CauseKind,
  type Culprit,
  FALLEN_RINGS,
  type FlowTable,
  type Latency,
  type Snapshot,
  type Workload,
} from './snapshot.ts';

export type ErrnoCounts = Record<string, number>;

export interface MechanismSummary {
  readonly attempts: number;
  readonly bytes: number;
  /** They sum to bytes; `zerocopy` has none where only the end of a file was found. */
  readonly outcomeBytes: { readonly zerocopy: number; readonly copied: number };
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly errnos: ErrnoCounts;
  /** By reason: they sum to outcomes.copied and outcomes.refused. What found the table of causes full is `unknown`. */
  readonly reasons: { readonly copied: ReasonCounts; readonly refused: ReasonCounts };
  /** They sum to outcomes.refused. */
  readonly resolutions: Readonly<Record<Resolution | 'pending', number>>;
  /** Only with latency.enabled: seconds, by outcome. */
  readonly latency?: Readonly<Partial<Record<Outcome, Percentiles>>>;
}

export type ReasonCounts = Record<string, number>;

/** Errnos of attempts that were denied: EPERM and EACCES mean nothing else. */
export const DENIALS = ['EPERM', 'EACCES'] as const;
export type Denial = (typeof DENIALS)[number];

/** Why attempts were copied, refused or denied, and because of which file. */
export interface CauseSummary extends Workload {
  readonly mechanism: Mechanism;
  readonly outcome: 'copied' | 'refused' | 'denied';
  readonly reason: CopyReason | RefusalReason | Denial;
  readonly count: number;
  /** null for processes whose records were retired. */
  readonly pid: number | null;
  readonly culprit: Culprit | null;
}

export interface IoUringSummary {
  readonly setups: { readonly ok: number; readonly errnos: ErrnoCounts };
  readonly enters: { readonly calls: number; readonly submitted: number; readonly errnos: ErrnoCounts };
  /** Requests of zero-copy opcodes that returned, by opcode. */
  readonly completions: Readonly<Record<string, number>>;
  readonly completionErrnos: ErrnoCounts;
  /** Requests of zero-copy opcodes that were handed to worker threads. */
  readonly queuedAsync: number;
  /** The same by opcode. */
  readonly asyncWork: Readonly<Record<string, number>>;
  readonly cqOverflows: number;
}

export interface ProcessSummary extends Workload, ProcessCalls {
  readonly pid: number;
  readonly attempts: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly mechanisms: Readonly<Partial<Record<Mechanism, number>>>;
  /** Transfers that ended in copying. */
  readonly fallbacks: number;
  /** Mechanisms (and `io_uring_setup`) that fell back and have not worked since: a state, which silence does not end. */
  readonly fallen: readonly Fallible[];
  /** Attempts and calls of io_uring_enter that ended in EAGAIN; left out where there was none, or it is not known. */
  readonly eagain?: number;
}

/** What is known of more than one process just as well. */
export type CountsSummary = Omit<ProcessSummary, 'pid' | keyof ProcessCalls>;

/** What can fall back and stay so. */
export type Fallible = Mechanism | 'io_uring_setup';

/** A process as summaries take it. */
export interface ProcessCounts extends Workload {
  readonly pid: number;
  /** See ProcessTable. */
  readonly fallen: number;
  readonly counters: Counters;
  /** See ProcessSummary. */
  readonly eagain?: number;
}

export interface FlowSummary extends FlowName {
  readonly attempts: number;
  readonly bytes: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
}

export interface Summary {
  readonly mechanisms: Readonly<Partial<Record<Mechanism, MechanismSummary>>>;
  readonly ioUring: IoUringSummary;
  readonly processes: readonly ProcessSummary[];
  /** Most frequent first. */
  readonly causes: readonly CauseSummary[];
  readonly flows: readonly FlowSummary[];
  readonly unattributed: { readonly attempts: number };
  readonly lost: { readonly overflow: number; readonly events: number; readonly missedRuns: number };
}

const URING_PREFIX = 'io_uring_';

const REASONS = { copied: COPY_REASONS, refused: REFUSAL_REASONS } as const;

/** What is counted but stands in no cause: the table was full, or the attempt came between reading the two. */
export const UNKNOWN_REASON = 'unknown';

/** The whole of a snapshot. Processes and flows come with the most attempts first. */
export function summarize(snapshot: Snapshot): Summary {
  return {
    mechanisms: mechanismSummaries(snapshot),
    ioUring: ioUringSummary(snapshot),
    processes: processSummaries(snapshot),
    causes: causeSummaries(snapshot),
    flows: flowSummaries(snapshot),
    unattributed: { attempts: totalAttempts(snapshot.unattributed) },
    lost: snapshot.lost,
  };
}

/** How often attempts of one mechanism (of all, if null) ended for each code of one kind, by errno name. */
function errnoCounts(causes: readonly Cause[], kind: CauseKind, mechanism: number | null): ErrnoCounts {
  const counts: ErrnoCounts = {};
  for (const cause of causes) {
    if (cause.kind !== kind || (mechanism !== null && cause.mechanism !== mechanism)) continue;
    const name = errnoName(cause.code);
    counts[name] = (counts[name] ?? 0) + cause.count;
  }
  return counts;
}

function mechanismSummaries({ totals, causes, latencies }: Snapshot): Partial<Record<Mechanism, MechanismSummary>> {
  const summaries: Partial<Record<Mechanism, MechanismSummary>> = {};
  MECHANISMS.forEach((mechanism, index) => {
    const attempts = sumAttempts(totals, mechanismColumn(mechanism));
    if (attempts === 0) return;
    const reasons = (outcome: 'copied' | 'refused') =>
      reasonCounts(causes, outcome, index, attemptsOf(totals, mechanism, outcome));
    summaries[mechanism] = {
      attempts,
      bytes: OUTCOMES_WITH_BYTES.reduce((sum, outcome) => sum + bytesOf(totals, mechanism, outcome), 0),
      outcomeBytes: {
        zerocopy: bytesOf(totals, mechanism, 'zerocopy'),
        copied: bytesOf(totals, mechanism, 'copied'),
      },
      outcomes: Object.fromEntries(
        OUTCOMES.map((outcome) => [outcome, attemptsOf(totals, mechanism, outcome)]),
      ) as Record<Outcome, number>,
      errnos: errnoCounts(causes, 'errno', index),
      reasons: { copied: reasons('copied'), refused: reasons('refused') },
      resolutions: resolutionCounts(totals, mechanism),
      ...latencyOf(latencies, mechanism),
    };
  });
  return summaries;
}

function reasonCounts(
  causes: readonly Cause[],
  outcome: 'copied' | 'refused',
  mechanism: number,
  attempts: number,
): ReasonCounts {
  const counts: ReasonCounts = {};
  let unknown = attempts;
  for (const cause of causes) {
    if (cause.kind !== outcome || cause.mechanism !== mechanism) continue;
    const reason = REASONS[outcome][cause.code] ?? UNKNOWN_REASON;
    counts[reason] = (counts[reason] ?? 0) + cause.count;
    unknown -= cause.count;
  }
  if (unknown > 0) counts[UNKNOWN_REASON] = (counts[UNKNOWN_REASON] ?? 0) + unknown;
  return counts;
}

function resolutionCounts(totals: Counters, mechanism: Mechanism): MechanismSummary['resolutions'] {
  const ended = Object.fromEntries(
    RESOLUTIONS.map((resolution) => [resolution, resolvedOf(totals, mechanism, resolution)]),
  ) as Record<Resolution, number>;
  return { ...ended, pending: pendingOf(totals, mechanism) };
}

function latencyOf(latencies: readonly Latency[], mechanism: Mechanism): Pick<MechanismSummary, 'latency'> {
  const byOutcome = latencies
    .filter((latency) => latency.mechanism === mechanism)
    .map((latency) => [latency.outcome, percentiles(latency)] as const)
    .filter(([, { count }]) => count > 0);
  return byOutcome.length === 0 ? {} : { latency: Object.fromEntries(byOutcome) };
}

function ioUringSummary({ totals, causes }: Snapshot): IoUringSummary {
  const uring = MECHANISMS.filter((mechanism) => mechanism.startsWith(URING_PREFIX));
  const completions: Record<string, number> = {};
  const completionErrnos: ErrnoCounts = {};
  for (const mechanism of uring) {
    const attempts = sumAttempts(totals, mechanismColumn(mechanism));
    if (attempts > 0) completions[opcodeOf(mechanism)] = attempts;
    for (const [name, count] of Object.entries(errnoCounts(causes, 'errno', MECHANISMS.indexOf(mechanism)))) {
      completionErrnos[name] = (completionErrnos[name] ?? 0) + count;
    }
  }
  const asyncWork = asyncCounts(causes);
  return {
    setups: { ok: totals[RING.setups] ?? 0, errnos: errnoCounts(causes, 'setup_errno', null) },
    enters: {
      calls: totals[RING.enters] ?? 0,
      submitted: totals[RING.submitted] ?? 0,
      errnos: errnoCounts(causes, 'enter_errno', null),
    },
    completions,
    completionErrnos,
    queuedAsync: Object.values(asyncWork).reduce((sum, count) => sum + count, 0),
    asyncWork,
    cqOverflows: totals[RING.cqOverflows] ?? 0,
  };
}

const opcodeOf = (mechanism: Mechanism): string => mechanism.slice(URING_PREFIX.length);

function asyncCounts(causes: readonly Cause[]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const { kind, mechanism: index, count } of causes) {
    const mechanism = MECHANISMS[index];
    if (kind !== 'async_work' || mechanism === undefined) continue;
    const opcode = opcodeOf(mechanism);
    counts[opcode] = (counts[opcode] ?? 0) + count;
  }
  return counts;
}

function processSummaries(snapshot: Snapshot): ProcessSummary[] {
  const { processes, causes } = snapshot;
  const calls = callsOf(snapshot);
  const eagain = new Map<number, number>();
  for (const cause of causes) {
    if (cause.process === null || !isEagain(cause)) continue;
    eagain.set(cause.process, (eagain.get(cause.process) ?? 0) + cause.count);
  }
  return Array.from({ length: processes.length }, (_, row) => ({
    ...processSummary({
      pid: processes.pids[row] ?? 0,
      unit: processes.units[row] ?? '',
      comm: processes.comms[row] ?? '',
      fallen: processes.fallen[row] ?? 0,
      counters: processes.counters.subarray(row * COUNTER_COLUMNS, (row + 1) * COUNTER_COLUMNS),
      eagain: eagain.get(row) ?? 0,
    }),
    ...calls(row),
  })).sort((a, b) => b.attempts - a.attempts || a.pid - b.pid);
}

/** An attempt, or a call of io_uring_enter, that is to be made again. */
export const isEagain = ({ kind, code }: Cause): boolean =>
  (kind === 'errno' || kind === 'enter_errno') && errnoName(code) === 'EAGAIN';

/** One process from its row of counters. */
export const processSummary = ({ pid, ...counts }: ProcessCounts): ProcessSummary => ({
  pid,
  ...countsSummary(counts),
});

/** The same of what is more than one process. */
export function countsSummary({ unit, comm, fallen, counters, eagain = 0 }: Omit<ProcessCounts, 'pid'>): CountsSummary {
  const mechanisms: Partial<Record<Mechanism, number>> = {};
  let fallbacks = 0;
  for (const mechanism of MECHANISMS) {
    const attempts = sumAttempts(counters, mechanismColumn(mechanism));
    if (attempts > 0) mechanisms[mechanism] = attempts;
    fallbacks += fallbacksOf(counters, mechanism);
  }
  return {
    comm,
    unit,
    attempts: totalAttempts(counters),
    outcomes: occurred((outcome) =>
      MECHANISMS.reduce((sum, mechanism) => sum + attemptsOf(counters, mechanism, outcome), 0),
    ),
    mechanisms,
    fallbacks,
    fallen: fallenNames(fallen),
    ...(eagain > 0 ? { eagain } : {}),
  };
}

/** Attempts by outcome, without those that did not occur. */
function occurred(attempts: (outcome: Outcome) => number): Partial<Record<Outcome, number>> {
  return Object.fromEntries(
    OUTCOMES.map((outcome) => [outcome, attempts(outcome)] as const).filter(([, number]) => number > 0),
  );
}

/** The names of the bits that are set in one value of ProcessTable.fallen. */
export function fallenNames(fallen: number): Fallible[] {
  const names: Fallible[] = MECHANISMS.filter((_, bit) => (fallen & (1 << bit)) !== 0);
  if ((fallen & (1 << FALLEN_RINGS)) !== 0) names.push('io_uring_setup');
  return names;
}

/** Causes of copies, refusals and denials; those that differ only in their record are one. */
function causeSummaries({ causes, processes }: Snapshot): CauseSummary[] {
  const sums = new Map<string, CauseSummary>();
  for (const cause of causes) {
    const { unit, comm, process, count, culprit } = cause;
    const mechanism = MECHANISMS[cause.mechanism];
    const ending = endingOf(cause);
    if (mechanism === undefined || ending === null) continue;
    const pid = process === null ? null : (processes.pids[process] ?? null);
    const key = JSON.stringify([mechanism, ending, unit, comm, pid]);
    const before = sums.get(key);
    sums.set(key, {
      mechanism,
      ...ending,
      count: count + (before?.count ?? 0),
      unit,
      comm,
      pid,
      culprit: before?.culprit ?? culprit,
    });
  }
  return [...sums.values()].sort((a, b) => b.count - a.count);
}

/** Null for what has no reason but its errno. */
function endingOf({ kind, code }: Cause): Pick<CauseSummary, 'outcome' | 'reason'> | null {
  if (kind === 'errno') {
    const reason = DENIALS.find((denial) => denial === errnoName(code));
    return reason === undefined ? null : { outcome: 'denied', reason };
  }
  if (kind !== 'copied' && kind !== 'refused') return null;
  const reason = REASONS[kind][code];
  return reason === undefined ? null : { outcome: kind, reason };
}

function flowSummaries({ flows, otherFlows, nonIpFlows }: Snapshot): FlowSummary[] {
  const rows = flows.flatMap((table) =>
    Array.from({ length: table.length }, (_, row) => flowSummary(flowName(table, row), rowCounts(table, row))),
  );
  for (const [name, counts] of [
    [NON_IP_FLOW, nonIpFlows],
    [OTHER_FLOWS, otherFlows],
  ] as const) {
    if (sumAttempts(counts, 0) > 0) rows.push(flowSummary(name, counts));
  }
  return rows.sort((a, b) => b.attempts - a.attempts);
}

/** Stands for flows that are no longer, or never were, told apart. */
export const OTHER_FLOWS: FlowName = { src: 'other', dst: 'other', proto: 'other' };

const rowCounts = (table: FlowTable, row: number): Float64Array =>
  table.counts.subarray(row * COUNT_COLUMNS, (row + 1) * COUNT_COLUMNS);

function flowSummary(name: FlowName, counts: Float64Array): FlowSummary {
  return {
    ...name,
    attempts: sumAttempts(counts, 0),
    bytes: OUTCOMES_WITH_BYTES.reduce((sum, outcome) => sum + (counts[bytesColumn(outcome)] ?? 0), 0),
    outcomes: occurred((outcome) => counts[attemptsColumn(outcome)] ?? 0),
  };
}
