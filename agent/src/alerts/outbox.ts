/**
 * Durable delivery: an event is on disk before it is sent, and stays there until every receiver has it or will never take it.
 * Whenever the agent ends, the next one goes on: an event may be sent twice then, which its dedup key makes harmless, but never a
 * resolve before its trigger.
 */
import { Channel, type ChannelStats } from './channel.ts';
import type { NotificationEvent } from './incident.ts';
import { Ledger } from './ledger.ts';
import type { OutboxLimits } from './overflow.ts';
import { type Clock, type Log, type Receiver, short } from './receiver.ts';
import { checkReceiverNames, type Entry, type Store } from './store.ts';

const DEFAULT_LIMITS: OutboxLimits = { events: 10_000, bytes: 67_108_864 };
const GIVE_UP_MS = 86_400_000;
const STORM_THRESHOLD = 20;

export interface OutboxOptions {
  readonly store: Store;
  readonly receivers: readonly Receiver[];
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  readonly limits?: OutboxLimits;
  /** After so long an event that cannot be delivered is given up. */
  readonly giveUpMs?: number;
  /** More triggers than this that wait for one receiver are told as one. */
  readonly stormThreshold?: number;
}

export interface OutboxStats {
  readonly receivers: Readonly<Record<string, ChannelStats>>;
  /** Held, on disk as a rule; with what a summary needs until all that it stands for has resolved. */
  readonly events: number;
  readonly bytes: number;
  /** Files that could not be used, since the start. */
  readonly setAside: number;
  /** Events that could not be written, and are safe only while the agent runs. */
  readonly undurable: number;
}

export class Outbox {
  readonly #store: Store;
  readonly #ledger: Ledger;
  readonly #channels: readonly Channel[];
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #limits: OutboxLimits;
  /** Dedup keys that were triggered and not resolved since the start, or in a former run as far as its events are here. */
  readonly #triggered = new Set<string>();
  readonly #startedAtMs: number;
  readonly #waiting = new Set<() => void>();
  #started: Promise<void> | null = null;
  #closing: Promise<void> | null = null;

  /** @throws TypeError for names of receivers that are not unique or cannot stand in a file's name */
  constructor(options: OutboxOptions) {
    const { store, receivers, clock, random, log } = options;
    const names = receivers.map(({ name }) => name);
    checkReceiverNames(names);
    this.#store = store;
    this.#clock = clock;
    this.#log = log;
    this.#limits = options.limits ?? DEFAULT_LIMITS;
    this.#startedAtMs = clock.unixMs();
    this.#ledger = new Ledger(store, names, clock);
    const giveUpMs = options.giveUpMs ?? GIVE_UP_MS;
    const stormThreshold = options.stormThreshold ?? STORM_THRESHOLD;
    const onProgress = () => this.#progress();
    const shared = { ledger: this.#ledger, clock, random, log, giveUpMs, stormThreshold, onProgress };
    this.#channels = receivers.map((receiver) => new Channel(receiver, shared));
  }

  /** Goes on with what a former run left. A directory that cannot be used is logged: events are then kept in memory only. */
  start(): Promise<void> {
    return (this.#started ??= this.#ledger.exclusive(async () => {
      // with nobody to tell, what is there waits for a configuration that has somebody
      if (this.#channels.length === 0) return;
      try {
        await this.#load(await this.#store.open());
      } catch (error) {
        const code = error instanceof Error && 'code' in error ? String(error.code) : String(error);
        this.#log('error', `outbox: ${this.#store.directory}: ${code}; notifications do not survive a restart`);
      }
      this.#pump();
    }));
  }

  /**
   * Queues an event. Resolves when it is on disk, to true; to false if that failed: it is logged, counted, and delivered all the
   * same as long as the agent runs.
   */
  enqueue(event: NotificationEvent): Promise<boolean> {
    if (this.#started === null) return Promise.reject(new Error('the outbox was not started'));
    if (this.#closing !== null) return Promise.reject(new Error('the outbox is closed'));
    if (this.#channels.length === 0) return Promise.resolve(true);
    return this.#ledger.exclusive(async () => {
      const { entry, durable } = await this.#ledger.add({
        event,
        queuedAtMs: this.#clock.unixMs(),
        opening: this.#opens(event),
        receiver: null,
        absorbs: [],
        members: null,
      });
      this.#remember(event);
      await this.#makeRoom(entry);
      for (const channel of this.#channels) await channel.accept(entry);
      this.#pump();
      return durable;
    });
  }

  /** Waits until nothing is queued, for so many milliseconds at most. @returns whether nothing is */
  async flush(deadlineMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<undefined>();
    const look = () => {
      if (this.#idle() || this.#closing !== null) resolve(undefined);
    };
    const cancel = this.#clock.after(deadlineMs, () => resolve(undefined));
    // behind what is being queued
    void this.#ledger.exclusive(() => Promise.resolve()).then(look);
    this.#waiting.add(look);
    await promise;
    this.#waiting.delete(look);
    cancel();
    return this.#idle();
  }

  /** Ends requests under way and starts no more. What is queued stays on disk. Any number of times. */
  close(): Promise<void> {
    return (this.#closing ??= (async () => {
      await Promise.all(this.#channels.map((channel) => channel.close()));
      await this.#ledger.exclusive(() => Promise.resolve());
      this.#progress();
    })());
  }

  stats(): OutboxStats {
    return {
      receivers: Object.fromEntries(this.#channels.map((channel) => [channel.name, channel.stats()])),
      events: this.#ledger.size,
      bytes: this.#ledger.bytes,
      setAside: this.#store.setAside,
      undurable: this.#ledger.undurable,
    };
  }

  async #load(entries: readonly Entry[]): Promise<void> {
    const ended = endedStorms(entries);
    for (const one of entries) {
      const over = ended.has(one.stored.event.incident.dedupKey);
      const entry = over ? { ...one, stored: { ...one.stored, members: null } } : one;
      this.#ledger.load(entry);
      this.#remember(entry.stored.event);
    }
    const absorbed = new Map(this.#channels.map(({ name }) => [name, absorbedFor(entries, name)]));
    for (const entry of this.#ledger.entries()) {
      await this.#resume(entry, (receiver) => absorbed.get(receiver)?.has(entry.sequence) === true);
    }
  }

  /** Gives an event to the receivers that still need it. */
  async #resume(entry: Entry, isAbsorbed: (receiver: string) => boolean): Promise<void> {
    const { receiver, members } = entry.stored;
    let needed = false;
    for (const channel of this.#channels) {
      if (isAbsorbed(channel.name)) await this.#ledger.finish(entry, channel.name);
      else if (this.#ledger.isPending(entry, channel.name)) {
        needed = true;
        await channel.accept(entry);
      } else if (members !== null && receiver === channel.name) {
        needed = true;
        channel.restore(entry, members);
      }
    }
    if (!needed) await this.#ledger.remove(entry);
  }

  /**
   * Whether nobody has been told of the incident. Of one that fired before this start a former run may have told, whose events are
   * gone; one that fires in the future fired before the clock was set back, perhaps before this start too.
   */
  #opens({ action, incident }: NotificationEvent): boolean {
    const { dedupKey, firedAtMs } = incident;
    if (action !== 'trigger' || this.#triggered.has(dedupKey)) return false;
    return firedAtMs > this.#startedAtMs && firedAtMs <= this.#clock.unixMs();
  }

  #remember({ action, incident }: NotificationEvent): void {
    if (action === 'trigger') this.#triggered.add(incident.dedupKey);
    else this.#triggered.delete(incident.dedupKey);
  }

  async #makeRoom(newest: Entry): Promise<void> {
    const isPinned = (entry: Entry) => entry === newest || this.#channels.some((channel) => channel.isPinned(entry));
    const victims = this.#ledger.victims(this.#limits, isPinned);
    // first all of them: none must leave while others are being removed
    for (const victim of victims) for (const channel of this.#channels) channel.drop(victim);
    for (const victim of victims) {
      const { action, incident } = victim.stored.event;
      this.#log('error', `outbox: too full, dropped the ${action} of ${short(incident.dedupKey)}`);
      await this.#ledger.remove(victim);
    }
  }

  #idle(): boolean {
    return this.#channels.every((channel) => channel.idle);
  }

  #pump(): void {
    for (const channel of this.#channels) channel.pump();
  }

  #progress(): void {
    for (const look of this.#waiting) look();
  }
}

/** Keys of the summaries whose resolve is here: what they stood for is told one by one again. */
function endedStorms(entries: readonly Entry[]): ReadonlySet<string> {
  const resolves = entries.filter(({ stored }) => stored.receiver !== null && stored.event.action === 'resolve');
  return new Set(resolves.map(({ stored }) => stored.event.incident.dedupKey));
}

/** Sequence numbers of what this receiver need not get, because it gets another that is here. */
function absorbedFor(entries: readonly Entry[], receiver: string): ReadonlySet<number> {
  return new Set(entries.flatMap(({ stored }) => (stored.receiver === receiver ? stored.absorbs : [])));
}
