/** What `spillway stat` looks at, until it ends: a command that it runs, or what runs already. */
import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import { printable } from '../model/text.ts';
import { log } from './context.ts';
import { countSeconds } from './progress.ts';

/** How it came to its end. */
export interface Exit {
  /** Exit status of the command; null where there was none. */
  readonly code: number | null;
  readonly how: string;
}

/** Runs the command to its end. What the terminal sends us on Ctrl-C reaches it too: we wait for what it makes of it. */
export async function runCommand(command: readonly string[], milliseconds: number | undefined): Promise<Exit> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: 'inherit' });
  const forward = (signal: NodeJS.Signals) => {
    if (signal !== 'SIGINT') child.kill(signal);
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, forward);
  const timer = milliseconds === undefined ? undefined : setTimeout(() => child.kill('SIGTERM'), milliseconds);
  try {
    return await exitOf(child, file);
  } finally {
    clearTimeout(timer);
    for (const signal of signals) process.off(signal, forward);
  }
}

function exitOf(child: ChildProcess, file: string): Promise<Exit> {
  return new Promise((resolve) => {
    child.once('error', (error: NodeJS.ErrnoException) => {
      // the numbers that shells use
      const code = error.code === 'ENOENT' ? 127 : 126;
      log('error', `cannot run ${printable(file)}: ${error.code ?? error.message}`);
      resolve({ code, how: 'could not be run' });
    });
    child.once('exit', (code, signal) => {
      if (signal === null) resolve({ code: code ?? 0, how: `exited with ${String(code)}` });
      else resolve({ code: 128 + constants.signals[signal], how: `was killed by ${signal}` });
    });
  });
}

/** Waits for the duration, for Ctrl-C, or for the last of the watched processes to end. */
export function watch(pids: readonly number[] | undefined, milliseconds: number | undefined): Promise<Exit> {
  const started = performance.now();
  const uncount = countSeconds(milliseconds);
  return new Promise((resolve) => {
    const done = () => {
      uncount();
      clearInterval(poll);
      clearTimeout(timer);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, done);
      resolve({ code: null, how: `watched for ${((performance.now() - started) / 1000).toFixed(2)} s` });
    };
    const timer = milliseconds === undefined ? undefined : setTimeout(done, milliseconds);
    const poll = setInterval(() => {
      if (pids !== undefined && !pids.some(isAlive)) done();
    }, 100);
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, done);
  });
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
