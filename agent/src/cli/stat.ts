/** `spillway stat`: what a command, a running process or the whole host attempts, exactly. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { type Confirm, DEFAULT_OPTIONS, type KernelOptions } from '../kernel/options.ts';
import type { Hooks } from '../kernel/hooks.ts';
import type { RetiredProcess } from '../kernel/retire.ts';
import { addRow } from '../model/counters.ts';
import { EXIT, SpillwayError } from '../model/errors.ts';
import { type ProcessSummary, processSummary, type Summary, summarize } from '../model/summary.ts';
import { log, startKernel } from './context.ts';
import { markWithDescendants } from './descendants.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { renderHeadline, renderSummary } from './render.ts';
import { type Exit, runCommand, watch } from './target.ts';
import { capacityOption, confirmOption, duration, hooksOption, latencyOption } from './values.ts';

interface StatFlags {
  readonly pid?: number[];
  readonly duration?: number;
  readonly output: Format;
  readonly file?: string;
  readonly flows: number;
  readonly processes: number;
  readonly confirm: Confirm;
  readonly latency?: true;
  readonly hooks: Hooks;
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
  .addOption(confirmOption('always'))
  .addOption(latencyOption())
  .addOption(hooksOption(DEFAULT_OPTIONS.hooks))
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
    confirm: flags.confirm,
    latency: flags.latency === true,
    hooks: flags.hooks,
  };
  const ended = new EndedProcesses();
  const kernel = startKernel(options, {
    onRetiredProcess: (process) => {
      ended.add(process);
    },
  });
  try {
    for (const { name, hook, reason, state } of kernel.programs()) {
      if (state === 'unavailable') log('warning', `${name} is not attached, its calls are not seen: ${reason}`);
      else if (state === 'attached' && reason !== '') log('warning', `${name} (${hook}) is attached ${reason}`);
    }
    if (flags.pid !== undefined) markWithDescendants(kernel, flags.pid);
    const started = performance.now();
    const exit = await (command.length > 0 ? runCommand(command, flags.duration) : watch(flags.pid, flags.duration));
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

/** Processes whose records were folded while we watched: the report names them all the same. */
class EndedProcesses {
  readonly #processes = new Map<string, RetiredProcess>();

  add(process: RetiredProcess): void {
    const key = `${String(process.pid)} ${String(process.startTime)} ${process.comm}`;
    const known = this.#processes.get(key);
    if (known === undefined) {
      this.#processes.set(key, process);
    } else {
      addRow(known.counters, process.counters);
      this.#processes.set(key, { ...process, counters: known.counters });
    }
  }

  /** The summary with these processes among the others. */
  join(summary: Summary): Summary {
    const ended: ProcessSummary[] = Array.from(this.#processes.values(), processSummary);
    const processes = [...summary.processes, ...ended].sort((a, b) => b.attempts - a.attempts || a.pid - b.pid);
    return { ...summary, processes };
  }
}

/** What it prints as JSON. */
export interface StatJson extends Summary {
  readonly schema: 'spillway.stat/1';
  /** None where running processes were watched. */
  readonly command: readonly string[];
  /** null where running processes were watched. */
  readonly exitCode: number | null;
  readonly durationSeconds: number;
}

function report(command: readonly string[], exit: Exit, seconds: number, summary: Summary, format: Format): string {
  if (format !== 'table') {
    const { code } = exit;
    const durationSeconds = Number(seconds.toFixed(6));
    const document: StatJson = { schema: 'spillway.stat/1', command, exitCode: code, durationSeconds, ...summary };
    return jsonText(document, format);
  }
  const what = command.length > 0 ? renderHeadline(command, `${exit.how} after ${seconds.toFixed(2)} s`) : exit.how;
  return `${[what, '', ...renderSummary(summary)].join('\n')}\n`;
}
