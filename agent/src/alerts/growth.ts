/** What a counter grows by from one evaluation to the next, and within a window of time. Pure but for what it remembers. */
import type { Counter, WorkloadGroups } from './counters.ts';

/** Follows one counter, for the host and by workload. */
export class GrowthMeter {
  readonly #counter: Counter;
  /** The host's highest number so far; null before the first update. */
  #host: number | null = null;
  #workloads: ReadonlyMap<string, number> = new Map();
  /** Since the previous update: nothing at the first one, before which everything is past. */
  host = 0;
  /** Likewise, by subjectKey(), without zeros. A workload that was not there before has grown from 0. */
  workloads: ReadonlyMap<string, number> = new Map();

  constructor(counter: Counter) {
    this.#counter = counter;
  }

  update(groups: WorkloadGroups): void {
    const workloads = this.#counter.workloads(groups);
    const first = this.#host === null;
    const growth = new Map<string, number>();
    if (!first) {
      for (const [key, number] of workloads) {
        // less than before: a retired process was folded into the nameless workload, and what is left counts on from there
        const more = number - (this.#workloads.get(key) ?? 0);
        if (more > 0) growth.set(key, more);
      }
    }
    this.workloads = growth;
    this.#workloads = workloads;
    this.#updateHost(groups, first);
  }

  #updateHost(groups: WorkloadGroups, first: boolean): void {
    if (this.#counter.named) {
      this.#host = 0;
      this.host = 0;
      for (const more of this.workloads.values()) this.host += more;
      return;
    }
    const number = this.#counter.host(groups);
    // never really less: a program that is detached for a while does not show what it counted, and goes on from there
    const before = this.#host ?? number;
    this.#host = Math.max(before, number);
    this.host = first ? 0 : this.#host - before;
  }
}

/** A window is cut into at most so many parts, whatever its length: it may be longer by one of them. */
const MOST_PARTS = 120;

/** Where the windows of one rule begin. Times are whole microseconds. */
export class WindowClock {
  readonly #length: number;
  /** Ends of parts, oldest first: evaluations that a window can begin at. */
  readonly #ends: number[] = [];
  /** Number of the part that is open. */
  open = 0;
  /** Number of the first part within the window. */
  first = 0;

  constructor(length: number) {
    this.#length = length;
  }

  get started(): boolean {
    return this.#ends.length > 0;
  }

  /** Beginning of the window: the latest moment that is long enough ago; the first one of all while none is. */
  get from(): number {
    return this.#ends[0] ?? 0;
  }

  /** Moves the window's beginning for an evaluation at `now`: what has grown up to `now` belongs to the open part. */
  advance(now: number): void {
    if (!this.started) this.#ends.push(now);
    while ((this.#ends[1] ?? Infinity) <= now - this.#length) {
      this.#ends.shift();
      this.first++;
    }
  }

  /** Ends the open part at `now`, unless it is too short to matter. */
  close(now: number): void {
    const last = this.#ends.at(-1) ?? now;
    if (now === last || (now - last) * MOST_PARTS < this.#length) return;
    this.#ends.push(now);
    this.open++;
  }
}

/** Growth of one subject's counters within the window: sums, and the parts that they come from. */
export class WindowSums {
  numerator = 0;
  denominator = 0;
  /** Parts with growth, oldest first. */
  readonly #parts: { readonly part: number; numerator: number; denominator: number }[] = [];

  /** Nothing within the window. */
  get empty(): boolean {
    return this.#parts.length === 0;
  }

  add(part: number, numerator: number, denominator: number): void {
    this.numerator += numerator;
    this.denominator += denominator;
    const last = this.#parts.at(-1);
    if (last?.part === part) {
      last.numerator += numerator;
      last.denominator += denominator;
    } else {
      this.#parts.push({ part, numerator, denominator });
    }
  }

  /** Takes out the parts before `first`. */
  expire(first: number): void {
    for (let oldest = this.#parts[0]; oldest !== undefined && oldest.part < first; oldest = this.#parts[0]) {
      this.numerator -= oldest.numerator;
      this.denominator -= oldest.denominator;
      this.#parts.shift();
    }
  }
}
