/** When slots are retired: processes soon after they end, idle entries when room gets short. */
import { readFileSync } from 'node:fs';
import type { Binding } from '../../../native/lib/index.ts';
import { type Counters, hasPending } from '../model/counters.ts';
import { type Ended, endedSlots, readCountersOf, type Rows, withRows } from './collect.ts';
import { IDLE_POLICIES, IdleTracker } from './idle.ts';
import { isGone, supersededRows } from './liveness.ts';
import { liveSlots, type Retirement } from './retire.ts';
import { SLOT_FIRST, type SlotTable, STATE, type Tables } from './tables.ts';

/** Ended processes are gathered for so long, so that one grace period serves many. */
const GATHER_MS = 200;
/** From so full a table on (0 to 1) for so long only: others wait for their slots. */
const PRESSED = 0.1;
const PRESSED_GATHER_MS = 20;
/** How often ended processes whose event was lost, and idle entries of a table that is short of room, are looked for. */
const SWEEP_MS = 1000;
/** In a table with room it is enough to look in every so manieth sweep. */
const RELAXED_SWEEPS = 10;
/** A process that has been idle for so long is looked up in /proc, in every so manieth sweep. */
const GONE_IDLE_S = 30;
const GONE_SWEEPS = 30;

/**
 * What is pending of a process that has ended is waited for so long: another thread of it may still be on its way out. Likewise
 * of one whose end nobody saw. Longer than a refusal may be pending (bpf/pending.bpf.c): a process that we only cannot see, in a
 * pid namespace of our own, loses none by it.
 */
const PENDING_S = 2;

const SPREAD = ['processes', 'flows', 'flows6'] as const;

export class Tidier {
  readonly #binding: Binding;
  readonly #tables: Tables;
  readonly #retirement: Retirement;
  readonly #retireIdle: boolean;
  readonly #isPending: () => boolean;
  readonly #onError: (error: unknown) => void;
  readonly #sweeper: NodeJS.Timeout;
  readonly #idle: Readonly<Record<'processes' | 'flows' | 'flows6', IdleTracker>>;
  #gathering: { readonly timer: NodeJS.Timeout; readonly milliseconds: number } | null = null;
  #work: Promise<void> = Promise.resolve();
  #sweeps = 0;
  #isSweepDue = false;
  #spreadAt = -Infinity;
  #closed = false;

  /** @param isPending whether any refusal is pending at all */
  constructor(
    binding: Binding,
    tables: Tables,
    retirement: Retirement,
    retireIdle: boolean,
    isPending: () => boolean,
    onError: (error: unknown) => void,
  ) {
    this.#binding = binding;
    this.#tables = tables;
    this.#retirement = retirement;
    this.#retireIdle = retireIdle;
    this.#isPending = isPending;
    this.#onError = onError;
    const tracker = (table: SlotTable) => new IdleTracker(table.capacity + SLOT_FIRST);
    this.#idle = {
      processes: tracker(tables.processes),
      flows: tracker(tables.flows),
      flows6: tracker(tables.flows6),
    };
    this.#enqueue(() => this.#retirement.finish());
    this.#sweeper = setInterval(() => {
      // where grace periods take longer than that, the one that waits is enough
      if (this.#isSweepDue) return;
      this.#isSweepDue = true;
      this.#enqueue(() => {
        this.#isSweepDue = false;
        return this.#sweep();
      });
    }, SWEEP_MS);
    this.#sweeper.unref();
  }

  close(): void {
    this.#closed = true;
    clearInterval(this.#sweeper);
    clearTimeout(this.#gathering?.timer);
  }

  /** A call, because the field changes while the work waits. */
  private isClosed(): boolean {
    return this.#closed;
  }

  /** Some process has ended: what ended is found in the records, an event only says that it is worth looking. */
  gather(): void {
    if (this.#closed) return;
    const { entries, capacity } = this.#tables.processes;
    const milliseconds = entries >= PRESSED * capacity ? PRESSED_GATHER_MS : GATHER_MS;
    // one that came when there was room waits no longer than one that comes now
    if (this.#gathering !== null && this.#gathering.milliseconds <= milliseconds) return;
    clearTimeout(this.#gathering?.timer);
    const timer = setTimeout(() => {
      this.#gathering = null;
      this.#enqueue(() => this.#retireEnded());
    }, milliseconds);
    this.#gathering = { timer, milliseconds };
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
    const overdue = this.#binding.bootTimeNs() / 1e9 - PENDING_S;
    const waits = ({ slot, endedAt }: Ended) => endedAt > overdue && hasPending(readCountersOf(table, slot));
    const all = endedSlots(table);
    const ended = (this.#isPending() ? all.filter((one) => !waits(one)) : all).map(({ slot }) => slot);
    if (ended.length > 0) await this.#retirement.processes(ended);
  }

  async #sweep(): Promise<void> {
    await this.#retireEnded();
    if (this.isClosed()) return;
    this.#retirement.giveBackOrphans();
    this.#spread();
    if (this.#isPending()) await this.#retireGone(PENDING_S, hasPending);
    if (this.isClosed() || !this.#retireIdle) return;
    this.#sweeps++;
    if (this.#sweeps % GONE_SWEEPS === 0) await this.#retireGone(GONE_IDLE_S);
    for (const [name, policy] of IDLE_POLICIES) {
      const { entries, capacity } = this.#tables[name];
      const pressed = entries >= policy.pressure * capacity;
      if ((!pressed && this.#sweeps % RELAXED_SWEEPS !== 0) || this.isClosed()) continue;
      const slots = this.#idleSlots(name, pressed ? policy.pressed : policy.idle);
      if (slots.length === 0) continue;
      await (name === 'processes' ? this.#retirement.processes(slots) : this.#retirement.flows(name, slots));
    }
  }

  /** Counts that many processors add to get lines for each of them. */
  #spread(): void {
    const { shards } = this.#tables.processes;
    if (shards.isOff) return;
    const now = this.#binding.bootTimeNs() / 1e9;
    for (const name of SPREAD) {
      const table = this.#tables[name];
      withRows(table, (rows) => {
        shards.spread(table, rows, (row) => rows.states[row] === STATE.LIVE, now - this.#spreadAt);
      });
    }
    this.#spreadAt = now;
  }

  /** Those whose end nobody saw: they have been idle for so long and there is no such process. */
  async #retireGone(allowed: number, wanted: (counters: Counters) => boolean = () => true): Promise<void> {
    const table = this.#tables.processes;
    const now = this.#binding.bootTimeNs() / 1e9;
    const gone = withRows(table, (rows) => {
      this.#idle.processes.note(rows, table.shape.counterColumns, now);
      const superseded = supersededRows(rows);
      return liveSlots(rows, (row) => {
        if (!wanted(countersOf(table, rows, row))) return false;
        if (superseded.has(row)) return true;
        return now - this.#idle.processes.since(rows.slots[row] ?? 0) >= allowed && isGone(rows, row, statOf);
      });
    });
    if (gone.length > 0) await this.#retirement.processes(gone);
  }

  /** Live slots that have not changed for `allowed` seconds. */
  #idleSlots(name: 'processes' | 'flows' | 'flows6', allowed: number): number[] {
    const table = this.#tables[name];
    const now = this.#binding.bootTimeNs() / 1e9;
    const { counterColumns } = table.shape;
    return withRows(table, (rows) => {
      this.#idle[name].note(rows, counterColumns, now);
      return liveSlots(rows, (row) => {
        if (now - this.#idle[name].since(rows.slots[row] ?? 0) < allowed) return false;
        // what is pending shall be resolved where it was counted
        return name !== 'processes' || !hasPending(countersOf(table, rows, row));
      });
    });
  }
}

const countersOf = ({ shape: { counterColumns: columns } }: SlotTable, rows: Rows, row: number): Counters =>
  rows.counters.subarray(row * columns, (row + 1) * columns);

function statOf(pid: number): string | null {
  try {
    return readFileSync(`/proc/${String(pid)}/stat`, 'latin1');
  } catch {
    return null;
  }
}
