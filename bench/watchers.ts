/** What can watch a system call: nobody, the one-liner that a user would type, and we. Each is started, waited for, stopped. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadBinding } from '../native/lib/index.ts';

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
  start: async () => {
    const child = spawn('bpftrace', ['-e', `tracepoint:syscalls:${tracepoint} {${body}}`], { stdio: 'ignore' });
    // nothing outside tells when it is attached; it compiles its program for half a second
    await sleep(1500);
    return attached(child);
  },
});

/** A program that does nothing at the exit of every system call, where the evidence probe is. bpftrace has no such hook everywhere. */
export const emptyAtEveryExit: Watcher = {
  name: 'an empty program at every exit',
  start: async () => {
    const object = loadBinding(`${ROOT}/build/native/spillway.node`).openObject(
      readFileSync(`${ROOT}/build/bench/empty.bpf.o`),
      'empty',
    );
    object.load();
    const link = object.program('empty').attach();
    await sleep(SETTLE_MS);
    return async () => {
      link.close();
      object.close();
      await sleep(GONE_MS);
    };
  },
};

const ADDRESS = '127.0.0.1:22190';

/** The daemon as it comes, or with flags. */
export const spillway = (...flags: string[]): Watcher => ({
  name: ['spillway', ...flags].join(' '),
  start: async () => {
    const command = ['run', '--web.listen-address', ADDRESS, ...flags];
    const child = spawn(`${ROOT}/bin/spillway`, command, { stdio: 'ignore' });
    await ready(`http://${ADDRESS}`, child);
    return attached(child);
  },
});

/** Waits until the agent says that its probes are attached. */
export async function ready(url: string, child: ChildProcess): Promise<void> {
  while ((await fetch(`${url}/-/ready`).catch(() => null))?.status !== 200) {
    if (child.exitCode !== null) throw new Error(`the agent ended with ${String(child.exitCode)}`);
    await sleep(2);
  }
}

/** What was just attached settles for so long; what was taken away is gone after so long. */
const [SETTLE_MS, GONE_MS] = [1500, 300];

/** Lets what was just attached settle; what it returns ends the watcher. @throws if it has ended by itself */
async function attached(child: ChildProcess): Promise<() => Promise<void>> {
  await sleep(SETTLE_MS);
  if (child.exitCode !== null || child.signalCode !== null) {
    throw new Error(`${child.spawnargs.join(' ')}: ended with ${String(child.exitCode ?? child.signalCode)}`);
  }
  const exited = new Promise((resolve) => child.once('exit', resolve));
  return async () => {
    child.kill();
    await exited;
    await sleep(GONE_MS);
  };
}

export const sleep = (milliseconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, milliseconds));
