/** When slots are retired: processes soon after they end, idle entries when room gets short. */
import { readFileSync } from 'node:fs';
import { LAYOUT } from '../abi/layout.ts';
import type { Binding, BpfObject, RingBuffer } from '../../../native/lib/index.ts';
import { readRows } from './collect.ts';
import { allowedIdle, FLOW_IDLE, IdleTracker, PROCESS_IDLE } from './idle.ts';
import { isGone, supersededRows } from './liveness.ts';
import { liveSlots, type Retirement } from './retire.ts';
import { SLOT_FIRST, type SlotTable, type Tables } from './tables.ts';

const EVENT = LAYOUT.structs.event;
const ENDED_AT_WORD = LAYOUT.structs.process_record.fields.ended_at.offset / 4;

/** Ended processes are gathered for so long, so that one grace period serves many. */
const GATHER_MS = 20;
/** How often entries that are idle in a table short of room, and ended processes whose event was lost, are looked for. */
const SWEEP_MS = 1000;
/** A process that has been idle for so long is looked up in /proc, in every so manieth sweep. */
const GONE_IDLE_S = 30;
const GONE_SWEEPS = 30;

export class Tidier {
  readonly #binding: Binding;
  readonly #tables: Tables;
  readonly #retirement: Retirement;
  readonly #onError: (error: unknown) => void;
  readonly #events: RingBuffer;
  readonly #sweeper: NodeJS.Timeout;
  readonly #idle: Readonly<Record<'processes' | 'flows' | 'flows6', IdleTracker>>;
  #gathering: NodeJS.Timeout | null = null;
  #work: Promise<void> = Promise.resolve();
  #sweeps = 0;
  #closed = false;

  constructor(
    binding: Binding,
    object: BpfObject,
    tables: Tables,
    retirement: Retirement,
    onError: (error: unknown) => void,
  ) {
    this.#binding = binding;
    this.#tables = tables;
    this.#retirement = retirement;
    this.#onError = onError;
    const tracker = (table: SlotTable) => new IdleTracker(table.capacity + SLOT_FIRST);
    this.#idle = {
      processes: tracker(tables.processes),
      flows: tracker(tables.flows),
      flows6: tracker(tables.flows6),
    };
    // what ended is found in the records: an event only says that it is worth looking
    this.#events = object.map('events').consume(EVENT.size, () => {
      this.#gather();
    });
    this.#events.unref();
    this.#sweeper = setInterval(() => {
      this.#enqueue(() => this.#sweep());
    }, SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Resolves when everything that has ended by now is folded. */
  async settle(): Promise<void> {
    this.#enqueue(() => this.#retireEnded());
    await this.#work;
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    if (this.#gathering !== null) clearTimeout(this.#gathering);
    this.#events.close();
  }

  /** A call, because the field changes while the work waits. */
  private isClosed(): boolean {
    return this.#closed;
  }

  #gather(): void {
    if (this.#closed) return;
    this.#gathering ??= setTimeout(() => {
      this.#gathering = null;
      this.#enqueue(() => this.#retireEnded());
    }, GATHER_MS);
  }

  /** One piece of work after the other: each expects that nobody else retires. */
  #enqueue(work: () => Promise<void>): void {
    this.#work = this.#work.then(async () => {
      if (this.#closed) return;
      try {
        await work();
      } catch (error) {
        // after close() the tables are gone, and what still runs stumbles over that
        if (!this.isClosed()) this.#onError(error);
      }
    });
  }

  async #retireEnded(): Promise<void> {
    const table = this.#tables.processes;
    const rows = readRows(table);
    const { keyWords } = table.shape;
    const ended = liveSlots(table, rows, (row) => {
      const at = row * keyWords + ENDED_AT_WORD;
      return rows.keys[at] !== 0 || rows.keys[at + 1] !== 0;
    });
    if (ended.length > 0) await this.#retirement.processes(ended);
  }

  async #sweep(): Promise<void> {
    await this.#retireEnded();
    if (this.#sweeps++ % GONE_SWEEPS === 0) await this.#retireGone();
    const processes = this.#idleSlots('processes', PROCESS_IDLE);
    if (processes.length > 0 && !this.#closed) await this.#retirement.processes(processes);
    for (const name of ['flows', 'flows6'] as const) {
      const flows = this.#idleSlots(name, FLOW_IDLE);
      if (flows.length > 0 && !this.#closed) await this.#retirement.flows(name, flows);
    }
  }

  async #retireGone(): Promise<void> {
    const table = this.#tables.processes;
    const rows = readRows(table);
    const now = this.#binding.bootTimeNs() / 1e9;
    const superseded = supersededRows(rows);
    const gone = liveSlots(table, rows, (row) => {
      if (superseded.has(row)) return true;
      const since = this.#idle.processes.since(rows.slots[row] ?? 0);
      return since > 0 && now - since >= GONE_IDLE_S && isGone(rows, row, statOf);
    });
    if (gone.length > 0) await this.#retirement.processes(gone);
  }

  #idleSlots(name: 'processes' | 'flows' | 'flows6', policy: typeof FLOW_IDLE): number[] {
    const table = this.#tables[name];
    const now = this.#binding.bootTimeNs() / 1e9;
    const rows = readRows(table);
    this.#idle[name].note(rows, table.shape.counterColumns, now);
    const allowed = allowedIdle(policy, table.entries, table.capacity);
    return liveSlots(table, rows, (row) => now - this.#idle[name].since(rows.slots[row] ?? 0) >= allowed);
  }
}

function statOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  } catch {
    return null;
  }
}
