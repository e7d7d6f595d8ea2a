/** What watching adds to a system call: everyone in turn, round after round, so that all see the same machine. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { lowerQuartile, type Spread, spread } from './statistics.ts';
import { nobody, ROOT, type Watcher } from './watchers.ts';

const run = promisify(execFile);

const ROUNDS = 6;
/** Short ones in a round, of which the lower quartile counts: what else the machine does only ever adds. */
const MEASUREMENTS = 40;

export interface Cost {
  readonly call: string;
  /** Nanoseconds of the unwatched call. */
  readonly base: Spread;
  /** Nanoseconds added by each watcher. */
  readonly added: ReadonlyMap<string, Spread>;
  /** What each adds as a part of what the first adds, round by round. */
  readonly ratios: ReadonlyMap<string, Spread>;
}

/** Nanoseconds of one call now. */
async function measure(kind: string, calls: number): Promise<number> {
  const { stdout } = await run(`${ROOT}/build/bench/calls`, [kind, String(MEASUREMENTS), String(calls)]);
  return lowerQuartile(stdout.trim().split('\n').map(Number));
}

/** Compares nobody with watchers, and each watcher with the first. */
export async function compare(kind: string, calls: number, watchers: readonly [Watcher, ...Watcher[]]): Promise<Cost> {
  const everyone = [nobody, ...watchers];
  const times = new Map<string, number[]>(everyone.map(({ name }) => [name, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const watcher of everyone) {
      const stop = await watcher.start();
      times.get(watcher.name)?.push(await measure(kind, calls));
      await stop();
    }
  }
  const of = ({ name }: Watcher) => times.get(name) ?? [];
  const added = (watcher: Watcher) => of(watcher).map((time, round) => time - (of(nobody)[round] ?? NaN));
  const reference = added(watchers[0]);
  return {
    call: kind,
    base: spread(of(nobody)),
    added: new Map(watchers.map((watcher) => [watcher.name, spread(added(watcher))])),
    ratios: new Map(
      watchers.map((watcher) => [
        watcher.name,
        spread(added(watcher).map((time, round) => time / (reference[round] ?? NaN))),
      ]),
    ),
  };
}
