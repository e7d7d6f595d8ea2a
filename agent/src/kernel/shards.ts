/**
 * Counts that many processors add to, each in a line of its own: see `struct shard`. The probes add where the record says; which records
 * have a set of lines is decided here, by what they were seen to count within a second. Nothing is kept here that the records do not say:
 * an agent that is killed leaves nothing behind that the next one cannot read.
 */
import { LAYOUT, type TableName } from '../abi/layout.ts';
import type { MappedRegion } from '../../../native/lib/index.ts';
import type { ShardUsage } from '../model/snapshot.ts';
import type { Line, RecordShape } from './tables.ts';

export interface ShardOptions {
  /** Lines of a set, a power of two; 0: there are no sets, and the probes do not look for them. */
  readonly lines: number;
  /** Counts that grow by more than so many in a second are given a set. */
  readonly from: number;
}

/** Sets: a host can count that fast in a few places only. */
const SETS = 64;
/** As bpf/tables.bpf.c has it. */
const MOST_LINES = 256;
/** With so many processors they hardly wait for each other. */
const FEW_PROCESSORS = 8;
/** A line takes some ten million additions a second: beyond a tenth of that who adds is likely to wait. See docs/overhead.md. */
const BUSY = 1_000_000;

const SLOT_FIRST = LAYOUT.enums.reserved_slot.FIRST;
const LINE_SIZE = LAYOUT.structs.shard.size;
const COLUMNS = LINE_SIZE / 8;

/** For a machine with so many processors. */
export function shardOptions(processors: number): ShardOptions {
  if (processors <= FEW_PROCESSORS) return { lines: 0, from: Infinity };
  return { lines: Math.min(MOST_LINES, 2 ** Math.ceil(Math.log2(processors))), from: BUSY };
}

/** Lines of all sets; a map has one entry at least. */
export const shardLines = ({ lines }: ShardOptions): number => Math.max(1, SETS * lines);

/** How many processors a list of the kernel's has: `0-3,8`. */
export const processorsIn = (list: string): number =>
  list
    .trim()
    .split(',')
    .map((range) => range.split('-').map(Number))
    .reduce((sum, [first = 0, last = first]) => sum + last - first + 1, 0);

/** A table as far as its counts are spread. */
export interface ShardedTable {
  readonly name: TableName;
  readonly shape: RecordShape;
  readonly capacity: number;
  readonly records: Pick<MappedRegion, 'readU32' | 'storeU32'>;
  readonly used: number;
}

/** See RowColumns: of each row the number of its record behind the reserved ones, and its counters. */
export interface SelectedRows {
  readonly indices: Uint32Array;
  readonly counters: Float64Array;
}

/** See Rows. */
interface CountedRows {
  readonly length: number;
  readonly slots: Uint32Array;
  readonly counters: Float64Array;
}

/** What a set is for. */
interface Owner {
  readonly slot: number;
  readonly line: Line;
}

export class Shards {
  readonly #region: MappedRegion;
  readonly #options: ShardOptions;
  /** By table, the owner of each set. */
  readonly #owners = new Map<TableName, Map<number, Owner>>();
  /** By table: what each line of each record had counted when it was looked at. */
  readonly #seen = new Map<TableName, Float64Array>();
  readonly #free: Set<number>;
  #lacking = 0;

  constructor(region: MappedRegion, options: ShardOptions) {
    this.#region = region;
    this.#options = options;
    this.#free = new Set(options.lines === 0 ? [] : Array.from({ length: SETS }, (_, i) => i + 1));
  }

  /** Goes on with the sets that the records of a table have already. */
  adopt(table: ShardedTable): void {
    if (this.isOff) return;
    const { shape, records, used } = table;
    const owners = new Map<number, Owner>();
    for (const line of shape.lines) {
      const sets = new Uint32Array(used + SLOT_FIRST);
      records.readU32(sets, line.set, shape.size, sets.length, 1);
      sets.forEach((set, slot) => {
        if (this.#free.delete(set)) owners.set(set, { slot, line });
      });
    }
    this.#owners.set(table.name, owners);
  }

  /** There are none, and nothing needs to look for them. */
  get isOff(): boolean {
    return this.#options.lines === 0;
  }

  get usage(): ShardUsage {
    if (this.isOff) return { sets: 0, capacity: 0, lacking: 0 };
    return { sets: SETS - this.#free.size, capacity: SETS, lacking: this.#lacking };
  }

  /** Adds to rows that were selected what stands in the sets of their records. */
  addTo({ name, shape }: ShardedTable, length: number, { indices, counters }: SelectedRows): void {
    for (const [set, { slot, line }] of this.#owners.get(name) ?? []) {
      const row = indexOf(indices, length, slot - SLOT_FIRST);
      if (row !== -1) this.#add(set, counters, row * shape.counterColumns + line.column);
    }
  }

  /** The same for the counters of one record. */
  addToRecord({ name }: ShardedTable, record: number, counters: Float64Array): void {
    for (const [set, { slot, line }] of this.#owners.get(name) ?? []) {
      if (slot === record) this.#add(set, counters, line.column);
    }
  }

  /**
   * Gives sets to the lines that have grown fast since the last time, `seconds` ago. @param isLive whether the record of a row is
   * one that the probes find: others are about to be folded
   */
  spread(table: ShardedTable, rows: CountedRows, isLive: (row: number) => boolean, seconds: number): void {
    const { lines, counterColumns } = table.shape;
    const owners = this.#owners.get(table.name);
    if (owners === undefined) return;
    const seen = this.#seenOf(table);
    const owned = new Set([...owners.values()].map(({ slot, line }) => place(table, slot, line)));
    for (let row = 0; row < rows.length; row++) {
      const slot = rows.slots[row] ?? 0;
      for (const line of lines) {
        const at = place(table, slot, line);
        const counted = countedIn(rows.counters, row * counterColumns, line);
        const grown = counted - (seen[at] ?? 0);
        seen[at] = counted;
        if (grown > this.#options.from * seconds && isLive(row) && !owned.has(at))
          this.#give(table, owners, slot, line);
      }
    }
  }

  /** A record was folded, and what its sets held with it. */
  release(table: TableName, slot: number): void {
    const owners = this.#owners.get(table);
    for (const [set, owner] of owners ?? []) {
      if (owner.slot !== slot) continue;
      owners?.delete(set);
      this.#free.add(set);
    }
  }

  #give(table: ShardedTable, owners: Map<number, Owner>, slot: number, line: Line): void {
    const [set] = this.#free;
    if (set === undefined) {
      this.#lacking++;
      return;
    }
    this.#free.delete(set);
    owners.set(set, { slot, line });
    table.records.storeU32(slot * table.shape.size + line.set, set);
  }

  #add(set: number, counters: Float64Array, at: number): void {
    const { lines } = this.#options;
    const words = new Float64Array(lines * COLUMNS);
    this.#region.readU64(words, (set - 1) * lines * LINE_SIZE, LINE_SIZE, lines, COLUMNS);
    words.forEach((count, i) => {
      const column = at + (i % COLUMNS);
      counters[column] = (counters[column] ?? 0) + count;
    });
  }

  #seenOf(table: ShardedTable): Float64Array {
    const known = this.#seen.get(table.name);
    if (known !== undefined) return known;
    const slots = table.capacity + SLOT_FIRST;
    const seen = new Float64Array(slots * table.shape.lines.length);
    this.#seen.set(table.name, seen);
    return seen;
  }
}

/** Of all lines of a table, the number of one. */
const place = ({ shape: { lines } }: ShardedTable, slot: number, line: Line): number =>
  slot * lines.length + lines.indexOf(line);

function countedIn(counters: Float64Array, at: number, { column, counted }: Line): number {
  let sum = 0;
  for (let i = 0; i < counted; i++) sum += counters[at + column + i] ?? 0;
  return sum;
}

/** Where a number stands among the first `length`, which rise; -1 if it does not. */
function indexOf(numbers: Uint32Array, length: number, wanted: number): number {
  let [low, high] = [0, length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((numbers[middle] ?? 0) < wanted) low = middle + 1;
    else high = middle;
  }
  return low < length && numbers[low] === wanted ? low : -1;
}
