/** What the agent itself costs: reading, scraping, memory, starting. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startKernel } from '../agent/src/cli/context.ts';
import { DEFAULT_OPTIONS } from '../agent/src/kernel/options.ts';
import { type Collection, DEFAULT_LIMITS, Exporter } from '../agent/src/metrics/index.ts';
import type { Snapshot } from '../agent/src/model/snapshot.ts';
import { type Spread, spread } from './statistics.ts';
import { ready, ROOT, sleep } from './watchers.ts';

const FLOWS = 65_536;
const REPEATS = 30;
const WARM_UPS = 10;

/**
 * Milliseconds of processor time, of all threads, of each of `REPEATS` runs: others who have the processors meanwhile do not count. The
 * first ones, before the code is compiled, are left out.
 */
function milliseconds(work: () => unknown): Spread {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = process.cpuUsage();
    work();
    const { user, system } = process.cpuUsage(start);
    if (i >= WARM_UPS) times.push((user + system) / 1000);
  }
  return spread(times);
}

export interface Reading {
  readonly flows: number;
  readonly snapshot: Spread;
  readonly scrape: Spread;
  readonly fullScrape: Spread;
  /** The longest step of each, between which others have their turn. */
  readonly longestStep: Spread;
  readonly fullScrapeBytes: number;
  /** Loading and attaching the programs. */
  readonly loading: Spread;
}

/** Milliseconds to read 65,536 live flows and to write them as text: the default hundred, and all of them. */
export function measureReading(): Reading {
  const loading = Array.from({ length: STARTS }, () => {
    const start = performance.now();
    const kernel = startKernel(DEFAULT_OPTIONS);
    const milliseconds = performance.now() - start;
    kernel.close();
    return milliseconds;
  });
  const kernel = startKernel(DEFAULT_OPTIONS);
  try {
    execFileSync(`${ROOT}/build/live/flows`, [String(FLOWS), '1'], { stdio: 'ignore' });
    const build = { version: '', revision: '', kernel: '' };
    const collection = { seconds: 0, success: true };
    const few = new Exporter(build, DEFAULT_LIMITS);
    const all = new Exporter(build, { ...DEFAULT_LIMITS, flows: FLOWS });
    const using = <T>(use: (snapshot: Snapshot) => T): T => {
      const snapshot = kernel.snapshot();
      try {
        return use(snapshot);
      } finally {
        kernel.release(snapshot);
      }
    };
    const longest: number[] = [];
    const fullScrape = milliseconds(() => using((snapshot) => longest.push(longestStep(all, snapshot, collection))));
    return {
      flows: using(({ flows }) => flows[0].length),
      snapshot: milliseconds(() => using(() => null)),
      scrape: milliseconds(() => using((snapshot) => few.render(snapshot, collection))),
      fullScrape,
      longestStep: spread(longest.slice(WARM_UPS)),
      fullScrapeBytes: using((snapshot) => Buffer.byteLength(all.render(snapshot, collection))),
      loading: spread(loading),
    };
  } finally {
    kernel.close();
  }
}

/** Writes a scrape as the server does, and gives its memory back. */
function longestStep(exporter: Exporter, snapshot: Snapshot, collection: Collection): number {
  const steps = exporter.steps(snapshot, collection, undefined, '');
  for (let longest = 0; ;) {
    const start = performance.now();
    const step = steps.next();
    longest = Math.max(longest, performance.now() - start);
    if (step.done !== true) continue;
    step.value.use()();
    return longest;
  }
}

export interface Daemon {
  /** Milliseconds from exec to `/-/ready`, and what that took of the processors. */
  readonly ready: Spread;
  readonly startCpu: Spread;
  /** Percent of one processor while nobody asks, in each of some windows; what else the host does only ever adds. */
  readonly idleCpu: Spread;
  /** Attempts a second that others made meanwhile: each is work for an agent that should have none. */
  readonly attemptsOfOthers: number;
  /** MiB resident: idle, with full tables after scrapes, and the most that it ever was when each flow is a series. */
  readonly idle: number;
  readonly full: number;
  readonly peak: number;
  /** Series of the scrapes before that peak. */
  readonly series: number;
  /** Node with an HTTP server and nothing else: exec to its first answer, and what it has resident. */
  readonly bare: { readonly ready: Spread; readonly resident: number };
}

const STARTS = 5;
/** By then what only the start needed is given back. */
const SETTLED_MS = 15_000;
const IDLE_WINDOWS = 6;
const WINDOW_MS = 10_000;

/** Starts the daemon a few times; the last but one is filled as it comes, the last one with all flows as series. */
export async function measureDaemon(): Promise<Daemon> {
  const times: number[] = [];
  const cpu: number[] = [];
  for (let i = 0; i < STARTS; i++) {
    const daemon = await startDaemon(i, []);
    times.push(daemon.milliseconds);
    cpu.push(cpuMs(daemon.pid));
    await daemon.stop();
  }
  const bare = await measureBare();
  const usual = await startDaemon(STARTS, []);
  await sleep(SETTLED_MS);
  const idle = statusMiB(usual.pid, 'VmRSS');
  const attempts = await attemptsOf(usual.url);
  const since = performance.now();
  const idleCpu: number[] = [];
  for (let window = 0; window < IDLE_WINDOWS; window++) {
    const before = cpuMs(usual.pid);
    await sleep(WINDOW_MS);
    idleCpu.push((100 * (cpuMs(usual.pid) - before)) / WINDOW_MS);
  }
  const attemptsOfOthers = ((await attemptsOf(usual.url)) - attempts) / ((performance.now() - since) / 1000);
  await fill(usual.url);
  const full = statusMiB(usual.pid, 'VmRSS');
  await usual.stop();

  const directory = mkdtempSync(join(tmpdir(), 'spillway-bench-'));
  try {
    const config = join(directory, 'config.yaml');
    writeFileSync(config, `limits:\n  flows: ${String(FLOWS)}\nalerts:\n  state_directory: ${directory}\n`);
    const all = await startDaemon(STARTS + 1, ['--config', config]);
    const text = await fill(all.url);
    const peak = statusMiB(all.pid, 'VmHWM');
    await all.stop();
    const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length;
    return {
      ready: spread(times),
      startCpu: spread(cpu),
      idleCpu: spread(idleCpu),
      attemptsOfOthers,
      idle,
      full,
      peak,
      series,
      bare,
    };
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** All attempts that an agent has counted. */
async function attemptsOf(url: string): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  const counts = text.matchAll(/^spillway_attempts_total\{.*\} (\d+)$/gm);
  return [...counts].reduce((sum, [, count]) => sum + Number(count), 0);
}

/** What Node takes that does nothing but answer: with the flags of bin/spillway. */
async function measureBare(): Promise<Daemon['bare']> {
  const times: number[] = [];
  let resident = NaN;
  for (let start = 0; start < STARTS; start++) {
    const url = `http://127.0.0.1:${String(22_180 + start)}`;
    const script = `require('node:http').createServer((_, response) => response.end()).listen(${url.slice(-5)}, '127.0.0.1')`;
    const began = performance.now();
    const child = spawn(process.execPath, ['--disable-sigusr1', '--max-semi-space-size=2', '-e', script]);
    await ready(url, child);
    times.push(performance.now() - began);
    if (start === STARTS - 1) {
      await sleep(1000);
      resident = statusMiB(child.pid ?? 0, 'VmRSS');
    }
    child.kill();
    await new Promise((resolve) => child.once('exit', resolve));
  }
  return { ready: spread(times), resident };
}

/** @param nth gives it a port of its own */
async function startDaemon(nth: number, options: readonly string[]) {
  const url = `http://127.0.0.1:${String(22_200 + nth)}`;
  const start = performance.now();
  const command = ['run', ...options, '--web.listen-address', url.slice('http://'.length)];
  const child = spawn(`${ROOT}/bin/spillway`, command, { stdio: 'ignore' });
  await ready(url, child);
  const milliseconds = performance.now() - start;
  const stop = async () => {
    child.kill('SIGTERM');
    await new Promise((resolve) => child.once('exit', resolve));
  };
  return { url, pid: child.pid ?? 0, milliseconds, stop };
}

/** Fills its tables and asks five times; the latest answer. */
async function fill(url: string): Promise<string> {
  execFileSync(`${ROOT}/build/live/children`, ['4000', '--kind', 'plain', '--parallel', '100'], { stdio: 'ignore' });
  execFileSync(`${ROOT}/build/live/flows`, [String(FLOWS), '1'], { stdio: 'ignore' });
  let text = '';
  for (let scrape = 0; scrape < 5; scrape++) text = await (await fetch(`${url}/metrics`)).text();
  return text;
}

/** User and system time, all threads: proc_pid_schedstat(5) of each, in nanoseconds, where /proc/PID/stat has hundredths of a second. */
function cpuMs(pid: number): number {
  const tasks = readdirSync(`/proc/${String(pid)}/task`);
  const ns = tasks.map((task) =>
    Number(readFileSync(`/proc/${String(pid)}/task/${task}/schedstat`, 'utf8').split(' ')[0]),
  );
  return ns.reduce((sum, each) => sum + each, 0) / 1e6;
}

function statusMiB(pid: number, field: 'VmRSS' | 'VmHWM'): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}
