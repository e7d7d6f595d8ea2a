/** A Snapshot -> attempts and errors by workload. */
import { MECHANISMS, OUTCOMES } from '../abi/layout.ts';
import { COUNTER_COLUMNS, mechanismColumn } from '../model/counters.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { errnoLabel } from './errnos.ts';
import type { Identities, Rows } from './rows.ts';

/** Attempts: by mechanism, then by outcome. Errors have the columns behind them. */
export const ATTEMPT_COLUMNS = MECHANISMS.length * OUTCOMES.length;

const ATTEMPTS_AT = MECHANISMS.flatMap((mechanism) => OUTCOMES.map((_, i) => mechanismColumn(mechanism) + i));

/** Row r holds everything of the comm with number r. */
export interface WorkloadRows extends Rows {
  readonly comms: readonly string[];
}

/** Comms that never get a row: nobody's, and the one that would pass for the sum of the rest. */
const ANONYMOUS: ReadonlySet<string> = new Set(['', 'other']);

/** Which error has which column; errors get theirs when they first occur, and keep it. */
export class ErrorColumns {
  readonly #columns = new Map<string, number>();
  /** By mechanism and code: saves making a name for every cause of every scrape. */
  readonly #known = new Map<number, number>();

  columnOf(mechanism: number, code: number): number {
    const key = mechanism * 65_536 + code;
    let column = this.#known.get(key);
    if (column === undefined) {
      const name = `${MECHANISMS[mechanism] ?? ''} ${errnoLabel(code)}`;
      column = this.#columns.get(name) ?? ATTEMPT_COLUMNS + this.#columns.size;
      this.#columns.set(name, column);
      this.#known.set(key, column);
    }
    return column;
  }

  /** Of every column from ATTEMPT_COLUMNS on: its mechanism and errno. */
  get names(): readonly (readonly [mechanism: string, errno: string])[] {
    return Array.from(this.#columns.keys(), (name) => {
      const [mechanism = '', errno = ''] = name.split(' ');
      return [mechanism, errno];
    });
  }

  get width(): number {
    return ATTEMPT_COLUMNS + this.#columns.size;
  }
}

/** Sums live and departed processes by comm; `rest` is what has no comm. */
export function workloadRows(snapshot: Snapshot, errors: ErrorColumns): { rows: WorkloadRows; rest: Float64Array } {
  const causes = snapshot.causes.filter(({ kind }) => kind === 'errno');
  const columns = causes.map(({ mechanism, code }) => errors.columnOf(mechanism, code));
  const rest = new Float64Array(errors.width);
  const byComm = new Map<string, Float64Array>();
  const rowOf = (comm: string): Float64Array => {
    if (ANONYMOUS.has(comm)) return rest;
    let row = byComm.get(comm);
    if (row === undefined) byComm.set(comm, (row = new Float64Array(rest.length)));
    return row;
  };

  const { processes } = snapshot;
  for (let process = 0; process < processes.length; process++) {
    addAttempts(rowOf(processes.comms[process] ?? ''), processes.counters, process * COUNTER_COLUMNS);
  }
  for (const [comm, counters] of snapshot.departed) addAttempts(rowOf(comm), counters, 0);
  addAttempts(rest, snapshot.unattributed, 0);
  addAttempts(rest, snapshot.overflow, 0);
  causes.forEach(({ comm, count }, i) => {
    const row = rowOf(comm);
    const column = columns[i] ?? 0;
    row[column] = (row[column] ?? 0) + count;
  });

  const counts = new Float64Array(byComm.size * rest.length);
  [...byComm.values()].forEach((row, i) => {
    counts.set(row, i * rest.length);
  });
  return { rows: { length: byComm.size, counts, comms: [...byComm.keys()] }, rest };
}

function addAttempts(into: Float64Array, counters: Float64Array, at: number): void {
  for (let column = 0; column < ATTEMPT_COLUMNS; column++) {
    into[column] = (into[column] ?? 0) + (counters[at + (ATTEMPTS_AT[column] ?? 0)] ?? 0);
  }
}

/** Places by comm. */
export class CommPlaces implements Identities<WorkloadRows> {
  readonly #places = new Map<string, number>();
  /** By place. */
  readonly comms: string[] = [];

  /** FNV-1a over UTF-16 units. */
  hash({ comms }: WorkloadRows, row: number): number {
    const comm = comms[row] ?? '';
    let hash = 0x811c9dc5;
    for (let i = 0; i < comm.length; i++) hash = Math.imul(hash ^ comm.charCodeAt(i), 0x01000193);
    return hash >>> 0;
  }

  placeOf({ comms }: WorkloadRows, row: number): number {
    return this.#places.get(comms[row] ?? '') ?? -1;
  }

  enter(place: number, { comms }: WorkloadRows, row: number): void {
    const comm = comms[row] ?? '';
    this.#places.set(comm, place);
    this.comms[place] = comm;
  }

  leave(place: number): void {
    this.#places.delete(this.comms[place] ?? '');
  }
}
