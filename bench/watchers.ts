/** What can watch a system call: nobody, the one-liner that a user would type, and we. Each is started, waited for, stopped. */
import { execFileSync, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Watcher {
  readonly name: string;
  /** Starts watching; what it resolves to stops it and waits until it is gone. */
  start(): Promise<() => Promise<void>>;
}

export const nobody: Watcher = { name: 'nobody', start: () => Promise.resolve(() => Promise.resolve()) };

/** bpftrace with a program on one exit tracepoint, e.g. `sys_exit_sendfile64`. */
export const bpftrace = (tracepoint: string, body: string): Watcher => ({
  name: `bpftrace {${body}}`,
  start: () => startProcess('bpftrace', ['-e', `tracepoint:syscalls:${tracepoint} {${body}}`], 'SIGINT'),
});

const ADDRESS = '127.0.0.1:22190';

/** The daemon as it comes. */
export const spillway: Watcher = {
  name: 'spillway',
  start: () => startProcess(`${ROOT}/bin/spillway`, ['run', '--web.listen-address', ADDRESS], 'SIGTERM'),
};

async function startProcess(file: string, args: string[], end: NodeJS.Signals): Promise<() => Promise<void>> {
  const before = loadedPrograms();
  const child = spawn(file, args, { stdio: 'ignore' });
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()));
  // attached a moment after its last program is loaded
  const deadline = Date.now() + 20_000;
  while (loadedPrograms() === before) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`${file} did not start`);
    await sleep(100);
  }
  await sleep(1500);
  return async () => {
    child.kill(end);
    await exited;
    while (loadedPrograms() !== before) await sleep(50);
  };
}

function loadedPrograms(): number {
  return (JSON.parse(execFileSync('bpftool', ['-j', 'prog', 'list'], { encoding: 'utf8' })) as unknown[]).length;
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
