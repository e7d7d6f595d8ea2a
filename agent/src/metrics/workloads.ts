/** Attempts and errors by workload: the first ones by name, the rest under `other`. */
import { MECHANISMS, OUTCOMES } from '../abi/layout.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Selection } from './selection.ts';
import { labelSet, type TextWriter } from './text.ts';
import { ATTEMPT_COLUMNS, CommPlaces, ErrorColumns, workloadRows, type WorkloadRows } from './workload-rows.ts';

export interface WorkloadLimits {
  /** Comms that are told apart. */
  readonly workloads: number;
  /** Seconds without an attempt after which a comm may lose its place. */
  readonly idleSeconds: number;
}

const OTHER_COMM = 'other';
/** Of every attempt column: its mechanism and outcome. */
const ATTEMPT_NAMES = MECHANISMS.flatMap((mechanism) => OUTCOMES.map((outcome) => [mechanism, outcome] as const));

/** One comm's label sets, made when they are first written. */
class Labels {
  readonly #comm: string;
  readonly #byColumn: string[] = [];

  constructor(comm: string) {
    this.#comm = comm;
  }

  attempts(column: number): string {
    const [mechanism, outcome] = ATTEMPT_NAMES[column] ?? ['', ''];
    return (this.#byColumn[column] ??= labelSet('workload_attempts_total', ['', this.#comm, mechanism, outcome]));
  }

  errors(column: number, [mechanism, errno]: readonly [string, string]): string {
    return (this.#byColumn[column] ??= labelSet('workload_errors_total', ['', this.#comm, mechanism, errno]));
  }
}

/** Keeps the names of the comms that hold a place, ready to be written. */
class NamedCommPlaces extends CommPlaces {
  readonly labels: Labels[] = [];

  override enter(place: number, rows: WorkloadRows, row: number): void {
    super.enter(place, rows, row);
    this.labels[place] = new Labels(rows.comms[row] ?? '');
  }
}

/** The series of workloads; it remembers from scrape to scrape who holds a place. */
export class WorkloadSeries {
  readonly #places = new NamedCommPlaces();
  readonly #errors = new ErrorColumns();
  readonly #other = new Labels(OTHER_COMM);
  readonly #selection: Selection<WorkloadRows>;
  readonly #limit: number;

  constructor({ workloads, idleSeconds }: WorkloadLimits) {
    this.#limit = workloads;
    // a process that is retired once there are too many comms goes on under no comm: its count has moved
    const options = { limit: workloads, idleSeconds, rankColumns: ATTEMPT_COLUMNS, drop: 'moved' } as const;
    this.#selection = new Selection(this.#places, { ...options, buckets: 1 << 13 });
  }

  /** Takes in a snapshot and writes both families. */
  write(writer: TextWriter, snapshot: Snapshot): void {
    const { rows, rest } = workloadRows(snapshot, this.#errors);
    this.#selection.update([rows], rest, snapshot.time.boottime);
    const series = [...this.#series()];
    for (const [labels, counts] of series) {
      for (let column = 0; column < ATTEMPT_COLUMNS; column++) {
        const count = counts[column] ?? 0;
        if (count > 0) writer.sample('workload_attempts_total', labels.attempts(column), count);
      }
    }
    const errors = this.#errors.names;
    for (const [labels, counts] of series) {
      errors.forEach((error, i) => {
        const count = counts[ATTEMPT_COLUMNS + i] ?? 0;
        if (count > 0) writer.sample('workload_errors_total', labels.errors(ATTEMPT_COLUMNS + i, error), count);
      });
    }
  }

  *#series(): Iterable<readonly [Labels, Float64Array]> {
    for (let place = 0; place < this.#limit; place++) {
      const counts = this.#selection.valueOf(place);
      const labels = this.#places.labels[place];
      if (counts !== null && labels !== undefined) yield [labels, counts];
    }
    yield [this.#other, this.#selection.other];
  }
}
