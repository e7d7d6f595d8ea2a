/** What the tests of native/ share: the binding under test, and the object it loads. */
import { spawn } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { loadBinding } from '../lib/index.ts';
import type { BpfError, BpfObject } from '../lib/index.ts';

const BUILD = path.resolve(import.meta.dirname, '../../build/native');

/** SPILLWAY_ADDON names another build of the addon, such as a sanitized one. */
export const ADDON = process.env.SPILLWAY_ADDON ?? path.join(BUILD, 'spillway.node');
export const binding = loadBinding(ADDON);
export const FIXTURE = readFileSync(path.join(BUILD, 'fixture.bpf.o'));
export const BAD_FIXTURE = readFileSync(path.join(BUILD, 'fixture-bad.bpf.o'));

/** Records of `records` in fixture.bpf.c: 8 words each, one record a program. */
export const RECORD_BYTES = 64;
export const CLASSIC = 0;
export const BTF = 1 * RECORD_BYTES;
export const LINGER = 2 * RECORD_BYTES;

/** The fixture, opened and told to count this process. */
export function openFixture(): BpfObject {
  const object = binding.openObject(FIXTURE, 'fixture');
  const tgid = Buffer.alloc(4);
  tgid.writeUInt32LE(process.pid);
  object.setInitialValue('.rodata', tgid);
  return object;
}

export function loadFixture(): BpfObject {
  const object = openFixture();
  object.load();
  return object;
}

/** Makes `calls` system calls that nothing else in a Node process makes. */
export function geteuid(calls: number): void {
  for (let i = 0; i < calls; i++) process.geteuid?.();
}

/** The word at `offset` of the fixture's `records`. */
export function readWord(object: BpfObject, offset: number): number {
  const region = object.map('records').mapRegion();
  const into = new Float64Array(1);
  region.readU64(into, offset, 0, 1, 1);
  region.close();
  return into[0] ?? NaN;
}

export function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The context of the fixture's `emit`; afterwards its first word is one past the last event's number. */
export function emitContext(first: number, count: number, size = 16): Buffer {
  const context = Buffer.alloc(16);
  context.writeBigUInt64LE(BigInt(first));
  context.writeUInt32LE(count, 8);
  context.writeUInt32LE(size, 12);
  return context;
}

/** What `call` throws, as the BpfError it is expected to be. */
export function bpfErrorOf(call: () => unknown): BpfError {
  try {
    call();
  } catch (error) {
    if (error instanceof Error && error.name === 'BpfError') return error as BpfError;
    throw error;
  }
  throw new Error('nothing was thrown');
}

export interface Outcome {
  readonly code: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Children whose leaks are not looked for: LeakSanitizer stops all threads by ptrace, which fails in one that has given up its
 * capabilities and in one whose threads are just ending, and what Node keeps for a worker that was ended is no leak of ours.
 */
const LEAKS_UNTOLD = ['limit-capabilities', 'end-with-everything-open', 'grace'];

/**
 * Runs children/NAME.ts with this Node, behind the command `prefix` if one is given. Once more where LeakSanitizer could not
 * stop a thread that was ending (sanitizer_stoptheworld_linux): then it has judged nothing, and ended the process itself.
 */
export async function runChild(
  name: string,
  prefix: readonly string[] = [],
  args: readonly string[] = [],
): Promise<Outcome> {
  let outcome = await runOnce(name, prefix, args);
  for (let more = 0; more < 4 && outcome.stderr.includes(LEAKS_UNJUDGED); more++) {
    outcome = await runOnce(name, prefix, args);
  }
  return outcome;
}

const LEAKS_UNJUDGED = 'LeakSanitizer has encountered a fatal error';

function runOnce(name: string, prefix: readonly string[], args: readonly string[]): Promise<Outcome> {
  const script = path.join(import.meta.dirname, 'children', `${name}.ts`);
  const [command = process.execPath, ...rest] = [...prefix, process.execPath, '--expose-gc', script, ...args];
  // Vitest's own NODE_OPTIONS and the like are not the child's business.
  const env: NodeJS.ProcessEnv = { PATH: process.env.PATH, SPILLWAY_ADDON: ADDON };
  for (const variable of ['LD_PRELOAD', 'ASAN_OPTIONS', 'UBSAN_OPTIONS', 'LSAN_OPTIONS'])
    if (process.env[variable] !== undefined) env[variable] = process.env[variable];
  // Not behind another command, which would be asked for its leaks too.
  if (env.ASAN_OPTIONS !== undefined && prefix.length === 0 && !LEAKS_UNTOLD.includes(name)) {
    env.ASAN_OPTIONS += ':detect_leaks=1';
  }
  const child = spawn(command, rest, { env, stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** What this process holds of BPF: one entry for each descriptor of a program, map or link. */
export function bpfDescriptors(): string[] {
  const found: string[] = [];
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      const kind = /^(prog|map|link)_type:/m.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1];
      if (kind !== undefined) found.push(kind);
    } catch {
      // The descriptor of the listing itself is gone.
    }
  }
  return found;
}

/** Collects garbage until `done`, letting finalizers run in between (Node defers them to the loop). */
export async function collectUntil(done: () => boolean): Promise<void> {
  for (let round = 0; round < 50 && !done(); round++) {
    globalThis.gc?.();
    await new Promise((resolve) => setImmediate(resolve));
  }
}
