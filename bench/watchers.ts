/** What can watch a system call: nobody, the one-liner that a user would type, and we. Each is started, waited for, stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('..', import.meta.url));

export interface Watcher {
  readonly name: string;
  /** Starts watching; what it resolves to stops it and waits until it is gone. */
  start(): Promise<() => Promise<void>>;
}

export const nobody: Watcher = { name: 'nobody', start: () => Promise.resolve(() => Promise.resolve()) };

/** bpftrace with a program on one exit tracepoint, e.g. `sys_exit_sendfile64`. */
export const bpftrace = (tracepoint: string, body: string): Watcher =>
  bpftraceAt(`tracepoint:syscalls:${tracepoint}`, body, `bpftrace {${body}}`);

/** bpftrace with a program that does nothing at the exit of every system call, as the evidence probe is at. */
export const emptyAtEveryExit = (): Watcher => bpftraceAt('rawtracepoint:sys_exit', ' ', 'bpftrace { } at every exit');

const bpftraceAt = (hook: string, body: string, name: string): Watcher => ({
  name,
  start: async () => {
    const child = spawn('bpftrace', ['-e', `${hook} {${body}}`], { stdio: 'ignore' });
    // nothing outside tells when it is attached; it compiles its program for half a second
    await sleep(1500);
    return attached(child, 'SIGINT');
  },
});

const ADDRESS = '127.0.0.1:22190';

/** The daemon as it comes, or with flags. */
export const spillway = (...flags: string[]): Watcher => ({
  name: ['spillway', ...flags].join(' '),
  start: async () => {
    const command = ['run', '--web.listen-address', ADDRESS, ...flags];
    const child = spawn(`${ROOT}/bin/spillway`, command, { stdio: 'ignore' });
    await ready(`http://${ADDRESS}`, child);
    return attached(child, 'SIGTERM');
  },
});

/** Waits until the agent says that its probes are attached. */
export async function ready(url: string, child: ChildProcess): Promise<void> {
  while ((await fetch(`${url}/-/ready`).catch(() => null))?.status !== 200) {
    if (child.exitCode !== null) throw new Error(`the agent ended with ${String(child.exitCode)}`);
    await sleep(2);
  }
}

/** Lets what was just attached settle; what it returns ends the watcher. */
async function attached(child: ChildProcess, end: NodeJS.Signals): Promise<() => Promise<void>> {
  const exited = new Promise((resolve) => child.once('exit', resolve));
  await sleep(1500);
  return async () => {
    child.kill(end);
    await exited;
    await sleep(300);
  };
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
