/** Which records have not changed since when. Pure but for what it remembers. */
import type { Rows } from './collect.ts';

/** Remembers, by slot, what a record's counters summed up to and when that last changed. */
export class IdleTracker {
  readonly #sums: Float64Array;
  readonly #since: Float64Array;

  /** `slots`: one more than the highest slot number. */
  constructor(slots: number) {
    this.#sums = new Float64Array(slots).fill(-1);
    this.#since = new Float64Array(slots);
  }

  /** Notes the counters of all live rows at `now` (seconds). A slot that changed hands counts as changed. */
  note(rows: Rows, columns: number, now: number): void {
    for (let row = 0; row < rows.length; row++) {
      const slot = rows.slots[row] ?? 0;
      let sum = 0;
      for (let column = 0; column < columns; column++) sum += rows.counters[row * columns + column] ?? 0;
      if (sum !== this.#sums[slot]) {
        this.#sums[slot] = sum;
        this.#since[slot] = now;
      }
    }
  }

  /** Since when (seconds) the record in a slot has been as it is. */
  since(slot: number): number {
    return this.#since[slot] ?? 0;
  }
}

/** When idle entries go: after `idle` seconds in a table with room, after `pressed` once it is filled to `pressure` (0 to 1). */
export interface IdlePolicy {
  readonly idle: number;
  readonly pressed: number;
  readonly pressure: number;
}

const FLOWS: IdlePolicy = { idle: 900, pressed: 2, pressure: 0.75 };

/** Live processes stay while there is room: their rows are what people look at. */
const PROCESSES: IdlePolicy = { idle: Infinity, pressed: 10, pressure: 0.9 };

export const IDLE_POLICIES = [
  ['processes', PROCESSES],
  ['flows', FLOWS],
  ['flows6', FLOWS],
] as const;
