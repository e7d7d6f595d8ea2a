/**
 * What waits for one receiver, in memory: a lane for each dedup key, in which events keep their order; lanes do not wait for each
 * other. Plain bookkeeping: nothing here sends, writes or looks at a clock.
 */
import type { Entry } from './store.ts';

export interface Item {
  readonly entry: Entry;
  /** Whether the receiver may have it already. */
  left: boolean;
}

interface Lane {
  readonly items: Item[];
  inFlight: boolean;
  /** Failed attempts of the first item. */
  failures: number;
  /** Monotonic milliseconds. */
  notBefore: number;
}

/** A summary and what it stands for, until all of that has resolved. */
export interface Storm {
  readonly entry: Entry;
  /** Dedup keys that have not resolved. */
  readonly outstanding: Set<string>;
  /** Resolves that are kept on disk and not sent: they say which keys are no longer outstanding. */
  readonly held: Entry[];
}

/** What became of an event that came in. */
export type Accepted =
  | { readonly kind: 'queued' }
  /** A storm stands for it, and has told or will tell. */
  | { readonly kind: 'absorbed' }
  /** Kept for the storm; `ended`: it was the last that was outstanding. */
  | { readonly kind: 'held'; readonly storm: Storm; readonly ended: boolean }
  /** A resolve whose trigger never left: none of these need be sent. In the order in which they are to be forgotten. */
  | { readonly kind: 'cancelled'; readonly entries: readonly Entry[] };

export class Lanes {
  readonly #lanes = new Map<string, Lane>();
  readonly #storms = new Map<string, Storm>();
  #size = 0;

  /** Events that wait or are under way. */
  get size(): number {
    return this.#size;
  }

  accept(entry: Entry, left: boolean): Accepted {
    const { event, members } = entry.stored;
    const key = event.incident.dedupKey;
    const storm = this.#stormOf(key);
    if (storm !== null) {
      if (event.action === 'trigger') return { kind: 'absorbed' };
      storm.outstanding.delete(key);
      storm.held.push(entry);
      return { kind: 'held', storm, ended: storm.outstanding.size === 0 };
    }
    if (members !== null) this.beginStorm(entry, members);
    else if (event.action === 'resolve') {
      const entries = this.#cancel(key);
      if (entries !== null) return { kind: 'cancelled', entries: [...entries, entry] };
    }
    const lane = this.#lanes.get(key) ?? { items: [], inFlight: false, failures: 0, notBefore: 0 };
    lane.items.push({ entry, left });
    this.#lanes.set(key, lane);
    this.#size++;
    return { kind: 'queued' };
  }

  /** From now on the entry's members are its own. */
  beginStorm(entry: Entry, members: readonly string[]): void {
    this.#storms.set(keyOf(entry), { entry, outstanding: new Set(members), held: [] });
  }

  endStorm(storm: Storm): void {
    this.#storms.delete(keyOf(storm.entry));
  }

  /** Whether a storm needs the entry for what it says about its members. */
  isStorm(entry: Entry): boolean {
    return this.#storms.get(keyOf(entry))?.entry === entry;
  }

  /** Whether an event must stay on disk whatever happens: it is under way, or part of a storm. */
  isPinned(entry: Entry): boolean {
    if (this.isStorm(entry)) return true;
    const lane = this.#lanes.get(keyOf(entry));
    if (lane?.inFlight === true && lane.items[0]?.entry === entry) return true;
    return [...this.#storms.values()].some(({ held }) => held.includes(entry));
  }

  /** The next event to send, now under way; `except` are to wait. */
  take(monotonicMs: number, except: (item: Item) => boolean): Item | null {
    for (const lane of this.#lanes.values()) {
      const [item] = lane.items;
      if (item === undefined || lane.inFlight || lane.notBefore > monotonicMs || except(item)) continue;
      lane.inFlight = true;
      return item;
    }
    return null;
  }

  /** When the next lane that waits for its time may go on; null: none does. */
  wakeAt(monotonicMs: number): number | null {
    let at: number | null = null;
    for (const { inFlight, notBefore } of this.#lanes.values()) {
      if (!inFlight && notBefore > monotonicMs && (at === null || notBefore < at)) at = notBefore;
    }
    return at;
  }

  /** The attempt is over and the event is done with. */
  done(item: Item): void {
    const lane = this.#laneOf(item);
    lane.inFlight = false;
    lane.failures = 0;
    lane.notBefore = 0;
    this.drop(item.entry);
  }

  /** The attempt did not come about. */
  putBack(item: Item): void {
    this.#laneOf(item).inFlight = false;
  }

  /** The attempt failed: goes behind all others. @returns how many attempts have */
  failed(item: Item): number {
    const lane = this.#laneOf(item);
    lane.inFlight = false;
    const key = keyOf(item.entry);
    this.#lanes.delete(key);
    this.#lanes.set(key, lane);
    return ++lane.failures;
  }

  postpone(item: Item, until: number): void {
    this.#laneOf(item).notBefore = until;
  }

  /** Forgets an event that waits. */
  drop(entry: Entry): boolean {
    const key = keyOf(entry);
    const lane = this.#lanes.get(key);
    const index = lane?.items.findIndex((item) => item.entry === entry) ?? -1;
    if (lane === undefined || index === -1) return false;
    lane.items.splice(index, 1);
    if (index === 0) lane.failures = 0;
    if (lane.items.length === 0) this.#lanes.delete(key);
    this.#size--;
    return true;
  }

  /** All that wait and are not under way. */
  *waiting(): Generator<Item> {
    for (const { items, inFlight } of this.#lanes.values()) yield* inFlight ? items.slice(1) : items;
  }

  /**
   * Triggers that a summary can replace: of an incident of which the receiver knows nothing, with nothing else waiting. An
   * array for each incident; summaries are not among them.
   */
  *collapsible(): Generator<readonly Item[]> {
    for (const lane of this.#lanes.values()) {
      const [first] = lane.items;
      if (first !== undefined && first.entry.stored.members === null && collapses(lane)) yield lane.items;
    }
  }

  /** Whether there are more of these than so many. */
  hasMoreCollapsible(than: number): boolean {
    const all = this.collapsible();
    for (let count = 0; count <= than; count++) if (all.next().done === true) return false;
    return true;
  }

  /** Whether the event is the next of such an incident. */
  isCollapsible(item: Item): boolean {
    const lane = this.#lanes.get(keyOf(item.entry));
    return lane !== undefined && collapses(lane);
  }

  /** A storm of which the receiver knows nothing yet; its summary can be replaced by a larger one. */
  untoldStorm(): Storm | null {
    for (const storm of this.#storms.values()) {
      const lane = this.#lanes.get(keyOf(storm.entry));
      if (lane !== undefined && lane.items[0]?.entry === storm.entry && collapses(lane)) return storm;
    }
    return null;
  }

  #stormOf(key: string): Storm | null {
    for (const storm of this.#storms.values()) if (storm.outstanding.has(key)) return storm;
    return null;
  }

  #laneOf(item: Item): Lane {
    const lane = this.#lanes.get(keyOf(item.entry));
    if (lane === undefined) throw new Error(`no lane ${keyOf(item.entry)}`);
    return lane;
  }

  /** Takes the last incident of the lane out, if none of it has left and it began there. */
  #cancel(key: string): readonly Entry[] | null {
    const lane = this.#lanes.get(key);
    if (lane === undefined) return null;
    const before = lane.items.findLastIndex(({ entry }) => entry.stored.event.action === 'resolve');
    const incident = lane.items.slice(before + 1);
    const underWay = lane.inFlight && before === -1;
    if (incident[0]?.entry.stored.opening !== true || underWay || incident.some(({ left }) => left)) return null;
    const entries = incident.map(({ entry }) => entry);
    for (const entry of entries) this.drop(entry);
    return entries;
  }
}

function collapses({ items, inFlight }: Lane): boolean {
  if (inFlight || items[0]?.entry.stored.opening !== true) return false;
  return items.every(({ entry, left }) => entry.stored.event.action === 'trigger' && !left);
}

const keyOf = (entry: Entry): string => entry.stored.event.incident.dedupKey;
