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

/** Milliseconds of each of `REPEATS` runs; the first ones, before the code is compiled, are left out. */
function milliseconds(work: () => unknown): Spread {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    work();
    if (i >= WARM_UPS) times.push(performance.now() - start);
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
}

/** Milliseconds to read 65,536 live flows and to write them as text: the default hundred, and all of them. */
export function measureReading(): Reading {
  const kernel = startKernel(DEFAULT_OPTIONS);
  try {
    execFileSync(`${ROOT}/build/live/flows`, [String(FLOWS), '1'], { stdio: 'ignore' });
    const build = { version: '', revision: '', kernel: '' };
    const collection = { seconds: 0, success: true };
    const few = new Exporter(build, DEFAULT_LIMITS);
    const all = new Exporter(build, { ...DEFAULT_LIMITS, flows: FLOWS });
    const snapshot = kernel.snapshot();
    const longest: number[] = [];
    const fullScrape = milliseconds(() => longest.push(longestStep(all, kernel.snapshot(), collection)));
    return {
      flows: snapshot.flows[0].length,
      snapshot: milliseconds(() => kernel.snapshot()),
      scrape: milliseconds(() => few.render(kernel.snapshot(), collection)),
      fullScrape,
      longestStep: spread(longest.slice(WARM_UPS)),
      fullScrapeBytes: Buffer.byteLength(all.render(kernel.snapshot(), collection)),
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
  /** Percent of one processor while nothing happens and nobody asks. */
  readonly idleCpu: number;
  /** MiB resident: idle, with full tables after scrapes, and the most that it ever was when each flow is a series. */
  readonly idle: number;
  readonly full: number;
  readonly peak: number;
  /** Series of the scrapes before that peak. */
  readonly series: number;
}

const STARTS = 5;
const IDLE_SECONDS = 20;

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
  const usual = await startDaemon(STARTS, []);
  await sleep(3000);
  const idle = statusMiB(usual.pid, 'VmRSS');
  const before = cpuMs(usual.pid);
  await sleep(IDLE_SECONDS * 1000);
  const idleCpu = (cpuMs(usual.pid) - before) / (10 * IDLE_SECONDS);
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
    return { ready: spread(times), startCpu: spread(cpu), idleCpu, idle, full, peak, series };
  } finally {
    rmSync(directory, { recursive: true });
  }
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
