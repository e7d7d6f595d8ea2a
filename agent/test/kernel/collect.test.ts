import { describe, expect, it } from 'vitest';
import { causeKey, decodeText, type Rows, withRows } from '../../src/kernel/collect.ts';
import { SHAPES, type SlotTable } from '../../src/kernel/tables.ts';

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
