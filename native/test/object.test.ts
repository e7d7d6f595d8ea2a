import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BpfObject } from '../lib/index.ts';
import {
  BTF,
  CLASSIC,
  FIXTURE,
  binding,
  bpfDescriptors,
  bpfErrorOf,
  emitContext,
  geteuid,
  loadFixture,
  openFixture,
  readWord,
  u32,
} from './fixture.ts';

let object: BpfObject;
afterEach(() => object.close());

describe('an opened object', () => {
  beforeEach(() => {
    object = openFixture();
  });

  test('names its programs and maps, and finds each by its name', () => {
    expect(object.programNames()).toEqual([
      'count_classic',
      'count_btf',
      'linger',
      'nowhere',
      'emit',
      'refuse',
      'tasks',
    ]);
    expect(new Set(object.mapNames())).toEqual(
      new Set(['records', 'odd', 'unmapped', 'by_key', 'queue', 'per_cpu', 'events', 'fixture.rodata']),
    );
    for (const name of object.programNames()) expect(object.program(name).name).toBe(name);
    for (const name of object.mapNames()) expect(object.map(name).name).toBe(name);
    expect(object.program('count_btf').section).toBe('tp_btf/sys_enter');
  });

  test('answers an unknown name with ENOENT', () => {
    expect(bpfErrorOf(() => object.program('absent'))).toMatchObject({
      code: 'ENOENT',
      message: 'find program absent in object fixture: ENOENT (No such file or directory)',
    });
    expect(bpfErrorOf(() => object.map('absent')).code).toBe('ENOENT');
  });

  test('gives a copy of a data section, and takes back only one of the same size', () => {
    const value = object.initialValue('.rodata');
    expect(value).toEqual(u32(process.pid));
    value.fill(0);
    expect(object.initialValue('.rodata')).toEqual(u32(process.pid));
    expect(() => object.setInitialValue('.rodata', Buffer.alloc(5))).toThrow(RangeError);
    expect(() => object.initialValue('records')).toThrow(TypeError);
  });

  test('loads with the entries that were set, and without the programs that were switched off', () => {
    object.setMaxEntries('records', 1000);
    object.setAutoload('count_btf', false);
    object.load();
    expect(object.map('records').info()).toEqual({
      type: 2,
      keySize: 4,
      valueSize: 64,
      maxEntries: 1000,
      flags: 1 << 10,
    });
    expect(object.program('count_classic').info().id).toBeGreaterThan(0);
    expect(bpfErrorOf(() => object.program('count_btf').info()).code).toBe('ENOENT');
    expect(bpfErrorOf(() => object.program('count_btf').attach()).operation).toBe('attach count_btf');
  });

  test('refuses with a TypeError what needs the kernel before load, and what must come before it afterwards', () => {
    expect(() => object.program('count_classic').attach()).toThrow('object fixture is not loaded yet');
    expect(() => object.program('count_classic').info()).toThrow(TypeError);
    expect(() => object.program('emit').run()).toThrow(TypeError);
    expect(() => object.map('records').info()).toThrow(TypeError);
    expect(() => object.map('records').mapRegion()).toThrow(TypeError);
    expect(() => object.map('by_key').lookup(Buffer.alloc(12))).toThrow(TypeError);
    object.load();
    expect(() => object.load()).toThrow('object fixture is loaded already');
    expect(() => object.setMaxEntries('records', 1)).toThrow(TypeError);
    expect(() => object.setAutoload('count_btf', true)).toThrow(TypeError);
    expect(() => object.initialValue('.rodata')).toThrow(TypeError);
    expect(() => object.setInitialValue('.rodata', u32(0))).toThrow(TypeError);
  });

  test('takes an ELF at any alignment', () => {
    object.close();
    const shifted = Buffer.alloc(FIXTURE.length + 1).subarray(1);
    FIXTURE.copy(shifted);
    object = binding.openObject(shifted, 'shifted');
    object.load();
    expect(object.programNames()).toHaveLength(7);
  });
});

describe('a loaded program', () => {
  const CALLS = 1234;
  beforeEach(() => {
    object = loadFixture();
  });

  test('counts every call of this process from attach to close, and none before or after', () => {
    geteuid(10);
    const link = object.program('count_classic').attach();
    expect(readWord(object, CLASSIC)).toBe(0);
    geteuid(CALLS);
    // The kernel may skip runs and says how many: seen + missed is the truth.
    expect(readWord(object, CLASSIC) + object.program('count_classic').info().recursionMisses).toBe(CALLS);
    link.close();
    const counted = readWord(object, CLASSIC);
    geteuid(CALLS);
    expect(readWord(object, CLASSIC)).toBe(counted);
  });

  test('attaches again once its link is closed, and not before', () => {
    const program = object.program('count_classic');
    const link = program.attach();
    expect(bpfErrorOf(() => program.attach()).code).toBe('EEXIST');
    link.close();
    const next = program.attach();
    geteuid(10);
    next.close();
    expect(readWord(object, CLASSIC) + program.info().recursionMisses).toBe(10);
  });

  test('attaches to a BTF tracepoint by a bpf_link', () => {
    const link = object.program('count_btf').attach();
    geteuid(CALLS);
    link.close();
    expect(readWord(object, BTF)).toBeGreaterThanOrEqual(CALLS);
  });

  test('attaches to more than the tracepoint of its section, once to each', () => {
    const program = object.program('count_classic');
    const links = [program.attach('syscalls/sys_enter_geteuid'), program.attach('syscalls/sys_exit_geteuid')];
    expect(bpfErrorOf(() => program.attach()).code).toBe('EEXIST');
    geteuid(CALLS);
    for (const link of links) link.close();
    expect(readWord(object, CLASSIC) + program.info().recursionMisses).toBe(2 * CALLS);
    geteuid(10);
    expect(readWord(object, CLASSIC) + program.info().recursionMisses).toBe(2 * CALLS);
  });

  test.each([
    ['syscalls/sys_enter_nonesuch', 'ENOENT'],
    ['../../etc/passwd', 'ENOENT'],
    ['/', 'ENOENT'],
    ['geteuid', 'EINVAL'],
    ['', 'EINVAL'],
  ])('does not attach to a tracepoint that is called %j', (tracepoint, code) => {
    const program = object.program('count_classic');
    const error = bpfErrorOf(() => program.attach(tracepoint));
    expect(error).toMatchObject({ operation: `attach count_classic to ${tracepoint}`, code });
    expect(() => program.attach(1 as unknown as string)).toThrow('hook must be a string');
  });

  test('says in the error what it could not attach to', () => {
    const error = bpfErrorOf(() => object.program('nowhere').attach());
    expect(error).toMatchObject({ operation: 'attach nowhere', code: 'ENOENT', errno: 2 });
    expect(error.log).toContain("'syscalls/sys_enter_nonesuch'");
  });

  test('tells its id, size and cost, and the same tag in every load', () => {
    const info = object.program('count_classic').info();
    expect(info.tag).toMatch(/^[0-9a-f]{16}$/);
    expect(info.id).toBeGreaterThan(0);
    expect(info.jitedBytes).toBeGreaterThan(0);
    expect(info.verifiedInstructions).toBeGreaterThan(0);
    expect(info).toMatchObject({ runCount: 0, runTimeNs: 0, recursionMisses: 0 });
    const again = loadFixture();
    expect(again.program('count_classic').info().tag).toBe(info.tag);
    expect(again.program('count_classic').info().id).not.toBe(info.id);
    again.close();
  });

  test('runs once with a context that it may write to, and returns a signed result', () => {
    const context = emitContext(7, 3);
    expect(object.program('emit').run(context)).toBe(0);
    expect(context.readBigUInt64LE()).toBe(10n);
    expect(object.program('refuse').run()).toBe(-22);
    // Only some program types can be run at will: ENOTSUPP, the kernel's own number without a name.
    expect(bpfErrorOf(() => object.program('count_classic').run())).toMatchObject({
      operation: 'run count_classic',
      code: 'E524',
    });
  });

  test('iterates over all there is, and returns what it wrote', async () => {
    const child = spawn('sleep', ['60']);
    await once(child, 'spawn');
    const written = object.program('tasks').iterate();
    const groups = Array.from({ length: written.length / 4 }, (_, i) => written.readInt32LE(4 * i));
    expect(groups.filter((tgid) => tgid === process.pid)).toHaveLength(readdirSync('/proc/self/task').length);
    expect(groups).toContain(child.pid);
    child.kill();
    expect(bpfDescriptors()).not.toContain('link');
    expect(bpfErrorOf(() => object.program('count_classic').iterate())).toMatchObject({
      operation: 'iterate count_classic',
      code: 'EINVAL',
    });
  });
});
