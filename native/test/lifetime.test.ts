import { readFileSync, readdirSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BpfMap, BpfObject, Link, MappedRegion, Program, RingBuffer } from '../lib/index.ts';
import {
  CLASSIC,
  binding,
  bpfDescriptors,
  collectUntil,
  emitContext,
  geteuid,
  loadFixture,
  openFixture,
  readWord,
  u32,
} from './fixture.ts';

setFlagsFromString('--expose-gc');
globalThis.gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;

interface Handles {
  object: BpfObject;
  program: Program;
  link: Link;
  map: BpfMap;
  region: MappedRegion;
  ring: RingBuffer;
}

function openEverything(): Handles {
  const object = loadFixture();
  // By BTF, because detaching a classic tracepoint waits for about 100 ms of grace periods.
  const program = object.program('count_btf');
  const map = object.map('by_key');
  return {
    object,
    program,
    link: program.attach(),
    map,
    region: object.map('records').mapRegion(),
    ring: object.map('events').consume(16, () => undefined),
  };
}

const NO_ROWS = {
  offset: 0,
  stride: 64,
  rows: 0,
  state: 0,
  accept: 1,
  words: 0,
  wordColumns: 1,
  counters: 0,
  counterColumns: 1,
};
const NO_COLUMNS = {
  indices: new Uint32Array(0),
  states: new Uint32Array(0),
  words: new Uint32Array(0),
  counters: new Float64Array(0),
};

/** Every member of every class but close(), called in a way that would succeed on an open one. */
const MEMBERS: readonly [string, (handles: Handles) => unknown][] = [
  ['object.setMaxEntries', ({ object }) => object.setMaxEntries('by_key', 1)],
  ['object.setAutoload', ({ object }) => object.setAutoload('emit', true)],
  ['object.initialValue', ({ object }) => object.initialValue('.rodata')],
  ['object.setInitialValue', ({ object }) => object.setInitialValue('.rodata', u32(0))],
  ['object.load', ({ object }) => object.load()],
  ['object.programNames', ({ object }) => object.programNames()],
  ['object.mapNames', ({ object }) => object.mapNames()],
  ['object.program', ({ object }) => object.program('emit')],
  ['object.map', ({ object }) => object.map('by_key')],
  ['program.name', ({ program }) => program.name],
  ['program.section', ({ program }) => program.section],
  ['program.info', ({ program }) => program.info()],
  ['program.attach', ({ program }) => program.attach()],
  ['program.run', ({ program }) => program.run()],
  ['program.iterate', ({ program }) => program.iterate()],
  ['program.pin', ({ program }) => program.pin('/sys/fs/bpf/never')],
  ['program.adopt', ({ program }) => program.adopt('/sys/fs/bpf/never')],
  ['program.adoptLink', ({ program }) => program.adoptLink('/sys/fs/bpf/never')],
  ['link.pin', ({ link }) => link.pin('/sys/fs/bpf/never')],
  ['map.name', ({ map }) => map.name],
  ['map.info', ({ map }) => map.info()],
  ['map.lookup', ({ map }) => map.lookup(Buffer.alloc(12))],
  ['map.update', ({ map }) => map.update(Buffer.alloc(12), u32(0))],
  ['map.delete', ({ map }) => map.delete(Buffer.alloc(12))],
  ['map.mapRegion', ({ map }) => map.mapRegion()],
  ['map.consume', ({ map }) => map.consume(16, () => undefined)],
  ['map.pin', ({ map }) => map.pin('/sys/fs/bpf/never')],
  ['map.reuse', ({ map }) => map.reuse('/sys/fs/bpf/never')],
  ['region.size', ({ region }) => region.size],
  ['region.readU64', ({ region }) => region.readU64(new Float64Array(1), 0, 8, 1, 1)],
  ['region.readU32', ({ region }) => region.readU32(new Uint32Array(1), 0, 4, 1, 1)],
  ['region.selectRows', ({ region }) => region.selectRows(NO_ROWS, NO_COLUMNS)],
  ['region.readBytes', ({ region }) => region.readBytes(0, 1)],
  ['region.storeU32', ({ region }) => region.storeU32(0, 1)],
  ['region.storeU64', ({ region }) => region.storeU64(0, 1)],
  ['region.writeBytes', ({ region }) => region.writeBytes(0, Buffer.alloc(1))],
  ['ring.malformed', ({ ring }) => ring.malformed],
  ['ring.ref', ({ ring }) => ring.ref()],
  ['ring.unref', ({ ring }) => ring.unref()],
];

describe('closing', () => {
  let handles: Handles;
  beforeEach(() => {
    handles = openEverything();
  });
  afterEach(() => {
    handles.object.close();
    expect(binding.liveHandles()).toBe(0);
  });

  test('counts down one handle at a time, and a second close changes nothing', () => {
    const { object, link, region, ring } = handles;
    expect(binding.liveHandles()).toBe(4);
    for (const [index, handle] of [link, region, ring, object].entries()) {
      handle.close();
      handle.close();
      expect(binding.liveHandles()).toBe(3 - index);
    }
  });

  test('the object closes everything that came out of it', () => {
    expect(new Set(bpfDescriptors())).toEqual(new Set(['prog', 'map', 'link']));
    handles.object.close();
    expect(binding.liveHandles()).toBe(0);
    expect(bpfDescriptors()).toEqual([]);
    expect(readFileSync('/proc/self/maps', 'utf8')).not.toContain('bpf-map');
    handles.link.close();
    handles.region.close();
    handles.ring.close();
  });

  test('of the tests below, the table misses no member', () => {
    for (const [name, handle] of Object.entries(handles)) {
      const members = Object.getOwnPropertyNames(Object.getPrototypeOf(handle)).filter(
        (m) => m !== 'constructor' && m !== 'close',
      );
      expect(MEMBERS.map(([member]) => member).filter((m) => m.startsWith(`${name}.`))).toEqual(
        members.map((m) => `${name}.${m}`),
      );
    }
  });

  test.each(MEMBERS)('%s after close is a TypeError', (_, use) => {
    handles.object.close();
    expect(() => use(handles)).toThrow(/^(BpfObject|Program|Link|BpfMap|MappedRegion|RingBuffer) is closed$/);
    expect(() => use(handles)).toThrow(TypeError);
  });
});

describe('a method on a wrong `this`', () => {
  let handles: Handles;
  beforeEach(() => {
    handles = openEverything();
  });
  afterEach(() => handles.object.close());

  test.each(['object', 'program', 'link', 'map', 'region', 'ring'] as const)(
    'is a TypeError for every member of %s: on another class, a subclass, a plain object, nothing',
    (name) => {
      const prototype = Object.getPrototypeOf(handles[name]) as object;
      const others: unknown[] = Object.values(handles).filter((handle) => handle !== handles[name]);
      others.push(
        {},
        Object.create(prototype),
        Object.create(handles[name]),
        new Proxy(handles[name], {}),
        undefined,
        null,
        1,
      );
      type Unbound = (this: unknown) => unknown;
      const descriptors: Record<string, { value?: Unbound; get?: Unbound }> =
        Object.getOwnPropertyDescriptors(prototype);
      for (const [member, { value, get }] of Object.entries(descriptors)) {
        if (member === 'constructor') continue;
        const call = value ?? get;
        for (const other of others) expect(() => call?.call(other), `${name}.${member}`).toThrow(TypeError);
      }
    },
  );

  test('cannot be had by constructing one', () => {
    for (const handle of Object.values(handles)) {
      const { constructor } = handle as { constructor: new () => object };
      expect(() => new constructor()).toThrow(`${constructor.name} cannot be constructed`);
      expect(() => new (class extends constructor {})()).toThrow(TypeError);
      expect(() => (constructor as unknown as () => void)()).toThrow(TypeError);
    }
    expect(binding.liveHandles()).toBe(4);
  });
});

describe('what JavaScript has dropped', () => {
  test('is released, with all that came out of it', async () => {
    (() => {
      const object = loadFixture();
      object.program('count_classic').attach();
      object.map('records').mapRegion();
    })();
    expect(binding.liveHandles()).toBe(3);
    await collectUntil(() => binding.liveHandles() === 0);
    expect(binding.liveHandles()).toBe(0);
    expect(bpfDescriptors()).toEqual([]);
  });

  test('but an object lives as long as a link of it', async () => {
    const openLinkAndRegion = (): Pick<Handles, 'link' | 'region'> => {
      const object = loadFixture();
      return { link: object.program('count_classic').attach(), region: object.map('records').mapRegion() };
    };
    await (async () => {
      const { link, region } = openLinkAndRegion();
      await collectUntil(() => false);
      expect(binding.liveHandles()).toBe(3);
      geteuid(5);
      expect(region.readBytes(CLASSIC, 8).readUInt32LE()).toBe(5);
      link.close();
      region.close();
    })();
    await collectUntil(() => binding.liveHandles() === 0);
    expect(binding.liveHandles()).toBe(0);
  });

  test('but a ring buffer that is consumed goes on until it is closed', async () => {
    const seen: number[] = [];
    const program = (() => {
      const object = loadFixture();
      const ring: RingBuffer = object.map('events').consume(16, (records) => {
        seen.push(records.length / 16);
        ring.close();
      });
      return object.program('emit');
    })();
    await collectUntil(() => false);
    program.run(emitContext(0, 3));
    await expect.poll(() => seen).toEqual([3]);
    expect(binding.liveHandles()).toBe(1);
  });
});

test('two hundred times everything leaves no descriptor, handle, mapping or memory behind', async () => {
  const count = (): { fds: number; maps: number; rss: number } => ({
    fds: readdirSync('/proc/self/fd').length,
    maps: readFileSync('/proc/self/maps', 'utf8').split('\n').length,
    rss: process.memoryUsage.rss(),
  });
  const round = async (i: number): Promise<void> => {
    const { object, region } = openEverything();
    // Classic tracepoints hang on perf events; see openEverything for why not each time.
    if (i % 8 === 0) object.program('count_classic').attach();
    geteuid(1);
    expect(readWord(object, CLASSIC)).toBe(i % 8 === 0 ? 1 : 0);
    region.storeU64(0, 0);
    object.close();
    openFixture().close();
    // uv_close() takes a turn of the loop.
    await new Promise((resolve) => setImmediate(resolve));
  };
  // The allocator and the heap reach their plateau first.
  for (let i = 0; i < 100; i++) await round(i);
  await collectUntil(() => false);
  const before = count();
  for (let i = 0; i < 200; i++) await round(i);
  await collectUntil(() => false);
  const after = count();
  expect(binding.liveHandles()).toBe(0);
  expect(after.fds).toBe(before.fds);
  // A heap that grows adds a mapping or two; 200 leaked regions would add 200.
  expect(after.maps).toBeLessThan(before.maps + 20);
  // One leaked object is over 100 kB.
  expect(after.rss - before.rss).toBeLessThan(8 * 2 ** 20);
});
