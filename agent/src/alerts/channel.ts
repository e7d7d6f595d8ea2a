/** The way to one receiver: sends what waits for it, waits where it fails, summarizes where it is too much. */
import type { NotificationEvent } from './incident.ts';
import { type Item, Lanes, type Storm } from './lanes.ts';
import type { Ledger } from './ledger.ts';
import {
  type Clock,
  type Log,
  type Outcome,
  type Receiver,
  RETRY_REASONS,
  type RetryReason,
  short,
} from './receiver.ts';
import type { Entry } from './store.ts';
import { stormEvent, stormResolve } from './storm.ts';

/** Requests under way at a time; one while the receiver fails. */
const PARALLEL = 4;
const BACKOFF_MS = { first: 1000, most: 300_000 };
/** Triggers gather until no more come for the one time, or for the other time at most: then they are summarized. */
const GATHER_MS = { quiet: 2000, most: 10_000 };

export interface ChannelOptions {
  readonly ledger: Ledger;
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Log;
  /** After so long an event is given up. */
  readonly giveUpMs: number;
  /** More waiting triggers than this are summarized. */
  readonly stormThreshold: number;
  /** Something has changed for those who wait until nothing is queued. */
  readonly onProgress: () => void;
}

/** What has become of a receiver's events since the start. */
export interface ChannelStats {
  /** Waiting or under way. */
  readonly queued: number;
  readonly sent: number;
  /** Attempts that failed and were, or will be, repeated. */
  readonly retried: Readonly<Record<RetryReason, number>>;
  /** Events that will never arrive: refused by the server, too old, too many. */
  readonly failed: { readonly rejected: number; readonly expired: number; readonly dropped: number };
  /** Events that need not be sent: triggers and resolves that both never left; those that a summary stands for. */
  readonly cancelled: number;
  readonly collapsed: number;
}

export class Channel {
  readonly name: string;
  readonly #receiver: Receiver;
  readonly #options: ChannelOptions;
  readonly #lanes = new Lanes();
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #retried = Object.fromEntries(RETRY_REASONS.map((reason) => [reason, 0])) as Record<RetryReason, number>;
  readonly #failed = { rejected: 0, expired: 0, dropped: 0 };
  #sent = 0;
  #cancelled = 0;
  #collapsed = 0;
  /** Failures in a row, and when the last was. */
  #failures = 0;
  #failedAt = -Infinity;
  #notBefore = -Infinity;
  /** Why it fails, as it was last logged. */
  #trouble: string | null = null;
  #gathering: { readonly since: number; last: number; collapsing: boolean } | null = null;
  #cancelTimer: () => void = () => undefined;

  constructor(receiver: Receiver, options: ChannelOptions) {
    this.name = receiver.name;
    this.#receiver = receiver;
    this.#options = options;
  }

  get idle(): boolean {
    return this.#lanes.size === 0;
  }

  stats(): ChannelStats {
    return {
      queued: this.#lanes.size,
      sent: this.#sent,
      retried: { ...this.#retried },
      failed: { ...this.#failed },
      cancelled: this.#cancelled,
      collapsed: this.#collapsed,
    };
  }

  isPinned(entry: Entry): boolean {
    return this.#lanes.isPinned(entry);
  }

  /** Takes an event over. Within the ledger's exclusive(), as the next two. */
  async accept(entry: Entry): Promise<void> {
    const accepted = this.#lanes.accept(entry, entry.marks.has(this.name));
    switch (accepted.kind) {
      case 'queued':
        if (entry.stored.event.action === 'trigger') this.#gather(true);
        break;
      case 'absorbed':
        this.#collapsed++;
        await this.#finish([entry]);
        break;
      case 'cancelled':
        this.#cancelled += accepted.entries.length;
        await this.#finish(accepted.entries);
        break;
      case 'held':
        this.#collapsed++;
        if (accepted.ended) await this.#endStorm(accepted.storm);
        break;
    }
  }

  /** A summary that was sent in a former run. */
  restore(entry: Entry, members: readonly string[]): void {
    this.#lanes.beginStorm(entry, members);
  }

  /** The outbox was too full for it. */
  drop(entry: Entry): void {
    if (this.#lanes.drop(entry)) this.#failed.dropped++;
  }

  /** Sends what can be sent, and comes back when more can. */
  pump(): void {
    if (this.#closing.signal.aborted) return;
    const { clock } = this.#options;
    const now = clock.monotonicMs();
    this.#cancelTimer();
    this.#startCollapse(now);
    const gathers = (item: Item) => this.#gathering !== null && this.#lanes.isCollapsible(item);
    let wakeAt: number | null = this.#notBefore;
    while (now >= this.#notBefore && this.#running.size < (this.#failures > 0 ? 1 : PARALLEL)) {
      const item = this.#lanes.take(now, gathers);
      if (item === null) {
        wakeAt = this.#lanes.wakeAt(now);
        break;
      }
      this.#run(this.#attempt(item));
    }
    const times = [wakeAt, this.#gatherEnd()].filter((at) => at !== null && at > now) as number[];
    if (times.length > 0) this.#cancelTimer = clock.after(Math.min(...times) - now, () => this.pump());
  }

  /** Ends what is under way; it counts as not sent. */
  async close(): Promise<void> {
    this.#cancelTimer();
    this.#closing.abort();
    await Promise.allSettled(this.#running);
  }

  /** Something under way, after which there may be more to do. */
  #run(work: Promise<void>): void {
    const running = work
      .catch((error: unknown) => {
        this.#options.log('error', `${this.name}: ${error instanceof Error ? error.name : 'failed'}; this is a bug`);
      })
      .finally(() => {
        this.#running.delete(running);
        this.#options.onProgress();
        this.pump();
      });
    this.#running.add(running);
  }

  async #attempt(item: Item): Promise<void> {
    const { entry } = item;
    const { ledger, clock } = this.#options;
    if (!entry.marks.has(this.name)) await ledger.exclusive(() => ledger.tried(entry, this.name));
    const startedAt = clock.monotonicMs();
    const outcome = await this.#deliver(entry.stored.event);
    if (outcome !== null) await ledger.exclusive(() => this.#settle(item, outcome, startedAt));
  }

  /** Null when the channel was closed meanwhile. */
  async #deliver(event: NotificationEvent): Promise<Outcome | null> {
    const { signal } = this.#closing;
    const { promise: closed, resolve } = Promise.withResolvers<null>();
    const onAbort = () => resolve(null);
    signal.addEventListener('abort', onAbort, { once: true });
    if (signal.aborted) return null;
    try {
      return await Promise.race([this.#receiver.deliver(event, signal), closed]);
    } catch (error) {
      const why = short(error instanceof Error ? `${error.name} in ${this.name}` : this.name);
      return { kind: 'failed', reason: 'internal', why, left: true, retryAfterMs: null };
    } finally {
      signal.removeEventListener('abort', onAbort);
    }
  }

  async #settle(item: Item, outcome: Outcome, startedAt: number): Promise<void> {
    const { entry } = item;
    const { clock, log } = this.#options;
    const { action, incident } = entry.stored.event;
    const now = clock.monotonicMs();
    switch (outcome.kind) {
      case 'sent':
        this.#lanes.done(item);
        this.#sent++;
        this.#recover();
        await this.#finish([entry]);
        break;
      case 'rejected':
        this.#lanes.done(item);
        this.#failed.rejected++;
        log('error', `${this.name} rejected the ${action} of ${short(incident.dedupKey)}: ${outcome.why}`);
        this.#recover();
        await this.#finish([entry]);
        break;
      case 'failed': {
        item.left ||= outcome.left;
        this.#retried[outcome.reason]++;
        const asked = outcome.retryAfterMs ?? 0;
        this.#lanes.postpone(item, now + Math.max(asked, this.#backoff(this.#lanes.failed(item))));
        // those that were under way together fail together
        if (startedAt >= this.#failedAt) this.#failures++;
        this.#failedAt = now;
        this.#hold(now + Math.max(asked, this.#backoff(this.#failures)));
        this.#say(`${outcome.reason}: ${outcome.why}`);
        await this.#expire();
        this.#gather(false);
        break;
      }
      case 'wait':
        this.#lanes.putBack(item);
        this.#hold(now + outcome.ms);
        this.#gather(false);
        if (outcome.why === null) break;
        this.#say(outcome.why);
        await this.#expire();
        break;
    }
  }

  /** Full jitter: anything up to a bound that doubles with each failure. */
  #backoff(failures: number): number {
    return this.#options.random() * Math.min(BACKOFF_MS.most, BACKOFF_MS.first * 2 ** (failures - 1));
  }

  #hold(until: number): void {
    this.#notBefore = Math.max(this.#notBefore, until);
  }

  #say(trouble: string): void {
    if (trouble !== this.#trouble) this.#options.log('warning', `${this.name}: ${trouble}; will try again`);
    this.#trouble = trouble;
  }

  #recover(): void {
    if (this.#trouble !== null) this.#options.log('info', `${this.name}: delivers again`);
    this.#trouble = null;
    this.#failures = 0;
  }

  /** Gives up what is too old. Only after a failure: what a former run left is tried first, however old it seems. */
  async #expire(): Promise<void> {
    const { ledger, giveUpMs, log } = this.#options;
    const old = [...this.#lanes.waiting()].map(({ entry }) => entry).filter((entry) => ledger.ageOf(entry) >= giveUpMs);
    const [first] = old;
    if (first === undefined) return;
    for (const entry of old) this.#lanes.drop(entry);
    this.#failed.expired += old.length;
    const { action, incident } = first.stored.event;
    log(
      'error',
      `${this.name}: given up after ${String(giveUpMs / 3_600_000)} h: ${String(old.length)} notifications, the first the ` +
        `${action} of ${short(incident.dedupKey)}`,
    );
    await this.#finish(old);
  }

  async #finish(entries: readonly Entry[]): Promise<void> {
    for (const entry of entries) await this.#options.ledger.finish(entry, this.name, this.#lanes.isStorm(entry));
    this.#options.onProgress();
  }

  /** Begins to gather once too many triggers wait; `came`: one came in, and more may follow. */
  #gather(came: boolean): void {
    const now = this.#options.clock.monotonicMs();
    if (this.#gathering !== null) {
      if (came) this.#gathering.last = now;
    } else if (this.#lanes.hasMoreCollapsible(this.#options.stormThreshold)) {
      this.#gathering = { since: now, last: now, collapsing: false };
    }
  }

  #gatherEnd(): number | null {
    const gathering = this.#gathering;
    if (gathering === null || gathering.collapsing) return null;
    return Math.min(gathering.last + GATHER_MS.quiet, gathering.since + GATHER_MS.most);
  }

  #startCollapse(now: number): void {
    const end = this.#gatherEnd();
    if (end === null || end > now || this.#gathering === null) return;
    this.#gathering.collapsing = true;
    const collapsing = this.#options.ledger.exclusive(() => this.#collapse());
    this.#run(collapsing.finally(() => (this.#gathering = null)));
  }

  /** Replaces the triggers that wait, and a summary that has not left, by one summary. */
  async #collapse(): Promise<void> {
    const { ledger, clock, stormThreshold } = this.#options;
    const groups = [...this.#lanes.collapsible()];
    const untold = this.#lanes.untoldStorm();
    const [first, ...others] = groups.flatMap((items) => items.at(-1)?.entry.stored.event.incident ?? []);
    if (first === undefined || (untold === null && groups.length <= stormThreshold)) return;
    const replaced = groups.flat().map(({ entry }) => entry);
    const before = untold === null ? [] : [untold.entry, ...untold.held];
    const absorbed = [...before, ...replaced];
    const { entry, durable } = await ledger.add({
      event: stormEvent([first, ...others], this.name, stormThreshold, untold?.entry.stored.event.incident ?? null),
      queuedAtMs: clock.unixMs(),
      opening: true,
      receiver: this.name,
      absorbs: absorbed.map(({ sequence }) => sequence),
      members: [...(untold?.outstanding ?? []), ...[first, ...others].map(({ dedupKey }) => dedupKey)],
    });
    if (!durable) {
      // a summary that is lost with this process would take all that it stands for with it
      await ledger.remove(entry);
      return;
    }
    for (const one of absorbed) this.#lanes.drop(one);
    this.#collapsed += replaced.length;
    await this.accept(entry);
    await this.#finish(absorbed);
  }

  /** All that a summary stands for has resolved: so has the summary. */
  async #endStorm(storm: Storm): Promise<void> {
    const { ledger, clock } = this.#options;
    const { entry: summary, held } = storm;
    const unixMs = clock.unixMs();
    const { entry, durable } = await ledger.add({
      event: stormResolve(summary.stored.event.incident, unixMs),
      queuedAtMs: unixMs,
      opening: false,
      receiver: this.name,
      absorbs: held.map(({ sequence }) => sequence),
      members: null,
    });
    this.#lanes.endStorm(storm);
    // else all of it stays on disk, for the next run to come to the same end
    if (durable) {
      await this.#finish(held);
      if (!ledger.isPending(summary, this.name)) await this.#finish([summary]);
    }
    await this.accept(entry);
  }
}
