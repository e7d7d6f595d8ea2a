/**
 * What processors wait for each other when they count into the same lines of the cache. A simulation of single events, pure: no machine
 * that we have shows more than two processors. docs/overhead.md tells what it says, and how far it holds.
 */

/** Nanoseconds, of a machine with several processors. */
export interface Machine {
  /** Processors with numbers one behind the other share a socket. */
  readonly perSocket: number;
  /** Until a line that another processor of the socket has written to is here. */
  readonly within: number;
  /** The same of one in another socket. */
  readonly between: number;
  /** An atomic addition to a line that is here. */
  readonly addition: number;
}

/** What a processor does again and again. */
export interface Work {
  /** Nanoseconds of its own, the watched call included. */
  readonly own: number;
  /** By how much that varies: uniformly from 1 - jitter to 1 + jitter times `own`. */
  readonly jitter: number;
  /** A lock that is taken within, and held for so long: number of its line, in common with nobody's additions. */
  readonly lock?: { readonly line: number; readonly held: number };
  /** The line of each atomic addition of one attempt, in order. */
  readonly additions: (processor: number) => readonly number[];
}

export interface Outcome {
  /** Attempts a second, of all processors together. */
  readonly perSecond: number;
  /** Nanoseconds from one attempt of a processor to its next, on average. */
  readonly perAttempt: number;
}

/**
 * Each processor works, takes the lock, if there is one, and adds. A line is owned by one processor at a time, and goes to those who ask
 * for it in the order in which they ask; two additions of one processor are two requests, for it does not hold a line between them.
 * @param attempts that each processor makes; the first half only fills the queues
 */
export function simulate(machine: Machine, work: Work, processors: number, attempts = 120): Outcome {
  const lines = new Map<number, { owner: number; free: number }>();
  // one each: what a processor does itself is then the same, whatever it counts
  const randoms = Array.from({ length: processors }, (_, processor) => randomOf(processor + 1));
  const random = (processor: number) => randoms[processor]?.() ?? 0;
  const moments = new Moments();
  const step = new Uint32Array(processors);
  const made = new Uint32Array(processors);
  const began = new Float64Array(processors);
  const plans = Array.from({ length: processors }, (_, processor) => work.additions(processor));
  const half = attempts >> 1;
  let [nanoseconds, rate] = [0, 0];

  /** When the line is here, and what is to be done with it is done. */
  const take = (line: number, processor: number, at: number, held: number): number => {
    const state = lines.get(line) ?? { owner: processor, free: 0 };
    const done = Math.max(at, state.free) + transferOf(machine, state.owner, processor) + held;
    lines.set(line, { owner: processor, free: done });
    return done;
  };
  const ownWork = (processor: number) => work.own * (1 + work.jitter * (2 * random(processor) - 1));

  for (let processor = 0; processor < processors; processor++) moments.add(random(processor) * work.own, processor);
  for (let next = moments.take(); next !== null; next = moments.take()) {
    const { at, processor } = next;
    const plan = plans[processor] ?? [];
    const i = step[processor] ?? 0;
    if (i === 0) {
      const count = made[processor] ?? 0;
      if (count === half) began[processor] = at;
      if (count === attempts) {
        const each = (at - (began[processor] ?? 0)) / (attempts - half);
        nanoseconds += each / processors;
        rate += 1e9 / each;
        continue;
      }
      step[processor] = 1;
      moments.add(at + ownWork(processor), processor);
    } else if (i === 1 && work.lock !== undefined) {
      step[processor] = 2;
      moments.add(take(work.lock.line, processor, at, work.lock.held), processor);
    } else {
      const addition = i - (work.lock === undefined ? 1 : 2);
      const line = plan[addition];
      const isLast = line === undefined;
      step[processor] = isLast ? 0 : i + 1;
      if (isLast) made[processor] = (made[processor] ?? 0) + 1;
      moments.add(isLast ? at : take(line, processor, at, machine.addition), processor);
    }
  }
  return { perSecond: rate, perAttempt: nanoseconds };
}

/** Until a line of `from` is with `to`. */
export function transferOf({ perSocket, within, between }: Machine, from: number, to: number): number {
  if (from === to) return 0;
  return Math.floor(from / perSocket) === Math.floor(to / perSocket) ? within : between;
}

/** The lines that an attempt adds to: two of its counts in its process' line, two in its flow's. */
export const LINES = {
  'one process, one flow': () => [0, 0, 1, 1],
  'one process, own flows': (processor: number) => [0, 0, 1 + processor, 1 + processor],
  'own processes, one flow': (processor: number) => [1 + processor, 1 + processor, 0, 0],
  'own processes, own flows': (processor: number) => [
    2 * processor,
    2 * processor,
    2 * processor + 1,
    2 * processor + 1,
  ],
} as const satisfies Readonly<Record<string, Work['additions']>>;

/** The same with `shards` lines for each, of which a processor takes one. */
export const sharded =
  (additions: Work['additions'], shards: number): Work['additions'] =>
  (processor) =>
    additions(processor).map((line) => line * shards + (processor % shards));

/** What counting adds to an attempt: what it takes, without what it takes of those who count nothing. */
export function added(machine: Machine, work: Work, processors: number): number {
  const alone = simulate(machine, { ...work, additions: () => [] }, processors);
  return simulate(machine, work, processors).perAttempt - alone.perAttempt;
}

/**
 * How long a line travels between two processors, read off what attempts take that do nothing but add, both to the same lines; 0 if that
 * takes no longer than adding alone.
 */
export function travelOf(perAttempt: number, additions: Work['additions'], addition: number): number {
  const work: Work = { own: 0, jitter: 0, additions };
  let [low, high] = [0, perAttempt];
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    const machine = { perSocket: 2, within: middle, between: middle, addition };
    if (simulate(machine, work, 2).perAttempt < perAttempt) low = middle;
    else high = middle;
  }
  return low;
}

/** A heap of who goes on when: the earliest first. */
class Moments {
  readonly #heap: { readonly at: number; readonly processor: number }[] = [];

  add(at: number, processor: number): void {
    const heap = this.#heap;
    let i = heap.push({ at, processor }) - 1;
    for (let parent = (i - 1) >> 1; i > 0 && this.#isEarlier(i, parent); parent = (i - 1) >> 1) {
      this.#swap(i, parent);
      i = parent;
    }
  }

  take(): { readonly at: number; readonly processor: number } | null {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (first === undefined || last === undefined) return null;
    if (heap.length === 0) return first;
    heap[0] = last;
    for (let i = 0; ;) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2])
        if (child < heap.length && this.#isEarlier(child, least)) least = child;
      if (least === i) return first;
      this.#swap(i, least);
      i = least;
    }
  }

  /** Who asks at the same moment is served by number, so that a run can be repeated. */
  #isEarlier(a: number, b: number): boolean {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return false;
    return x.at < y.at || (x.at === y.at && x.processor < y.processor);
  }

  #swap(a: number, b: number): void {
    const [x, y] = [this.#heap[a], this.#heap[b]];
    if (x === undefined || y === undefined) return;
    [this.#heap[a], this.#heap[b]] = [y, x];
  }
}

/** Random numbers in [0, 1) of which a seed gives the same again (mulberry32). */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
