/**
 * Slots that are no longer needed: taken out of use, waited for, folded into the aggregates, given back.
 *
 * Between taking out and folding every program that had already found the slot must have ended: the grace period waits for
 * exactly that. Until then the record is read like a live one, so no sum ever misses it or counts it twice: the fold and
 * the next snapshot run on one thread.
 */
import { LAYOUT } from '../abi/layout.ts';
import type { Binding, BpfObject, MappedRegion, Program } from '../../../native/lib/index.ts';
import type { Counters } from '../model/counters.ts';
import type { Workload } from '../model/snapshot.ts';
import type { Aggregates } from './aggregates.ts';
import { causeKey, hasCulprit, processTable, readRows, type Rows, type WorkloadCache } from './collect.ts';
import type { CulpritCache } from './culprit.ts';
import { SLOT_FIRST, STATE, type Tables } from './tables.ts';

const RETIREMENT = LAYOUT.structs.retirement.fields;
const BATCH = RETIREMENT.slots.elements;

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
  readonly #aggregates: Aggregates;
  readonly #workloads: WorkloadCache;
  readonly #culprits: CulpritCache;
  readonly #batch: MappedRegion;
  readonly #programs: Readonly<Record<Indexed, Program>>;
  readonly #onProcess: (process: RetiredProcess) => void;

  constructor(
    binding: Binding,
    object: BpfObject,
    tables: Tables,
    aggregates: Aggregates,
    workloads: WorkloadCache,
    culprits: CulpritCache,
    onProcess: (process: RetiredProcess) => void,
  ) {
    this.#binding = binding;
    this.#tables = tables;
    this.#aggregates = aggregates;
    this.#workloads = workloads;
    this.#culprits = culprits;
    this.#onProcess = onProcess;
    this.#batch = object.map('retirement').mapRegion();
    this.#programs = {
      flows: object.program('retire_flows'),
      flows6: object.program('retire_flows6'),
      causes: object.program('retire_causes'),
    };
  }

  /** Retires flows. Those that came back to life meanwhile simply get a new slot. */
  async flows(name: 'flows' | 'flows6', slots: readonly number[]): Promise<void> {
    const table = this.#tables[name];
    const retiring = this.#unlink(name, slots);
    if (retiring.length === 0) return;
    await this.#binding.gracePeriod();
    const counts = new Float64Array(table.shape.counterColumns);
    for (const slot of retiring) {
      table.drain(slot, counts);
      this.#aggregates.addFlow(counts);
      table.giveBack(slot);
    }
  }

  /** Retires processes with their causes. One that still lives gets a new slot with its next attempt. */
  async processes(slots: readonly number[]): Promise<void> {
    const table = this.#tables.processes;
    for (const slot of slots) table.setState(slot, STATE.RETIRING);
    await this.#binding.gracePeriod();
    this.#foldProcesses(new Set(slots));
  }

  #foldProcesses(slots: ReadonlySet<number>): void {
    const table = this.#tables.processes;
    const rows = readRows(table);
    const names = processTable(table, rows, this.#workloads);
    const workloadOf = new Map<number, Workload>();
    for (let row = 0; row < rows.length; row++) {
      const slot = rows.slots[row] ?? 0;
      if (slots.has(slot)) workloadOf.set(slot, { comm: names.comms[row] ?? '', unit: names.units[row] ?? '' });
    }
    // causes first: while the process' slot is not given back, no program can start anew on a cause of it
    this.#foldCauses(workloadOf);
    for (let row = 0; row < rows.length; row++) {
      const slot = rows.slots[row] ?? 0;
      const workload = workloadOf.get(slot);
      if (workload === undefined) continue;
      const counters = new Float64Array(table.shape.counterColumns);
      table.drain(slot, counters);
      this.#aggregates.addProcess(workload, counters);
      this.#onProcess({
        ...workload,
        pid: names.pids[row] ?? 0,
        startTime: names.startTimes[row] ?? 0,
        fallen: names.fallen[row] ?? 0,
        fellBackAt: names.fellBackAt[row] ?? 0,
        counters,
      });
      table.giveBack(slot);
    }
  }

  /** No grace period of its own: whoever adds to a cause has found its process first, and those have all ended. */
  #foldCauses(workloadOf: ReadonlyMap<number, Workload>): void {
    const table = this.#tables.causes;
    const rows = readRows(table);
    const keys = new Map<number, ReturnType<typeof causeKey>>();
    for (let row = 0; row < rows.length; row++) {
      const key = causeKey(rows.keys, row);
      if (workloadOf.has(key.process)) keys.set(rows.slots[row] ?? 0, key);
    }
    const count = new Float64Array(1);
    for (const slot of this.#unlink('causes', [...keys.keys()])) {
      const key = keys.get(slot);
      const workload = key === undefined ? undefined : workloadOf.get(key.process);
      table.drain(slot, count);
      if (key !== undefined && workload !== undefined) {
        const { kind, mechanism, code } = key;
        const culprit = hasCulprit(key) ? this.#culprits.get(table, slot) : null;
        this.#aggregates.addCause({ ...workload, kind, mechanism, code, count: count[0] ?? 0, culprit });
      }
      this.#culprits.forget(slot);
      table.giveBack(slot);
    }
  }

  /** Takes slots out of their index and returns those that it has marked RETIRING. */
  #unlink(name: Indexed, slots: readonly number[]): number[] {
    for (let at = 0; at < slots.length; at += BATCH) {
      const batch = slots.slice(at, at + BATCH);
      batch.forEach((slot, i) => {
        this.#batch.storeU32(RETIREMENT.slots.offset + 4 * i, slot);
      });
      this.#batch.storeU32(RETIREMENT.count.offset, batch.length);
      this.#programs[name].run();
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
