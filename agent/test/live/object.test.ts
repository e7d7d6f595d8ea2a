/** The object, however it was linked: the same programs, the same layout, and it loads. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { layoutOf } from '../../src/abi/generate.ts';
import { load } from '../../src/kernel/load.ts';
import { DEFAULT_OPTIONS } from '../../src/kernel/options.ts';
import { leftOut } from '../../src/kernel/hooks.ts';
import { mapTables } from '../../src/kernel/tables.ts';
import { type BpfObject, loadBinding } from '../../../native/lib/index.ts';
import { ROOT } from './support/run.ts';

const binding = loadBinding(join(ROOT, 'build/native/spillway.node'));
const object = (name: string) => readFileSync(join(ROOT, 'build/bpf', name));

const BUNDLE = join(ROOT, 'build/agent/cli/main.cjs');

const ALL = { ...DEFAULT_OPTIONS, trackedOnly: true, latency: true };
/** What cannot be loaded here because the kernel does not have its tracepoint: so it is on Linux 6.1. */
const LACKING = existsSync('/sys/kernel/tracing/events/io_uring/io_uring_submit_req') ? [] : ['time_request'];
const programsOf = (loaded: BpfObject): string[] =>
  loaded.programNames().filter((name) => !leftOut('tracepoint').has(name) && !LACKING.includes(name));

/** The kernel's tag of every program: a hash of its instructions. */
function tagsOf(elf: Buffer): Record<string, string> {
  const { object: loaded, refused } = load(binding, elf, ALL, 'tracepoint');
  try {
    expect([...refused.keys()]).toEqual(LACKING);
    return Object.fromEntries(programsOf(loaded).map((name) => [name, loaded.program(name).info().tag]));
  } finally {
    loaded.close();
  }
}

it('linked by bpf-linker and by bpftool has the same programs, instruction for instruction', () => {
  const tags = tagsOf(object('spillway.bpf.o'));
  expect(Object.keys(tags).length).toBeGreaterThan(10);
  expect(tagsOf(object('spillway-bpftool.bpf.o'))).toEqual(tags);
});

it('linked by bpf-linker and by bpftool has the same layout', () => {
  expect(layoutOf(object('spillway-bpftool.bpf.o'))).toEqual(layoutOf(object('spillway.bpf.o')));
});

it('loads every program also while signals arrive all the time, as under a profiler', () => {
  const directory = mkdtempSync(join(tmpdir(), 'spillway-profile-'));
  try {
    const profiler = ['--cpu-prof', '--cpu-prof-interval', '100', '--cpu-prof-dir', directory];
    const { stdout } = spawnSync(process.execPath, [...profiler, BUNDLE, 'run', '--once'], { encoding: 'utf8' });
    expect(readdirSync(directory)).toHaveLength(1);
    const attached = stdout.split('\n').filter((line) => line.startsWith('spillway_program_attached{'));
    expect(attached.length).toBeGreaterThan(5);
    expect(attached.filter((line) => line.includes('hook="tp/syscalls') && line.endsWith(' 0'))).toEqual([]);
    expect(stdout).toMatch(/program_attached\{program="attempt_exit".* 1\n/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

it('takes no memory for records that nobody has used', () => {
  const { object: loaded } = load(binding, object('spillway.bpf.o'), DEFAULT_OPTIONS, 'tracepoint');
  try {
    const before = mappedBytes();
    const { flows } = mapTables(loaded, DEFAULT_OPTIONS);
    expect(mappedBytes() - before).toBeLessThan(2 ** 21);
    expect(flows.records.size).toBeGreaterThan(2 ** 23);
    expect(flows.records.readBytes(flows.records.size - 1, 1)[0]).toBe(0);
    expect(mappedBytes() - before).toBeGreaterThan(2 ** 23);
  } finally {
    loaded.close();
  }
});

/** Bytes of this process that are maps of the kernel. */
function mappedBytes(): number {
  const lines = readFileSync('/proc/self/maps', 'utf8').split('\n');
  return lines
    .filter((line) => line.endsWith('bpf-map'))
    .map((line) => line.slice(0, line.indexOf(' ')).split('-'))
    .reduce((sum, [from = '', to = '']) => sum + parseInt(to, 16) - parseInt(from, 16), 0);
}

describe('the verifier’s effort', () => {
  /** Instructions that the verifier walked, by program. */
  function effort(): Record<string, number> {
    const { object: loaded, refused } = load(binding, object('spillway.bpf.o'), ALL, 'tracepoint');
    try {
      expect([...refused.keys()]).toEqual(LACKING);
      const names = programsOf(loaded).sort();
      return Object.fromEntries(names.map((name) => [name, loaded.program(name).info().verifiedInstructions]));
    } finally {
      loaded.close();
    }
  }

  it('is a small part of what the kernel allows', () => {
    // of a million; functions that many programs share must stay global ones, which are walked once
    for (const [name, instructions] of Object.entries(effort()))
      expect([name, instructions < 50_000]).toEqual([name, true]);
  });

  it('has not grown by more than a tenth since it was recorded (vitest --update records it anew)', async () => {
    const now = effort();
    const file = join(import.meta.dirname, 'verified-instructions.json');
    const recorded = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as Record<string, number>) : {};
    // the same at the function's return, which is next to nothing where tracepoints lose nothing
    const of = (name: string): number => recorded[name.replace(/_return$/, '_exit')] ?? 0;
    const grown = Object.entries(now).filter(([name, count]) => !(count <= 1.1 * of(name)));
    const gone = Object.keys(recorded).filter((name) => now[name] === undefined && !LACKING.includes(name));
    // a record of today is asked for only if that of the past no longer holds: other kernels walk somewhat differently
    if (grown.length > 0 || gone.length > 0)
      await expect(`${JSON.stringify(now, null, 2)}\n`).toMatchFileSnapshot(file);
  });
});
