/** A token bucket: some requests at once, one every so often in the long run. Pure but for what it counts. */
import type { RateLimit } from './config.ts';

export class Bucket {
  readonly #limit: RateLimit;
  #tokens: number;
  #at: number;

  /** @param now milliseconds of a clock that is never set back */
  constructor(limit: RateLimit, now: number) {
    this.#limit = limit;
    this.#tokens = limit.burst;
    this.#at = now;
  }

  /** Whether one more may be done now. */
  take(now: number): boolean {
    const { intervalMs, burst } = this.#limit;
    this.#tokens = Math.min(burst, this.#tokens + (now - this.#at) / intervalMs);
    this.#at = now;
    if (this.#tokens < 1) return false;
    this.#tokens--;
    return true;
  }
}
