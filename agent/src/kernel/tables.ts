/** The mapped tables: which bytes are which, and the pools of free slots. No policy. */
import { LAYOUT, MECHANISMS, OUTCOMES, type TableName, TABLES } from '../abi/layout.ts';
import { COUNTER_COLUMNS, mechanismColumn, RING } from '../model/counters.ts';
import type { BpfObject, MappedRegion, RowColumns, RowLayout } from '../../../native/lib/index.ts';
import type { KernelOptions } from './options.ts';
import { Shards } from './shards.ts';

const { structs, enums } = LAYOUT;
const POOL = structs.slot_pool;

export const SLOT_FIRST = enums.reserved_slot.FIRST;
export const SLOT_OVERFLOW = enums.reserved_slot.OVERFLOW;
export const SLOT_NOBODY = enums.reserved_slot.NOBODY;
export const SLOT_DEPARTED = enums.reserved_slot.DEPARTED;
export const STATE = enums.slot_state;

/** Where the key and the counters stand in one kind of record. All offsets and sizes in bytes. */
export interface RecordShape {
  readonly size: number;
  /** The words that identify the record. */
  readonly key: number;
  readonly keyWords: number;
  readonly state: number;
  /** The 64-bit counters. */
  readonly counters: number;
  readonly counterColumns: number;
  /** Lines of counts that can have a set of shards. */
  readonly lines: readonly Line[];
}

/** Counts that stand in one line of the cache. */
export interface Line {
  /** Where the number of its set stands in the record; in bytes. */
  readonly set: number;
  /** The first of its columns. */
  readonly column: number;
  /** So many of them, from the first on, tell how often something was counted. */
  readonly counted: number;
}

const processes = structs.process_record;
const flow = structs.flow_record;
const flow6 = structs.flow6_record;
const cause = structs.cause_record;

const flowLine = (fields: { readonly shards: { readonly offset: number } }): Line[] => [
  { set: fields.shards.offset, column: 0, counted: OUTCOMES.length },
];

export const SHAPES: Readonly<Record<TableName, RecordShape>> = {
  processes: {
    size: processes.size,
    key: processes.fields.key.offset,
    // the key and what stands between it and the name
    keyWords: processes.fields.comm.offset / 4,
    state: processes.fields['key.state'].offset,
    counters: processes.fields.rings.offset,
    counterColumns: COUNTER_COLUMNS,
    lines: [
      { set: processes.fields.ring_shards.offset, column: RING.enters, counted: 1 },
      ...MECHANISMS.map((mechanism, m) => ({
        set: processes.fields.shards.offset + 4 * m,
        column: mechanismColumn(mechanism),
        counted: OUTCOMES.length,
      })),
    ],
  },
  flows: {
    size: flow.size,
    key: flow.fields.key.offset,
    keyWords: flow.fields.key.size / 4,
    state: flow.fields.state.offset,
    counters: flow.fields.counts.offset,
    counterColumns: structs.counts.size / 8,
    lines: flowLine(flow.fields),
  },
  flows6: {
    size: flow6.size,
    key: flow6.fields.key.offset,
    keyWords: flow6.fields.key.size / 4,
    state: flow6.fields.state.offset,
    counters: flow6.fields.counts.offset,
    counterColumns: structs.counts.size / 8,
    lines: flowLine(flow6.fields),
  },
  causes: {
    size: cause.size,
    key: cause.fields.key.offset,
    keyWords: cause.fields.key.size / 4,
    state: cause.fields.state.offset,
    counters: cause.fields.count.offset,
    counterColumns: 1,
    lines: [],
  },
};

const NONE = new Float64Array(0);

/** One slot table: its mapped records and its pool. Readers see the slots that were ever given out. */
export class SlotTable {
  readonly name: TableName;
  readonly shape: RecordShape;
  readonly capacity: number;
  readonly records: MappedRegion;
  /** Those of all tables. */
  readonly shards: Shards;
  readonly #pools: MappedRegion;
  readonly #pool: number;
  readonly #layout: Omit<RowLayout, 'accept' | 'rows'>;
  readonly #poolRow = new Float64Array(POOL.size / 8);

  constructor(object: BpfObject, name: TableName, capacity: number, pools: MappedRegion, shards: Shards) {
    this.name = name;
    this.shape = SHAPES[name];
    this.capacity = capacity;
    this.records = object.map(name).mapRegion();
    this.#pools = pools;
    this.#pool = TABLES.indexOf(name) * POOL.size;
    const { size, state, key, keyWords, counters, counterColumns } = this.shape;
    this.#layout = {
      offset: SLOT_FIRST * size,
      stride: size,
      state,
      words: key,
      wordColumns: keyWords,
      counters,
      counterColumns,
    };
    this.shards = shards;
    shards.adopt(this);
  }

  /** Slots that were ever given out: records SLOT_FIRST ... SLOT_FIRST + used - 1 can hold something. */
  get used(): number {
    this.#readPool();
    return Math.min(this.#field('fresh'), this.capacity);
  }

  /** Slots in use now. */
  get entries(): number {
    this.#readPool();
    return Math.min(this.#field('fresh'), this.capacity) - (this.#field('tail') - this.#field('head'));
  }

  /** Times a count found no slot. */
  get overflows(): number {
    this.#readPool();
    return this.#field('overflows') + this.#field('carried_overflows');
  }

  /** The wanted ones of all slots that were ever given out, in one pass; the number of them. See STATE for the bits of `accept`. */
  select(accept: number, rows: number, into: RowColumns): number {
    const length = this.records.selectRows({ ...this.#layout, accept, rows }, into);
    // after all records: so nothing is told that ended before it is told that it began
    this.shards.addTo(this, length, into);
    return length;
  }

  /** Likewise, but of each record only `wordColumns` words from the byte `words` of it on. */
  selectWords(
    accept: number,
    rows: number,
    words: number,
    wordColumns: number,
    into: Omit<RowColumns, 'counters'>,
  ): number {
    const layout = { ...this.#layout, words, wordColumns, counterColumns: 0, accept, rows };
    return this.records.selectRows(layout, { ...into, counters: NONE });
  }

  /** State of each of `rows` records from SLOT_FIRST on. */
  readStates(into: Uint32Array, rows: number): void {
    const { state, size } = this.shape;
    this.records.readU32(into, SLOT_FIRST * size + state, size, rows, 1);
  }

  /** The counters of one record: `counterColumns` doubles. */
  readCounters(into: Float64Array, slot: number): void {
    const { counters, size, counterColumns } = this.shape;
    this.records.readU64(into, slot * size + counters, size, 1, counterColumns);
    this.shards.addToRecord(this, slot, into);
  }

  setState(slot: number, value: number): void {
    const { state, size } = this.shape;
    this.records.storeU32(slot * size + state, value);
  }

  /** Sets how often counts found no slot in tables that this one took over from. */
  setCarriedOverflows(value: number): void {
    this.#pools.storeU64(this.#pool + POOL.fields.carried_overflows.offset, value);
  }

  #readPool(): void {
    this.#pools.readU64(this.#poolRow, this.#pool, POOL.size, 1, this.#poolRow.length);
  }

  #field(name: 'fresh' | 'head' | 'tail' | 'overflows' | 'carried_overflows'): number {
    return this.#poolRow[POOL.fields[name].offset / 8] ?? 0;
  }
}

/** All tables of a loaded object. */
export type Tables = Readonly<Record<TableName, SlotTable>>;

/** Maps the tables of a loaded object. */
export function mapTables(object: BpfObject, options: KernelOptions): Tables {
  const pools = object.map('pools').mapRegion();
  const shards = new Shards(object.map('shards').mapRegion(), options.shards);
  const table = (name: TableName, capacity: number) => new SlotTable(object, name, capacity, pools, shards);
  return {
    processes: table('processes', options.processes),
    flows: table('flows', options.flows),
    flows6: table('flows6', options.flows),
    causes: table('causes', options.causes),
  };
}
