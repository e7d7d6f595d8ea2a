/** One piece of work that all who ask for it share. */
import { setImmediate as turn, setTimeout as sleep } from 'node:timers/promises';
import type { Steps } from '../metrics/index.ts';

/** `work`, but whoever calls while it is under way gets the result of that. A result is not kept. */
export function shared<T>(work: () => Promise<T>): () => Promise<T> {
  let underWay: Promise<T> | null = null;
  return () => {
    underWay ??= work().finally(() => {
      underWay = null;
    });
    return underWay;
  };
}

/**
 * `work`, but one at a time: whoever asks while it is under way shares the next one, which begins when that has ended. So
 * everybody gets a result of work that began after asking, however many ask. @param rest milliseconds between one and the next
 */
export function inTurn<T>(work: () => Promise<T>, rest: number): () => Promise<T> {
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<T> | null = null;
  return () => {
    if (next !== null) return next;
    const own = last.then(() => {
      next = null;
      return work();
    });
    next = own;
    last = own.catch(() => undefined).then(() => sleep(rest, undefined, { ref: false }));
    return own;
  };
}

/** Runs work step by step; between two of them all else that waits has its turn. */
export async function stepwise<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done === true) return step.value;
    await turn();
  }
}

/** `make`, at most once. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => (made ??= { value: make() }).value;
}
