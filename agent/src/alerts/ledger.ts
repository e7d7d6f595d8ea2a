/** What the outbox holds, in memory and on disk, and which receivers still need it. One change at a time. */
import { type OutboxLimits, victimsOf } from './overflow.ts';
import type { Clock } from './receiver.ts';
import type { Entry, Store } from './store.ts';
import type { StoredEvent } from './stored-event.ts';

interface Held {
  /** Names of the receivers that need it. */
  readonly pending: Set<string>;
  /** When it was queued: monotonic milliseconds, so that a step of the wall clock ages nothing. */
  readonly since: number;
}

export class Ledger {
  readonly #store: Store;
  readonly #receivers: readonly string[];
  readonly #clock: Clock;
  /** In their order. */
  readonly #held = new Map<Entry, Held>();
  #bytes = 0;
  #undurable = 0;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: Store, receivers: readonly string[], clock: Clock) {
    this.#store = store;
    this.#receivers = receivers;
    this.#clock = clock;
  }

  get size(): number {
    return this.#held.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** As they are now, in their order. */
  entries(): readonly Entry[] {
    return [...this.#held.keys()];
  }

  /** Events that could not be written. */
  get undurable(): number {
    return this.#undurable;
  }

  /** Runs one change after the other, in the order of the calls. All methods below are to be called from within. */
  exclusive<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#last.then(change);
    this.#last = result.catch(() => undefined);
    return result;
  }

  /** Takes over what a former run left. The wall clock may have been set back since, or ahead. */
  load(entry: Entry): void {
    const age = Math.max(0, this.#clock.unixMs() - entry.stored.queuedAtMs);
    this.#hold(entry, this.#clock.monotonicMs() - age);
  }

  async add(stored: StoredEvent): Promise<{ readonly entry: Entry; readonly durable: boolean }> {
    const added = await this.#store.add(stored);
    if (!added.durable) this.#undurable++;
    this.#hold(added.entry, this.#clock.monotonicMs());
    return added;
  }

  isPending(entry: Entry, receiver: string): boolean {
    return this.#held.get(entry)?.pending.has(receiver) ?? false;
  }

  /** Milliseconds since it was queued. */
  ageOf(entry: Entry): number {
    return this.#clock.monotonicMs() - (this.#held.get(entry)?.since ?? 0);
  }

  /** The receiver may have it from now on. */
  async tried(entry: Entry, receiver: string): Promise<void> {
    await this.#store.mark(entry, receiver, 'tried');
  }

  /** The receiver needs it no more; `keep` it nevertheless. */
  async finish(entry: Entry, receiver: string, keep = false): Promise<void> {
    const held = this.#held.get(entry);
    if (held === undefined) return;
    held.pending.delete(receiver);
    if (held.pending.size > 0 || keep) await this.#store.mark(entry, receiver, 'done');
    else await this.remove(entry);
  }

  /** Nobody needs it. */
  async remove(entry: Entry): Promise<void> {
    if (this.#held.delete(entry)) this.#bytes -= entry.bytes;
    await this.#store.remove(entry);
  }

  /** What is to be removed for the limits to hold. */
  victims(limits: OutboxLimits, isPinned: (entry: Entry) => boolean): ReadonlySet<Entry> {
    if (this.size <= limits.events && this.bytes <= limits.bytes) return new Set();
    return victimsOf(this.entries(), limits, isPinned);
  }

  #hold(entry: Entry, since: number): void {
    const names = this.#receivers.filter((name) => (entry.stored.receiver ?? name) === name);
    this.#held.set(entry, { pending: new Set(names.filter((name) => entry.marks.get(name) !== 'done')), since });
    this.#bytes += entry.bytes;
  }
}
