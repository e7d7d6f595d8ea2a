/**
 * A Snapshot as the document of /api/v1/stream, which the page shows: as much as people look at. What is cut says how much there
 * is; /api/v1/snapshot has all of it. Pure.
 */
import type { AlertStatus } from '../../alerts/rule.ts';
import type { AlertsReport, FiringView } from '../../alerts/view.ts';
import { TopRows } from '../../metrics/top.ts';
import { attemptsColumn, bytesColumn, COUNT_COLUMNS, OUTCOMES_WITH_BYTES, sumAttempts } from '../../model/counters.ts';
import { flowName } from '../../model/flow.ts';
import type { Culprit, FlowTable, ProgramStatus, Snapshot, TableUsage } from '../../model/snapshot.ts';
import { type CauseSummary, type FlowSummary, summarize, type Summary } from '../../model/summary.ts';
import type { Rates, Series } from './history.ts';
import { MOST_ROWS, occurred, type Top } from './rows.ts';
import type { WorkloadRow } from './workloads.ts';

/** Why attempts of a workload were copied, refused or denied: of all its processes. */
export interface CauseRow extends Omit<CauseSummary, 'pid'> {
  /** Live ones, at most MOST_PIDS of them; empty if none lives any more. */
  readonly pids: readonly number[];
  readonly culprit: Culprit | null;
}

/** What the agent takes. */
export interface OwnCost {
  /** Processors, over the last minutes. */
  readonly cpus: number | null;
  /** null where it cannot be read. */
  readonly residentBytes: number | null;
  /** How long reading the kernel tables took the last time: what the last scrape said, if that was the last. Null until then. */
  readonly collectionSeconds: number | null;
  /** RFC 3339. */
  readonly startedAt: string;
}

export interface Overview extends Pick<Summary, 'mechanisms' | 'ioUring' | 'unattributed' | 'lost'> {
  readonly schema: 'spillway.overview/1';
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Seconds since boot, suspend included. */
  readonly boottime: number;
  /** Over the last seconds; null until there are two snapshots. */
  readonly perSecond: Readonly<Record<Series, number>> | null;
  /** Most attempts first; so are flows. */
  readonly workloads: Top<WorkloadRow>;
  readonly flows: Top<FlowSummary>;
  readonly causes: Top<CauseRow>;
  /** null where alerts are switched off. */
  readonly alerts: {
    readonly rules: readonly string[];
    readonly firing: readonly FiringView[];
    /** Rules whose condition holds: the others say nothing here. */
    readonly statuses: readonly AlertStatus[];
  } | null;
  readonly tables: readonly TableUsage[];
  readonly programs: readonly ProgramStatus[];
  readonly own: OwnCost;
}

const MOST_PIDS = 3;
/** Alerts that are shown: each has a subject, and there may be as many as workloads. */
const MOST_ALERTS = 50;

export interface Surroundings {
  readonly now: Rates | null;
  readonly workloads: Top<WorkloadRow>;
  readonly alerts: AlertsReport | undefined;
  readonly own: OwnCost;
}

export function overviewOf(snapshot: Snapshot, { now, workloads, alerts, own }: Surroundings): Overview {
  // the rows of these two are chosen first, and named then
  const { mechanisms, ioUring, causes, unattributed, lost } = summarize(withoutRows(snapshot));
  return {
    schema: 'spillway.overview/1',
    time: new Date(snapshot.time.unixMs).toISOString(),
    boottime: snapshot.time.boottime,
    perSecond: now?.perSecond ?? null,
    mechanisms,
    ioUring,
    workloads,
    flows: topFlows(snapshot.flows),
    causes: topCauses(causes),
    alerts:
      alerts === undefined
        ? null
        : {
            rules: alerts.rules,
            firing: alerts.firing.slice(0, MOST_ALERTS),
            statuses: alerts.statuses.filter(({ state }) => state !== 'inactive').slice(0, MOST_ALERTS),
          },
    unattributed,
    lost,
    tables: snapshot.tables,
    programs: snapshot.programs,
    own,
  };
}

const withoutRows = (snapshot: Snapshot): Snapshot => ({
  ...snapshot,
  // what a cause says of its process is looked up in its columns
  processes: { ...snapshot.processes, length: 0 },
  flows: [
    { ...snapshot.flows[0], length: 0 },
    { ...snapshot.flows[1], length: 0 },
  ],
});

function topFlows(tables: readonly FlowTable[]): Top<FlowSummary> {
  const top = new TopRows<FlowTable>(MOST_ROWS);
  for (const table of tables) {
    for (let row = 0; row < table.length; row++) top.offer(table, row, sumAttempts(table.counts, row * COUNT_COLUMNS));
  }
  return {
    of: tables.reduce((sum, { length }) => sum + length, 0),
    rows: top.sorted().map(({ rows, row, rank }) => {
      const counts = rows.counts.subarray(row * COUNT_COLUMNS, (row + 1) * COUNT_COLUMNS);
      return {
        ...flowName(rows, row),
        attempts: rank,
        bytes: OUTCOMES_WITH_BYTES.reduce((sum, outcome) => sum + (counts[bytesColumn(outcome)] ?? 0), 0),
        outcomes: occurred((outcome) => counts[attemptsColumn(outcome)] ?? 0),
      };
    }),
  };
}

/** Those that differ only in their process are one. */
function topCauses(causes: readonly CauseSummary[]): Top<CauseRow> {
  const sums = new Map<
    string,
    { count: number; pids: number[]; culprit: Culprit | null; readonly cause: CauseSummary }
  >();
  for (const cause of causes) {
    const { mechanism, outcome, reason, unit, comm, pid, count, culprit } = cause;
    const key = JSON.stringify([mechanism, outcome, reason, unit, comm]);
    const sum = sums.get(key) ?? { count: 0, pids: [], culprit: null, cause };
    sums.set(key, sum);
    sum.count += count;
    sum.culprit ??= culprit;
    if (pid !== null && sum.pids.length < MOST_PIDS) sum.pids.push(pid);
  }
  const rows = [...sums.values()].sort((a, b) => b.count - a.count).slice(0, MOST_ROWS);
  return {
    of: sums.size,
    rows: rows.map(({ cause, count, pids, culprit }) => {
      const { mechanism, outcome, reason, unit, comm } = cause;
      return { mechanism, outcome, reason, unit, comm, count, pids, culprit };
    }),
  };
}
