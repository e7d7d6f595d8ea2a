/** Counts that are spread over lines for each processor, as on large machines: forced here, where there are few. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished, vi } from 'vitest';
import { until } from './support/kernel.ts';
import { attempts, attemptsOf, named, pinsOfTest, startPinned, witnessOf } from './support/pinned.ts';
import { type Daemon, expectEqual, program, scrape, startDaemon, stat, sumOf } from './support/run.ts';

const LINES = [2, 4];
const THREADS = '3';
/** Those that have ended are looked for each second: by then what they counted stands elsewhere, unless the machine is slow. */
const RETIRED_MS = 2500;

/** A program that goes on until it is told to end: then it tells what it has done. */
function start(path: string, flags: readonly string[] = []) {
  const child = spawn(path, ['600', '--threads', THREADS, ...flags], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const output = text(child.stdout);
  return {
    end: async () => {
      child.kill('SIGTERM');
      await once(child, 'exit');
      return witnessOf(await output);
    },
  };
}

const setsOf = async (daemon: Daemon): Promise<number> => sumOf(await scrape(daemon), 'shard_sets');

/** More attempts than this were counted since. */
async function counted(daemon: Daemon, comm: string): Promise<void> {
  const before = await attemptsOf(daemon, comm);
  await until(async () => (await attemptsOf(daemon, comm)) > before + 1000);
}

it.each(LINES)(
  '%i lines: many threads of one process on one flow are counted to the last one, also when they have ended',
  async (lines) => {
    const daemon = await startDaemon([], { SPILLWAY_SHARDS: String(lines) });
    const busy = named('busy');
    const running = start(busy.path);
    // its process and its flow
    await until(async () => (await setsOf(daemon)) >= 2);
    await counted(daemon, busy.comm);
    const witness = await running.end();
    await until(async () => (await attemptsOf(daemon, busy.comm)) === attempts(witness));
    // what it held is folded, and its sets serve the next one
    const next = start(busy.path);
    await counted(daemon, busy.comm);
    const both = attempts(witness) + attempts(await next.end());
    await until(async () => (await attemptsOf(daemon, busy.comm)) === both);
    await sleep(RETIRED_MS);
    expect(await attemptsOf(daemon, busy.comm)).toBe(both);
  },
);

it('the report of stat has every attempt and byte by process and by flow', async () => {
  // both lines are in use where there are two processors
  vi.stubEnv('SPILLWAY_SHARDS', '2');
  onTestFinished(() => void vi.unstubAllEnvs());
  expectEqual(await stat([program('busy'), '5', '--threads', THREADS]));
});

it.each([
  ['goes on with the sets', '4', 'going on with the counts and probes'],
  ['carries over what stands in other ones', '2', 'carried over'],
  ['carries over what stands in sets to where there are none', '0', 'carried over'],
])(
  'an agent after one that was killed %s',
  async (_, lines, says) => {
    const pins = pinsOfTest();
    const first = await startPinned(pins, [], { SPILLWAY_SHARDS: '4' });
    const busy = named('busy');
    const running = start(busy.path);
    await until(async () => (await setsOf(first)) >= 2);
    await counted(first, busy.comm);
    await first.stop('SIGKILL');
    const second = await startPinned(pins, [], { SPILLWAY_SHARDS: lines });
    expect(second.stderr()).toContain(says);
    await counted(second, busy.comm);
    const witness = await running.end();
    await until(async () => (await attemptsOf(second, busy.comm)) === attempts(witness));
    await sleep(RETIRED_MS);
    expect(await attemptsOf(second, busy.comm)).toBe(attempts(witness));
  },
  400_000,
);
