/** What a snapshot says of each process, workload, flow or mechanism, as rows that can be compared with those of another snapshot. Pure. */
import { MECHANISMS, type Mechanism, OUTCOMES, type Outcome } from '../abi/layout.ts';
import type { Culprit } from '../model/snapshot.ts';
import {
  type CauseSummary,
  DENIALS,
  type Fallible,
  type MechanismSummary,
  type ProcessSummary,
  type Summary,
} from '../model/summary.ts';
import type { WorkloadSummary } from '../model/workloads.ts';

export const VIEWS = ['processes', 'workloads', 'flows', 'mechanisms'] as const;
export type View = (typeof VIEWS)[number];

/** One collection: the part of /api/v1/snapshot that is shown. */
export interface Sample extends Summary {
  /** RFC 3339. */
  readonly time: string;
  /** Seconds since boot. */
  readonly boottime: number;
  readonly workloads: readonly WorkloadSummary[];
}

/** How often attempts ended so, and the file that explains the first of them. */
export interface Reason {
  readonly outcome: CauseSummary['outcome'];
  readonly name: string;
  readonly count: number;
  readonly culprit: Culprit | null;
}

export interface Figures {
  readonly attempts: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly bytes: number;
  /** Transfers that ended in copying by the application. */
  readonly fallbacks: number;
  readonly eagain: number;
}

export interface Row extends Figures {
  /** What tells it apart, now and in the next sample. */
  readonly key: string;
  /** Untrusted texts. Processes: comm, unit; workloads likewise; flows: src, dst, protocol; mechanisms: the name. */
  readonly names: readonly string[];
  /** Of processes; 0 for others. */
  readonly pid: number;
  /** Processes that live, of workloads; 0 for others. */
  readonly processes: number;
  readonly fallen: readonly Fallible[];
  readonly reasons: readonly Reason[];
}

/** Everything that the host has attempted. */
export interface Host extends Row {
  /** The part of `eagain` that calls of io_uring_enter returned. */
  readonly enterEagain: number;
}

const NOTHING = { bytes: 0, fallbacks: 0, eagain: 0, pid: 0, processes: 0, fallen: [], reasons: [] } as const;

/** The rows of a view that have anything to show, by their keys. */
export function rowsOf(view: View, sample: Sample): ReadonlyMap<string, Row> {
  const known = made.get(sample)?.get(view);
  if (known !== undefined) return known;
  const rows = makeRows(view, sample);
  made.set(sample, (made.get(sample) ?? new Map<View, ReadonlyMap<string, Row>>()).set(view, rows));
  return rows;
}

/** Each sample ends one window and begins the next: its rows are made once. */
const made = new WeakMap<Sample, Map<View, ReadonlyMap<string, Row>>>();

function makeRows(view: View, sample: Sample): Map<string, Row> {
  const rows = new Map<string, Row>();
  for (const row of allRows(view, sample)) {
    // it only set up rings: there is nothing to show
    if (row.attempts + row.eagain === 0 && row.fallen.length === 0) continue;
    const before = rows.get(row.key);
    // a program that a process has run twice
    rows.set(row.key, before === undefined ? row : sumOf(before, row));
  }
  return rows;
}

function allRows(view: View, sample: Sample): Row[] {
  switch (view) {
    case 'processes': {
      const reasons = reasonsBy(sample.causes, ({ pid, comm }) => (pid === null ? null : processKey(pid, comm)));
      return sample.processes.map((process) => processRow(process, reasons));
    }
    case 'workloads': {
      const reasons = reasonsBy(sample.causes, workloadKey);
      return sample.workloads.map((workload) => workloadRow(workload, reasons));
    }
    case 'flows':
      // written out: to spread an object costs, and there may be 65,536
      return sample.flows.map(({ src, dst, proto, attempts, bytes, outcomes }) => ({
        key: `${proto} ${src} ${dst}`,
        names: [src, dst, src === '' && proto === 'other' ? 'not IP' : proto],
        attempts,
        outcomes,
        bytes,
        fallbacks: 0,
        eagain: 0,
        pid: 0,
        processes: 0,
        fallen: NOTHING.fallen,
        reasons: NOTHING.reasons,
      }));
    case 'mechanisms':
      return mechanismRows(sample);
  }
}

const processKey = (pid: number, comm: string): string => `${String(pid)} ${comm}`;
const workloadKey = ({ unit, comm }: { readonly unit: string; readonly comm: string }): string =>
  JSON.stringify([unit, comm]);

type ReasonsByKey = ReadonlyMap<string, readonly Reason[]>;

function processRow(process: ProcessSummary, reasons: ReasonsByKey): Row {
  const { pid, comm, unit, attempts, outcomes, fallbacks, fallen, eagain = 0 } = process;
  const key = processKey(pid, comm);
  const own = reasons.get(key) ?? [];
  return { ...NOTHING, key, pid, names: [comm, unit], attempts, outcomes, fallbacks, fallen, eagain, reasons: own };
}

function workloadRow(workload: WorkloadSummary, reasons: ReasonsByKey): Row {
  const { comm, unit, processes, attempts, outcomes, fallbacks, fallen, eagain = 0 } = workload;
  const key = workloadKey(workload);
  const own = reasons.get(key) ?? [];
  return {
    ...NOTHING,
    ...{ key, names: [comm, unit], processes, attempts, outcomes, fallbacks, fallen, eagain, reasons: own },
  };
}

function mechanismRows(sample: Sample): Row[] {
  return MECHANISMS.flatMap((name) => {
    const mechanism = sample.mechanisms[name];
    return mechanism === undefined ? [] : [mechanismRow(name, mechanism, sample)];
  });
}

function mechanismRow(name: Mechanism, mechanism: MechanismSummary, { causes }: Sample): Row {
  const { attempts, outcomes, bytes, errnos, reasons, resolutions } = mechanism;
  const counts: Omit<Reason, 'culprit'>[] = [
    ...(['copied', 'refused'] as const).flatMap((outcome) =>
      Object.entries(reasons[outcome]).map(([reason, count]) => ({ outcome, name: reason, count })),
    ),
    ...DENIALS.flatMap((denial) => {
      const count = errnos[denial] ?? 0;
      return count === 0 ? [] : [{ outcome: 'denied' as const, name: denial, count }];
    }),
  ];
  return {
    ...NOTHING,
    ...{ key: name, names: [name], attempts, outcomes, bytes },
    fallbacks: resolutions.confirmed + resolutions.presumed,
    eagain: errnos.EAGAIN ?? 0,
    reasons: counts.map((reason) => ({
      ...reason,
      culprit:
        causes.find((cause) => cause.mechanism === name && cause.reason === reason.name && cause.culprit !== null)
          ?.culprit ?? null,
    })),
  };
}

/** The sum over mechanisms, and the calls that are attempts of none. */
export function hostOf(sample: Sample): Host {
  const nobody: Row = { ...NOTHING, key: '', names: [], attempts: 0, outcomes: {} };
  const row = mechanismRows(sample).reduce((sum, mechanism) => ({ ...sumOf(sum, mechanism), names: [] }), nobody);
  const enterEagain = sample.ioUring.enters.errnos.EAGAIN ?? 0;
  return { ...row, eagain: row.eagain + enterEagain, enterEagain };
}

function reasonsBy(
  causes: readonly CauseSummary[],
  keyOf: (cause: CauseSummary) => string | null,
): Map<string, readonly Reason[]> {
  const reasons = new Map<string, Reason[]>();
  for (const cause of causes) {
    const key = keyOf(cause);
    if (key === null) continue;
    const own = reasons.get(key) ?? [];
    reasons.set(key, own);
    add(own, { outcome: cause.outcome, name: cause.reason, count: cause.count, culprit: cause.culprit });
  }
  return reasons;
}

/** Counts a reason to those of its name. */
function add(reasons: Reason[], reason: Reason): void {
  const at = reasons.findIndex(({ outcome, name }) => outcome === reason.outcome && name === reason.name);
  const before = reasons[at];
  if (before === undefined) {
    reasons.push(reason);
  } else {
    reasons[at] = { ...before, count: before.count + reason.count, culprit: before.culprit ?? reason.culprit };
  }
}

function sumOf(a: Row, b: Row): Row {
  const reasons = [...a.reasons];
  for (const reason of b.reasons) add(reasons, reason);
  return {
    ...a,
    attempts: a.attempts + b.attempts,
    outcomes: Object.fromEntries(
      OUTCOMES.map((outcome) => [outcome, (a.outcomes[outcome] ?? 0) + (b.outcomes[outcome] ?? 0)]),
    ),
    bytes: a.bytes + b.bytes,
    fallbacks: a.fallbacks + b.fallbacks,
    eagain: a.eagain + b.eagain,
    fallen: [...new Set([...a.fallen, ...b.fallen])],
    reasons,
  };
}
