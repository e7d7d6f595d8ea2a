import { afterEach, beforeEach, expect, test } from 'vitest';
import type { BpfObject, RingBuffer } from '../lib/index.ts';
import { binding, bpfErrorOf, emitContext, loadFixture, runChild } from './fixture.ts';

let object: BpfObject;
beforeEach(() => {
  object = loadFixture();
});
afterEach(() => object.close());

/** The numbers of a batch's events, each checked to be whole. */
function numbers(records: Buffer): number[] {
  const found: number[] = [];
  for (let at = 0; at < records.length; at += 16) {
    const number = records.readBigUInt64LE(at);
    expect(records.readBigUInt64LE(at + 8)).toBe(number ^ 0xffffffffffffffffn);
    found.push(Number(number));
  }
  return found;
}

const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, i) => from + i);

test('every record arrives once and in order, also those from before, in batches', async () => {
  const emit = object.program('emit');
  emit.run(emitContext(0, 1000));
  const seen: number[] = [];
  let batches = 0;
  const ring = object.map('events').consume(16, (records) => {
    batches++;
    seen.push(...numbers(records));
  });
  // Not from within consume(): only from the loop.
  expect(batches).toBe(0);
  await expect.poll(() => seen.length).toBe(1000);
  expect(batches).toBe(1);
  emit.run(emitContext(1000, 10));
  emit.run(emitContext(1010, 10));
  await expect.poll(() => seen.length).toBe(1020);
  expect(batches).toBe(2);
  expect(seen).toEqual(range(0, 1020));
  expect(ring.malformed).toBe(0);
});

test('a flood is delivered in bounded batches, and others have their turn in between', async () => {
  const EVENTS = 40_000;
  expect(object.program('emit').run(emitContext(0, EVENTS))).toBe(0);
  const order: string[] = [];
  let seen = 0;
  object.map('events').consume(16, (records) => {
    expect(records.length).toBeLessThanOrEqual(256 * 1024);
    seen += records.length / 16;
    order.push('batch');
    setImmediate(() => order.push('immediate'));
  });
  await expect.poll(() => seen).toBe(EVENTS);
  expect(order.slice(0, 5)).toEqual(['batch', 'immediate', 'batch', 'immediate', 'batch']);
});

test('records of another length are dropped and counted, and do not disturb the others', async () => {
  const emit = object.program('emit');
  const seen: number[] = [];
  const ring = object.map('events').consume(16, (records) => seen.push(...numbers(records)));
  emit.run(emitContext(0, 2));
  emit.run(emitContext(0, 5, 8));
  emit.run(emitContext(2, 2));
  await expect.poll(() => seen).toEqual([0, 1, 2, 3]);
  expect(ring.malformed).toBe(5);
});

test('a batch of malformed records alone calls nobody', async () => {
  let calls = 0;
  const ring = object.map('events').consume(16, () => calls++);
  object.program('emit').run(emitContext(0, 5, 8));
  await expect.poll(() => ring.malformed).toBe(5);
  expect(calls).toBe(0);
});

test('microtasks and next ticks of a callback run before the next event of the loop', async () => {
  const order: string[] = [];
  object.map('events').consume(16, () => {
    setImmediate(() => order.push('immediate'));
    process.nextTick(() => order.push('tick'));
    void Promise.resolve().then(() => order.push('microtask'));
    order.push('callback');
  });
  object.program('emit').run(emitContext(0, 1));
  await expect.poll(() => order).toEqual(['callback', 'tick', 'microtask', 'immediate']);
});

test('closing inside the callback ends it there: what is left is not delivered', async () => {
  let calls = 0;
  object.program('emit').run(emitContext(0, 40_000));
  const ring: RingBuffer = object.map('events').consume(16, () => {
    calls++;
    ring.close();
  });
  await expect.poll(() => calls).toBe(1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(calls).toBe(1);
  expect(() => ring.malformed).toThrow(TypeError);
});

test('closing the object inside the callback is safe as well', async () => {
  let calls = 0;
  object.program('emit').run(emitContext(0, 40_000));
  object.map('events').consume(16, () => {
    calls++;
    object.close();
  });
  await expect.poll(() => calls).toBe(1);
  expect(binding.liveHandles()).toBe(0);
});

test('one consumer a map: a second is refused until the first is closed, and then goes on where it ended', async () => {
  const map = object.map('events');
  const emit = object.program('emit');
  const first: number[] = [];
  const ring = map.consume(16, (records) => first.push(...numbers(records)));
  expect(bpfErrorOf(() => map.consume(16, () => undefined))).toMatchObject({
    code: 'EBUSY',
    operation: 'consume events',
  });
  emit.run(emitContext(0, 3));
  await expect.poll(() => first).toEqual([0, 1, 2]);
  ring.close();
  emit.run(emitContext(3, 3));
  const second: number[] = [];
  map.consume(16, (records) => second.push(...numbers(records)));
  await expect.poll(() => second).toEqual([3, 4, 5]);
  expect(first).toHaveLength(3);
});

test.each<[string, number, typeof Error]>([
  ['zero', 0, RangeError],
  ['negative', -16, RangeError],
  ['more than the buffer', 2 ** 20 + 1, RangeError],
  ['no number', '16' as unknown as number, TypeError],
])('a record length that is %s is refused', (_, length, kind) => {
  expect(() => object.map('events').consume(length, () => undefined)).toThrow(kind);
  expect(() => object.map('events').consume(16, undefined as unknown as () => void)).toThrow(TypeError);
  expect(binding.liveHandles()).toBe(1);
});

test('an exception in the callback is an uncaught exception, and the consumer goes on', async () => {
  expect(await runChild('throwing-callback')).toEqual({
    code: 0,
    signal: null,
    stdout: 'caught: first\nbatch: 2\n',
    stderr: '',
  });
});

test('without a handler that exception ends the process as any other', async () => {
  const child = await runChild('throwing-callback', [], ['unhandled']);
  expect(child.code).toBe(1);
  expect(child.stderr).toContain('Error: first');
});

test('unref lets the loop end, ref holds it', async () => {
  expect(await runChild('unref')).toEqual({ code: 0, signal: null, stdout: 'held until closed\nended\n', stderr: '' });
});
