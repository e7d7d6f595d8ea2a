/** Attempts, fallbacks and errors by workload: the first ones by name, the rest under `other`. */
import { MECHANISMS, OUTCOMES } from '../abi/layout.ts';
import { EVIDENCE } from '../model/counters.ts';
import type { ProcessTable, Snapshot } from '../model/snapshot.ts';
import { type Fallible, fallenNames } from '../model/summary.ts';
import { Selection } from './selection.ts';
import { labelSet, type TextWriter } from './text.ts';
import {
  ATTEMPT_COLUMNS,
  ErrorColumns,
  ERRORS_AT,
  WorkloadPlaces,
  workloadRows,
  type WorkloadRows,
} from './workload-rows.ts';

export interface WorkloadLimits {
  /** Workloads that are told apart. */
  readonly workloads: number;
  /** Seconds without an attempt after which a workload may lose its place. */
  readonly idleSeconds: number;
}

const OTHER = 'other';
/** Of every attempt column: its mechanism and outcome. */
const ATTEMPT_NAMES = MECHANISMS.flatMap((mechanism) => OUTCOMES.map((outcome) => [mechanism, outcome] as const));
/** Of every fallback column: its mechanism and evidence. */
const FALLBACK_NAMES = MECHANISMS.flatMap((mechanism) => EVIDENCE.map((evidence) => [mechanism, evidence] as const));

/** The families whose series are columns of a workload; all have the same labels but for the last one's name. */
type ColumnMetric = 'workload_attempts_total' | 'workload_fallbacks_total' | 'workload_errors_total';
type ColumnNames = readonly (readonly [mechanism: string, last: string])[];

/** One workload's label sets, made when they are first written. */
class Labels {
  readonly unit: string;
  readonly comm: string;
  readonly #byColumn: string[] = [];

  constructor(unit: string, comm: string) {
    this.unit = unit;
    this.comm = comm;
  }

  ofColumn(metric: ColumnMetric, column: number, [mechanism, last]: ColumnNames[number]): string {
    return (this.#byColumn[column] ??= labelSet(metric, [this.unit, this.comm, mechanism, last]));
  }

  ofFallen(mechanism: Fallible): string {
    return labelSet('workload_fallen', [this.unit, this.comm, mechanism]);
  }
}

/** Keeps the names of the workloads that hold a place, ready to be written. */
class NamedWorkloadPlaces extends WorkloadPlaces {
  readonly labels: Labels[] = [];

  override enter(place: number, rows: WorkloadRows, row: number): void {
    super.enter(place, rows, row);
    this.labels[place] = new Labels(rows.units[row] ?? '', rows.comms[row] ?? '');
  }
}

/** The series of workloads; it remembers from scrape to scrape who holds a place. */
export class WorkloadSeries {
  readonly #places = new NamedWorkloadPlaces();
  readonly #errors = new ErrorColumns();
  readonly #other = new Labels(OTHER, OTHER);
  readonly #selection: Selection<WorkloadRows>;
  readonly #limit: number;

  constructor({ workloads, idleSeconds }: WorkloadLimits) {
    this.#limit = workloads;
    // a count moves: to no workload when a process is retired once there are too many, to a unit when its name gets known
    const options = { limit: workloads, idleSeconds, rankColumns: ATTEMPT_COLUMNS, drop: 'moved' } as const;
    this.#selection = new Selection(this.#places, { ...options, buckets: 1 << 13 });
  }

  /** Takes in a snapshot and writes all families of workloads. */
  write(writer: TextWriter, snapshot: Snapshot): void {
    const { rows, rest } = workloadRows(snapshot, this.#errors);
    this.#selection.update([rows], rest, snapshot.time.boottime);
    const series = [...this.#series()];
    writeColumns(writer, 'workload_attempts_total', series, 0, ATTEMPT_NAMES);
    writeColumns(writer, 'workload_fallbacks_total', series, ATTEMPT_COLUMNS, FALLBACK_NAMES);
    writeColumns(writer, 'workload_errors_total', series, ERRORS_AT, this.#errors.names);
    for (const [labels, count] of this.#fallen(snapshot.processes)) writer.sample('workload_fallen', labels, count);
  }

  *#series(): Iterable<readonly [Labels, Float64Array]> {
    for (let place = 0; place < this.#limit; place++) {
      const counts = this.#selection.valueOf(place);
      const labels = this.#places.labels[place];
      if (counts !== null && labels !== undefined) yield [labels, counts];
    }
    yield [this.#other, this.#selection.other];
  }

  /** Live processes that fell back and stay so, by label set: a state, not a count, so nobody's place remembers it. */
  #fallen({ length, units, comms, endedAt, fallen }: ProcessTable): Map<string, number> {
    // many processes of one workload are in the same state: names are made once for all of them
    const byState = new Map<Labels, Map<number, number>>();
    for (let process = 0; process < length; process++) {
      const bits = fallen[process] ?? 0;
      if (bits === 0 || endedAt[process] !== 0) continue;
      const place = this.#places.placeOfNames(units[process] ?? '', comms[process] ?? '');
      const workload = this.#places.labels[place] ?? this.#other;
      const states = byState.get(workload) ?? new Map<number, number>();
      byState.set(workload, states.set(bits, (states.get(bits) ?? 0) + 1));
    }
    const sums = new Map<string, number>();
    for (const [workload, states] of byState) {
      for (const [bits, count] of states) {
        for (const mechanism of fallenNames(bits)) {
          const labels = workload.ofFallen(mechanism);
          sums.set(labels, (sums.get(labels) ?? 0) + count);
        }
      }
    }
    return sums;
  }
}

/** The columns from `from` on, where something occurred. */
function writeColumns(
  writer: TextWriter,
  metric: ColumnMetric,
  series: readonly (readonly [Labels, Float64Array])[],
  from: number,
  names: ColumnNames,
): void {
  for (const [labels, counts] of series) {
    names.forEach((name, i) => {
      const count = counts[from + i] ?? 0;
      if (count > 0) writer.sample(metric, labels.ofColumn(metric, from + i, name), count);
    });
  }
}
