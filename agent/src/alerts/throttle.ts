/** Requests of one key within a minute. */

const LIMIT = 100;
const WINDOW_MS = 60_000;

/**
 * A bucket of tokens for each key, whose tokens come back a minute after they were taken: never more than `limit` in any minute,
 * wherever it begins. PagerDuty takes about 120 a minute.
 */
export class Throttle {
  readonly #limit: number;
  readonly #windowMs: number;
  /** When tokens were taken, oldest first. */
  readonly #taken = new Map<string, number[]>();

  constructor(limit = LIMIT, windowMs = WINDOW_MS) {
    this.#limit = limit;
    this.#windowMs = windowMs;
  }

  /** Takes a token. @returns 0, or in how many milliseconds the next one comes back */
  take(key: string, monotonicMs: number): number {
    for (const [other, taken] of this.#taken) {
      while (taken[0] !== undefined && taken[0] <= monotonicMs - this.#windowMs) taken.shift();
      if (taken.length === 0) this.#taken.delete(other);
    }
    const taken = this.#taken.get(key) ?? [];
    if (taken[0] !== undefined && taken.length >= this.#limit) return taken[0] + this.#windowMs - monotonicMs;
    taken.push(monotonicMs);
    this.#taken.set(key, taken);
    return 0;
  }
}
