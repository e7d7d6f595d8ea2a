/** More than the tables hold, and an agent that stands still: the sums stay exact, memory stays flat. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { until } from './support/kernel.ts';
import { startedService } from './support/manager.ts';
import { allOf, Observed, overflowOf, TIDY } from './support/observed.ts';
import { attempts, attemptsOf, named, pinsOfTest, tell, witnessOf } from './support/pinned.ts';
import { type Daemon, type Report, run, startDaemon, sumOf } from './support/run.ts';

const CHILDREN = Number(process.env.FAULT_CHILDREN ?? 20_000);
const STOPPED_S = Number(process.env.FAULT_STOPPED_S ?? 60);
const STOPPED_TEST_MS = 1000 * STOPPED_S + 180_000;

/** Resident memory in KiB. */
const memoryOf = ({ child }: Daemon): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${String(child.pid)}/status`, 'utf8'))?.[1]);

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
  // what the agent compiles and allocates at its first work is no growth; a record that is kept of each child would be 9 MiB
  expect(Math.max(...memory.slice(3)) - Math.max(...memory.slice(0, 3))).toBeLessThan(8 * 1024);
});

it(
  `an agent that is stopped for ${String(STOPPED_S)} seconds: the kernel counts on, in full tables too`,
  async () => {
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
  },
  STOPPED_TEST_MS,
);

it('a stopped agent pings no more, is ended as systemd ends it, and the next one goes on with what was done meanwhile', async () => {
  const pins = pinsOfTest();
  const children = named('children');
  const unit = { watchdogS: 3, settings: 'persist: true\n', env: { SPILLWAY_PINS: pins } };
  const first = await startedService(unit);
  const made = async (count: number): Promise<number> =>
    attempts(witnessOf((await run([children.path, String(count), '--kind', 'plain'])).stdout));
  let all = await made(20);
  await until(() => first.pings() > 1);
  first.child.kill('SIGSTOP');
  await sleep(1000);
  const pings = first.pings();
  all += await made(200);
  await sleep(1000 * (unit.watchdogS + 1));
  expect(first.pings()).toBe(pings);
  // WatchdogSignal=, and then what lets it reach a process that stands still
  const ended = once(first.child, 'exit');
  first.child.kill('SIGABRT');
  first.child.kill('SIGCONT');
  expect(await ended).toEqual([null, 'SIGABRT']);
  all += await made(20);
  const second = await startedService(unit);
  expect(second.stderr()).toContain('going on with the counts and probes');
  expect(await attemptsOf(second, children.comm)).toBe(all);
  await until(() => second.pings() > 1);
});
