import { describe, expect, it } from 'vitest';
import { LAYOUT, MECHANISMS } from '../../src/abi/layout.ts';
import { processorsIn, shardLines, shardOptions, Shards } from '../../src/kernel/shards.ts';
import { SHAPES } from '../../src/kernel/tables.ts';
import { COUNT_COLUMNS, COUNTER_COLUMNS, mechanismColumn } from '../../src/model/counters.ts';
import type { MappedRegion } from '../../../native/lib/index.ts';

const FIRST = LAYOUT.enums.reserved_slot.FIRST;
const LINES = 4;

/** Memory with the readers of a mapping. */
function memory(size: number) {
  const bytes = Buffer.alloc(size);
  return {
    bytes,
    readU64: (into: Float64Array, offset: number, stride: number, rows: number, columns: number) => {
      for (let i = 0; i < rows * columns; i++)
        into[i] = Number(bytes.readBigUInt64LE(offset + Math.floor(i / columns) * stride + 8 * (i % columns)));
    },
    readU32: (into: Uint32Array, offset: number, stride: number, rows: number, columns: number) => {
      for (let i = 0; i < rows * columns; i++)
        into[i] = bytes.readUInt32LE(offset + Math.floor(i / columns) * stride + 4 * (i % columns));
    },
    storeU32: (offset: number, value: number) => void bytes.writeUInt32LE(value, offset),
  };
}

function setup(options = { lines: LINES, from: 1000 }) {
  const region = memory(shardLines(options) * LAYOUT.structs.shard.size);
  const tableOf = (name: 'processes' | 'flows') => ({
    name,
    shape: SHAPES[name],
    capacity: 200,
    used: 200,
    records: memory(SHAPES[name].size * (200 + FIRST)),
  });
  const tables = { processes: tableOf('processes'), flows: tableOf('flows') };
  const open = () => {
    const shards = new Shards(region as unknown as MappedRegion, options);
    shards.adopt(tables.processes);
    shards.adopt(tables.flows);
    return shards;
  };
  return { region, tables, open };
}

/** Rows of flows: attempts by slot. */
function flowRows(attempts: Readonly<Record<number, number>>) {
  const slots = Uint32Array.from(Object.keys(attempts), Number);
  const counters = new Float64Array(slots.length * COUNT_COLUMNS);
  Object.values(attempts).forEach((count, row) => (counters[row * COUNT_COLUMNS] = count));
  return { length: slots.length, slots, counters, indices: slots.map((slot) => slot - FIRST) };
}

const live = () => true;
const setOf = ({ records, shape }: ReturnType<typeof setup>['tables']['flows'], slot: number, line = 0): number =>
  records.bytes.readUInt32LE(slot * shape.size + (shape.lines[line]?.set ?? NaN));
/** What the probes do. */
const count = ({ bytes }: { bytes: Buffer }, set: number, processor: number, word: number, n: bigint) => {
  const at = ((set - 1) * LINES + processor) * LAYOUT.structs.shard.size + 8 * word;
  bytes.writeBigUInt64LE(bytes.readBigUInt64LE(at) + n, at);
};

describe('how counts are spread', () => {
  it.each([
    [1, 0],
    [8, 0],
    [9, 16],
    [64, 64],
    [96, 128],
    [128, 128],
    [1000, 256],
  ])('on %i processors: sets of %i lines', (processors, lines) => {
    expect(shardOptions(processors).lines).toBe(lines);
  });

  it.each([
    ['0\n', 1],
    ['0-127\n', 128],
    ['0-3,8-9,12', 7],
  ])('%j processors', (list, number) => {
    expect(processorsIn(list)).toBe(number);
  });
});

describe('Shards', () => {
  it('gives a set to what grows faster than the bound, once, and to nothing on the first look', () => {
    const { tables, open } = setup();
    const shards = open();
    shards.spread(tables.flows, flowRows({ 5: 1e9, 6: 0, 7: 0 }), live, Infinity);
    expect(shards.usage).toEqual({ sets: 0, capacity: 64, lacking: 0 });
    shards.spread(tables.flows, flowRows({ 5: 1e9 + 2000, 6: 2001, 7: 2002 }), (row) => row !== 2, 2);
    expect([5, 6, 7].map((slot) => setOf(tables.flows, slot))).toEqual([0, 1, 0]);
    shards.spread(tables.flows, flowRows({ 5: 1e9 + 2000, 6: 1e8, 7: 2002 }), live, 2);
    expect(shards.usage).toEqual({ sets: 1, capacity: 64, lacking: 0 });
  });

  it('adds every line of a set to its row, and to no other', () => {
    const { region, tables, open } = setup();
    const shards = open();
    shards.spread(tables.flows, flowRows({ 5: 5000, 6: 5000 }), live, 1);
    for (let processor = 0; processor < LINES; processor++)
      count(region, setOf(tables.flows, 6), processor, 7, 10n ** BigInt(processor));
    const rows = flowRows({ 4: 1, 6: 2, 8: 3 });
    shards.addTo(tables.flows, rows.length, rows);
    expect([...rows.counters]).toEqual([1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 1111, 3, 0, 0, 0, 0, 0, 0, 0]);
    const record = new Float64Array(COUNT_COLUMNS);
    shards.addToRecord(tables.flows, 6, record);
    expect(record[7]).toBe(1111);
  });

  it('spreads each mechanism of a process by itself', () => {
    const { region, tables, open } = setup();
    const shards = open();
    const counters = new Float64Array(COUNTER_COLUMNS);
    counters[mechanismColumn('splice') + 2] = 5000;
    const rows = { length: 1, slots: Uint32Array.of(9), indices: Uint32Array.of(9 - FIRST), counters };
    shards.spread(tables.processes, rows, live, 1);
    const splice = 1 + MECHANISMS.indexOf('splice');
    expect(SHAPES.processes.lines.map((_, line) => setOf(tables.processes, 9, line))).toEqual(
      SHAPES.processes.lines.map((_, line) => Number(line === splice)),
    );
    count(region, 1, LINES - 1, 0, 3n);
    shards.addTo(tables.processes, 1, rows);
    expect(counters[mechanismColumn('splice')]).toBe(3);
  });

  it('says what it lacks, and gives the sets of what was folded to others', () => {
    const { tables, open } = setup();
    const shards = open();
    const many = Object.fromEntries(Array.from({ length: 65 }, (_, i) => [FIRST + i, 5000]));
    shards.spread(tables.flows, flowRows(many), live, 1);
    expect(shards.usage).toEqual({ sets: 64, capacity: 64, lacking: 1 });
    shards.release('processes', FIRST + 3);
    expect(shards.usage.sets).toBe(64);
    const freed = setOf(tables.flows, FIRST + 3);
    shards.release('flows', FIRST + 3);
    expect(shards.usage.sets).toBe(63);
    shards.spread(tables.flows, flowRows({ [FIRST + 64]: 1e6 }), live, 1);
    expect(setOf(tables.flows, FIRST + 64)).toBe(freed);
  });

  it('goes on with the sets that an agent before has given', () => {
    const { region, tables, open } = setup();
    open().spread(tables.flows, flowRows({ 6: 5000 }), live, 1);
    count(region, 1, 2, 0, 7n);
    const next = open();
    expect(next.usage.sets).toBe(1);
    const rows = flowRows({ 6: 1 });
    next.addTo(tables.flows, 1, rows);
    expect(rows.counters[0]).toBe(8);
    next.spread(tables.flows, flowRows({ 7: 5000 }), live, 1);
    expect(setOf(tables.flows, 7)).toBe(2);
  });

  it('does nothing where there are no sets', () => {
    const { tables, open } = setup({ lines: 0, from: Infinity });
    const shards = open();
    expect(shards.isOff).toBe(true);
    shards.spread(tables.flows, flowRows({ 5: 1e9 }), live, 1);
    expect([shards.usage, setOf(tables.flows, 5)]).toEqual([{ sets: 0, capacity: 0, lacking: 0 }, 0]);
  });
});
