/** Tables -> Snapshot: one pass over the mapped records, without a system call or an object an entry. */
import { LAYOUT, TABLES } from '../abi/layout.ts';
import { addRow, COUNT_COLUMNS, COUNTER_COLUMNS, type Counters } from '../model/counters.ts';
import type { Cause, CauseKind, FlowTable, ProcessTable } from '../model/snapshot.ts';
import type { Aggregates } from './aggregates.ts';
import { SLOT_FIRST, SLOT_NOBODY, SLOT_OVERFLOW, SHAPES, type SlotTable, STATE, type Tables } from './tables.ts';

const COMM = LAYOUT.structs.process_record.fields.comm;
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

/** The live records of a table, retiring ones included: their counts are folded elsewhere only when they are drained. */
export function readRows(table: SlotTable): Rows {
  const { keyWords, counterColumns } = table.shape;
  const used = table.used;
  const slots = new Uint32Array(used);
  const states = new Uint32Array(used);
  const keys = new Uint32Array(used * keyWords);
  const counters = new Float64Array(used * counterColumns);
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

/** Gives back the slots of those who lost the race for their key. */
export function giveBackOrphans(table: SlotTable): void {
  const states = new Uint32Array(table.used);
  table.readStates(states, states.length);
  for (let row = states.indexOf(STATE.ORPHAN); row !== -1; row = states.indexOf(STATE.ORPHAN, row + 1)) {
    table.giveBack(SLOT_FIRST + row);
  }
}

/** The counters of one record, live or reserved. */
export function readCountersOf(table: SlotTable, slot: number): Float64Array {
  const counters = new Float64Array(table.shape.counterColumns);
  table.readCounters(counters, slot);
  return counters;
}

/** Names by slot, decoded once for each process that takes it. */
export class CommCache {
  readonly #names = new Map<number, { readonly identity: number; readonly comm: string }>();

  /** The comm of the record in a slot. `identity` must differ between the processes that a slot serves. */
  get(table: SlotTable, slot: number, identity: number): string {
    const cached = this.#names.get(slot);
    if (cached?.identity === identity) return cached.comm;
    const comm = decodeComm(table.records.readBytes(slot * table.shape.size + COMM.offset, COMM.size));
    this.#names.set(slot, { identity, comm });
    return comm;
  }
}

/** Up to the first NUL, as UTF-8; what is not becomes U+FFFD. */
export function decodeComm(bytes: Buffer): string {
  const end = bytes.indexOf(0);
  return bytes.toString('utf8', 0, end === -1 ? bytes.length : end);
}

const { fields: PROCESS } = LAYOUT.structs.process_record;
const u64 = (words: Uint32Array, at: number) => (words[at] ?? 0) + (words[at + 1] ?? 0) * TWO_32;

/** Process rows -> columns. */
export function processTable(table: SlotTable, rows: Rows, comms: CommCache): ProcessTable {
  const words = table.shape.keyWords;
  const { length, keys, counters } = rows;
  const pids = new Uint32Array(length);
  const startTimes = new Float64Array(length);
  const endedAt = new Float64Array(length);
  const names = new Array<string>(length);
  for (let row = 0; row < length; row++) {
    const at = row * words;
    pids[row] = keys[at + PROCESS['key.tgid'].offset / 4] ?? 0;
    startTimes[row] = u64(keys, at + PROCESS['key.start_time'].offset / 4);
    endedAt[row] = u64(keys, at + PROCESS.ended_at.offset / 4);
    names[row] = comms.get(table, rows.slots[row] ?? 0, processIdentity(keys, at));
  }
  return { length, pids, startTimes, endedAt, comms: names, counters };
}

/** Start time and exec id mixed: two processes that use one slot differ in it. */
function processIdentity(keys: Uint32Array, at: number): number {
  return (
    u64(keys, at + PROCESS['key.start_time'].offset / 4) + u64(keys, at + PROCESS['key.exec_id'].offset / 4) / 1024
  );
}

/** Flow rows are columns already. */
export function flowTable(table: SlotTable, { length, keys, counters }: Rows): FlowTable {
  return { family: table.name === 'flows' ? 4 : 6, length, keys, counts: counters };
}

const CAUSE_KINDS: Readonly<Record<number, CauseKind>> = {
  [LAYOUT.enums.cause_kind.ERRNO]: 'errno',
  [LAYOUT.enums.cause_kind.ENTER_ERRNO]: 'enter_errno',
  [LAYOUT.enums.cause_kind.SETUP_ERRNO]: 'setup_errno',
  [LAYOUT.enums.cause_kind.ASYNC_WORK]: 'async_work',
};

/** A cause key as it stands in memory (little endian), without its count. */
export interface CauseKey {
  /** Slot of the process record. */
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

/** Cause rows -> causes, joined to the rows of `processes`, and those of retired processes behind them. */
export function causeList(rows: Rows, processes: Rows, names: ProcessTable, retired: Iterable<Cause>): Cause[] {
  const rowOf = new Map<number, number>();
  if (rows.length > 0) processes.slots.forEach((slot, row) => rowOf.set(slot, row));
  const causes: Cause[] = [];
  for (let row = 0; row < rows.length; row++) {
    const { process: slot, ...cause } = causeKey(rows.keys, row);
    const process = rowOf.get(slot) ?? null;
    const comm = process === null ? '' : (names.comms[process] ?? '');
    causes.push({ ...cause, process, comm, count: rows.counters[row] ?? 0 });
  }
  return [...causes, ...retired];
}

/** Everything that was counted: live, retired, overflow and nobody's. */
export function totalCounters(processes: Rows, aggregates: Aggregates, reserved: readonly Counters[]): Counters {
  const totals = new Float64Array(COUNTER_COLUMNS);
  for (let row = 0; row < processes.length; row++) addRow(totals, processes.counters, row * COUNTER_COLUMNS);
  for (const counters of [...aggregates.processes.values(), ...reserved]) addRow(totals, counters);
  return totals;
}

/** Retired flows and those that found no slot. */
export function otherFlows(tables: Tables, aggregates: Aggregates): Float64Array {
  const counts = new Float64Array(COUNT_COLUMNS);
  addRow(counts, aggregates.flows);
  addRow(counts, readCountersOf(tables.flows, SLOT_OVERFLOW));
  addRow(counts, readCountersOf(tables.flows6, SLOT_OVERFLOW));
  return counts;
}

/** Of sockets that are no IP ones. */
export function nonIpFlows(tables: Tables): Float64Array {
  return readCountersOf(tables.flows, SLOT_NOBODY);
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
