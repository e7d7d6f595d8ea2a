/**
 * Slots that are no longer needed: taken out of use, waited for, folded into the sums of what has departed, given back.
 *
 * Between taking out and folding every program that had already found the slot must have ended: the grace period waits for
 * exactly that. Until then the record is read like a live one, so no sum ever misses it or counts it twice: the fold and
 * the next snapshot run on one thread. Each step is one run of a program: an agent that is killed between two of them leaves
 * slots that are RETIRING, with which the next one goes on (finish()).
 */
import { LAYOUT, MECHANISMS, type TableName, TABLES } from '../abi/layout.ts';
import type { Binding, BpfObject, MappedRegion, Program } from '../../../native/lib/index.ts';
import { type Counters, presumePending } from '../model/counters.ts';
import type { Workload } from '../model/snapshot.ts';
import { type CauseKey, causeKey, processTable, type Rows, slotsIn, withRows, type WorkloadCache } from './collect.ts';
import type { CulpritCache } from './culprit.ts';
import type { DepartedTables } from './departed.ts';
import { SLOT_FIRST, STATE, type Tables } from './tables.ts';

const RETIREMENT = LAYOUT.structs.retirement.fields;
const BATCH = RETIREMENT.slots.elements;
const FOLD = LAYOUT.structs.fold;

/** A process whose record was folded. */
export interface RetiredProcess extends Workload {
  readonly pid: number;
  /** Nanoseconds since boot. */
  readonly startTime: number;
  /** See ProcessTable. */
  readonly fallen: number;
  readonly fellBackAt: number;
  readonly counters: Counters;
}

/** Tables whose keys stand in an index, and so need a program to take them out. */
type Indexed = 'flows' | 'flows6' | 'causes';

export class Retirement {
  readonly #binding: Binding;
  readonly #tables: Tables;
  readonly #departed: DepartedTables;
  readonly #workloads: WorkloadCache;
  readonly #culprits: CulpritCache;
  readonly #batch: MappedRegion;
  readonly #unlinkers: Readonly<Record<Indexed, Program>>;
  readonly #folders: Readonly<Record<TableName, Program>>;
  readonly #fold = Buffer.alloc(FOLD.size);
  readonly #onProcess: (process: RetiredProcess) => void;

  constructor(
    binding: Binding,
    object: BpfObject,
    tables: Tables,
    departed: DepartedTables,
    workloads: WorkloadCache,
    culprits: CulpritCache,
    onProcess: (process: RetiredProcess) => void,
  ) {
    this.#binding = binding;
    this.#tables = tables;
    this.#departed = departed;
    this.#workloads = workloads;
    this.#culprits = culprits;
    this.#onProcess = onProcess;
    this.#batch = object.map('retirement').mapRegion();
    this.#unlinkers = {
      flows: object.program('retire_flows'),
      flows6: object.program('retire_flows6'),
      causes: object.program('retire_causes'),
    };
    this.#folders = {
      processes: object.program('fold_process'),
      flows: object.program('fold_flow'),
      flows6: object.program('fold_flow6'),
      causes: object.program('fold_cause'),
    };
  }

  /** Retires flows. Those that came back to life meanwhile simply get a new slot. */
  async flows(name: 'flows' | 'flows6', slots: readonly number[]): Promise<void> {
    const retiring = this.#unlink(name, slots);
    if (retiring.length === 0) return;
    await this.#binding.gracePeriod();
    for (const slot of retiring) this.#foldSlot(name, slot);
  }

  /** Retires processes with their causes. One that still lives gets a new slot with its next attempt. */
  async processes(slots: readonly number[]): Promise<void> {
    const table = this.#tables.processes;
    for (const slot of slots) table.setState(slot, STATE.RETIRING);
    await this.#binding.gracePeriod();
    const retiring = new Set(slots);
    withRows(table, (rows) => {
      this.#foldProcesses(rows, retiring);
    });
  }

  /** Ends what an agent before this one has begun and was killed over. */
  async finish(): Promise<void> {
    for (const name of ['flows', 'flows6'] as const) {
      await this.flows(name, slotsIn(this.#tables[name], STATE.RETIRING));
    }
    const processes = slotsIn(this.#tables.processes, STATE.RETIRING);
    if (processes.length > 0) await this.processes(processes);
  }

  /** Gives back the slots of those who lost the race for their key. */
  giveBackOrphans(): void {
    for (const name of TABLES) {
      for (const slot of slotsIn(this.#tables[name], STATE.ORPHAN)) this.#foldSlot(name, slot);
    }
  }

  #foldProcesses(rows: Rows, slots: ReadonlySet<number>): void {
    const table = this.#tables.processes;
    const names = processTable(table, rows, this.#workloads);
    const placeOf = new Map<number, number>();
    for (let row = 0; row < rows.length; row++) {
      const slot = rows.slots[row] ?? 0;
      const workload = { comm: names.comms[row] ?? '', unit: names.units[row] ?? '' };
      if (slots.has(slot)) placeOf.set(slot, this.#departed.placeOf(workload));
    }
    // causes first: while the process' slot is not given back, no program can start anew on a cause of it
    this.#foldCauses(placeOf);
    const columns = table.shape.counterColumns;
    for (let row = 0; row < rows.length; row++) {
      const slot = rows.slots[row] ?? 0;
      const place = placeOf.get(slot);
      if (place === undefined) continue;
      this.#foldSlot('processes', slot, place);
      const counters = rows.counters.slice(row * columns, (row + 1) * columns);
      // as the fold has done it
      const presumed = presumePending(counters);
      this.#onProcess({
        comm: names.comms[row] ?? '',
        unit: names.units[row] ?? '',
        pid: names.pids[row] ?? 0,
        startTime: names.startTimes[row] ?? 0,
        fallen: presumed.reduce((bits, one) => bits | (1 << MECHANISMS.indexOf(one)), names.fallen[row] ?? 0),
        fellBackAt: presumed.length > 0 ? this.#binding.bootTimeNs() : (names.fellBackAt[row] ?? 0),
        counters,
      });
    }
  }

  /** No grace period of its own: whoever adds to a cause has found its process first, and those have all ended. */
  #foldCauses(placeOf: ReadonlyMap<number, number>): void {
    const keys = new Map<number, CauseKey>();
    withRows(this.#tables.causes, (rows) => {
      for (let row = 0; row < rows.length; row++) {
        const key = causeKey(rows.keys, row);
        const process = placeOf.get(key.process);
        if (process !== undefined) keys.set(rows.slots[row] ?? 0, { ...key, process });
      }
    });
    for (const slot of this.#unlink('causes', [...keys.keys()])) {
      const key = keys.get(slot);
      if (key !== undefined) this.#foldSlot('causes', slot, this.#departed.causePlaceOf(key));
      this.#culprits.forget(slot);
    }
  }

  /** One run of a program, which a signal does not interrupt. */
  #foldSlot(table: TableName, slot: number, place = 0): void {
    this.#fold.writeUInt32LE(slot, FOLD.fields.slot.offset);
    this.#fold.writeUInt32LE(place, FOLD.fields.place.offset);
    this.#folders[table].run(this.#fold);
    this.#tables[table].shards.release(table, slot);
  }

  /** Takes slots out of their index and returns those that it has marked RETIRING. */
  #unlink(name: Indexed, slots: readonly number[]): number[] {
    for (let at = 0; at < slots.length; at += BATCH) {
      const batch = slots.slice(at, at + BATCH);
      batch.forEach((slot, i) => {
        this.#batch.storeU32(RETIREMENT.slots.offset + 4 * i, slot);
      });
      this.#batch.storeU32(RETIREMENT.count.offset, batch.length);
      this.#unlinkers[name].run();
    }
    const table = this.#tables[name];
    const states = new Uint32Array(table.used);
    table.readStates(states, states.length);
    return slots.filter((slot) => states[slot - SLOT_FIRST] === STATE.RETIRING);
  }
}

/** Slots of rows whose state is LIVE and for which `wanted` holds. */
export function liveSlots(rows: Rows, wanted: (row: number) => boolean): number[] {
  const slots: number[] = [];
  for (let row = 0; row < rows.length; row++) {
    if (rows.states[row] === STATE.LIVE && wanted(row)) slots.push(rows.slots[row] ?? 0);
  }
  return slots;
}
