/**
 * Counters of the catalogue as rules select them: numbers out of a Snapshot, for the host and by workload. They are the sums of the
 * series that /metrics exports under these names. Pure.
 */
import { COPY_REASONS, MECHANISMS, OUTCOMES, REFUSAL_REASONS, RESOLUTIONS, TABLES } from '../abi/layout.ts';
import type { Mechanism } from '../abi/layout.ts';
import {
  attemptsColumn,
  bytesColumn,
  COUNTER_COLUMNS,
  EVIDENCE,
  mechanismColumn,
  OUTCOMES_WITH_BYTES,
  resolutionColumn,
  RING,
  sumAttempts,
} from '../model/counters.ts';
import { errnoLabel, OTHER_ERRNO } from '../model/errno.ts';
import { didYouMean } from '../model/nearest.ts';
import type { Cause, CauseKind, Snapshot, Workload } from '../model/snapshot.ts';
import type { CounterSelector, Subject } from './rule.ts';

const URING_PREFIX = 'io_uring_';
const OPCODES = MECHANISMS.filter((mechanism) => mechanism.startsWith(URING_PREFIX)).map(opcodeOf);

/** The kernel returns none above (MAX_ERRNO). */
const MOST_ERRNO = 4095;
const ERRNOS = [
  ...new Set(Array.from({ length: MOST_ERRNO }, (_, i) => errnoLabel(i + 1)).filter((name) => name !== OTHER_ERRNO)),
  OTHER_ERRNO,
];

/** Whether the selector takes a value of a label. */
type Takes = (label: string, value: string) => boolean;

/** Where a counter is kept. */
type Source =
  /** In every process: the columns of a row of counters. */
  | { readonly from: 'rows'; readonly columns: (takes: Takes) => number[] }
  | { readonly from: 'causes'; readonly kind: CauseKind; readonly takesCause: (takes: Takes, cause: Cause) => boolean }
  /** In no process. */
  | { readonly from: 'host'; readonly value: (takes: Takes, snapshot: Snapshot) => number };

interface Metric {
  /** The values that each label can have; null for those that others choose. */
  readonly labels: Readonly<Record<string, readonly string[] | null>>;
  readonly source: Source;
}

/** One column for each mechanism and value of one more label. */
function byMechanism<V extends string>(
  label: string,
  values: readonly V[],
  column: (mechanism: Mechanism, value: V) => number,
): Metric {
  const columns = (takes: Takes) =>
    MECHANISMS.filter((mechanism) => takes('mechanism', mechanism)).flatMap((mechanism) =>
      values.filter((value) => takes(label, value)).map((value) => column(mechanism, value)),
    );
  return { labels: { mechanism: MECHANISMS, [label]: values }, source: { from: 'rows', columns } };
}

const ring = (column: number): Metric => ({ labels: {}, source: { from: 'rows', columns: () => [column] } });

/** Causes of one kind, told apart by mechanism and by what causeName() says. */
function mechanismCauses(kind: CauseKind, label: string, values: readonly string[]): Metric {
  const takesCause = (takes: Takes, cause: Cause) =>
    takes('mechanism', MECHANISMS[cause.mechanism] ?? '') && takes(label, causeName(cause));
  return { labels: { mechanism: MECHANISMS, [label]: values }, source: { from: 'causes', kind, takesCause } };
}

/** Causes of one kind, told apart by one label. */
function causes(kind: CauseKind, label: string, values: readonly string[]): Metric {
  const takesCause = (takes: Takes, cause: Cause) => takes(label, causeName(cause));
  return { labels: { [label]: values }, source: { from: 'causes', kind, takesCause } };
}

const hostOnly = (labels: Metric['labels'], value: (takes: Takes, snapshot: Snapshot) => number): Metric => ({
  labels,
  source: { from: 'host', value },
});

/** The same counts with the workload as labels. */
const named = (metric: Metric): Metric => ({ ...metric, labels: { unit: null, comm: null, ...metric.labels } });

const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};

const ATTEMPTS = byMechanism(
  'outcome',
  OUTCOMES,
  (mechanism, outcome) => mechanismColumn(mechanism) + attemptsColumn(outcome),
);
const FALLBACKS = byMechanism('evidence', EVIDENCE, resolutionColumn);
const ERRORS = mechanismCauses('errno', 'errno', ERRNOS);

const METRICS: ReadonlyMap<string, Metric> = new Map(
  Object.entries({
    attempts_total: ATTEMPTS,
    attempt_bytes_total: byMechanism(
      'outcome',
      OUTCOMES_WITH_BYTES,
      (mechanism, outcome) => mechanismColumn(mechanism) + bytesColumn(outcome),
    ),
    fallbacks_total: FALLBACKS,
    refusals_total: mechanismCauses('refused', 'reason', REFUSAL_REASONS),
    refusal_resolutions_total: byMechanism('resolution', RESOLUTIONS, resolutionColumn),
    copies_total: mechanismCauses('copied', 'reason', COPY_REASONS),
    errors_total: ERRORS,
    io_uring_enters_total: ring(RING.enters),
    io_uring_enter_errors_total: causes('enter_errno', 'errno', ERRNOS),
    io_uring_submitted_total: ring(RING.submitted),
    io_uring_setup_errors_total: causes('setup_errno', 'errno', ERRNOS),
    io_uring_cq_overflows_total: ring(RING.cqOverflows),
    io_uring_async_work_total: causes('async_work', 'opcode', OPCODES),
    workload_attempts_total: named(ATTEMPTS),
    workload_fallbacks_total: named(FALLBACKS),
    workload_errors_total: named(ERRORS),
    unattributed_attempts_total: hostOnly({ mechanism: MECHANISMS }, (takes, { unattributed }) =>
      sum(
        MECHANISMS.filter((mechanism) => takes('mechanism', mechanism)).map((mechanism) =>
          sumAttempts(unattributed, mechanismColumn(mechanism)),
        ),
      ),
    ),
    table_overflow_total: hostOnly({ table: TABLES }, (takes, { tables }) =>
      sum(tables.filter(({ table }) => takes('table', table)).map(({ overflows }) => overflows)),
    ),
    program_missed_runs_total: hostOnly({ program: null, hook: null }, (takes, { programs }) =>
      sum(
        programs
          .filter(({ state, name, hook }) => state === 'attached' && takes('program', name) && takes('hook', hook))
          .map(({ missedRuns }) => missedRuns),
      ),
    ),
    harmless_missed_runs_total: hostOnly({}, (_, { harmlessMissedRuns }) => harmlessMissedRuns),
    shard_sets_lacking_total: hostOnly({}, (_, { shards }) => shards.lacking),
    events_lost_total: hostOnly({}, (_, { lost }) => lost.events),
  }),
);

function opcodeOf(mechanism: Mechanism): string {
  return mechanism.slice(URING_PREFIX.length);
}

/** What the last label of a cause's metric says: its reason, errno or opcode. */
export function causeName({ kind, mechanism, code }: Cause): string {
  switch (kind) {
    case 'refused':
      return REFUSAL_REASONS[code] ?? '';
    case 'copied':
      return COPY_REASONS[code] ?? '';
    case 'async_work':
      return MECHANISMS[mechanism]?.replace(URING_PREFIX, '') ?? '';
    case 'errno':
    case 'enter_errno':
    case 'setup_errno':
      return errnoLabel(code);
  }
}

/** What is wrong with a selector and what it could be instead; null if nothing is. */
export function checkSelector({ metric: name, labels }: CounterSelector): string | null {
  const metric = METRICS.get(name);
  if (metric === undefined) return `there is no counter ${quoted(name)}${instead(name, [...METRICS.keys()])}`;
  const known = Object.keys(metric.labels);
  for (const [label, values] of Object.entries(labels)) {
    if (!known.includes(label)) {
      return `${name} has no label ${quoted(label)}${known.length === 0 ? ': it has none' : instead(label, known)}`;
    }
    const allowed = metric.labels[label] ?? null;
    if (values.length === 0) return `${label} of ${name} has no value: leave the label out to take every value`;
    const wrong = allowed === null ? undefined : values.find((value) => !allowed.includes(value));
    if (wrong !== undefined && allowed !== null) {
      return `${label} of ${name} is never ${quoted(wrong)}${instead(wrong, allowed)}`;
    }
  }
  return null;
}

/** Other names of the same errnos. */
const SYNONYMS = new Map([
  ['EWOULDBLOCK', 'EAGAIN'],
  ['ENOTSUP', 'EOPNOTSUPP'],
]);

/** More words than anybody reads. */
const MANY = 32;

/** What there is, unless it is too much and one of it was probably meant; and that one. */
function instead(wrong: string, words: readonly string[]): string {
  const meant = didYouMean(SYNONYMS.get(wrong) ?? wrong, words);
  return meant !== '' && words.length > MANY ? meant : `: use ${words.join(', ')}${meant}`;
}

/** A text from the configuration: of bounded length, on one line. */
const quoted = (text: string): string => JSON.stringify(text.length > 64 ? `${text.slice(0, 64)}…` : text);

/** Whether workloads have this counter; the rest is counted for the host alone. */
export function hasWorkloads({ metric }: CounterSelector): boolean {
  const from = METRICS.get(metric)?.source.from;
  return from === 'rows' || from === 'causes';
}

/** The same text for selectors that select the same. */
export function selectorKey({ metric, labels }: CounterSelector): string {
  const sorted = Object.entries(labels)
    .map(([label, values]) => [label, [...new Set(values)].sort()] as const)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([metric, sorted]);
}

/** Tells subjects apart whatever names they chose: JSON, because names joined by a character could hold it. */
export function subjectKey(subject: Subject): string {
  return subject === null ? HOST_KEY : JSON.stringify([subject.unit, subject.comm]);
}
export const HOST_KEY = 'host';

/** The workload of each record of a snapshot. Columns are summed when they are first asked for. */
export class WorkloadGroups {
  readonly snapshot: Snapshot;
  /** By subjectKey(). The nameless one, which is what could not be told apart, is none. */
  readonly workloads: ReadonlyMap<string, Workload>;
  /** Of each process, departed workload and cause: the index of its workload, or -1. */
  readonly #ofProcess: Int32Array;
  readonly #ofDeparted: Int32Array;
  readonly ofCause: Int32Array;
  readonly #columns = new Map<number, Float64Array>();

  constructor(snapshot: Snapshot) {
    const { processes, departed } = snapshot;
    const workloads: Workload[] = [];
    const byUnit = new Map<string, Map<string, number>>();
    const indexOf = (unit: string, comm: string): number => {
      if (comm === '') return -1;
      let byComm = byUnit.get(unit);
      if (byComm === undefined) byUnit.set(unit, (byComm = new Map<string, number>()));
      let index = byComm.get(comm);
      if (index === undefined) byComm.set(comm, (index = workloads.push({ unit, comm }) - 1));
      return index;
    };
    this.snapshot = snapshot;
    this.#ofProcess = Int32Array.from(processes.comms, (comm, row) => indexOf(processes.units[row] ?? '', comm));
    this.#ofDeparted = Int32Array.from(departed, ({ unit, comm }) => indexOf(unit, comm));
    this.ofCause = Int32Array.from(snapshot.causes, ({ unit, comm }) => indexOf(unit, comm));
    this.workloads = new Map(workloads.map((workload) => [subjectKey(workload), workload]));
  }

  /** One column of all rows of counters by workload. */
  column(column: number): Float64Array {
    let sums = this.#columns.get(column);
    if (sums === undefined) this.#columns.set(column, (sums = this.#sumColumn(column)));
    return sums;
  }

  #sumColumn(column: number): Float64Array {
    const { processes, departed } = this.snapshot;
    const sums = new Float64Array(this.workloads.size);
    this.#ofProcess.forEach((group, row) => {
      if (group >= 0) sums[group] = (sums[group] ?? 0) + (processes.counters[row * COUNTER_COLUMNS + column] ?? 0);
    });
    departed.forEach(({ counters }, i) => {
      const group = this.#ofDeparted[i] ?? -1;
      if (group >= 0) sums[group] = (sums[group] ?? 0) + (counters[column] ?? 0);
    });
    return sums;
  }
}

/** A selector, ready to be read from one snapshot after the other. */
export class Counter {
  readonly #source: Source;
  readonly #takes: Takes;
  /** Of rows. */
  readonly #columns: readonly number[];
  /** Causes by mechanism and code: saves making a name for every cause of every snapshot. */
  readonly #taken = new Map<number, boolean>();
  /** Whether it selects workloads by name. The host's number is then the sum of theirs, and may decrease like theirs. */
  readonly named: boolean;

  /** @throws RangeError for a selector that checkSelector() does not allow */
  constructor(selector: CounterSelector) {
    const wrong = checkSelector(selector);
    const metric = METRICS.get(selector.metric);
    if (wrong !== null || metric === undefined) throw new RangeError(wrong ?? selector.metric);
    const wanted = new Map(Object.entries(selector.labels).map(([label, values]) => [label, new Set(values)] as const));
    this.#takes = (label, value) => wanted.get(label)?.has(value) ?? true;
    this.#source = metric.source;
    this.#columns = metric.source.from === 'rows' ? metric.source.columns(this.#takes) : [];
    this.named = 'comm' in metric.labels && (wanted.has('unit') || wanted.has('comm'));
  }

  /** The number for the whole host. */
  host(groups: WorkloadGroups): number {
    if (this.named) return sum(this.workloads(groups).values());
    const { snapshot } = groups;
    const source = this.#source;
    switch (source.from) {
      case 'rows':
        return sum(this.#columns.map((column) => snapshot.totals[column] ?? 0));
      case 'causes':
        return snapshot.causes.reduce((total, cause) => total + (this.#takesCause(source, cause) ? cause.count : 0), 0);
      case 'host':
        return source.value(this.#takes, snapshot);
    }
  }

  /** The numbers of workloads by subjectKey(), without zeros; none for a counter that only the host has. */
  workloads(groups: WorkloadGroups): Map<string, number> {
    const sums = this.#workloadSums(groups);
    const numbers = new Map<string, number>();
    let index = 0;
    for (const [key, { unit, comm }] of groups.workloads) {
      const number = sums[index++] ?? 0;
      if (number === 0 || (this.named && !(this.#takes('unit', unit) && this.#takes('comm', comm)))) continue;
      numbers.set(key, number);
    }
    return numbers;
  }

  #workloadSums(groups: WorkloadGroups): Float64Array {
    const sums = new Float64Array(groups.workloads.size);
    const source = this.#source;
    if (source.from === 'rows') {
      for (const column of this.#columns) {
        groups.column(column).forEach((number, i) => {
          sums[i] = (sums[i] ?? 0) + number;
        });
      }
    } else if (source.from === 'causes') {
      groups.snapshot.causes.forEach((cause, i) => {
        const group = groups.ofCause[i] ?? -1;
        if (group >= 0 && this.#takesCause(source, cause)) sums[group] = (sums[group] ?? 0) + cause.count;
      });
    }
    return sums;
  }

  #takesCause(source: Extract<Source, { from: 'causes' }>, cause: Cause): boolean {
    if (cause.kind !== source.kind) return false;
    const key = cause.mechanism * 65_536 + cause.code;
    let taken = this.#taken.get(key);
    if (taken === undefined) this.#taken.set(key, (taken = source.takesCause(this.#takes, cause)));
    return taken;
  }
}
