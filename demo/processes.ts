/** Processes that end with us, whatever ends us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { openSync, readFileSync } from 'node:fs';

export interface Running {
  readonly pid: number;
  /** Resolves when it ends. */
  readonly ended: Promise<void>;
  /** What it has written to stdout and stderr. */
  output(): string;
  signal(signal: NodeJS.Signals): void;
  /** Ends it and waits for that. */
  stop(): Promise<void>;
}

/** How long one may take to end in order. */
const PATIENCE_MS = 5000;

/**
 * Starts a command; its output goes to the file `log`. In a session of its own, so that Ctrl-C reaches us alone and we end all in
 * order; and with a signal from the kernel when we are gone, should we be killed.
 */
export function start(command: readonly string[], log: string): Running {
  const output = openSync(log, 'w');
  const child: ChildProcess = spawn('setpriv', ['--pdeathsig', 'KILL', '--', ...command], {
    stdio: ['ignore', output, output],
    detached: true,
  });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve());
    child.once('error', () => resolve());
  });
  const signal = (name: NodeJS.Signals) => void child.kill(name);
  return {
    pid: child.pid ?? -1,
    ended,
    output: () => readFileSync(log, 'utf8').trimEnd(),
    signal,
    stop: async () => {
      signal('SIGTERM');
      const timer = setTimeout(signal, PATIENCE_MS, 'SIGKILL');
      await ended;
      clearTimeout(timer);
    },
  };
}
