import { describe, expect, it } from 'vitest';
import { LAYOUT } from '../../src/abi/layout.ts';
import { causeKey, decodeText, endedSlots, giveBack, readRows, type Rows, withRows } from '../../src/kernel/collect.ts';
import { SHAPES, SLOT_FIRST, type SlotTable, STATE } from '../../src/kernel/tables.ts';

const ENDED_AT = LAYOUT.structs.process_record.fields.ended_at;

describe('decodeText', () => {
  it('ends at the first NUL, or at the sixteenth byte', () => {
    expect(decodeText(Buffer.from('nginx\0garbage...'))).toBe('nginx');
    expect(decodeText(Buffer.from('0123456789abcdef'))).toBe('0123456789abcdef');
  });

  it('replaces what is no UTF-8', () => {
    expect(decodeText(Buffer.from([0x61, 0xff, 0xfe, 0x62, 0]))).toBe('a\ufffd\ufffdb');
  });
});

it('a cause key is decoded from its literal bytes', () => {
  // process 0x01020304, code 0x0102, kind 2 (enter_errno), mechanism 9
  const bytes = Uint8Array.from([4, 3, 2, 1, 2, 1, 2, 9]);
  expect(causeKey(new Uint32Array(bytes.buffer), 0)).toEqual({
    process: 0x01020304,
    code: 0x0102,
    kind: 'enter_errno',
    mechanism: 9,
  });
});

it('the memory of rows is free when they are not needed any longer, also after an error', () => {
  const table = { name: 'flows', shape: SHAPES.flows, used: 3, select: () => 2 } as unknown as SlotTable;
  const seen: Rows[] = [];
  const look = (rows: Rows) => {
    seen.push(rows);
    expect([rows.length, rows.slots.length, rows.states.length, rows.keys.length, rows.counters.length]).toEqual([
      2, 2, 2, 6, 16,
    ]);
    return 'found';
  };
  expect(withRows(table, look)).toBe('found');
  const failing = (rows: Rows) => {
    look(rows);
    throw new Error('no');
  };
  expect(() => withRows(table, failing)).toThrow('no');
  expect(seen.map(({ counters, keys }) => counters.byteLength + keys.byteLength)).toEqual([0, 0]);
});

describe('memory of rows', () => {
  const flows = (used: number) => {
    const written: number[] = [];
    const table = {
      name: 'flows',
      shape: SHAPES.flows,
      used,
      select: (_: number, rows: number, { counters }: { counters: Float64Array }) => {
        counters.fill((written.at(-1) ?? 0) + 1);
        written.push(counters[0] ?? 0);
        return rows;
      },
    };
    return table as unknown as SlotTable & { used: number };
  };

  it('is read into again once it was given back, and what stood in it is empty then', () => {
    const table = flows(1000);
    const first = readRows(table);
    const { byteLength } = first.counters.buffer;
    giveBack(table, first.counters);
    expect([first.length, first.counters.length, first.keys.length, first.slots.length]).toEqual([1000, 0, 0, 0]);
    table.used = 500;
    const second = readRows(table);
    expect(second.counters.buffer.byteLength).toBe(byteLength);
    expect([second.counters.length, second.keys.length, second.slots.length]).toEqual([4000, 1500, 500]);
    expect(new Set(second.counters)).toEqual(new Set([2]));
  });

  it("is nobody else's while it is not given back", () => {
    const table = flows(10);
    giveBack(table, readRows(table).counters);
    const held = readRows(table);
    const next = readRows(table);
    expect(new Set(held.counters)).toEqual(new Set([2]));
    expect(new Set(next.counters)).toEqual(new Set([3]));
    expect(held.counters.buffer).not.toBe(next.counters.buffer);
  });

  it('is kept once, the larger piece, and belongs to one table', () => {
    const table = flows(10);
    const small = readRows(table);
    table.used = 20;
    const large = readRows(table);
    const { byteLength } = large.counters.buffer;
    giveBack(table, large.counters);
    giveBack(table, small.counters);
    // once more is once
    giveBack(table, large.counters);
    table.used = 15;
    expect(readRows(table).counters.buffer.byteLength).toBe(byteLength);
    table.used = 10;
    expect(readRows(table).counters.buffer.byteLength).toBe(byteLength / 2);
    giveBack(table, readRows(table).counters);
    expect(readRows(flows(5)).counters.buffer.byteLength).toBe(byteLength / 4);
  });

  it('of a table that has grown out of it is new', () => {
    const table = flows(10);
    giveBack(table, readRows(table).counters);
    table.used = 11;
    expect(readRows(table).counters.length).toBe(88);
  });
});

it('processes have ended whose record says when, and that are not retired already', () => {
  const endedAt = [0, 5, 0, 2 ** 33];
  const table = {
    used: 4,
    selectWords: (
      accept: number,
      rows: number,
      words: number,
      columns: number,
      into: { indices: Uint32Array; words: Uint32Array },
    ) => {
      expect([accept, rows, words, columns]).toEqual([1 << STATE.LIVE, 4, ENDED_AT.offset, ENDED_AT.size / 4]);
      endedAt.forEach((time, row) => {
        into.indices[row] = 10 * row;
        into.words[2 * row] = time % 2 ** 32;
        into.words[2 * row + 1] = Math.floor(time / 2 ** 32);
      });
      return 4;
    },
  } as unknown as SlotTable;
  expect(endedSlots(table)).toEqual([
    { slot: SLOT_FIRST + 10, endedAt: 5e-9 },
    { slot: SLOT_FIRST + 30, endedAt: 2 ** 33 / 1e9 },
  ]);
});
