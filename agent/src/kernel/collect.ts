/** Tables -> Snapshot: one pass over the mapped records, without a system call or an object an entry. */
import { constants } from 'node:os';
import { LAYOUT, MECHANISMS, OUTCOMES, TABLES } from '../abi/layout.ts';
import type { MappedRegion } from '../../../native/lib/index.ts';
import { addRow, COUNT_COLUMNS, COUNTER_COLUMNS, type Counters } from '../model/counters.ts';
import type { Cause, CauseKind, Departed, FlowTable, Latency, ProcessTable, Workload } from '../model/snapshot.ts';
import type { CulpritCache } from './culprit.ts';
import {
  SLOT_DEPARTED,
  SLOT_FIRST,
  SLOT_NOBODY,
  SLOT_OVERFLOW,
  SHAPES,
  type SlotTable,
  STATE,
  type Tables,
} from './tables.ts';

const { fields: PROCESS } = LAYOUT.structs.process_record;
const COMM = PROCESS.comm;
const { fields: CAUSE_KEY } = LAYOUT.structs.cause_key;
const TWO_32 = 2 ** 32;

/** Rows of a table that hold something, with the slot of each. */
export interface Rows {
  readonly length: number;
  readonly slots: Uint32Array;
  readonly states: Uint32Array;
  /** `keyWords` a row. */
  readonly keys: Uint32Array;
  /** `counterColumns` a row. */
  readonly counters: Float64Array;
}

const IN_USE = (1 << STATE.LIVE) | (1 << STATE.RETIRING);

/** Memory of rows that nobody needs any longer, one piece for each table: fresh memory costs four times what reading into it does. */
const SPARE = new WeakMap<SlotTable, ArrayBuffer>();

/** The live records of a table, retiring ones included: their counts are folded elsewhere only when they are drained. */
export function readRows(table: SlotTable): Rows {
  const { keyWords, counterColumns } = table.shape;
  const used = table.used;
  // all columns in one piece of memory, so that it can be given back as one: the widest words first, which must be aligned
  const bytes = used * (8 * counterColumns + 4 * (keyWords + 2));
  const memory = takeMemory(table, bytes);
  const counters = new Float64Array(memory, 0, used * counterColumns);
  const keys = new Uint32Array(memory, counters.byteLength, used * keyWords);
  const slots = new Uint32Array(memory, keys.byteOffset + keys.byteLength, used);
  const states = new Uint32Array(memory, slots.byteOffset + slots.byteLength, used);
  const length = table.select(IN_USE, used, { indices: slots, states, words: keys, counters });
  for (let row = 0; row < length; row++) slots[row] = (slots[row] ?? 0) + SLOT_FIRST;
  return {
    length,
    slots: slots.subarray(0, length),
    states: states.subarray(0, length),
    keys: keys.subarray(0, length * keyWords),
    counters: counters.subarray(0, length * counterColumns),
  };
}

/** Rows that nobody needs any longer when `use` has returned. */
export function withRows<T>(table: SlotTable, use: (rows: Rows) => T): T {
  const rows = readRows(table);
  try {
    return use(rows);
  } finally {
    giveBack(table, rows.counters);
  }
}

/**
 * Nobody needs rows any longer whose columns stand in one piece of memory with this one: the next ones of the table may be read into
 * it. The columns are empty from here on, so whoever still holds one cannot mistake other rows for these.
 */
export function giveBack(table: SlotTable, { buffer }: Float64Array): void {
  const memory = buffer as ArrayBuffer;
  if (memory.detached) return;
  const spare = SPARE.get(table);
  // the smaller one is free at once, not when the collector finds the time
  if (spare === undefined || spare.byteLength < memory.byteLength) {
    spare?.transfer(0);
    SPARE.set(table, memory.transfer());
  } else memory.transfer(0);
}

function takeMemory(table: SlotTable, bytes: number): ArrayBuffer {
  const spare = SPARE.get(table);
  // of no use while it waits, and of none later if the table has outgrown it
  SPARE.delete(table);
  if (spare !== undefined && spare.byteLength >= bytes) return spare;
  spare?.transfer(0);
  return unfilled(bytes);
}

/** Memory of which only what was written is ever looked at: filling it with zeros takes a third as long as reading a table. */
const unfilled = (bytes: number): ArrayBuffer => Buffer.allocUnsafeSlow(bytes).buffer;

/** The slots in one state. */
export function slotsIn(table: SlotTable, state: number): number[] {
  const states = new Uint32Array(table.used);
  table.readStates(states, states.length);
  const slots: number[] = [];
  for (let row = states.indexOf(state); row !== -1; row = states.indexOf(state, row + 1)) slots.push(SLOT_FIRST + row);
  return slots;
}

/** A process that has ended, and still has its slot. */
export interface Ended {
  readonly slot: number;
  /** Seconds since boot. */
  readonly endedAt: number;
}

/** Live slots of processes that have ended. Nothing else of their records is read: this is looked at every second. */
export function endedSlots(table: SlotTable): Ended[] {
  const { used } = table;
  const columns = { indices: new Uint32Array(used), states: new Uint32Array(used), words: new Uint32Array(2 * used) };
  const length = table.selectWords(1 << STATE.LIVE, used, PROCESS.ended_at.offset, 2, columns);
  const ended: Ended[] = [];
  for (let row = 0; row < length; row++) {
    const endedAt = ((columns.words[2 * row] ?? 0) + (columns.words[2 * row + 1] ?? 0) * 2 ** 32) / 1e9;
    if (endedAt > 0) ended.push({ slot: SLOT_FIRST + (columns.indices[row] ?? 0), endedAt });
  }
  return ended;
}

/** The counters of one record, live or reserved. */
export function readCountersOf(table: SlotTable, slot: number): Float64Array {
  const counters = new Float64Array(table.shape.counterColumns);
  table.readCounters(counters, slot);
  return counters;
}

/** The systemd unit or container of a cgroup: its kernfs id as two words, low one first, and its hierarchy. */
export type UnitOf = (idLow: number, idHigh: number, hierarchy: number) => string;

/** Workloads by slot, found out once for each process that takes it. */
export class WorkloadCache {
  readonly #unitOf: UnitOf;
  readonly #workloads = new Map<number, { readonly identity: number; readonly workload: Workload }>();

  constructor(unitOf: UnitOf) {
    this.#unitOf = unitOf;
  }

  /** The workload of the record in a slot, whose words of the key begin at `at`. */
  get(table: SlotTable, slot: number, keys: Uint32Array, at: number): Workload {
    // two processes that use one slot differ in it
    const identity = u64(keys, at + START_TIME) + u64(keys, at + EXEC_ID) / 1024;
    const cached = this.#workloads.get(slot);
    if (cached?.identity === identity) return cached.workload;
    const comm = decodeText(table.records.readBytes(slot * table.shape.size + COMM.offset, COMM.size));
    const unit = this.#unitOf(keys[at + CGROUP] ?? 0, keys[at + CGROUP + 1] ?? 0, keys[at + HIERARCHY] ?? 0);
    const workload = { unit, comm };
    this.#workloads.set(slot, { identity, workload });
    return workload;
  }
}

/** Up to the first NUL, as UTF-8; what is not becomes U+FFFD. */
export function decodeText(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

const TGID = PROCESS['key.tgid'].offset / 4;
const START_TIME = PROCESS['key.start_time'].offset / 4;
const EXEC_ID = PROCESS['key.exec_id'].offset / 4;
const ENDED_AT = PROCESS.ended_at.offset / 4;
const FELL_BACK_AT = PROCESS.fell_back_at.offset / 4;
const FALLEN = PROCESS.fallen.offset / 4;
const CGROUP = PROCESS.cgroup.offset / 4;
const HIERARCHY = PROCESS.cgroup_hierarchy.offset / 4;

const u64 = (words: Uint32Array, at: number) => (words[at] ?? 0) + (words[at + 1] ?? 0) * TWO_32;

/** Process rows -> columns. */
export function processTable(table: SlotTable, rows: Rows, workloads: WorkloadCache): ProcessTable {
  const words = table.shape.keyWords;
  const { length, keys, counters } = rows;
  const pids = new Uint32Array(length);
  const startTimes = new Float64Array(length);
  const endedAt = new Float64Array(length);
  const fallen = new Uint32Array(length);
  const fellBackAt = new Float64Array(length);
  const comms = new Array<string>(length);
  const units = new Array<string>(length);
  for (let row = 0; row < length; row++) {
    const at = row * words;
    pids[row] = keys[at + TGID] ?? 0;
    startTimes[row] = u64(keys, at + START_TIME);
    endedAt[row] = u64(keys, at + ENDED_AT);
    fallen[row] = keys[at + FALLEN] ?? 0;
    fellBackAt[row] = u64(keys, at + FELL_BACK_AT);
    const { comm, unit } = workloads.get(table, rows.slots[row] ?? 0, keys, at);
    comms[row] = comm;
    units[row] = unit;
  }
  return { length, pids, startTimes, endedAt, comms, units, fallen, fellBackAt, counters };
}

/** No flows, for who does not look at them. */
export const noFlows = (family: 4 | 6): FlowTable => ({
  family,
  length: 0,
  keys: new Uint32Array(0),
  counts: new Float64Array(0),
});

/** Flow rows are columns already. */
export function flowTable(table: SlotTable, { length, keys, counters }: Rows): FlowTable {
  return { family: table.name === 'flows' ? 4 : 6, length, keys, counts: counters };
}

export const CAUSE_KINDS: Readonly<Record<number, CauseKind>> = {
  [LAYOUT.enums.cause_kind.ERRNO]: 'errno',
  [LAYOUT.enums.cause_kind.ENTER_ERRNO]: 'enter_errno',
  [LAYOUT.enums.cause_kind.SETUP_ERRNO]: 'setup_errno',
  [LAYOUT.enums.cause_kind.ASYNC_WORK]: 'async_work',
  [LAYOUT.enums.cause_kind.COPIED]: 'copied',
  [LAYOUT.enums.cause_kind.REFUSED]: 'refused',
};

/** A cause key as it stands in memory (little endian), without its count. */
export interface CauseKey {
  /** Slot of the process record; of a departed cause, the place of its workload. */
  readonly process: number;
  readonly kind: CauseKind;
  readonly mechanism: number;
  readonly code: number;
}

/** Decodes the key in row `row`. */
export function causeKey(keys: Uint32Array, row: number): CauseKey {
  const at = row * SHAPES.causes.keyWords;
  const second = keys[at + 1] ?? 0;
  const byte = (offset: number) => (second >>> ((offset - 4) * 8)) & 0xff;
  return {
    process: keys[at] ?? 0,
    code: byte(CAUSE_KEY.code.offset) | (byte(CAUSE_KEY.code.offset + 1) << 8),
    kind: CAUSE_KINDS[byte(CAUSE_KEY.kind.offset)] ?? 'errno',
    mechanism: byte(CAUSE_KEY.mechanism.offset),
  };
}

const { EPERM, EACCES } = constants.errno;

/** A file explains these: copies, refusals, and attempts that were denied. */
export const hasCulprit = ({ kind, code }: Pick<Cause, 'kind' | 'code'>): boolean =>
  kind === 'copied' || kind === 'refused' || (kind === 'errno' && (code === EPERM || code === EACCES));

/** Cause rows -> causes, joined to the rows of `processes`, and those of retired processes behind them. */
export function causeList(
  table: SlotTable,
  rows: Rows,
  culprits: CulpritCache,
  processes: Rows,
  names: ProcessTable,
  retired: Iterable<Cause>,
): Cause[] {
  const rowOf = new Map<number, number>();
  if (rows.length > 0) processes.slots.forEach((slot, row) => rowOf.set(slot, row));
  const causes: Cause[] = [];
  for (let row = 0; row < rows.length; row++) {
    const { process: slot, ...cause } = causeKey(rows.keys, row);
    const process = rowOf.get(slot) ?? null;
    const comm = process === null ? '' : (names.comms[process] ?? '');
    const unit = process === null ? '' : (names.units[process] ?? '');
    const culprit = hasCulprit(cause) ? culprits.get(table.records, rows.slots[row] ?? 0) : null;
    causes.push({ ...cause, process, comm, unit, count: rows.counters[row] ?? 0, culprit });
  }
  return [...causes, ...retired];
}

/** Everything that was counted: live, retired, overflow and nobody's. */
export function totalCounters(processes: Rows, departed: readonly Departed[], reserved: readonly Counters[]): Counters {
  const totals = new Float64Array(COUNTER_COLUMNS);
  for (let row = 0; row < processes.length; row++) addRow(totals, processes.counters, row * COUNTER_COLUMNS);
  for (const { counters } of departed) addRow(totals, counters);
  for (const counters of reserved) addRow(totals, counters);
  return totals;
}

/** Retired flows and those that found no slot. */
export function otherFlows(tables: Tables): Float64Array {
  const counts = new Float64Array(COUNT_COLUMNS);
  for (const table of [tables.flows, tables.flows6]) {
    addRow(counts, readCountersOf(table, SLOT_DEPARTED));
    addRow(counts, readCountersOf(table, SLOT_OVERFLOW));
  }
  return counts;
}

/** Of sockets that are no IP ones. The second record has what tables held that these took over from. */
export function nonIpFlows(tables: Tables): Float64Array {
  const counts = readCountersOf(tables.flows, SLOT_NOBODY);
  addRow(counts, readCountersOf(tables.flows6, SLOT_NOBODY));
  return counts;
}

/** Fill and overflow of every table. */
export function tableUsage(
  tables: Tables,
): { table: (typeof TABLES)[number]; entries: number; capacity: number; overflows: number }[] {
  return TABLES.map((name) => {
    const { entries, capacity, overflows } = tables[name];
    return { table: name, entries, capacity, overflows };
  });
}

const BUCKETS = LAYOUT.structs.latency.fields.buckets.elements;

/** Records of durations: the second half has what tables held that these took over from. */
export const LATENCY_RECORDS = MECHANISMS.length * OUTCOMES.length;

/** Durations that occurred. */
export function latencyList(latencies: MappedRegion): Latency[] {
  const both = new Float64Array(2 * LATENCY_RECORDS * BUCKETS);
  latencies.readU64(both, 0, LAYOUT.structs.latency.size, 2 * LATENCY_RECORDS, BUCKETS);
  const counts = both.slice(0, LATENCY_RECORDS * BUCKETS);
  addRow(counts, both, counts.length);
  const list: Latency[] = [];
  MECHANISMS.forEach((mechanism, m) => {
    OUTCOMES.forEach((outcome, o) => {
      const at = (m * OUTCOMES.length + o) * BUCKETS;
      const buckets = counts.subarray(at, at + BUCKETS);
      if (buckets.some((count) => count > 0)) list.push({ mechanism, outcome, buckets });
    });
  });
  return list;
}
