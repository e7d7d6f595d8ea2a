/** What watching adds to a system call: everyone in turn, round after round, so that all see the same machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type Spread, spread } from './statistics.ts';
import { bpftrace, nobody, ROOT, spillway, type Watcher } from './watchers.ts';

const run = promisify(execFile);

const ROUNDS = 4;
/** Measurements in a round, of which the median counts: an interrupt hits one, not all. */
const MEASUREMENTS = 9;

export interface Cost {
  readonly call: string;
  /** Nanoseconds of the unwatched call. */
  readonly base: Spread;
  /** Nanoseconds added by each watcher. */
  readonly added: ReadonlyMap<string, Spread>;
  /** What we add, as a part of what the one-liner adds, round by round. */
  readonly ratio: Spread;
}

/** Nanoseconds of one call now. */
async function measure(kind: string, calls: number): Promise<number> {
  const { stdout } = await run(`${ROOT}/build/bench/calls`, [kind, String(MEASUREMENTS), String(calls)]);
  return spread(stdout.trim().split('\n').map(Number)).median;
}

/** Compares nobody, the one-liner by pid and errno, an empty bpftrace program, and spillway. */
export async function compare(kind: string, tracepoint: string, calls: number): Promise<Cost> {
  const oneLiner = bpftrace(tracepoint, ' @[pid, args->ret] = count(); ');
  const watchers: Watcher[] = [nobody, oneLiner, bpftrace(tracepoint, ' '), spillway];
  const times = new Map<string, number[]>(watchers.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const watcher of watchers) {
      const stop = await watcher.start();
      times.get(watcher.name)?.push(await measure(kind, calls));
      await stop();
    }
  }
  const of = (watcher: Watcher) => times.get(watcher.name) ?? [];
  const added = (watcher: Watcher) => of(watcher).map((time, round) => time - (of(nobody)[round] ?? NaN));
  const reference = added(oneLiner);
  return {
    call: kind,
    base: spread(of(nobody)),
    added: new Map(watchers.slice(1).map((watcher) => [watcher.name, spread(added(watcher))])),
    ratio: spread(added(spillway).map((time, round) => time / (reference[round] ?? NaN))),
  };
}
