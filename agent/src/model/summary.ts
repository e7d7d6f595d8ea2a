/** A Snapshot as the objects that JSON and tables show: by name, what did not occur left out. */
import { MECHANISMS, type Mechanism, OUTCOMES, type Outcome } from '../abi/layout.ts';
import {
  attemptsOf,
  bytesOf,
  COUNT_COLUMNS,
  COUNTER_COLUMNS,
  type Counters,
  mechanismColumn,
  OUTCOMES_WITH_BYTES,
  bytesColumn,
  RING,
  sumAttempts,
  totalAttempts,
} from './counters.ts';
import { errnoName } from './errno.ts';
import { flowName, type FlowName, NON_IP_FLOW } from './flow.ts';
import type { Cause, CauseKind, FlowTable, Snapshot } from './snapshot.ts';

export type ErrnoCounts = Record<string, number>;

export interface MechanismSummary {
  readonly attempts: number;
  readonly bytes: number;
  readonly outcomes: Readonly<Record<Outcome, number>>;
  readonly errnos: ErrnoCounts;
}

export interface IoUringSummary {
  readonly setups: { readonly ok: number; readonly errnos: ErrnoCounts };
  readonly enters: { readonly calls: number; readonly submitted: number; readonly errnos: ErrnoCounts };
  /** Requests of zero-copy opcodes that returned, by opcode. */
  readonly completions: Readonly<Record<string, number>>;
  readonly completionErrnos: ErrnoCounts;
  readonly queuedAsync: number;
  readonly cqOverflows: number;
}

export interface ProcessSummary {
  readonly pid: number;
  readonly comm: string;
  readonly attempts: number;
  readonly mechanisms: Readonly<Partial<Record<Mechanism, number>>>;
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
  readonly flows: readonly FlowSummary[];
  readonly unattributed: { readonly attempts: number };
  readonly lost: { readonly overflow: number; readonly events: number; readonly missedRuns: number };
}

const URING_PREFIX = 'io_uring_';

/** The whole of a snapshot. Processes and flows come with the most attempts first. */
export function summarize(snapshot: Snapshot): Summary {
  return {
    mechanisms: mechanismSummaries(snapshot),
    ioUring: ioUringSummary(snapshot),
    processes: processSummaries(snapshot),
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

function mechanismSummaries({ totals, causes }: Snapshot): Partial<Record<Mechanism, MechanismSummary>> {
  const summaries: Partial<Record<Mechanism, MechanismSummary>> = {};
  MECHANISMS.forEach((mechanism, index) => {
    const attempts = sumAttempts(totals, mechanismColumn(mechanism));
    if (attempts === 0) return;
    summaries[mechanism] = {
      attempts,
      bytes: OUTCOMES_WITH_BYTES.reduce((sum, outcome) => sum + bytesOf(totals, mechanism, outcome), 0),
      outcomes: Object.fromEntries(
        OUTCOMES.map((outcome) => [outcome, attemptsOf(totals, mechanism, outcome)]),
      ) as Record<Outcome, number>,
      errnos: errnoCounts(causes, 'errno', index),
    };
  });
  return summaries;
}

function ioUringSummary({ totals, causes }: Snapshot): IoUringSummary {
  const uring = MECHANISMS.filter((mechanism) => mechanism.startsWith(URING_PREFIX));
  const completions: Record<string, number> = {};
  const completionErrnos: ErrnoCounts = {};
  for (const mechanism of uring) {
    const attempts = sumAttempts(totals, mechanismColumn(mechanism));
    if (attempts > 0) completions[mechanism.slice(URING_PREFIX.length)] = attempts;
    for (const [name, count] of Object.entries(errnoCounts(causes, 'errno', MECHANISMS.indexOf(mechanism)))) {
      completionErrnos[name] = (completionErrnos[name] ?? 0) + count;
    }
  }
  return {
    setups: { ok: totals[RING.setups] ?? 0, errnos: errnoCounts(causes, 'setup_errno', null) },
    enters: {
      calls: totals[RING.enters] ?? 0,
      submitted: totals[RING.submitted] ?? 0,
      errnos: errnoCounts(causes, 'enter_errno', null),
    },
    completions,
    completionErrnos,
    queuedAsync: causes.reduce((sum, { kind, count }) => sum + (kind === 'async_work' ? count : 0), 0),
    cqOverflows: totals[RING.cqOverflows] ?? 0,
  };
}

function processSummaries({ processes }: Snapshot): ProcessSummary[] {
  return Array.from({ length: processes.length }, (_, row) =>
    processSummary(
      processes.pids[row] ?? 0,
      processes.comms[row] ?? '',
      processes.counters.subarray(row * COUNTER_COLUMNS, (row + 1) * COUNTER_COLUMNS),
    ),
  ).sort((a, b) => b.attempts - a.attempts || a.pid - b.pid);
}

/** One process from its row of counters. */
export function processSummary(pid: number, comm: string, counters: Counters): ProcessSummary {
  const mechanisms: Partial<Record<Mechanism, number>> = {};
  for (const mechanism of MECHANISMS) {
    const attempts = sumAttempts(counters, mechanismColumn(mechanism));
    if (attempts > 0) mechanisms[mechanism] = attempts;
  }
  return { pid, comm, attempts: totalAttempts(counters), mechanisms };
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
  const outcomes: Partial<Record<Outcome, number>> = {};
  OUTCOMES.forEach((outcome, column) => {
    const attempts = counts[column] ?? 0;
    if (attempts > 0) outcomes[outcome] = attempts;
  });
  return {
    ...name,
    attempts: sumAttempts(counts, 0),
    bytes: OUTCOMES_WITH_BYTES.reduce((sum, outcome) => sum + (counts[bytesColumn(outcome)] ?? 0), 0),
    outcomes,
  };
}
