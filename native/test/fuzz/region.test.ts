/** The readers of mapped memory against a model over a copy of it, and with layouts and columns that change under their hands. */
import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import type { BpfObject, MappedRegion, RowColumns, RowLayout } from '../../lib/index.ts';
import { RECORD_BYTES, loadFixture, u32 } from '../fixture.ts';
import { number, runs } from './hostile.ts';

const SIZE = 16 * RECORD_BYTES;
const WORDS = SIZE / 4;

let object: BpfObject;
let region: MappedRegion;
beforeEach(() => {
  object = loadFixture();
  region = object.map('records').mapRegion();
  return () => object.close();
});

/** Puts bytes into the map by system calls. */
function fill(bytes: Uint8Array): void {
  for (let i = 0; i < 16; i++) {
    object.map('records').update(u32(i), Buffer.from(bytes.subarray(i * RECORD_BYTES, (i + 1) * RECORD_BYTES)));
  }
}

/** Small states are frequent, so that rows are wanted. */
const memory = fc
  .array(fc.oneof(fc.nat(6), fc.integer({ min: 0, max: 0xffffffff })), { minLength: WORDS, maxLength: WORDS })
  .map((words) => new Uint8Array(Uint32Array.from(words).buffer));

const member = fc.oneof({ weight: 6, arbitrary: fc.nat(16).map((n) => 4 * n) }, { weight: 1, arbitrary: number });
/** Of one that is right, now and then, a member or two are replaced. */
const good: RowLayout = {
  offset: 0,
  stride: 64,
  rows: 16,
  state: 0,
  accept: 0b0110,
  words: 4,
  wordColumns: 3,
  counters: 24,
  counterColumns: 2,
};
const any: fc.Arbitrary<RowLayout> = fc.record({
  offset: member,
  stride: fc.oneof({ weight: 6, arbitrary: fc.constantFrom(8, 16, 32, 64, 128) }, { weight: 1, arbitrary: number }),
  rows: fc.oneof({ weight: 6, arbitrary: fc.nat(16) }, { weight: 1, arbitrary: number }),
  state: member,
  accept: fc.oneof(fc.constantFrom(0b0110, 0xffffffff, 0), number),
  words: member,
  wordColumns: fc.oneof({ weight: 6, arbitrary: fc.nat(8) }, { weight: 1, arbitrary: number }),
  counters: fc.oneof({ weight: 6, arbitrary: fc.nat(8).map((n) => 8 * n) }, { weight: 1, arbitrary: number }),
  counterColumns: fc.oneof({ weight: 6, arbitrary: fc.nat(4) }, { weight: 1, arbitrary: number }),
});

const layouts = fc
  .tuple(any, fc.subarray(Object.keys(good) as (keyof RowLayout)[], { maxLength: 3 }), fc.boolean())
  .map(([all, some, few]): RowLayout =>
    few ? { ...good, ...Object.fromEntries(some.map((key) => [key, all[key]])) } : all,
  );

const columnsOf = (elements: number): RowColumns => ({
  indices: new Uint32Array(elements).fill(77),
  states: new Uint32Array(elements).fill(77),
  words: new Uint32Array(elements).fill(77),
  counters: new Float64Array(elements).fill(77),
});

/** What selectRows must do, from its description; null where it must throw. */
function expected(bytes: Uint8Array, l: RowLayout, elements: number): RowColumns | null {
  if (!Object.values(l).every((value: number) => Number.isInteger(value) && value >= 0 && value <= 0xffffffff))
    return null;
  const aligned = [l.offset, l.stride, l.counters].every((n) => n % 8 === 0) && l.state % 4 === 0 && l.words % 4 === 0;
  const inside =
    l.state + 4 <= l.stride && l.words + 4 * l.wordColumns <= l.stride && l.counters + 8 * l.counterColumns <= l.stride;
  const fits = l.offset + l.rows * l.stride <= bytes.length;
  const room = Math.max(l.rows, l.rows * l.wordColumns, l.rows * l.counterColumns) <= elements;
  if (!aligned || !inside || !fits || !room) return null;
  const view = new DataView(bytes.buffer);
  const into = columnsOf(elements);
  let [selected, word, counter] = [0, 0, 0];
  for (let row = 0; row < l.rows; row++) {
    const at = l.offset + row * l.stride;
    const state = view.getUint32(at + l.state, true);
    if (state > 31 || ((l.accept >>> state) & 1) === 0) continue;
    into.indices[selected] = row;
    into.states[selected++] = state;
    for (let c = 0; c < l.wordColumns; c++) into.words[word++] = view.getUint32(at + l.words + 4 * c, true);
    for (let c = 0; c < l.counterColumns; c++) {
      into.counters[counter++] = Number(view.getBigUint64(at + l.counters + 8 * c, true));
    }
  }
  return into;
}

test('selectRows does what its description says, or refuses and writes nothing', () => {
  const seen = { taken: 0, refused: 0 };
  fc.assert(
    fc.property(memory, layouts, fc.constantFrom(0, 3, 15, 16, 31, 32, 47, 48, 200), (bytes, layout, elements) => {
      fill(bytes);
      const wanted = expected(bytes, layout, elements);
      const into = columnsOf(elements);
      if (wanted === null) {
        seen.refused++;
        expect(() => region.selectRows(layout, into)).toThrow(RangeError);
        expect(into).toEqual(columnsOf(elements));
      } else {
        seen.taken++;
        const rows = region.selectRows(layout, into);
        expect(into).toEqual(wanted);
        expect(rows).toBe(wanted.indices.filter((index) => index !== 77).length);
      }
    }),
    runs(600),
  );
  expect(seen.taken).toBeGreaterThan(20);
  expect(seen.refused).toBeGreaterThan(20);
});

test('readU64, readU32 and readBytes read what is there, or refuse', () => {
  const seen = { taken: 0, refused: 0 };
  const small = fc.oneof({ weight: 4, arbitrary: fc.nat(20).map((n) => 4 * n) }, { weight: 1, arbitrary: number });
  const count = fc.oneof({ weight: 4, arbitrary: fc.nat(9) }, { weight: 1, arbitrary: number });
  fc.assert(
    fc.property(
      memory,
      fc.constantFrom(4, 8),
      small,
      small,
      count,
      count,
      (bytes, width, offset, stride, rows, columns) => {
        fill(bytes);
        const view = new DataView(bytes.buffer);
        const into = width === 8 ? new Float64Array(64).fill(77) : new Uint32Array(64).fill(77);
        const read = () =>
          into instanceof Float64Array
            ? region.readU64(into, offset, stride, rows, columns)
            : region.readU32(into, offset, stride, rows, columns);
        const whole = [offset, stride, rows, columns].every((n) => Number.isSafeInteger(n) && n >= 0);
        const extent =
          rows > 0 && columns > 0
            ? BigInt(whole ? rows - 1 : 0) * BigInt(whole ? stride : 0) + BigInt(whole ? columns * width : 0)
            : 0n;
        const good =
          whole &&
          rows <= 0xffffffff &&
          columns <= 0xffffffff &&
          rows * columns <= 64 &&
          offset % width === 0 &&
          stride % width === 0 &&
          BigInt(offset) + extent <= BigInt(SIZE);
        if (!good) {
          seen.refused++;
          expect(read).toThrow(RangeError);
          expect(into.every((element) => element === 77)).toBe(true);
          return;
        }
        seen.taken++;
        read();
        const wanted = into.slice().fill(77);
        for (let r = 0; r < rows; r++) {
          for (let c = 0; c < columns; c++) {
            const at = offset + r * stride + c * width;
            wanted[r * columns + c] = width === 8 ? Number(view.getBigUint64(at, true)) : view.getUint32(at, true);
          }
        }
        expect(into).toEqual(wanted);
        expect(region.readBytes(offset, SIZE - offset).equals(bytes.subarray(offset))).toBe(true);
      },
    ),
    runs(400),
  );
  expect(seen.taken).toBeGreaterThan(20);
  expect(seen.refused).toBeGreaterThan(20);
});

describe('selectRows with getters that pull the ground away', () => {
  const layout: RowLayout = {
    ...{ offset: 0, stride: RECORD_BYTES, rows: 16, state: 0, accept: 0xffffffff },
    ...{ words: 0, wordColumns: 2, counters: 8, counterColumns: 2 },
  };
  const members = [...Object.keys(layout), ...Object.keys(columnsOf(0))] as (keyof RowLayout | keyof RowColumns)[];

  /** Layout and columns of which one member does something when it is asked for. */
  function withTrap(trap: string, act: (into: RowColumns) => void): [RowLayout, RowColumns] {
    const into = columnsOf(64);
    const object = { ...layout } as Record<string, unknown>;
    const columns = { ...into } as Record<string, unknown>;
    const holder = trap in object ? object : columns;
    const value = holder[trap];
    Object.defineProperty(holder, trap, {
      get: () => {
        act(into);
        return value;
      },
    });
    return [object as unknown as RowLayout, columns as unknown as RowColumns];
  }

  test.each(members)('%s closes the region', (trap) => {
    const [hostile, into] = withTrap(trap, () => region.close());
    expect(() => region.selectRows(hostile, into)).toThrow('MappedRegion is closed');
  });

  test.each(members)('%s closes the object', (trap) => {
    const [hostile, into] = withTrap(trap, () => object.close());
    expect(() => region.selectRows(hostile, into)).toThrow('MappedRegion is closed');
  });

  test.each(members)('%s detaches the columns', (trap) => {
    const [hostile, into] = withTrap(trap, (columns) => {
      for (const { buffer } of Object.values(columns) as (Uint32Array | Float64Array)[]) {
        if (!(buffer as ArrayBuffer).detached) (buffer as ArrayBuffer).transfer();
      }
    });
    expect(() => region.selectRows(hostile, into)).toThrow(RangeError);
  });

  test.each(members)('%s shrinks the columns', (trap) => {
    const shrinking = (['indices', 'states', 'words', 'counters'] as const).map((name) => {
      const memory = new ArrayBuffer(64 * 8, { maxByteLength: 64 * 8 });
      return [name, name === 'counters' ? new Float64Array(memory) : new Uint32Array(memory)] as const;
    });
    const [hostile, columns] = withTrap(trap, () => {
      for (const [, { buffer }] of shrinking) buffer.resize(0);
    });
    const property = Object.getOwnPropertyDescriptor(columns, trap);
    for (const [name, array] of shrinking) {
      const get = () => {
        if (name === trap) property?.get?.call(columns);
        return array;
      };
      Object.defineProperty(columns, name, { get });
    }
    expect(() => region.selectRows(hostile, columns)).toThrow(RangeError);
  });

  test.each(members)('%s throws', (trap) => {
    const [hostile, into] = withTrap(trap, () => {
      throw new Error('mine');
    });
    expect(() => region.selectRows(hostile, into)).toThrow('mine');
  });

  test('one that calls selectRows itself, a few times over', () => {
    let depth = 0;
    const hostile = {
      ...layout,
      get rows(): number {
        if (++depth < 50) region.selectRows(hostile, columnsOf(64));
        return 16;
      },
    };
    expect(region.selectRows(hostile, columnsOf(64))).toBe(16);
  });
});
