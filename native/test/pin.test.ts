/** What a bpffs keeps when its maker is gone. */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, rmSync, unlinkSync } from 'node:fs';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BpfObject } from '../lib/index.ts';
import { ADDON, binding, bpfErrorOf, CLASSIC, BTF, geteuid, loadFixture, openFixture, readWord } from './fixture.ts';

const ROOT = `/sys/fs/bpf/spillway-native-${String(process.pid)}`;
const at = (name: string) => path.join(ROOT, name);
let objects: BpfObject[] = [];
const keep = (object: BpfObject): BpfObject => {
  objects.push(object);
  return object;
};

beforeEach(() => {
  mkdirSync(ROOT);
});
afterEach(() => {
  for (const object of objects) object.close();
  objects = [];
  for (const name of readdirSync(ROOT)) unlinkSync(at(name));
  rmSync(ROOT, { recursive: true });
});

/** The fixture with its `records` from a pin and no program loaded. */
function adopting(): BpfObject {
  const object = keep(openFixture());
  object.map('records').reuse(at('records'));
  for (const name of object.programNames()) object.setAutoload(name, false);
  object.load();
  return object;
}

describe('a pinned map', () => {
  test('holds the same memory in another object', () => {
    const first = loadFixture();
    first.map('records').pin(at('records'));
    first.map('records').mapRegion().storeU64(CLASSIC, 42);
    first.close();
    const second = adopting();
    expect(readWord(second, CLASSIC)).toBe(42);
  });

  test('of another size is not taken', () => {
    const first = keep(loadFixture());
    first.map('by_key').pin(at('by_key'));
    const second = keep(openFixture());
    expect(bpfErrorOf(() => second.map('records').reuse(at('by_key')))).toMatchObject({
      code: 'EINVAL',
      operation: `reuse records from ${at('by_key')}`,
    });
    const entries = first.map('by_key').info().maxEntries;
    second.setMaxEntries('by_key', entries + 1);
    expect(bpfErrorOf(() => second.map('by_key').reuse(at('by_key')))).toMatchObject({ code: 'EINVAL' });
    second.setMaxEntries('by_key', entries);
    second.map('by_key').reuse(at('by_key'));
  });

  test('can be mapped without its object', () => {
    const first = loadFixture();
    first.map('records').pin(at('records'));
    first.map('records').mapRegion().storeU64(CLASSIC, 7);
    first.close();
    const handles = binding.liveHandles();
    const region = binding.mapPinned(at('records'));
    const into = new Float64Array(1);
    region.readU64(into, CLASSIC, 0, 1, 1);
    expect(into[0]).toBe(7);
    expect(binding.liveHandles()).toBe(handles + 1);
    region.close();
    expect(binding.liveHandles()).toBe(handles);
  });

  test('that is no array, or not there, cannot be mapped', () => {
    keep(loadFixture()).map('by_key').pin(at('by_key'));
    expect(bpfErrorOf(() => binding.mapPinned(at('by_key')))).toMatchObject({ code: 'EINVAL' });
    expect(bpfErrorOf(() => binding.mapPinned(at('nothing')))).toMatchObject({
      code: 'ENOENT',
      operation: `map values of ${at('nothing')}`,
    });
  });

  test('is refused where there is a file, and before it is loaded', () => {
    const object = keep(loadFixture());
    object.map('records').pin(at('records'));
    expect(bpfErrorOf(() => object.map('records').pin(at('records')))).toMatchObject({ code: 'EEXIST' });
    expect(() => keep(openFixture()).map('records').pin(at('other'))).toThrow(TypeError);
    expect(() => object.map('records').reuse(at('records'))).toThrow(TypeError);
  });
});

describe('a pinned program', () => {
  test('runs for another object, and tells of itself', () => {
    const first = loadFixture();
    const { id, tag } = first.program('emit').info();
    first.program('emit').pin(at('emit'));
    first.close();
    const second = keep(openFixture());
    for (const name of second.programNames()) second.setAutoload(name, false);
    second.load();
    expect(bpfErrorOf(() => second.program('emit').info())).toBeDefined();
    second.program('emit').adopt(at('emit'));
    expect(second.program('emit').info()).toMatchObject({ id, tag });
  });

  test('is taken for no other', () => {
    const first = keep(loadFixture());
    first.program('emit').pin(at('emit'));
    first.map('records').pin(at('records'));
    const second = adopting();
    const [other = ''] = second.programNames().filter((name) => name !== 'emit');
    expect(bpfErrorOf(() => second.program(other).adopt(at('emit')))).toMatchObject({ code: 'EINVAL' });
    expect(bpfErrorOf(() => second.program(other).adopt(at('records')))).toBeDefined();
    expect(bpfErrorOf(() => second.program(other).adopt(at('nothing')))).toMatchObject({ code: 'ENOENT' });
  });
});

describe('a pinned link', () => {
  const programs = { classic: CLASSIC, btf: BTF } as const;

  test.each(['classic', 'btf'] as const)(
    'of a %s tracepoint stays attached when its object is closed',
    async (kind) => {
      const first = loadFixture();
      const [name = ''] = first
        .programNames()
        .filter(
          (program) =>
            first.program(program).section ===
            { classic: 'tp/syscalls/sys_enter_geteuid', btf: 'tp_btf/sys_enter' }[kind],
        );
      const link = first.program(name).attach();
      first.map('records').pin(at('records'));
      first.program(name).pin(at('program'));
      link.pin(at('link'));
      geteuid(3);
      const before = readWord(first, programs[kind]);
      expect(before).toBeGreaterThanOrEqual(3);
      first.close();
      geteuid(5);
      const second = adopting();
      expect(readWord(second, programs[kind])).toBeGreaterThanOrEqual(before + 5);
      second.program(name).adopt(at('program'));
      const adopted = second.program(name).adoptLink(at('link'));
      adopted.close();
      geteuid(2);
      const after = readWord(second, programs[kind]);
      expect(after).toBeGreaterThanOrEqual(before + 7);
      unlinkSync(at('link'));
      // the kernel detaches it a moment later
      const seen = () => {
        const earlier = readWord(second, programs[kind]);
        geteuid(10);
        return readWord(second, programs[kind]) - earlier;
      };
      await expect.poll(seen).toBe(0);
    },
  );

  test('of another program is not taken', () => {
    const first = keep(loadFixture());
    const named = (section: string) =>
      first.programNames().find((name) => first.program(name).section === section) ?? '';
    const [classic, btf] = [named('tp/syscalls/sys_enter_geteuid'), named('tp_btf/sys_enter')];
    first.program(classic).attach().pin(at('link'));
    first.program(btf).pin(at('btf'));
    first.map('records').pin(at('records'));
    const second = adopting();
    second.program(btf).adopt(at('btf'));
    expect(bpfErrorOf(() => second.program(btf).adoptLink(at('link')))).toMatchObject({ code: 'EINVAL' });
  });
});

test('an adopted program is attached anew where the kernel knows its hook, and only there', () => {
  const first = loadFixture();
  const named = (section: string) => first.programNames().find((name) => first.program(name).section === section) ?? '';
  const [classic, btf] = [named('tp/syscalls/sys_enter_geteuid'), named('tp_btf/sys_enter')];
  first.map('records').pin(at('records'));
  first.program(classic).pin(at('classic'));
  first.program(btf).pin(at('btf'));
  first.close();
  const second = adopting();
  second.program(btf).adopt(at('btf'));
  second.program(classic).adopt(at('classic'));
  const link = second.program(btf).attach();
  const before = readWord(second, BTF);
  geteuid(4);
  expect(readWord(second, BTF)).toBeGreaterThanOrEqual(before + 4);
  link.close();
  expect(bpfErrorOf(() => second.program(classic).attach('syscalls/sys_enter_geteuid'))).toMatchObject({
    code: 'EOPNOTSUPP',
  });
});

test('lockFile locks against other processes until the descriptor is closed', () => {
  const elsewhere = () => {
    const code = `const b = require(${JSON.stringify(ADDON)}); const fd = require('fs').openSync(${JSON.stringify(ROOT)}, 'r'); console.log(b.lockFile(fd));`;
    return spawnSync(process.execPath, ['-e', code], { encoding: 'utf8' }).stdout.trim();
  };
  const fd = openSync(ROOT, 'r');
  expect(binding.lockFile(fd)).toBe(true);
  expect(elsewhere()).toBe('false');
  closeSync(fd);
  expect(elsewhere()).toBe('true');
  expect(bpfErrorOf(() => binding.lockFile(fd + 1000))).toMatchObject({ code: 'EBADF' });
});

test('writeBytes writes where it is told, and nowhere else', () => {
  const region = keep(loadFixture()).map('records').mapRegion();
  region.writeBytes(3, Buffer.from([1, 2, 3]));
  expect([...region.readBytes(0, 8)]).toEqual([0, 0, 0, 1, 2, 3, 0, 0]);
  region.writeBytes(region.size, Buffer.alloc(0));
  expect(() => region.writeBytes(region.size - 1, Buffer.alloc(2))).toThrow(RangeError);
  expect(() => region.writeBytes(-1, Buffer.alloc(1))).toThrow(RangeError);
  expect(() => region.writeBytes(0, 'text' as unknown as Buffer)).toThrow(TypeError);
});
