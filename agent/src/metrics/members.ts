/** Who holds places: how their live counts become series that never decrease. Columns by place, no object for each. Pure. */
import { addColumns, type Rows, wider } from './rows.ts';

/**
 * What it means that a count is lower than before: `restarted`, it was set aside and counts from zero again (a flow whose
 * record was retired), or `moved`, a part of it is now counted elsewhere.
 */
export type Drop = 'restarted' | 'moved';

/** Places for which there is memory at first. */
const FIRST_PLACES = 128;

/**
 * An update is forget(), see() of every row, grow(), start() of who comes, cut(), keep() and release(). Rows are looked at where they stand: what is remembered of each place is what it shows and what it has taken in.
 */
export class Members {
  readonly #drop: Drop;
  #columns = 0;
  #capacity = 0;
  /** Places below this were held at some time. */
  #used = 0;
  #held = new Uint8Array(0);
  /** What is exported. */
  #values: Float64Array = new Float64Array(0);
  /** The live counts that `#values` has taken in. */
  #last: Float64Array = new Float64Array(0);
  #grownAt: Float64Array = new Float64Array(0);
  /** In how many rows the live counts came: of the previous update, and of the one under way. */
  #rowsBefore = new Uint8Array(0);
  #rows = new Uint8Array(0);
  /** Where the first of them begins, in the counts of which part. */
  #seenAt = new Uint32Array(0);
  #seenIn = new Uint8Array(0);
  #parts: readonly Float64Array[] = [];
  /** Sums of those that came in several rows. */
  readonly #sums = new Map<number, Float64Array>();

  constructor(drop: Drop) {
    this.#drop = drop;
  }

  /** Places from this one on are free. */
  get used(): number {
    return this.#used;
  }

  holds(place: number): boolean {
    return this.#held[place] === 1;
  }

  /** When (seconds) what a place shows last changed. */
  grownAt(place: number): number {
    return this.#grownAt[place] ?? 0;
  }

  /** What all show, in the order of places: `columns` a row. */
  get values(): Float64Array {
    return this.#values;
  }

  valueOf(place: number): Float64Array {
    return this.#values.subarray(place * this.#columns, (place + 1) * this.#columns);
  }

  /** Begins an update. */
  forget(parts: readonly Rows[]): void {
    this.#parts = parts.map(({ counts }) => counts);
    this.#rows.fill(0);
    this.#sums.clear();
  }

  /** Takes in a row, which begins at `at` in the counts of a part. */
  see(place: number, part: number, at: number): void {
    const rows = this.#rows[place] ?? 0;
    this.#rows[place] = Math.min(rows + 1, 255);
    if (rows === 0) {
      this.#seenIn[place] = part;
      this.#seenAt[place] = at;
      return;
    }
    let sum = this.#sums.get(place);
    if (sum === undefined) {
      const first = this.#seenAt[place] ?? 0;
      sum = this.#countsOf(place).slice(first, first + this.#columns);
      this.#sums.set(place, sum);
    }
    addColumns(sum, this.#parts[part] ?? NOTHING, at);
  }

  /** Takes in what was seen of places from one on and below another. Nothing seen at all (it is gone) changes nothing. */
  grow(from: number, to: number, now: number): void {
    const columns = this.#columns;
    for (let place = from; place < to; place++) {
      if (this.#held[place] === 0 || this.#rows[place] === 0) continue;
      const seen = this.#countsOf(place);
      const at = this.#beginOf(place);
      const restarted = this.#restarts(place);
      for (let column = 0, own = place * columns; column < columns; column++, own++) {
        const before = this.#last[own] ?? 0;
        const count = seen[at + column] ?? 0;
        if (count === before) continue;
        const more = count > before ? count - before : restarted ? count : 0;
        if (more === 0) continue;
        this.#values[own] = (this.#values[own] ?? 0) + more;
        this.#grownAt[place] = now;
      }
    }
  }

  /** Gives a free place to somebody whose rows are not seen yet. */
  enter(place: number, now: number): void {
    this.#reserve(place + 1);
    this.#used = Math.max(this.#used, place + 1);
    this.#held[place] = 1;
    this.#rowsBefore[place] = 0;
    this.#grownAt[place] = now;
    this.#values.fill(0, place * this.#columns, (place + 1) * this.#columns);
    this.#last.fill(0, place * this.#columns, (place + 1) * this.#columns);
  }

  /** Begins to show what is seen: all of it, or only what comes from now on. */
  start(place: number, withAll: boolean): void {
    if (this.#rows[place] === 0) return;
    const at = this.#beginOf(place);
    const seen = this.#countsOf(place);
    const into = withAll ? this.#values : this.#last;
    for (let column = 0, own = place * this.#columns; column < this.#columns; column++, own++) {
      into[own] = seen[at + column] ?? 0;
    }
  }

  leave(place: number): void {
    this.#held[place] = 0;
  }

  /** Adds what they show. */
  addTo(sum: Float64Array, from: number, to: number): void {
    for (let place = from; place < to; place++) {
      if (this.#held[place] === 1) addColumns(sum, this.#values, place * this.#columns);
    }
  }

  /** Takes back at most `excess` of what this update added to a column; returns how much. */
  cut(place: number, column: number, excess: number): number {
    if (this.#held[place] === 0 || this.#rows[place] === 0) return 0;
    const own = place * this.#columns + column;
    const before = this.#last[own] ?? 0;
    const count = this.#countsOf(place)[this.#beginOf(place) + column] ?? 0;
    const grown = count >= before ? count - before : this.#restarts(place) ? count : 0;
    const cut = Math.min(excess, grown);
    this.#values[own] = (this.#values[own] ?? 0) - cut;
    return cut;
  }

  /** Remembers what was seen for the next update. */
  keep(from: number, to: number): void {
    const columns = this.#columns;
    for (let place = from; place < to; place++) {
      this.#rowsBefore[place] = this.#rows[place] ?? 0;
      if (this.#held[place] === 0) continue;
      if (this.#rows[place] === 0) {
        this.#last.fill(0, place * columns, (place + 1) * columns);
        continue;
      }
      const seen = this.#countsOf(place);
      const at = this.#beginOf(place);
      for (let column = 0, own = place * columns; column < columns; column++, own++) {
        this.#last[own] = seen[at + column] ?? 0;
      }
    }
  }

  /** Ends the update: the rows that were seen are not looked at again. */
  release(): void {
    this.#parts = [];
    this.#sums.clear();
  }

  widen(columns: number): void {
    if (columns === this.#columns) return;
    this.#values = this.#restride(this.#values, columns);
    this.#last = this.#restride(this.#last, columns);
    this.#columns = columns;
  }

  /** Of two rows (an old record that waits to be folded beside a new one) one went: the other did not begin again. */
  #restarts(place: number): boolean {
    return this.#drop === 'restarted' && (this.#rowsBefore[place] ?? 0) < 2;
  }

  /** The counts in which those of a place stand, from #beginOf() on. */
  #countsOf(place: number): Float64Array {
    const sum = (this.#rows[place] ?? 0) > 1 ? this.#sums.get(place) : undefined;
    return sum ?? this.#parts[this.#seenIn[place] ?? 0] ?? NOTHING;
  }

  #beginOf(place: number): number {
    return (this.#rows[place] ?? 0) > 1 ? 0 : (this.#seenAt[place] ?? 0);
  }

  #restride(from: Float64Array, columns: number): Float64Array {
    const into = new Float64Array(this.#capacity * columns);
    for (let place = 0; place < this.#used; place++) {
      into.set(from.subarray(place * this.#columns, (place + 1) * this.#columns), place * columns);
    }
    return into;
  }

  /** Memory grows with who is there, not with who may come. */
  #reserve(places: number): void {
    if (places <= this.#capacity) return;
    let capacity = Math.max(this.#capacity, FIRST_PLACES);
    while (capacity < places) capacity *= 2;
    this.#capacity = capacity;
    this.#values = wider(this.#values, capacity * this.#columns);
    this.#last = wider(this.#last, capacity * this.#columns);
    this.#grownAt = wider(this.#grownAt, capacity);
    this.#held = longer(this.#held, capacity);
    this.#rowsBefore = longer(this.#rowsBefore, capacity);
    this.#rows = longer(this.#rows, capacity);
    this.#seenIn = longer(this.#seenIn, capacity);
    const seenAt = new Uint32Array(capacity);
    seenAt.set(this.#seenAt);
    this.#seenAt = seenAt;
  }
}

const NOTHING = new Float64Array(0);

function longer(from: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> {
  const into = new Uint8Array(length);
  into.set(from);
  return into;
}
