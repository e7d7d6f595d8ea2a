import { availableParallelism } from 'node:os';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { BpfObject } from '../lib/index.ts';
import { bpfErrorOf, loadFixture, u32 } from './fixture.ts';

const [NOEXIST, EXIST] = [1, 2];
let object: BpfObject;
beforeAll(() => {
  object = loadFixture();
});
afterAll(() => object.close());

test('a hash gives back what was put under a key, and null or false where there is none', () => {
  const map = object.map('by_key');
  const key = Buffer.from('twelve bytes');
  expect(map.lookup(key)).toBeNull();
  expect(map.delete(key)).toBe(false);
  map.update(key, u32(0xdeadbeef));
  expect(map.lookup(key)).toEqual(u32(0xdeadbeef));
  expect(map.delete(key)).toBe(true);
  expect(map.lookup(key)).toBeNull();
});

test('flags of an update are the kernel’s', () => {
  const map = object.map('by_key');
  const key = Buffer.from('another key ');
  expect(bpfErrorOf(() => map.update(key, u32(1), EXIST))).toMatchObject({
    code: 'ENOENT',
    operation: 'update by_key',
  });
  map.update(key, u32(1), NOEXIST);
  expect(bpfErrorOf(() => map.update(key, u32(2), NOEXIST)).code).toBe('EEXIST');
  map.update(key, u32(2), EXIST);
  expect(map.lookup(key)).toEqual(u32(2));
  map.delete(key);
});

test('a full hash says E2BIG, and an array that nothing can be deleted from it', () => {
  const map = object.map('by_key');
  const keys = [1, 2, 3, 4].map((n) => Buffer.alloc(12, n));
  for (const key of keys) map.update(key, u32(0));
  expect(bpfErrorOf(() => map.update(Buffer.alloc(12, 5), u32(0))).code).toBe('E2BIG');
  for (const key of keys) map.delete(key);
  expect(bpfErrorOf(() => object.map('unmapped').delete(u32(0))).operation).toBe('delete from unmapped');
});

test('keys and values of another size never reach the kernel', () => {
  const map = object.map('by_key');
  expect(() => map.lookup(Buffer.alloc(11))).toThrow(new RangeError('key must have 12 bytes, not 11'));
  expect(() => map.update(Buffer.alloc(12), Buffer.alloc(8))).toThrow(RangeError);
  expect(() => map.delete(Buffer.alloc(13))).toThrow(RangeError);
  expect(() => map.lookup('key' as unknown as Buffer)).toThrow(TypeError);
});

test('a queue, which has no keys, is pushed to and peeked at', () => {
  const map = object.map('queue');
  const none = Buffer.alloc(0);
  expect(map.lookup(none)).toBeNull();
  map.update(none, u32(5));
  map.update(none, u32(6));
  expect(map.lookup(none)).toEqual(u32(5));
});

test('a per-CPU map takes and gives the value of every possible CPU, 8 bytes each', () => {
  const possible = readFileSync('/sys/devices/system/cpu/possible', 'utf8');
  const cpus = Number(/(\d+)\s*$/.exec(possible)?.[1]) + 1;
  expect(cpus).toBeGreaterThanOrEqual(availableParallelism());
  const values = Buffer.alloc(8 * cpus);
  for (let cpu = 0; cpu < cpus; cpu++) values.writeUInt32LE(100 + cpu, 8 * cpu);
  object.map('per_cpu').update(u32(0), values);
  expect(object.map('per_cpu').lookup(u32(0))).toEqual(values);
});

test('only an mmap-able array gives a region, and only a ring buffer is consumed', () => {
  expect(() => object.map('by_key').mapRegion()).toThrow(TypeError);
  expect(bpfErrorOf(() => object.map('unmapped').mapRegion())).toMatchObject({
    operation: 'map values of unmapped',
    code: 'EINVAL',
  });
  expect(() => object.map('records').consume(16, () => undefined)).toThrow(TypeError);
});
