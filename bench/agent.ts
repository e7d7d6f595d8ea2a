/** What the agent itself costs: reading, scraping, memory, starting. */
import { execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { startKernel } from '../agent/src/cli/context.ts';
import { DEFAULT_OPTIONS } from '../agent/src/kernel/options.ts';
import { DEFAULT_LIMITS, Exporter } from '../agent/src/metrics/index.ts';
import { type Spread, spread } from './statistics.ts';
import { ready, ROOT, sleep } from './watchers.ts';

const FLOWS = 65_536;
const REPEATS = 30;

/** Milliseconds of each of `REPEATS` runs; the first ones, before the code is compiled, are left out. */
function milliseconds(work: () => unknown): Spread {
  const times: number[] = [];
  for (let i = 0; i < REPEATS; i++) {
    const start = performance.now();
    work();
    if (i >= 10) times.push(performance.now() - start);
  }
  return spread(times);
}

export interface Reading {
  readonly flows: number;
  readonly snapshot: Spread;
  readonly scrape: Spread;
  readonly fullScrape: Spread;
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
    return {
      flows: snapshot.flows[0].length,
      snapshot: milliseconds(() => kernel.snapshot()),
      scrape: milliseconds(() => few.render(kernel.snapshot(), collection)),
      fullScrape: milliseconds(() => all.render(kernel.snapshot(), collection)),
      fullScrapeBytes: Buffer.byteLength(all.render(kernel.snapshot(), collection)),
    };
  } finally {
    kernel.close();
  }
}

export interface Daemon {
  /** Milliseconds from exec to `/-/ready`. */
  readonly ready: Spread;
  /** MiB resident, idle and with full tables after a scrape. */
  readonly idle: number;
  readonly full: number;
}

/** Starts the daemon a few times; the last one is filled. */
export async function measureDaemon(): Promise<Daemon> {
  const times: number[] = [];
  for (let i = 0; ; i++) {
    const url = `http://127.0.0.1:${String(22_200 + i)}`;
    const start = performance.now();
    const child = spawn(`${ROOT}/bin/spillway`, ['run', '--web.listen-address', url.slice(7)], { stdio: 'ignore' });
    await ready(url, child);
    times.push(performance.now() - start);
    const stop = async () => {
      child.kill('SIGTERM');
      await new Promise((resolve) => child.once('exit', resolve));
    };
    if (i < 4) {
      await stop();
      continue;
    }
    await sleep(3000);
    const idle = residentMiB(child.pid);
    execFileSync(`${ROOT}/build/live/children`, ['4000', '--kind', 'plain', '--parallel', '100'], { stdio: 'ignore' });
    execFileSync(`${ROOT}/build/live/flows`, [String(FLOWS), '1'], { stdio: 'ignore' });
    for (let scrape = 0; scrape < 5; scrape++) await (await fetch(`${url}/metrics`)).text();
    const full = residentMiB(child.pid);
    await stop();
    return { ready: spread(times), idle, full };
  }
}

function residentMiB(pid: number | undefined): number {
  const status = readFileSync(`/proc/${String(pid)}/status`, 'utf8');
  return Number(/^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1]) / 1024;
}
