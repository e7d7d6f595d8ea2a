import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { BpfObject, MappedRegion } from '../lib/index.ts';
import { RECORD_BYTES, loadFixture, u32 } from './fixture.ts';

let object: BpfObject;
let region: MappedRegion;
beforeEach(() => {
  object = loadFixture();
  region = object.map('records').mapRegion();
});
afterEach(() => object.close());

/** Fills record `index` through a system call, so that what is read back has come another way. */
function put(index: number, words: readonly bigint[]): void {
  const record = Buffer.alloc(RECORD_BYTES);
  words.forEach((word, i) => record.writeBigUInt64LE(word, 8 * i));
  object.map('records').update(u32(index), record);
}

describe('reading', () => {
  test('size is what the entries take, 8-aligned each, without the rest of the page', () => {
    expect(region.size).toBe(16 * RECORD_BYTES);
    expect(object.map('odd').mapRegion().size).toBe(10 * 16);
  });

  test('readU64 gathers rows and columns of little-endian words, exact to 2^53', () => {
    put(3, [1n, 2n ** 53n, 0x0102030405060708n]);
    put(4, [10n, 2n ** 64n - 1n, 0n]);
    const into = new Float64Array(6);
    region.readU64(into, 3 * RECORD_BYTES, RECORD_BYTES, 2, 3);
    expect([...into]).toEqual([1, 2 ** 53, Number(0x0102030405060708n), 10, 2 ** 64, 0]);
  });

  test('readU64 honours an offset and a stride of its own, and leaves the rest of `into` alone', () => {
    put(0, [1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n]);
    const into = new Float64Array(6).fill(-1);
    region.readU64(into, 8, 24, 3, 1);
    expect([...into]).toEqual([2, 5, 8, -1, -1, -1]);
    region.readU64(into.subarray(3), 16, 0, 3, 1);
    expect([...into]).toEqual([2, 5, 8, 3, 3, 3]);
  });

  test('readU32 gathers words of half the width', () => {
    put(1, [0xffffffff00000001n, 0x0000000280000000n]);
    const into = new Uint32Array(4);
    region.readU32(into, RECORD_BYTES, 8, 2, 2);
    expect([...into]).toEqual([1, 0xffffffff, 0x80000000, 2]);
    region.readU32(into, RECORD_BYTES + 4, 8, 2, 1);
    expect([...into.subarray(0, 2)]).toEqual([0xffffffff, 2]);
  });

  describe('selectRows', () => {
    const layout = {
      offset: RECORD_BYTES,
      stride: RECORD_BYTES,
      rows: 4,
      state: 4,
      accept: 0b0110,
      words: 0,
      wordColumns: 2,
      counters: 8,
      counterColumns: 2,
    };
    const columns = () => ({
      indices: new Uint32Array(4).fill(99),
      states: new Uint32Array(4).fill(99),
      words: new Uint32Array(8).fill(99),
      counters: new Float64Array(8).fill(-1),
    });
    const state = (value: bigint, key: bigint) => (value << 32n) | key;

    test('gathers the records whose state is accepted, one behind the other', () => {
      put(0, [state(1n, 9n), 9n, 9n]);
      put(1, [state(0n, 1n), 1n, 1n]);
      put(2, [state(1n, 2n), 2n ** 40n, 21n]);
      put(3, [state(3n, 3n), 3n, 3n]);
      put(4, [state(2n, 4n), 4n, 41n]);
      const into = columns();
      expect(region.selectRows(layout, into)).toBe(2);
      expect([...into.indices]).toEqual([1, 3, 99, 99]);
      expect([...into.states]).toEqual([1, 2, 99, 99]);
      expect([...into.words]).toEqual([2, 1, 4, 2, 99, 99, 99, 99]);
      expect([...into.counters]).toEqual([2 ** 40, 21, 4, 41, -1, -1, -1, -1]);
    });

    test('takes a state that no bit stands for as not wanted', () => {
      put(1, [state(33n, 1n), 1n]);
      put(2, [state(0xffffffffn, 1n), 1n]);
      expect(region.selectRows({ ...layout, accept: 0xffffffff, rows: 2 }, columns())).toBe(0);
    });

    test.each([
      ['more rows than there are', { rows: 16 }],
      ['a part that begins beside its alignment', { counters: 12 }],
      ['a part that reaches over the stride', { wordColumns: 2 ** 30 }],
      ['a stride of no record', { stride: 0 }],
      ['a number that is none', { accept: NaN }],
      ['a fraction', { offset: 0.5 }],
      ['a negative number', { rows: -1 }],
    ])('refuses %s', (_, wrong) => {
      expect(() => region.selectRows({ ...layout, ...wrong }, columns())).toThrow(RangeError);
    });

    test('refuses columns that are too short or of another type', () => {
      expect(() => region.selectRows(layout, { ...columns(), counters: new Float64Array(7) })).toThrow(RangeError);
      const other = { ...columns(), words: new Float64Array(8) as unknown as Uint32Array };
      expect(() => region.selectRows(layout, other)).toThrow(TypeError);
      expect(() => region.selectRows(layout, null as never)).toThrow(TypeError);
    });
  });

  test('an element of 12 bytes begins every 16', () => {
    object.map('odd').update(u32(9), Buffer.from('000102030405060708090a0b', 'hex'));
    const odd = object.map('odd').mapRegion();
    expect(odd.readBytes(9 * 16, 16).toString('hex')).toBe('000102030405060708090a0b00000000');
  });

  test('readBytes copies: what is read does not change with the map', () => {
    put(0, [0x1122334455667788n]);
    const bytes = region.readBytes(1, 7);
    put(0, [0n]);
    expect(bytes.toString('hex')).toBe('77665544332211');
    expect(region.readBytes(region.size, 0)).toHaveLength(0);
  });

  test('no rows or no columns read nothing', () => {
    const into = new Float64Array(0);
    region.readU64(into, region.size, 8, 0, 5);
    region.readU64(into, 0, 8, 5, 0);
  });
});

describe('writing', () => {
  test('stores reach the map at their width', () => {
    region.storeU64(0, 2 ** 53 - 1);
    region.storeU32(8, 0xfffffffe);
    expect(object.map('records').lookup(u32(0))?.subarray(0, 16).toString('hex')).toBe(
      'ffffffffffff1f00feffffff00000000',
    );
  });

  test('bytes are written there and nowhere else, at any alignment', () => {
    for (const [offset, length] of [
      [0, 0],
      [0, 64],
      [3, 2],
      [3, 5],
      [5, 30],
      [8, 9],
      [63, 1],
    ] as const) {
      put(
        0,
        Array.from({ length: 8 }, () => 2n ** 64n - 1n),
      );
      region.writeBytes(offset, Buffer.alloc(length));
      const expected = Buffer.alloc(RECORD_BYTES, 0xff).fill(0, offset, offset + length);
      expect(region.readBytes(0, RECORD_BYTES)).toEqual(expected);
    }
  });
});

describe('an access that does not fit', () => {
  const f64 = new Float64Array(64);
  const words = new Uint32Array(64);
  const end = 16 * RECORD_BYTES;

  test.each<[string, (region: MappedRegion) => void]>([
    ['a word past the end', (r) => r.readU64(f64, end, 8, 1, 1)],
    ['a word half past the end', (r) => r.readU32(words, end - 4, 4, 1, 2)],
    ['a last row past the end', (r) => r.readU64(f64, 0, 512, 3, 1)],
    ['a stride that overflows 64 bits with its rows', (r) => r.readU64(f64, 0, 2 ** 52, 64, 1)],
    ['a stride and rows whose product wraps to 0', (r) => r.readU64(new Float64Array(4097), 0, 2 ** 52, 4097, 1)],
    ['an offset beyond what doubles count', (r) => r.readU64(f64, 2 ** 53, 8, 1, 1)],
    ['a negative offset', (r) => r.readU64(f64, -8, 8, 1, 1)],
    ['a fraction', (r) => r.readBytes(0.5, 1)],
    ['NaN', (r) => r.readBytes(NaN, 1)],
    ['an infinite length', (r) => r.readBytes(0, Infinity)],
    ['more results than `into` holds', (r) => r.readU64(f64, 0, 8, 65, 1)],
    ['more rows than can be counted', (r) => r.readU64(f64, 0, 0, 2 ** 32, 1)],
    ['a misaligned u64', (r) => r.readU64(f64, 4, 8, 1, 1)],
    ['a misaligned stride', (r) => r.readU64(f64, 0, 12, 2, 1)],
    ['a misaligned u32', (r) => r.readU32(words, 2, 4, 1, 1)],
    ['bytes past the end', (r) => r.readBytes(end - 1, 2)],
    ['a store past the end', (r) => r.storeU32(end, 1)],
    ['a store across the end', (r) => r.storeU64(end - 4, 1)],
    ['a misaligned store', (r) => r.storeU64(4, 1)],
    ['a value too large for its width', (r) => r.storeU32(0, 2 ** 32)],
    ['a value that a double cannot hold exactly', (r) => r.storeU64(0, 2 ** 53)],
    ['a negative value', (r) => r.storeU64(0, -1)],
    ['bytes written past the end', (r) => r.writeBytes(1, Buffer.alloc(end))],
  ])('is a RangeError and touches nothing: %s', (_, access) => {
    region.storeU64(0, 42);
    f64.fill(-1);
    expect(() => access(region)).toThrow(RangeError);
    expect(region.readBytes(0, 8).readUInt32LE()).toBe(42);
    expect(f64.every((element) => element === -1)).toBe(true);
  });

  test.each<[string, (region: MappedRegion) => void]>([
    ['no array', (r) => r.readU64(undefined as unknown as Float64Array, 0, 8, 1, 1)],
    ['an array of the other kind', (r) => r.readU64(words as unknown as Float64Array, 0, 8, 1, 1)],
    ['a Buffer for an array', (r) => r.readU64(Buffer.alloc(8) as unknown as Float64Array, 0, 8, 1, 1)],
    ['a BigInt for a number', (r) => r.storeU64(0, 1n as unknown as number)],
    ['no offset', (r) => r.readBytes(undefined as unknown as number, 1)],
  ])('is a TypeError: %s', (_, access) => {
    expect(() => access(region)).toThrow(TypeError);
  });
});
