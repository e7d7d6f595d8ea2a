/** The few rows with the highest ranks out of many. Pure. */
import type { Rows } from './rows.ts';

export interface Ranked<R extends Rows> {
  readonly rows: R;
  readonly row: number;
  readonly rank: number;
}

/** A heap of at most `size` rows whose lowest is at the root: a row that ranks below it costs one comparison. */
export class TopRows<R extends Rows> {
  readonly #size: number;
  readonly #heap: Ranked<R>[] = [];

  constructor(size: number) {
    this.#size = size;
  }

  /** Which of several equal ranks stay is left open. */
  offer(rows: R, row: number, rank: number): void {
    if (this.#heap.length < this.#size) {
      this.#heap.push({ rows, row, rank });
      this.#rise(this.#heap.length - 1);
    } else if (this.#size > 0 && rank > this.#rankAt(0)) {
      this.#heap[0] = { rows, row, rank };
      this.#sink();
    }
  }

  /** Highest rank first. */
  sorted(): Ranked<R>[] {
    return this.#heap.toSorted((a, b) => b.rank - a.rank);
  }

  /** Takes out the lowest of those that are kept: lets a caller sort them in steps. null when none is left. */
  takeLowest(): Ranked<R> | null {
    const lowest = this.#heap[0];
    const last = this.#heap.pop();
    if (lowest === undefined || last === undefined) return null;
    if (this.#heap.length > 0) {
      this.#heap[0] = last;
      this.#sink();
    }
    return lowest;
  }

  #rankAt(at: number): number {
    return this.#heap[at]?.rank ?? Infinity;
  }

  #rise(from: number): void {
    for (let at = from; at > 0;) {
      const parent = (at - 1) >> 1;
      if (this.#rankAt(parent) <= this.#rankAt(at)) return;
      this.#swap(at, parent);
      at = parent;
    }
  }

  #sink(): void {
    for (let at = 0; ;) {
      const left = 2 * at + 1;
      const child = this.#rankAt(left + 1) < this.#rankAt(left) ? left + 1 : left;
      if (this.#rankAt(child) >= this.#rankAt(at)) return;
      this.#swap(at, child);
      at = child;
    }
  }

  #swap(a: number, b: number): void {
    const first = this.#heap[a];
    const second = this.#heap[b];
    if (first === undefined || second === undefined) return;
    this.#heap[a] = second;
    this.#heap[b] = first;
  }
}
