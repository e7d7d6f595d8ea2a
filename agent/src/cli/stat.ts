/** `spillway stat`: what a command, a running process or the whole host attempts, exactly. */
import { type ChildProcess, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { Kernel } from '../kernel/kernel.ts';
import { DEFAULT_OPTIONS, type KernelOptions } from '../kernel/options.ts';
import type { RetiredProcess } from '../kernel/retire.ts';
import { addRow, type Counters } from '../model/counters.ts';
import { EXIT, SpillwayError } from '../model/errors.ts';
import { type ProcessSummary, processSummary, type Summary, summarize } from '../model/summary.ts';
import { printable } from '../model/text.ts';
import { log, startKernel } from './context.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { renderSummary } from './render.ts';
import { capacityOption, duration } from './values.ts';

interface StatFlags {
  readonly pid?: number[];
  readonly duration?: number;
  readonly output: Format;
  readonly file?: string;
  readonly flows: number;
  readonly processes: number;
}

export const statCommand = new Command('stat')
  .description('count every zero-copy attempt of a command and its descendants, of running processes, or of the host')
  .argument('[command...]', 'the command to run, behind --')
  .addOption(new Option('-p, --pid <pids>', 'watch these processes and their descendants instead').argParser(pids))
  .addOption(new Option('-d, --duration <time>', 'stop after this long: 500ms, 10s, 5m').argParser(duration))
  .addOption(new Option('-o, --output <format>', 'format of the report').choices(FORMATS).default('table'))
  .option('--file <file>', 'write the report to a file instead of stdout')
  .addOption(capacityOption('flows', DEFAULT_OPTIONS.flows))
  .addOption(capacityOption('processes', DEFAULT_OPTIONS.processes))
  .addHelpText(
    'after',
    `
Without a command or --pid the whole host is watched, until --duration is over or Ctrl-C.
The exit status is that of the command (128 + signal if one killed it).

Examples:
  spillway stat -- cp big.iso /mnt/backup/
  spillway stat -p "$(pidof -s nginx)" --duration 10s -o json`,
  )
  .action(async (command: string[], flags: StatFlags) => {
    if (command.length > 0 && flags.pid !== undefined) {
      throw new SpillwayError('USAGE', 'give either a command or --pid, not both');
    }
    process.exitCode = await stat(command, flags);
  });

function pids(text: string): number[] {
  const list = text.split(/[\s,]+/).filter((word) => word !== '');
  if (list.length === 0 || !list.every((word) => /^[1-9][0-9]{0,9}$/.test(word))) {
    throw new InvalidArgumentError('process ids, separated by commas.');
  }
  return list.map(Number);
}

async function stat(command: readonly string[], flags: StatFlags): Promise<number> {
  const hostWide = command.length === 0 && flags.pid === undefined;
  const options: KernelOptions = {
    ...DEFAULT_OPTIONS,
    flows: flags.flows,
    processes: flags.processes,
    trackedOnly: !hostWide,
    // the report names every flow and process there was: rather a full table than a forgotten one
    retireIdle: false,
  };
  const ended = new EndedProcesses();
  const kernel = startKernel(options, {
    onRetiredProcess: (process) => {
      ended.add(process);
    },
  });
  try {
    for (const { name, reason, state } of kernel.programs()) {
      if (state === 'unavailable') log('warning', `${name} is not attached, its calls are not seen: ${reason}`);
    }
    if (flags.pid !== undefined) markWithDescendants(kernel, flags.pid);
    const started = performance.now();
    const exit = await (command.length > 0 ? runCommand(command, flags.duration) : watch(flags, started));
    const seconds = (performance.now() - started) / 1000;
    const snapshot = kernel.snapshot();
    const summary = ended.join(summarize(snapshot));
    if (kernel.lostForks > 0) {
      log(
        'warning',
        `${String(kernel.lostForks)} child processes could not be followed: the kernel was out of memory or skipped our program`,
      );
    }
    await write(report(command, exit, seconds, summary, flags.output), flags.file);
    return exit.code ?? EXIT.ok;
  } finally {
    kernel.close();
  }
}

interface Exit {
  /** Exit status of the command; null where there was none. */
  readonly code: number | null;
  readonly how: string;
}

/** Runs the command to its end. What the terminal sends us on Ctrl-C reaches it too: we wait for what it makes of it. */
async function runCommand(command: readonly string[], milliseconds: number | undefined): Promise<Exit> {
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
function watch({ duration: milliseconds, pid }: StatFlags, started: number): Promise<Exit> {
  return new Promise((resolve) => {
    const done = () => {
      clearInterval(poll);
      clearTimeout(timer);
      for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, done);
      resolve({ code: null, how: `watched for ${((performance.now() - started) / 1000).toFixed(2)} s` });
    };
    const timer = milliseconds === undefined ? undefined : setTimeout(done, milliseconds);
    const poll = setInterval(() => {
      if (pid !== undefined && !pid.some(isAlive)) done();
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

/** Marks processes first and their children then: what they fork in between inherits the mark. */
function markWithDescendants(kernel: Kernel, roots: readonly number[]): void {
  const marked = new Set<number>();
  for (const pid of roots) {
    kernel.mark(pid, ['TRACKED']);
    marked.add(pid);
  }
  for (let before = 0; before !== marked.size;) {
    before = marked.size;
    for (const [pid, parent] of parents()) {
      if (marked.has(pid) || !marked.has(parent)) continue;
      marked.add(pid);
      try {
        kernel.mark(pid, ['TRACKED']);
      } catch (error) {
        // it ended between the listing and here: nothing of it is left to watch
        if (!(error instanceof SpillwayError && error.code === 'NO_SUCH_PROCESS')) throw error;
      }
    }
  }
}

/** Parent by process, from /proc. */
function parents(): Map<number, number> {
  const map = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    try {
      const text = readFileSync(`/proc/${entry}/stat`, 'latin1');
      // the name in parentheses may hold anything, also parentheses
      map.set(Number(entry), Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // ended meanwhile
    }
  }
  return map;
}

/** Processes whose records were folded while we watched: the report names them all the same. */
class EndedProcesses {
  readonly #counters = new Map<string, { readonly pid: number; readonly comm: string; readonly counters: Counters }>();

  add({ pid, comm, startTime, counters }: RetiredProcess): void {
    const key = `${String(pid)} ${String(startTime)} ${comm}`;
    const known = this.#counters.get(key);
    if (known === undefined) this.#counters.set(key, { pid, comm, counters });
    else addRow(known.counters, counters);
  }

  /** The summary with these processes among the others. */
  join(summary: Summary): Summary {
    const ended: ProcessSummary[] = Array.from(this.#counters.values(), ({ pid, comm, counters }) =>
      processSummary(pid, comm, counters),
    );
    const processes = [...summary.processes, ...ended].sort((a, b) => b.attempts - a.attempts || a.pid - b.pid);
    return { ...summary, processes };
  }
}

function report(command: readonly string[], exit: Exit, seconds: number, summary: Summary, format: Format): string {
  if (format !== 'table') {
    const { code } = exit;
    const head = { schema: 'spillway.stat/1', command, exitCode: code, durationSeconds: Number(seconds.toFixed(6)) };
    return jsonText({ ...head, ...summary }, format);
  }
  const what =
    command.length > 0 ? `${printable(command.join(' '))}: ${exit.how} after ${seconds.toFixed(2)} s` : exit.how;
  return `${[what, '', ...renderSummary(summary)].join('\n')}\n`;
}
