/**
 * Which of many things get series of their own, and what those count. Pure but for what it remembers.
 *
 * Things (flows, workloads) come as rows of counters. At most `limit` of them hold a place; the rest is summed as `other`.
 * Two things hold for every update, whatever comes, goes, comes back or moves between rows, as long as totals grow:
 * the values of all places and `other` sum to the totals exactly, and neither a held value nor `other` ever decreases.
 *
 * A place is kept, also by a thing that is gone, until it has been idle for long and a thing that counts now needs it.
 */
import { type Drop, Members } from './members.ts';
import { addColumns, type Identities, type Rows, wider } from './rows.ts';
import { drain, type Steps } from './steps.ts';
import { TopRows } from './top.ts';

export interface SelectionOptions {
  /** Places. */
  readonly limit: number;
  /** Seconds without growth after which a place may go to another. */
  readonly idleSeconds: number;
  /** How many of the first columns sum to the rank. */
  readonly rankColumns: number;
  readonly drop: Drop;
  /** A power of two, about twice the number of things: two that share a bucket only seem active together. */
  readonly buckets: number;
}

/** Rows that are looked at in one step. */
const STEP_ROWS = 16_384;
/** Newcomers that are sorted or entered in one step. */
const STEP_PLACES = 1024;

export class Selection<R extends Rows> {
  readonly #identities: Identities<R>;
  readonly #options: SelectionOptions;
  readonly #members: Members;
  #columns = 0;
  #total: Float64Array = new Float64Array(0);
  #other: Float64Array = new Float64Array(0);
  /** Ranks of those without a place, by hash of identity: at the previous update and at this one. */
  #activeBefore: Float64Array;
  #activeNow: Float64Array;
  /** Nothing was left without a place: what comes next was never part of `other`, and may show its full count. */
  #complete = true;

  constructor(identities: Identities<R>, options: SelectionOptions) {
    this.#identities = identities;
    this.#options = options;
    this.#members = new Members(options.drop);
    this.#activeBefore = new Float64Array(options.buckets);
    this.#activeNow = new Float64Array(options.buckets);
  }

  /** Sum of what no place shows. */
  get other(): Float64Array {
    return this.#other;
  }

  /** Places from this one on are free. */
  get used(): number {
    return this.#members.used;
  }

  /** Whether a place has a holder. */
  holds(place: number): boolean {
    return this.#members.holds(place);
  }

  /** What all places show, a row of columns each, in their order. */
  get values(): Float64Array {
    return this.#members.values;
  }

  /** What a place shows; null while it is free. */
  valueOf(place: number): Float64Array | null {
    return this.#members.holds(place) ? this.#members.valueOf(place) : null;
  }

  /** All steps of an update at once. */
  update(parts: readonly R[], rest: Float64Array, now: number): void {
    drain(this.steps(parts, rest, now));
  }

  /**
   * Takes in what is there at `now` (seconds, never set back). Between two steps others may run, but nobody may ask for values.
   * @param rest what belongs to the total and to no row; it may get longer from one update to the next
   */
  *steps(parts: readonly R[], rest: Float64Array, now: number): Steps {
    this.#widen(rest.length);
    let outside = yield* this.#tally(parts, rest);
    yield* this.#overMembers((from, to) => this.#members.grow(from, to, now));
    const admitted = outside > 0 ? yield* this.#admit(parts, now) : [];
    if (admitted.length > 0) {
      // once more, now that the rows of the new members are known to be theirs
      outside = yield* this.#tally(parts, rest);
      for (const place of admitted) this.#members.start(place, this.#complete);
    }
    yield* this.#settle();
    yield* this.#overMembers((from, to) => this.#members.keep(from, to));
    this.#members.release();
    this.#complete = outside === 0;
    [this.#activeBefore, this.#activeNow] = [this.#activeNow, this.#activeBefore];
  }

  /** Something for all places from one on and below another. */
  *#overMembers(work: (from: number, to: number) => void): Steps {
    const { used } = this.#members;
    for (let from = 0; from < used; from += STEP_ROWS) {
      work(from, Math.min(from + STEP_ROWS, used));
      yield;
    }
  }

  /** Sums all rows, and finds those of each member. Returns how many rows with a rank have no place. */
  *#tally(parts: readonly R[], rest: Float64Array): Steps<number> {
    this.#total.set(rest);
    this.#activeNow.fill(0);
    this.#members.forget(parts);
    let outside = 0;
    for (const [part, rows] of parts.entries()) {
      for (let from = 0; from < rows.length; from += STEP_ROWS) {
        outside += this.#tallyRows(part, rows, from, Math.min(from + STEP_ROWS, rows.length));
        yield;
      }
    }
    return outside;
  }

  #tallyRows(part: number, rows: R, from: number, to: number): number {
    const columns = this.#columns;
    const { rankColumns, buckets } = this.#options;
    const counts = rows.counts;
    const total = this.#total;
    const active = this.#activeNow;
    const identities = this.#identities;
    const members = this.#members;
    let outside = 0;
    for (let row = from, at = from * columns; row < to; row++, at += columns) {
      let rank = 0;
      for (let column = 0; column < rankColumns; column++) {
        const count = counts[at + column] ?? 0;
        if (count === 0) continue;
        total[column] = (total[column] ?? 0) + count;
        rank += count;
      }
      for (let column = rankColumns; column < columns; column++) {
        const count = counts[at + column] ?? 0;
        if (count !== 0) total[column] = (total[column] ?? 0) + count;
      }
      const hash = identities.hash(rows, row);
      const place = identities.placeOf(rows, row, hash);
      if (place >= 0) {
        members.see(place, part, at);
      } else if (rank > 0) {
        outside++;
        const bucket = hash & (buckets - 1);
        active[bucket] = (active[bucket] ?? 0) + rank;
      }
    }
    return outside;
  }

  /** Gives free and idle places to the highest ranks among those that have counted since the previous update. */
  *#admit(parts: readonly R[], now: number): Steps<number[]> {
    const places = this.#freePlaces(now);
    if (places.length === 0) return [];
    const top = new TopRows<R>(places.length);
    for (const rows of parts) {
      for (let row = 0; row < rows.length; row++) {
        const rank = this.#rankOf(rows, row);
        if (rank > 0 && this.#wantsPlace(rows, row)) top.offer(rows, row, rank);
        if ((row + 1) % STEP_ROWS === 0) yield;
      }
    }
    const sorted: { readonly rows: R; readonly row: number }[] = [];
    for (let next = top.takeLowest(); next !== null; next = top.takeLowest()) {
      if (sorted.push(next) % STEP_PLACES === 0) yield;
    }
    const admitted: number[] = [];
    for (let next = sorted.pop(); next !== undefined; next = sorted.pop()) {
      const { rows, row } = next;
      const place = places[admitted.length];
      // a second row of one identity finds its place taken by the first
      if (place === undefined || !this.#wantsPlace(rows, row)) continue;
      this.#evict(place);
      this.#identities.enter(place, rows, row);
      this.#members.enter(place, now);
      if (admitted.push(place) % STEP_PLACES === 0) yield;
    }
    return admitted;
  }

  /** Has none, and has counted since the previous update: what only has a past would hold its place for nothing. */
  #wantsPlace(rows: R, row: number): boolean {
    const hash = this.#identities.hash(rows, row);
    const bucket = hash & (this.#options.buckets - 1);
    return (
      (this.#activeNow[bucket] ?? 0) > (this.#activeBefore[bucket] ?? 0) &&
      this.#identities.placeOf(rows, row, hash) < 0
    );
  }

  #rankOf(rows: R, row: number): number {
    let rank = 0;
    const at = row * this.#columns;
    for (let column = 0; column < this.#options.rankColumns; column++) rank += rows.counts[at + column] ?? 0;
    return rank;
  }

  /** Those that nobody holds, then those that are idle, the longest idle first. */
  #freePlaces(now: number): number[] {
    const { limit, idleSeconds } = this.#options;
    const members = this.#members;
    const free: number[] = [];
    const idle: number[] = [];
    for (let place = 0; place < limit; place++) {
      if (!members.holds(place)) free.push(place);
      else if (now - members.grownAt(place) >= idleSeconds) idle.push(place);
    }
    const since = Float64Array.from(idle, (place) => members.grownAt(place));
    const order = Uint32Array.from(idle.keys()).sort((a, b) => (since[a] ?? 0) - (since[b] ?? 0) || a - b);
    for (const at of order) free.push(idle[at] ?? 0);
    return free;
  }

  /** What the holder of the place showed goes to `other`. */
  #evict(place: number): void {
    if (!this.#members.holds(place)) return;
    this.#identities.leave(place);
    addColumns(this.#other, this.#members.valueOf(place), 0);
    this.#members.leave(place);
  }

  /**
   * `other` is what no member shows. Where it would fall, members have grown by more than was counted: a count has moved
   * from one identity to another. Then what they have grown by is cut, until `other` stands still.
   */
  *#settle(): Steps {
    const shown = new Float64Array(this.#columns);
    yield* this.#overMembers((from, to) => this.#members.addTo(shown, from, to));
    for (let column = 0; column < this.#columns; column++) {
      let other = (this.#total[column] ?? 0) - (shown[column] ?? 0);
      for (let place = 0; place < this.#members.used; place++) {
        const excess = (this.#other[column] ?? 0) - other;
        if (excess <= 0) break;
        other += this.#members.cut(place, column, excess);
      }
      this.#other[column] = other;
    }
  }

  #widen(columns: number): void {
    if (columns === this.#columns) return;
    this.#total = wider(this.#total, columns);
    this.#other = wider(this.#other, columns);
    this.#members.widen(columns);
    this.#columns = columns;
  }
}
