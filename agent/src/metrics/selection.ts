/**
 * Which of many things get series of their own, and what those count. Pure but for what it remembers.
 *
 * Things (flows, workloads) come as rows of counters. At most `limit` of them hold a place; the rest is summed as `other`.
 * Two things hold for every update, whatever comes, goes, comes back or moves between rows, as long as totals grow:
 * the values of all places and `other` sum to the totals exactly, and neither a held value nor `other` ever decreases.
 *
 * A place is kept, also by a thing that is gone, until it has been idle for long and a thing that counts now needs it.
 */
import { type Drop, Member } from './member.ts';
import { addColumns, type Identities, type Rows, wider } from './rows.ts';
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

export class Selection<R extends Rows> {
  readonly #identities: Identities<R>;
  readonly #options: SelectionOptions;
  readonly #members: (Member | null)[];
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
    this.#members = new Array<Member | null>(options.limit).fill(null);
    this.#activeBefore = new Float64Array(options.buckets);
    this.#activeNow = new Float64Array(options.buckets);
  }

  /** Sum of what no place shows. */
  get other(): Float64Array {
    return this.#other;
  }

  /** What a place shows; null while it is free. */
  valueOf(place: number): Float64Array | null {
    return this.#members[place]?.value ?? null;
  }

  /**
   * Takes in what is there at `now` (seconds, never set back).
   * @param rest what belongs to the total and to no row; it may get longer from one update to the next
   */
  update(parts: readonly R[], rest: Float64Array, now: number): void {
    this.#widen(rest.length);
    let outside = this.#tally(parts, rest);
    for (const member of this.#members) member?.grow(this.#options.drop, now);
    const admitted = outside > 0 ? this.#admit(parts, now) : [];
    if (admitted.length > 0) {
      // once more, now that the rows of the new members are known to be theirs
      outside = this.#tally(parts, rest);
      for (const member of admitted) member.start(this.#complete);
    }
    this.#settle();
    this.#complete = outside === 0;
    [this.#activeBefore, this.#activeNow] = [this.#activeNow, this.#activeBefore];
  }

  /** Sums all rows, and those of each member. Returns how many rows with a rank have no place. */
  #tally(parts: readonly R[], rest: Float64Array): number {
    const columns = this.#columns;
    const { rankColumns, buckets } = this.#options;
    const total = this.#total;
    const active = this.#activeNow;
    total.set(rest);
    active.fill(0);
    for (const member of this.#members) member?.forget();
    let outside = 0;
    for (const rows of parts) {
      const counts = rows.counts;
      for (let row = 0, at = 0; row < rows.length; row++, at += columns) {
        let rank = 0;
        for (let column = 0; column < columns; column++) {
          const count = counts[at + column] ?? 0;
          total[column] = (total[column] ?? 0) + count;
          if (column < rankColumns) rank += count;
        }
        const hash = this.#identities.hash(rows, row);
        const place = this.#identities.placeOf(rows, row, hash);
        if (place >= 0) {
          this.#members[place]?.see(counts, at);
        } else if (rank > 0) {
          outside++;
          const bucket = hash & (buckets - 1);
          active[bucket] = (active[bucket] ?? 0) + rank;
        }
      }
    }
    return outside;
  }

  /** Gives free and idle places to the highest ranks among those that have counted since the previous update. */
  #admit(parts: readonly R[], now: number): Member[] {
    const places = this.#freePlaces(now);
    if (places.length === 0) return [];
    const top = new TopRows<R>(places.length);
    for (const rows of parts) {
      for (let row = 0; row < rows.length; row++) {
        const rank = this.#rankOf(rows, row);
        if (rank > 0 && this.#wantsPlace(rows, row)) top.offer(rows, row, rank);
      }
    }
    const admitted: Member[] = [];
    for (const { rows, row } of top.sorted()) {
      const place = places[admitted.length];
      // a second row of one identity finds its place taken by the first
      if (place === undefined || !this.#wantsPlace(rows, row)) continue;
      this.#evict(place);
      this.#identities.enter(place, rows, row);
      const member = new Member(this.#columns, now);
      this.#members[place] = member;
      admitted.push(member);
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
    const since = (place: number) => this.#members[place]?.grownAt ?? -Infinity;
    return Array.from(this.#members.keys())
      .filter((place) => now - since(place) >= this.#options.idleSeconds)
      .sort((a, b) => (since(a) === since(b) ? a - b : since(a) - since(b)));
  }

  /** What the holder of the place showed goes to `other`. */
  #evict(place: number): void {
    const member = this.#members[place];
    if (!member) return;
    this.#identities.leave(place);
    addColumns(this.#other, member.value, 0);
    this.#members[place] = null;
  }

  /**
   * `other` is what no member shows. Where it would fall, members have grown by more than was counted: a count has moved
   * from one identity to another. Then what they have grown by is cut, until `other` stands still.
   */
  #settle(): void {
    const shown = new Float64Array(this.#columns);
    for (const member of this.#members) if (member) addColumns(shown, member.value, 0);
    for (let column = 0; column < this.#columns; column++) {
      let other = (this.#total[column] ?? 0) - (shown[column] ?? 0);
      for (const member of this.#members) {
        const excess = (this.#other[column] ?? 0) - other;
        if (excess <= 0) break;
        other += member?.cut(column, excess) ?? 0;
      }
      this.#other[column] = other;
    }
  }

  #widen(columns: number): void {
    if (columns === this.#columns) return;
    this.#columns = columns;
    this.#total = wider(this.#total, columns);
    this.#other = wider(this.#other, columns);
    for (const member of this.#members) member?.widen(columns);
  }
}
