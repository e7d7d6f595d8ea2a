/** Objects that a disk, or somebody, has changed: libbpf and libelf refuse them or make the best of them, and nothing else happens. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { afterEach, expect, test } from 'vitest';
import type { BpfObject } from '../../lib/index.ts';
import { BAD_FIXTURE, FIXTURE, binding } from '../fixture.ts';
import { runs } from './hostile.ts';

const AGENT = readFileSync(path.resolve(import.meta.dirname, '../../../build/bpf/spillway.bpf.o'));

afterEach(() => {
  expect(binding.liveHandles()).toBe(0);
});

/** Where the section headers and the contents of the sections stand: changes there reach deeper than any others. */
function placesOf(elf: Buffer): { at: number; size: number }[] {
  const headers = Number(elf.readBigUInt64LE(40));
  const count = elf.readUInt16LE(60);
  const sections = Array.from({ length: count }, (_, i) => {
    const header = headers + 64 * i;
    return { at: Number(elf.readBigUInt64LE(header + 24)), size: Number(elf.readBigUInt64LE(header + 32)) };
  });
  const whole = sections.filter(({ at, size }) => size > 0 && at + size <= elf.length);
  return [{ at: 0, size: 64 }, { at: headers, size: 64 * count }, ...whole];
}

const SEEDS = [FIXTURE, BAD_FIXTURE, AGENT].map((elf) => ({ elf, places: placesOf(elf) }));

/** Values that mean something as a size, an offset, an index or a kind. */
const word = fc.oneof(
  fc.constantFrom(0, 1, 0x7f, 0x80, 0xff, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xfffffff8, 0x1000000),
  fc.nat(64),
  fc.integer({ min: 0, max: 0xffffffff }),
);

const changed = fc
  .record({
    seed: fc.constantFrom(...SEEDS),
    changes: fc.array(
      fc.record({
        place: fc.nat(200),
        at: fc.double({ min: 0, max: 0.999999, noNaN: true }),
        width: fc.constantFrom(1, 2, 4, 8),
        word,
      }),
      { maxLength: 3 },
    ),
    end: fc.oneof(
      { weight: 12, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
    ),
  })
  .map(({ seed, changes, end }) => {
    const elf = Buffer.from(seed.elf);
    for (const { place, at, width, word: value } of changes) {
      const { at: start, size } = seed.places[place % seed.places.length] ?? { at: 0, size: 64 };
      const offset = start + Math.floor((at * size) / width) * width;
      if (offset + width > elf.length) continue;
      if (width === 8) elf.writeBigUInt64LE(BigInt(value), offset);
      else elf.writeUIntLE(value % 2 ** (8 * width), offset, width);
    }
    return elf.subarray(0, Math.floor(end * elf.length));
  });

/** Asks for everything that needs no kernel. */
function lookAt(object: BpfObject): void {
  for (const name of object.programNames()) attempt(() => object.program(name).section);
  for (const name of object.mapNames()) {
    attempt(() => object.map(name).name);
    attempt(() => object.setInitialValue(name, object.initialValue(name)));
    // what is loaded below takes no memory to speak of, and ends at the ring buffer: before programs are verified
    attempt(() => object.setMaxEntries(name, 1));
  }
}

/** Whether it was done; anything but a documented error goes on. */
function attempt(work: () => unknown): boolean {
  try {
    work();
    return true;
  } catch (error) {
    if (error instanceof TypeError || (error instanceof Error && error.name === 'BpfError')) return false;
    throw error;
  }
}

test('opening and asking', () => {
  const outcomes = { opened: 0, refused: 0 };
  fc.assert(
    fc.property(changed, (elf) => {
      const opened = attempt(() => {
        const object = binding.openObject(elf, 'changed');
        lookAt(object);
        object.close();
      });
      outcomes[opened ? 'opened' : 'refused']++;
    }),
    runs(400),
  );
  expect(outcomes.opened).toBeGreaterThan(40);
  expect(outcomes.refused).toBeGreaterThan(40);
});

test('loading, as far as the first map that the kernel refuses', () => {
  fc.assert(
    fc.property(changed, (elf) => {
      attempt(() => {
        const object = binding.openObject(elf, 'changed');
        try {
          lookAt(object);
          if (object.mapNames().includes('events')) object.load();
        } finally {
          object.close();
        }
      });
    }),
    runs(30),
  );
});

test('any bytes', () => {
  const bytes = fc.uint8Array({ maxLength: 300 }).map((tail) => Buffer.concat([FIXTURE.subarray(0, 16), tail]));
  fc.assert(
    fc.property(bytes, (elf) => {
      attempt(() => binding.openObject(elf, 'bytes').close());
    }),
    runs(300),
  );
});
