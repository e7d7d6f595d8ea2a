/** Runs spillway and the programs whose sequences we wrote, on the real kernel. */
import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, onTestFinished } from 'vitest';

export const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
export const SPILLWAY = join(ROOT, 'bin/spillway');

/** How many times smaller than usual the workloads are that take minutes each where the processor is emulated. */
const SMALLER = Number(process.env.SPILLWAY_SMALLER ?? 1);

/** How much of such a workload is wanted here. */
export const smaller = (count: number): number => Math.ceil(count / SMALLER);

/** A program of agent/test/live/programs. */
export const program = (name: string): string => join(ROOT, 'build/live', name);

export interface Result {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a command to its end. */
export function run(
  command: readonly string[],
  options: { env?: NodeJS.ProcessEnv; cwd?: string } = {},
): Promise<Result> {
  const [file = '', ...args] = command;
  return new Promise((resolve) => {
    const env = { ...process.env, ...options.env };
    const limits = { maxBuffer: 2 ** 28, encoding: 'utf8' as const };
    const child = execFile(file, args, { ...options, ...limits, env }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : 255;
      resolve({ code, stdout, stderr });
    });
    child.stdin?.end();
  });
}

/** A directory of its own, gone after the test. */
export function temporaryDirectory(under = tmpdir()): string {
  const directory = mkdtempSync(join(under, 'spillway-'));
  onTestFinished(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

export interface MechanismReport {
  attempts: number;
  bytes: number;
  outcomes: Record<string, number>;
  /** Of the outcomes that move any. */
  outcomeBytes: Record<string, number>;
  errnos: Record<string, number>;
  reasons: { copied: Record<string, number>; refused: Record<string, number> };
  /** A program that does not know how its refusals end tells nothing of it. */
  resolutions?: Record<string, number>;
  /** By outcome, if attempts are timed. */
  latency?: Record<string, { count: number }>;
}

/** Why attempts of one process were copied or refused, and because of which file. */
export interface CauseReport {
  mechanism: string;
  outcome: string;
  reason: string;
  count: number;
  comm: string;
  pid: number | null;
  culprit: { type: string; name: string; filesystem: string } | null;
}

/** What `spillway stat -o json` reports, and what our programs witness. */
export interface Report {
  schema?: string;
  exitCode: number | null;
  mechanisms: Record<string, MechanismReport>;
  ioUring: {
    setups: { ok: number; errnos: Record<string, number> };
    enters: { calls: number; submitted: number; errnos: Record<string, number> };
    completions: Record<string, number>;
    completionErrnos: Record<string, number>;
    queuedAsync?: number;
    cqOverflows: number;
  };
  processes: {
    pid: number;
    comm: string;
    attempts: number;
    mechanisms: Record<string, number>;
    fallbacks: number;
    fallen: string[];
  }[];
  causes: CauseReport[];
  flows: { src: string; dst: string; proto: string; attempts: number; bytes: number }[];
  unattributed: { attempts: number };
  lost: { overflow: number; events: number; missedRuns: number };
}

export interface Observed {
  readonly report: Report;
  /** The last line of the command's own output, parsed. */
  readonly witness: Report;
  readonly result: Result;
}

/** What a program of named cases tells of one of them. */
export interface CaseWitness extends Report {
  case: string;
  casePid: number;
  /** By which the causes of its process are told from those of others when it is gone. */
  caseComm: string;
  /** What the kernel lacks, of a case that it cannot be made to give. */
  impossible?: string;
  /** The files that explain the first attempt of each mechanism and reason, as far as the program knows them. */
  culprits?: (Partial<NonNullable<CauseReport['culprit']>> & Pick<CauseReport, 'mechanism' | 'outcome' | 'reason'>)[];
}

/** Runs a command under `spillway stat`. The witness is null for programs that print none. */
export async function stat(command: readonly string[], flags: readonly string[] = []): Promise<Observed> {
  const directory = mkdtempSync(join(tmpdir(), 'spillway-'));
  const file = join(directory, 'report.json');
  const result = await run([SPILLWAY, 'stat', '-o', 'json', '--file', file, ...flags, '--', ...command]);
  let report: Report;
  try {
    report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  } catch (error) {
    throw new Error(`no report from ${command.join(' ')}: ${result.stderr}`, { cause: error });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  const line = result.stdout.trimEnd().split('\n').at(-1) ?? '';
  return { report, result, witness: line.startsWith('{') ? (JSON.parse(line) as Report) : (null as never) };
}

/** What all cases of a program tell, by their name. */
export const caseWitnesses = ({ result }: Observed): Map<string, CaseWitness> =>
  new Map(
    result.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as CaseWitness)
      .map((witness) => [witness.case, witness]),
  );

/** The names of a program's cases. */
export const casesOf = (name: string): string[] =>
  execFileSync(program(name), ['--list'], { encoding: 'utf8' }).trimEnd().split('\n');

/** The mechanisms of a report as far as the witness knows them, and what must hold of the rest. */
export function knownMechanisms(
  report: Pick<Report, 'mechanisms'>,
  witness: Pick<Report, 'mechanisms'>,
): Record<string, MechanismReport> {
  const known: Record<string, MechanismReport> = {};
  for (const [name, { resolutions, ...rest }] of Object.entries(report.mechanisms)) {
    const { refused } = rest.outcomes;
    expect({ name, pending: resolutions?.pending, ended: sum(resolutions) }).toEqual({
      name,
      pending: 0,
      ended: refused,
    });
    const isKnown = witness.mechanisms[name]?.resolutions !== undefined && resolutions !== undefined;
    known[name] = isKnown ? { ...rest, resolutions } : rest;
  }
  return known;
}

const sum = (counts: Record<string, number> = {}): number => Object.values(counts).reduce((a, b) => a + b, 0);

/** Flows in an order of their own, to compare as sets. */
export const flowSet = (flows: Report['flows']): string[] =>
  flows
    .map(({ src, dst, proto, attempts, bytes }) => `${src} ${dst} ${proto} ${String(attempts)} ${String(bytes)}`)
    .sort();

/** Processes that attempted anything, likewise. */
export const processSet = (processes: Report['processes']): string[] =>
  processes
    .filter(({ attempts }) => attempts > 0)
    .map(({ pid, attempts }) => `${String(pid)} ${String(attempts)}`)
    .sort();

/** The part of a report that a witness can know. */
export function ringCounts({ ioUring }: Report): Omit<Report['ioUring'], 'queuedAsync'> {
  const { setups, enters, completions, completionErrnos, cqOverflows } = ioUring;
  return { setups, enters, completions, completionErrnos, cqOverflows };
}

/** The report tells exactly what the program tells. */
export function expectEqual({ report, witness }: Observed): void {
  expect(knownMechanisms(report, witness)).toEqual(witness.mechanisms);
  expect(flowSet(report.flows)).toEqual(flowSet(witness.flows));
  expect(ringCounts(report)).toEqual(ringCounts(witness));
  expect(report.lost).toEqual({ overflow: 0, events: 0, missedRuns: 0 });
  expect(report.unattributed).toEqual({ attempts: 0 });
}

/** A running agent. */
export interface Daemon {
  readonly url: string;
  readonly child: ChildProcess;
  stderr(): string;
  /** Ends it and gives its exit status. */
  stop(signal?: NodeJS.Signals): Promise<number | null>;
}

/** The defaults, but for where this host keeps its own alerts. */
function quietConfig(): string {
  const directory = temporaryDirectory();
  const file = join(directory, 'config.yaml');
  writeFileSync(file, `alerts: {state_directory: ${directory}/state}\n`);
  return file;
}

/** Starts `spillway run` on a port that is free and waits until it is ready; it ends with the test. */
export async function startDaemon(flags: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Promise<Daemon> {
  const config = flags.includes('--config') ? [] : ['--config', quietConfig()];
  const child = spawn(SPILLWAY, ['run', '--web.listen-address', '127.0.0.1:0', ...config, ...flags], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const daemon = {
    url: '',
    child,
    stderr: () => stderr,
    stop: (signal: NodeJS.Signals = 'SIGTERM') => {
      child.kill(signal);
      return exited;
    },
  };
  onTestFinished(async () => {
    await daemon.stop('SIGKILL');
  });
  const deadline = Date.now() + 100_000;
  for (;;) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`the agent did not get ready: ${stderr}`);
    daemon.url = /metrics are at (\S+)\/metrics/.exec(stderr)?.[1] ?? '';
    const response = daemon.url === '' ? null : await fetch(`${daemon.url}/-/ready`, ONCE).catch(() => null);
    if (response?.status === 200) return daemon;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** For `fetch`: a connection for each request. One that is kept may be closed by the agent just when a slow client uses it again. */
export const ONCE = { headers: { connection: 'close' } } as const;

/** Samples of a text exposition by series, e.g. `spillway_attempts_total{mechanism="tee",outcome="retry"}`. */
export async function scrape(daemon: Daemon): Promise<Map<string, number>> {
  const response = await fetch(`${daemon.url}/metrics`, ONCE);
  if (!response.ok) throw new Error(`/metrics answered ${String(response.status)}`);
  return samplesOf(await response.text());
}

/** What an exposition holds, by series. */
export function samplesOf(exposition: string): Map<string, number> {
  const samples = new Map<string, number>();
  for (const line of exposition.split('\n')) {
    if (line === '' || line.startsWith('#')) continue;
    const space = line.lastIndexOf(' ');
    samples.set(line.slice(0, space), Number(line.slice(space + 1)));
  }
  return samples;
}

/** The sum of all series of a metric whose labels include all of `labels` (as text, e.g. `comm="nginx"`). */
export function sumOf(samples: Map<string, number>, metric: string, ...labels: string[]): number {
  let sum = 0;
  for (const [series, value] of samples) {
    const [name] = series.split('{');
    if (name === `spillway_${metric}` && labels.every((label) => series.includes(label))) sum += value;
  }
  return sum;
}
