/** What commands share: where things are, who we are, how to say it. */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { type Binding, loadBinding } from '../../../native/lib/index.ts';
import { readObject } from '../kernel/load.ts';
import { Kernel, type KernelEvents } from '../kernel/kernel.ts';
import type { KernelOptions } from '../kernel/options.ts';
import { PIN_DIRECTORY as DEFAULT_PIN_DIRECTORY, Pins } from '../kernel/pins.ts';
import type { Taken } from '../kernel/takeover.ts';
import { processorsIn, type ShardOptions, shardOptions } from '../kernel/shards.ts';
import { SpillwayError } from '../model/errors.ts';
import { Quiet } from '../web/quiet.ts';

const ROOT = new URL('../../../', import.meta.url);

/** The built parts; tests name others through the environment. */
const OBJECT = process.env.SPILLWAY_OBJECT ?? fileURLToPath(new URL('build/bpf/spillway.bpf.o', ROOT));
/** Where pins stand. */
const PIN_DIRECTORY = process.env.SPILLWAY_PINS ?? DEFAULT_PIN_DIRECTORY;
const BINDING = process.env.SPILLWAY_BINDING ?? fileURLToPath(new URL('build/native/spillway.node', ROOT));

/** Tests spread counts over so many lines, and whatever is counted at all. */
const FORCED_SHARDS = process.env.SPILLWAY_SHARDS;

/** How counts are spread on this machine. */
const shards: ShardOptions =
  FORCED_SHARDS === undefined ? shardOptions(possibleProcessors()) : { lines: Number(FORCED_SHARDS), from: 0 };

function possibleProcessors(): number {
  try {
    return processorsIn(readFileSync('/sys/devices/system/cpu/possible', 'utf8'));
  } catch {
    return 1;
  }
}

export interface Build {
  readonly version: string;
  /** Git commit, or `unknown`. */
  readonly revision: string;
  /** Release of the running kernel. */
  readonly kernel: string;
}

/** @throws SpillwayError BINDING_MISSING */
export function binding(): Binding {
  try {
    return loadBinding(BINDING);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SpillwayError('BINDING_MISSING', `cannot load the native binding (${why}): build it with: make build`, {
      cause: error,
    });
  }
}

/** Loads and attaches everything; what goes wrong later is logged. @throws SpillwayError */
export function startKernel(options: KernelOptions, events: Omit<KernelEvents, 'onError'> = {}): Kernel {
  return Kernel.start(binding(), readObject(OBJECT), { ...options, shards }, { ...events, onError: warn });
}

/** Some of it is tried again four times a second. */
const quiet = new Quiet(log, () => performance.now());

function warn(error: unknown): void {
  const why = error instanceof Error ? error.message : String(error);
  quiet.say(why, 'warning', `the tables: ${why}`);
}

/** Which generation of tables an agent counts into, for the log. */
const HOW: Readonly<Record<Taken['how'], string>> = {
  fresh: 'counts are kept in the kernel from now on, also while no agent runs (persist)',
  adopt: 'going on with the counts and probes that the agent before has left (persist)',
  reuse: 'going on with the counts that the agent before has left, with new probes (persist)',
  import: 'the counts of the agent before, whose tables differ, are carried over (persist)',
};

/**
 * The same with tables and probes that outlive the agent, where there is a bpffs to keep them in.
 * @throws SpillwayError
 */
export async function startPersistentKernel(options: KernelOptions): Promise<Kernel> {
  const native = binding();
  let pins: Pins;
  try {
    pins = new Pins(native, PIN_DIRECTORY);
  } catch (error) {
    if (!(error instanceof SpillwayError) || error.code !== 'NO_BPFFS') throw error;
    log('warning', `counts end with this agent: ${error.message}`);
    return startKernel(options);
  }
  try {
    const { kernel, how } = await Kernel.takeOver(
      native,
      readObject(OBJECT),
      { ...options, shards },
      { onError: warn },
      pins,
    );
    log('info', HOW[how]);
    return kernel;
  } catch (error) {
    pins.close();
    throw error;
  }
}

/** The pins of an agent before. @throws SpillwayError PINS_IN_USE, NO_BPFFS */
export function openPins(): Pins {
  return new Pins(binding(), PIN_DIRECTORY);
}

/** Version and revision of this build, and the kernel that it runs on. */
export function build(): Build {
  const { version } = JSON.parse(readFileSync(new URL('package.json', ROOT), 'utf8')) as { version: string };
  return { version, revision: revision(), kernel: release() };
}

/** Written by the build; a checkout without it has no history to tell. */
function revision(): string {
  try {
    return readFileSync(new URL('build/revision', ROOT), 'utf8').trim();
  } catch {
    return 'unknown';
  }
}

/** Levels of syslog(3), as systemd reads them from a line's beginning. */
const PRIORITY = { error: 3, warning: 4, info: 6 } as const;

/** Messages that could not be written. */
let unwritten = 0;

/**
 * Logs to stderr: for people on a terminal, with priorities where the journal listens. A log that takes nothing (its disk is full, its
 * reader gone) ends nobody; it is told how much is missing as soon as it takes something again.
 */
export function log(level: keyof typeof PRIORITY, message: string): void {
  const missing = unwritten;
  const notice = missing === 0 ? '' : lineOf('warning', `${String(missing)} messages could not be written here`);
  const written = (error?: Error | null) => {
    unwritten = error ? unwritten + 1 : unwritten - missing;
  };
  process.stderr.write(notice + lineOf(level, message), written);
}

function lineOf(level: keyof typeof PRIORITY, message: string): string {
  const prefix = process.env.JOURNAL_STREAM === undefined ? '' : `<${String(PRIORITY[level])}>`;
  const text = message
    .split('\n')
    .map((line) => `${prefix}spillway: ${level === 'info' ? '' : `${level}: `}${line}`)
    .join('\n');
  return `${text}\n`;
}
