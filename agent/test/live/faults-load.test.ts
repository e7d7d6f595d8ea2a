/** More than the tables hold, an agent that stands still, and a day of operation in less than a minute: the sums stay exact, memory stays flat. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { attempts, named, tell, witnessOf } from './support/pinned.ts';
import { type Daemon, type Report, run, scrape, startDaemon, sumOf } from './support/run.ts';

const CHILDREN = Number(process.env.FAULT_CHILDREN ?? 20_000);
const STOPPED_S = Number(process.env.FAULT_STOPPED_S ?? 4);
const DAY_S = Number(process.env.FAULT_DAY_S ?? 20);

/** Garbage is collected soon, so that what grows is no garbage; who keeps more than this comes to an end. */
const TIDY = { NODE_OPTIONS: '--max-semi-space-size=2 --max-old-space-size=64' };

/** Resident memory in KiB. */
const memoryOf = ({ child }: Daemon): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(child.pid)}/status`, 'utf8'))?.[1]);

/** All that was attempted on this host, which is the same by workload. */
async function allOf(daemon: Daemon): Promise<{ all: number; samples: Map<string, number> }> {
  const samples = await scrape(daemon);
  const all = sumOf(samples, 'attempts_total');
  expect(sumOf(samples, 'workload_attempts_total')).toBe(all);
  return { all, samples };
}

/**
 * What does not fit into tables has no name, so it is found in the sum of the host only; others may be busy there. An agent with room
 * for all knows how much is theirs: as much as it says before and after, at the least and at the most.
 */
class Observed {
  readonly #small: Daemon;
  readonly #roomy: Daemon;
  readonly #comms: readonly string[];
  #start = { before: 0, at: 0, after: 0 };

  private constructor(small: Daemon, roomy: Daemon, comms: readonly string[]) {
    this.#small = small;
    this.#roomy = roomy;
    this.#comms = comms;
  }

  static async start(small: Daemon, comms: readonly string[]): Promise<Observed> {
    const observed = new Observed(small, await startDaemon(['--processes', '60000']), comms);
    observed.#start = await observed.#look();
    return observed;
  }

  async #others(): Promise<number> {
    const samples = await scrape(this.#roomy);
    return this.#comms.reduce(
      (rest, comm) => rest - sumOf(samples, 'workload_attempts_total', `comm="${comm}"`),
      sumOf(samples, 'attempts_total'),
    );
  }

  async #look(): Promise<{ before: number; at: number; after: number; samples: Map<string, number> }> {
    const before = await this.#others();
    const { all, samples } = await allOf(this.#small);
    return { before, at: all, after: await this.#others(), samples };
  }

  /** The small one has counted all of what ours have made, and what others have. */
  async expectExactly(made: number): Promise<Map<string, number>> {
    const { before, at, after, samples } = await this.#look();
    const others = at - this.#start.at - made;
    expect(others).toBeGreaterThanOrEqual(before - this.#start.after);
    expect(others).toBeLessThanOrEqual(after - this.#start.before);
    return samples;
  }
}

/** Processes that stay until `leave` is called, and what they have attempted. */
async function crowd(path: string, size: number): Promise<{ made: number; leave: () => Promise<void> }> {
  const child = spawn(path, [String(size), '--attempts', '3'], { stdio: ['pipe', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  const ended = once(child, 'exit');
  for await (const line of createInterface(child.stdout)) {
    return {
      made: attempts(JSON.parse(line) as Report),
      leave: async () => {
        child.stdin.end();
        await ended;
      },
    };
  }
  throw new Error('crowd has said nothing');
}

const overflowOf = (samples: Map<string, number>, table: string): number =>
  samples.get(`spillway_table_overflow_total{table="${table}"}`) ?? 0;

it('ten times more processes and flows than the tables hold: sums are exact, and what could not be told apart is told', async () => {
  const [many, later] = [named('crowd'), named('crowd')];
  const daemon = await startDaemon(['--processes', '64', '--flows', '64']);
  const observed = await Observed.start(daemon, [many.comm, later.comm]);
  const { made, leave } = await crowd(many.path, 640);
  expect(made).toBe(1920);
  const samples = await observed.expectExactly(made);
  const [processes, flows] = [overflowOf(samples, 'processes'), overflowOf(samples, 'flows')];
  tell(`of ${String(made)} attempts: ${String(processes)} counts found no place by process, ${String(flows)} by flow`);
  expect(processes).toBeGreaterThan(1000);
  expect(flows).toBeGreaterThan(1000);
  expect(samples.get('spillway_table_entries{table="processes"}')).toBeLessThanOrEqual(64);
  await leave();
  // room again: the next are told apart
  await sleep(3000);
  const few = await crowd(later.path, 20);
  const after = await observed.expectExactly(made + few.made);
  expect(sumOf(after, 'workload_attempts_total', `comm="${later.comm}"`)).toBe(few.made);
  await few.leave();
});

it(`${String(CHILDREN)} short processes, each with one attempt: the sum is exact, memory is flat`, async () => {
  const children = named('children');
  // room for those that wait to be retired: on a busy machine they come faster than they go
  const daemon = await startDaemon(['--processes', '60000'], TIDY);
  const memory: number[] = [];
  for (let part = 0; part < 5; part++) {
    const count = String(CHILDREN / 5);
    await run([children.path, count, '--kind', 'plain', '--attempts', '1', '--parallel', '16']);
    await allOf(daemon);
    memory.push(memoryOf(daemon));
  }
  tell(`${String(CHILDREN)} processes, memory in KiB after each fifth: ${memory.join(', ')}`);
  const { samples } = await allOf(daemon);
  expect(overflowOf(samples, 'processes')).toBe(0);
  expect(sumOf(samples, 'workload_attempts_total', `comm="${children.comm}"`)).toBe(CHILDREN);
  // what the agent compiles and allocates at its first work is no growth
  expect(Math.max(...memory.slice(3)) - Math.max(...memory.slice(0, 3))).toBeLessThan(32 * 1024);
});

it(`an agent that is stopped for ${String(STOPPED_S)} seconds: the kernel counts on, in full tables too`, async () => {
  const [children, flows] = [named('children'), named('flows')];
  const daemon = await startDaemon(['--processes', '64', '--flows', '128']);
  const observed = await Observed.start(daemon, [children.comm, flows.comm]);
  daemon.child.kill('SIGSTOP');
  let made = 0;
  const until = Date.now() + 1000 * STOPPED_S;
  for (let start = 0; Date.now() < until || start < 1200; start += 300) {
    const results = [
      await run([children.path, '100', '--kind', 'plain']),
      await run([flows.path, '300', '2', '--start', String(start)]),
    ];
    for (const { stdout } of results) made += attempts(witnessOf(stdout));
  }
  daemon.child.kill('SIGCONT');
  const overflow = overflowOf(await observed.expectExactly(made), 'processes');
  tell(`${String(made)} attempts meanwhile, ${String(overflow)} counts found no place by process`);
  expect(overflow).toBeGreaterThan(0);
  await sleep(3000);
  // all of them have ended, and were folded
  const samples = await observed.expectExactly(made);
  expect(samples.get('spillway_table_entries{table="processes"}')).toBeLessThan(32);
});

it(`a day in ${String(DAY_S)} seconds: retired, folded, reloaded and scraped again and again, with flat memory`, async () => {
  const [children, flows] = [named('children'), named('flows')];
  const daemon = await startDaemon(['--processes', '1024', '--flows', '128'], TIDY);
  const happened = { attempts: 0, processes: 0, flows: 0, reloads: 0, scrapes: 0 };
  const memory: number[] = [];
  const began = performance.now();
  const state = { ended: false };
  const reloads = (async () => {
    while (!state.ended) {
      daemon.child.kill('SIGHUP');
      happened.reloads++;
      await sleep(10);
    }
  })();
  for (let round = 0; performance.now() - began < 1000 * DAY_S; round++) {
    const results = [
      await run([children.path, '100', '--kind', ['plain', 'nested', 'threads'][round % 3] ?? '']),
      await run([flows.path, '100', '--start', String((100 * round) % 60_000)]),
    ];
    for (const { stdout } of results) happened.attempts += attempts(witnessOf(stdout));
    happened.processes += 102;
    happened.flows += 100;
    const { samples } = await allOf(daemon);
    happened.scrapes++;
    const counted = [children, flows].map(({ comm }) => sumOf(samples, 'workload_attempts_total', `comm="${comm}"`));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(happened.attempts);
    memory.push(memoryOf(daemon));
  }
  state.ended = true;
  await reloads;
  const half = Math.floor(memory.length / 2);
  const [early, late] = [Math.max(...memory.slice(0, half)), Math.max(...memory.slice(half))];
  tell(JSON.stringify({ ...happened, earlyKiB: early, lateKiB: late }));
  expect(happened.scrapes).toBeGreaterThan(10);
  expect(late - early).toBeLessThan(16 * 1024);
});
