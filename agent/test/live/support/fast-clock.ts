/**
 * Loaded into an agent before anything of its own (`--import`), and as its binding: a clock that goes as fast as the work gets done.
 * Its timers come in the order and at the times of a clock that nothing delays, one right after the other; what has to do with the
 * kernel, the disk and the network is as it is, and takes the time that it takes. Every few thousand seconds of that clock a line
 * with what the agent holds is written, for which all garbage is collected first.
 */
import { appendFileSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Binding } from '../../../../native/lib/index.ts';

/** What the agent holds; sizes in bytes. */
export interface Holding {
  /** Of the fast clock, since the start. */
  readonly seconds: number;
  /** How often timers of one second have called: the agent has two, of which one collects and judges, and one sweeps. */
  readonly everySecond: number;
  readonly heapUsed: number;
  /** Memory of objects that are not on V8's heap, buffers included. */
  readonly external: number;
  /** Resident memory that is no file's: pages of Node's own code come in one by one for a long time, and are not the agent's. */
  readonly anonymous: number;
  readonly descriptors: number;
  /** Lines of /proc/self/maps. */
  readonly mappings: number;
  /** Timers of the fast clock. */
  readonly timers: number;
  /** Sockets, files and whatever else the event loop waits for, by kind. */
  readonly resources: Readonly<Record<string, number>>;
}

const { FAST_CLOCK_LOG: LOG = '', FAST_CLOCK_LOG_S = '1000' } = process.env;
const LOG_MS = 1000 * Number(FAST_CLOCK_LOG_S);

const real = createRequire(import.meta.url)(
  fileURLToPath(new URL('../../../../build/native/spillway.node', import.meta.url)),
) as Binding;
const began = { unixMs: Date.now(), bootNs: real.bootTimeNs(), monotonicUs: real.monotonicUs() };
let nowMs = 0;
let everySecond = 0;

/** As far as the agent uses what setTimeout() and setInterval() give. */
class Timer {
  readonly call: () => void;
  readonly period: number | null;
  due: number;
  isReferenced = true;

  constructor(call: () => void, ms: number, repeats: boolean) {
    this.call = call;
    this.due = nowMs + ms;
    this.period = repeats ? ms : null;
  }

  ref(): this {
    this.isReferenced = true;
    drive();
    return this;
  }

  unref(): this {
    this.isReferenced = false;
    return this;
  }

  hasRef(): boolean {
    return this.isReferenced;
  }
}

const timers = new Set<Timer>();
let isDriving = false;

const start =
  (repeats: boolean) =>
  (call: (...args: unknown[]) => void, ms = 1, ...args: unknown[]): Timer => {
    const timer = new Timer(() => call(...args), Math.max(1, ms), repeats);
    timers.add(timer);
    drive();
    return timer;
  };

const stop = (timer: unknown): void => void timers.delete(timer as Timer);

/** One timer each turn of the event loop: what has come in from outside is always next. */
function drive(): void {
  if (isDriving) return;
  isDriving = true;
  setImmediate(() => {
    isDriving = false;
    let next: Timer | null = null;
    let isAwaited = false;
    for (const timer of timers) {
      if (next === null || timer.due < next.due) next = timer;
      isAwaited ||= timer.isReferenced;
    }
    if (next === null || !isAwaited) return;
    if (Math.floor(next.due / LOG_MS) > Math.floor(nowMs / LOG_MS)) tell();
    nowMs = next.due;
    if (next.period === null) timers.delete(next);
    else next.due += next.period;
    if (next.period === 1000) everySecond++;
    drive();
    next.call();
  });
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

function tell(): void {
  if (LOG === '') return;
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  const resources: Record<string, number> = {};
  for (const kind of process.getActiveResourcesInfo()) resources[kind] = (resources[kind] ?? 0) + 1;
  const holding: Holding = {
    seconds: nowMs / 1000,
    everySecond,
    heapUsed,
    external,
    anonymous: 1024 * Number(/^RssAnon:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1]),
    descriptors: readdirSync('/proc/self/fd').length,
    mappings: readFileSync('/proc/self/maps', 'latin1').split('\n').length - 1,
    timers: timers.size,
    resources,
  };
  appendFileSync(LOG, `${JSON.stringify(holding)}\n`);
}

Object.assign(globalThis, {
  setTimeout: start(false),
  setInterval: start(true),
  clearTimeout: stop,
  clearInterval: stop,
});
Date.now = () => Math.round(began.unixMs + nowMs);
performance.now = () => nowMs;

const binding: Binding = Object.assign(Object.create(real) as Binding, {
  bootTimeNs: () => began.bootNs + nowMs * 1e6,
  monotonicUs: () => began.monotonicUs + nowMs * 1e3,
});
export { binding as 'module.exports' };
