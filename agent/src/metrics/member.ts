/** One holder of a place: how its live counts become a series that never decreases. Pure. */
import { addColumns, wider } from './rows.ts';

/**
 * What it means that a count is lower than before: `restarted`, it was set aside and counts from zero again (a flow whose
 * record was retired), or `moved`, a part of it is now counted elsewhere.
 */
export type Drop = 'restarted' | 'moved';

export class Member {
  /** What is exported. */
  value: Float64Array;
  /** The live counts of the update under way, and in how many rows they came. */
  #seen: Float64Array;
  #rows = 0;
  /** Rows of the previous update. */
  #rowsBefore = 0;
  /** The live counts that `value` has taken in. */
  #last: Float64Array;
  /** What this update added to `value`. */
  #grown: Float64Array;
  /** When (seconds) `value` last changed. */
  grownAt: number;

  constructor(columns: number, now: number) {
    this.value = new Float64Array(columns);
    this.#seen = new Float64Array(columns);
    this.#last = new Float64Array(columns);
    this.#grown = new Float64Array(columns);
    this.grownAt = now;
  }

  /** Begins an update. */
  forget(): void {
    this.#seen.fill(0);
    this.#rows = 0;
  }

  /** Takes in a row. */
  see(counts: Float64Array, at: number): void {
    addColumns(this.#seen, counts, at);
    this.#rows++;
  }

  /** Takes in what was seen. Nothing seen at all (it is gone) changes nothing. */
  grow(drop: Drop, now: number): void {
    // of two rows (an old record that waits to be folded beside a new one) one went: the other did not begin again
    const restarted = drop === 'restarted' && this.#rowsBefore < 2;
    this.#rowsBefore = this.#rows;
    for (let column = 0; column < this.value.length; column++) {
      const before = this.#last[column] ?? 0;
      const count = this.#seen[column] ?? 0;
      const more = count >= before ? count - before : restarted ? count : 0;
      this.#grown[column] = more;
      this.value[column] = (this.value[column] ?? 0) + more;
      if (more > 0) this.grownAt = now;
    }
    this.#last.set(this.#seen);
  }

  /** Begins to show what is seen: all of it, or only what comes from now on. */
  start(withAll: boolean): void {
    this.#rowsBefore = this.#rows;
    this.#last.set(this.#seen);
    if (!withAll) return;
    this.value.set(this.#seen);
    this.#grown.set(this.#seen);
  }

  /** Takes back at most `excess` of what this update added to a column; returns how much. */
  cut(column: number, excess: number): number {
    const cut = Math.min(excess, this.#grown[column] ?? 0);
    this.value[column] = (this.value[column] ?? 0) - cut;
    return cut;
  }

  widen(columns: number): void {
    this.value = wider(this.value, columns);
    this.#seen = wider(this.#seen, columns);
    this.#last = wider(this.#last, columns);
    this.#grown = wider(this.#grown, columns);
  }
}
