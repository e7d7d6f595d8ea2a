/** Agents whose counts outlive them, and programs whose attempts are told from those of others on this host. */
import { copyFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import {
  type Daemon,
  program,
  type Report,
  run,
  scrape,
  SPILLWAY,
  startDaemon,
  sumOf,
  temporaryDirectory,
} from './run.ts';

let counter = 0;

/** Names of a bpffs directory that nobody else uses; what is pinned there goes with the test. */
export function pinsOfTest(): string {
  const pins = `/sys/fs/bpf/spillway-test-${String(process.pid)}-${String(counter++)}`;
  onTestFinished(async () => {
    await run([SPILLWAY, 'unpin'], { env: { SPILLWAY_PINS: pins } });
  });
  return pins;
}

/** Starts an agent that keeps its counts under `pins`. */
export const startPinned = (
  pins: string,
  flags: readonly string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Daemon> => startDaemon(['--persist', ...flags], { SPILLWAY_PINS: pins, ...env });

/** A configuration that keeps alerts in a directory of the test. */
export function configuration(): string {
  const directory = temporaryDirectory();
  const file = join(directory, 'config.yaml');
  writeFileSync(file, `alerts: {state_directory: ${directory}/state}\n`);
  return file;
}

/** A program of ours under a name of its own. */
export function named(name: string): { readonly path: string; readonly comm: string } {
  const comm = `${name}-${String(process.pid % 1000)}-${String(counter++)}`;
  const path = join(temporaryDirectory(), comm);
  copyFileSync(program(name), path);
  return { path, comm };
}

/** What an agent says that programs of this name have attempted. */
export const attemptsOf = async (daemon: Pick<Daemon, 'url'>, comm: string): Promise<number> =>
  sumOf(await scrape(daemon as Daemon), 'workload_attempts_total', `comm="${comm}"`);

/** What a program of ours says that it has attempted. */
export const attempts = ({ mechanisms }: Pick<Report, 'mechanisms'>): number =>
  Object.values(mechanisms).reduce((sum, mechanism) => sum + mechanism.attempts, 0);

/** The witness that a program printed last. */
export const witnessOf = (stdout: string): Report => JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report;

/** Random numbers in [0, 1) of which a seed gives the same again (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** A figure or a seed, beside the results. */
export const tell = (line: string): void => void process.stdout.write(`${line}\n`);
