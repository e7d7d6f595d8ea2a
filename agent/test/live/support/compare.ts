/** Runs real programs under strace under `spillway stat`, and holds both against each other. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { until } from './kernel.ts';
import { type MechanismReport, type Report, SPILLWAY, stat, temporaryDirectory } from './run.ts';
import { type Traced, underStrace } from './strace.ts';

/** The part of a mechanism's report that says why, and what came of it. */
interface Judged extends MechanismReport {
  reasons: { copied: Record<string, number>; refused: Record<string, number> };
  resolutions: Record<string, number>;
}

const judged = (report: Report): [string, Judged][] =>
  Object.entries(report.mechanisms) as unknown as [string, Judged][];

/** A file of `size` bytes that are no hole. */
export function fileOf(size: number, directory = temporaryDirectory()): string {
  const file = join(directory, `source-${String(size)}`);
  writeFileSync(file, Buffer.alloc(size, 'spillway'));
  return file;
}

/** A directory in memory: no filesystem of the host's choice, so what the kernel makes of it is the same everywhere. */
export const memoryDirectory = (): string => temporaryDirectory('/dev/shm');

/**
 * What came of each mechanism: attempts by outcome and, where it has them, reason (`refused cross_device`), then
 * refusals by resolution; what did not occur is left out.
 */
export function verdicts(report: Report): Record<string, Record<string, number>> {
  return Object.fromEntries(
    judged(report).map(([mechanism, { outcomes, reasons, resolutions }]) => {
      const counts = [
        ...Object.entries(outcomes).filter(([outcome]) => !(outcome in reasons)),
        ...Object.entries(reasons).flatMap(([outcome, counts]) =>
          Object.entries(counts).map(([reason, count]) => [`${outcome} ${reason}`, count] as const),
        ),
        ...Object.entries(resolutions),
      ];
      return [mechanism, Object.fromEntries(counts.filter(([, count]) => count > 0))];
    }),
  );
}

const sum = (counts: Record<string, number>): number => Object.values(counts).reduce((total, n) => total + n, 0);

/** Every attempt has one outcome, every copy and refusal one reason, and every refusal has ended in one way. */
function expectIdentities(report: Report): void {
  for (const [mechanism, { attempts, outcomes, reasons, resolutions }] of judged(report)) {
    expect({
      mechanism,
      attempts: sum(outcomes),
      copied: sum(reasons.copied),
      refused: sum(reasons.refused),
      resolved: sum(resolutions),
      pending: 0,
    }).toEqual({
      mechanism,
      attempts,
      copied: outcomes.copied,
      refused: outcomes.refused,
      resolved: outcomes.refused,
      pending: resolutions.pending,
    });
  }
  expect(report.lost).toEqual({ overflow: 0, events: 0, missedRuns: 0 });
}

/** Every system call that strace saw is in the report with its errno and its bytes, and none besides. */
function expectSame(report: Report, seen: Record<string, Traced>): void {
  for (const mechanism of ['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range']) {
    const { attempts, bytes, errnos } = report.mechanisms[mechanism] ?? { attempts: 0, bytes: 0, errnos: {} };
    const traced = seen[mechanism] ?? { calls: 0, sum: 0, errnos: {} };
    expect({ mechanism, calls: attempts, sum: bytes, errnos }).toEqual({ mechanism, ...traced });
  }
  const { calls, submitted, errnos } = report.ioUring.enters;
  expect({ calls, sum: submitted, errnos }).toEqual(seen.io_uring_enter ?? { calls: 0, sum: 0, errnos: {} });
}

/** Runs a command to its end. */
export async function compare(command: readonly string[]): Promise<{ report: Report; stdout: string }> {
  const traced = underStrace(command);
  const { report, result } = await stat(traced.command);
  expect(result.stderr).toBe('');
  expect(report.exitCode).toBe(0);
  expectSame(report, traced.seen());
  expectIdentities(report);
  return { report, stdout: result.stdout.trim() };
}

export interface Server {
  readonly command: readonly string[];
  /** Where it writes its process id. */
  readonly pidFile: string;
  readonly port: number;
  /** Ends it in order. */
  readonly signal: NodeJS.Signals;
}

/** Runs a server for as long as `use` takes. */
export async function compareServer(server: Server, use: () => Promise<void>): Promise<Report> {
  const traced = underStrace(server.command);
  const file = join(temporaryDirectory(), 'report.json');
  const stop = await startServer(server, [SPILLWAY, 'stat', '-o', 'json', '--file', file, '--', ...traced.command]);
  await use();
  expect(await stop()).toBe(0);
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  expectSame(report, traced.seen());
  expectIdentities(report);
  return report;
}

/** Starts a server, as `command` if that is another one, and waits until it answers. Gives what ends it in order. */
export async function startServer(
  server: Server,
  command: readonly string[] = server.command,
): Promise<() => Promise<number | null>> {
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: 'ignore' });
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  let running = true;
  const stop = () => {
    running = false;
    process.kill(Number(readFileSync(server.pidFile, 'utf8')), server.signal);
    return exited;
  };
  onTestFinished(async () => {
    if (running && existsSync(server.pidFile)) await stop();
  });
  await untilAnswers(server.port);
  return stop;
}

/** A port of 127.0.0.1 that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no port');
  return address.port;
}

/** Waits until something accepts connections there. */
async function untilAnswers(port: number): Promise<void> {
  let answered = false;
  const attempt = () => {
    const socket = connect(port, '127.0.0.1', () => {
      answered = true;
      socket.destroy();
    });
    socket.once('error', () => socket.destroy());
    return answered;
  };
  await until(attempt);
}
