/** A Snapshot -> attempts, fallbacks and errors by workload. */
import { MECHANISMS, OUTCOMES } from '../abi/layout.ts';
import { COUNTER_COLUMNS, EVIDENCE, mechanismColumn, resolutionColumn } from '../model/counters.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { errnoLabel } from '../model/errno.ts';
import type { Identities, Rows } from './rows.ts';
import { MAX_LABEL_LENGTH, shownText } from './text.ts';

/** Columns of a workload: attempts by mechanism and outcome, then fallbacks by mechanism and evidence, then errors. */
export const ATTEMPT_COLUMNS = MECHANISMS.length * OUTCOMES.length;
export const ERRORS_AT = ATTEMPT_COLUMNS + MECHANISMS.length * EVIDENCE.length;

/** Of every column before ERRORS_AT: where a process has it. */
const COUNTED_AT = [
  ...MECHANISMS.flatMap((mechanism) => OUTCOMES.map((_, i) => mechanismColumn(mechanism) + i)),
  ...MECHANISMS.flatMap((mechanism) => EVIDENCE.map((evidence) => resolutionColumn(mechanism, evidence))),
];

/** Row r holds everything of the program comms[r] in the unit units[r]. */
export interface WorkloadRows extends Rows {
  readonly units: readonly string[];
  readonly comms: readonly string[];
}

/** Comms that never get a row, whatever their unit: nobody's, and the one that would pass for the sum of the rest. */
const ANONYMOUS: ReadonlySet<string> = new Set(['', 'other']);

/** The name that a series shows: what is shown alike must be one workload. Snapshots hold valid Unicode already. */
const shownName = (name: string): string => (name.length > MAX_LABEL_LENGTH ? shownText(name) : name);

/** Values by workload. The names are kept apart: joined to one key, they could be chosen so that two pairs become one. */
class ByWorkload<V> {
  readonly #units = new Map<string, Map<string, V>>();

  get(unit: string, comm: string): V | undefined {
    return this.#units.get(unit)?.get(comm);
  }

  set(unit: string, comm: string, value: V): void {
    const comms = this.#units.get(unit);
    if (comms === undefined) this.#units.set(unit, new Map([[comm, value]]));
    else comms.set(comm, value);
  }

  delete(unit: string, comm: string): void {
    const comms = this.#units.get(unit);
    comms?.delete(comm);
    if (comms?.size === 0) this.#units.delete(unit);
  }
}

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
      column = this.#columns.get(name) ?? this.width;
      this.#columns.set(name, column);
      this.#known.set(key, column);
    }
    return column;
  }

  /** Of every column from ERRORS_AT on: its mechanism and errno. */
  get names(): readonly (readonly [mechanism: string, errno: string])[] {
    return Array.from(this.#columns.keys(), (name) => {
      const [mechanism = '', errno = ''] = name.split(' ');
      return [mechanism, errno];
    });
  }

  /** Columns of a row. */
  get width(): number {
    return ERRORS_AT + this.#columns.size;
  }
}

/** Sums live and departed processes by workload; `rest` is what belongs to none. */
export function workloadRows(snapshot: Snapshot, errors: ErrorColumns): { rows: WorkloadRows; rest: Float64Array } {
  const causes = snapshot.causes.filter(({ kind }) => kind === 'errno');
  const columns = causes.map(({ mechanism, code }) => errors.columnOf(mechanism, code));
  const rest = new Float64Array(errors.width);
  const workloads = new ByWorkload<Float64Array>();
  const sums: Float64Array[] = [];
  const units: string[] = [];
  const comms: string[] = [];
  const rowOf = (unit: string, comm: string): Float64Array => {
    if (ANONYMOUS.has(comm)) return rest;
    const shownUnit = shownName(unit);
    const shownComm = shownName(comm);
    let row = workloads.get(shownUnit, shownComm);
    if (row === undefined) {
      workloads.set(shownUnit, shownComm, (row = new Float64Array(rest.length)));
      sums.push(row);
      units.push(shownUnit);
      comms.push(shownComm);
    }
    return row;
  };

  const { processes } = snapshot;
  for (let process = 0; process < processes.length; process++) {
    const row = rowOf(processes.units[process] ?? '', processes.comms[process] ?? '');
    addCounters(row, processes.counters, process * COUNTER_COLUMNS);
  }
  for (const { unit, comm, counters } of snapshot.departed) addCounters(rowOf(unit, comm), counters, 0);
  addCounters(rest, snapshot.unattributed, 0);
  addCounters(rest, snapshot.overflow, 0);
  causes.forEach(({ unit, comm, count }, i) => {
    const row = rowOf(unit, comm);
    const column = columns[i] ?? 0;
    row[column] = (row[column] ?? 0) + count;
  });

  const counts = new Float64Array(sums.length * rest.length);
  sums.forEach((row, i) => {
    counts.set(row, i * rest.length);
  });
  return { rows: { length: sums.length, counts, units, comms }, rest };
}

function addCounters(into: Float64Array, counters: Float64Array, at: number): void {
  for (let column = 0; column < ERRORS_AT; column++) {
    into[column] = (into[column] ?? 0) + (counters[at + (COUNTED_AT[column] ?? 0)] ?? 0);
  }
}

/** Places by workload. */
export class WorkloadPlaces implements Identities<WorkloadRows> {
  readonly #places = new ByWorkload<number>();
  /** By place. */
  readonly #holders: { readonly unit: string; readonly comm: string }[] = [];

  /** FNV-1a over UTF-16 units. */
  hash({ units, comms }: WorkloadRows, row: number): number {
    return fnv(comms[row] ?? '', fnv(units[row] ?? '', 0x811c9dc5)) >>> 0;
  }

  placeOf({ units, comms }: WorkloadRows, row: number): number {
    return this.#places.get(units[row] ?? '', comms[row] ?? '') ?? -1;
  }

  /** The place of a workload by its names, of any length; -1 if it has none. */
  placeOfNames(unit: string, comm: string): number {
    return this.#places.get(shownName(unit), shownName(comm)) ?? -1;
  }

  enter(place: number, { units, comms }: WorkloadRows, row: number): void {
    const holder = { unit: units[row] ?? '', comm: comms[row] ?? '' };
    this.#places.set(holder.unit, holder.comm, place);
    this.#holders[place] = holder;
  }

  leave(place: number): void {
    const holder = this.#holders[place];
    if (holder !== undefined) this.#places.delete(holder.unit, holder.comm);
  }
}

function fnv(text: string, seed: number): number {
  let hash = seed;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash;
}
