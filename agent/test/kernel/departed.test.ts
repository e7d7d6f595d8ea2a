import { describe, expect, it } from 'vitest';
import { LAYOUT } from '../../src/abi/layout.ts';
import { DepartedTables } from '../../src/kernel/departed.ts';
import { COUNTER_COLUMNS } from '../../src/model/counters.ts';
import type { BpfObject } from '../../../native/lib/index.ts';
import { FakeMap } from '../support/memory.ts';

const { departed_record: RECORD, cause_record: CAUSE } = LAYOUT.structs;
const { FIRST, OVERFLOW, NOBODY } = LAYOUT.enums.departed_place;
/** See departed.ts. */
const NAMELESS_CAUSES = 2048;

/** Tables with room for so many names of each kind, all zero. */
function memory(workloads: number, causes: number) {
  const maps = new Map([
    ['departed', new FakeMap((workloads + FIRST) * RECORD.size)],
    ['departed_causes', new FakeMap((causes + NAMELESS_CAUSES) * CAUSE.size)],
  ]);
  const object = { map: (name: string) => ({ mapRegion: () => maps.get(name) }) } as unknown as BpfObject;
  const add = (place: number, count: number) => {
    const at = place * RECORD.size + RECORD.fields.rings.offset;
    const region = maps.get('departed');
    const row = new Float64Array(COUNTER_COLUMNS);
    region?.readU64(row, at, 0, 1, COUNTER_COLUMNS);
    row.forEach((before, column) => region?.storeU64(at + 8 * column, before + count));
  };
  return { object, add };
}

const names = (tables: DepartedTables) =>
  tables.processes().map(({ unit, comm, counters }) => [unit, comm, counters[5], counters[COUNTER_COLUMNS - 1]]);

describe('DepartedTables', () => {
  it('have a place for each workload, and the same one again', () => {
    const { object, add } = memory(10, 10);
    const tables = new DepartedTables(object);
    expect(tables.processes()).toEqual([]);
    add(tables.placeOf({ unit: '', comm: 'cp' }), 1);
    add(tables.placeOf({ unit: 'backup.service', comm: 'cp' }), 4);
    add(tables.placeOf({ unit: '', comm: 'cp' }), 2);
    expect(names(tables)).toEqual([
      ['', 'cp', 3, 3],
      ['backup.service', 'cp', 4, 4],
    ]);
  });

  it('are read again by the next agent, whatever is in the names', () => {
    const { object, add } = memory(10, 10);
    const workloads = [
      { unit: 'ü'.repeat(128), comm: '\ufffd'.repeat(15) },
      { unit: 'nginx.service', comm: 'nginx' },
      { unit: '', comm: '' },
    ];
    const before = new DepartedTables(object);
    workloads.forEach((workload, i) => {
      add(before.placeOf(workload), i + 1);
    });
    const after = new DepartedTables(object);
    expect(after.processes()).toEqual(before.processes());
    expect(workloads.map((workload) => after.placeOf(workload))).toEqual(workloads.map((w) => before.placeOf(w)));
    expect(names(after)).toHaveLength(3);
  });

  it('lose nothing when there are more workloads than places', () => {
    const { object, add } = memory(10, 10);
    const tables = new DepartedTables(object);
    for (let i = 0; i < 1000; i++) add(tables.placeOf({ unit: '', comm: `comm${String(i)}` }), 1);
    const sums = tables.processes();
    expect(sums).toHaveLength(11);
    expect(sums.reduce((sum, { counters }) => sum + (counters[0] ?? 0), 0)).toBe(1000);
  });

  it('keep what reserved records held apart from workloads', () => {
    const { object, add } = memory(10, 10);
    const tables = new DepartedTables(object);
    add(OVERFLOW, 5);
    add(NOBODY, 7);
    expect(tables.processes()).toEqual([]);
    expect(tables.reserved('overflow')[3]).toBe(5);
    expect(tables.reserved('nobody')[3]).toBe(7);
    expect(tables.placeOf({ unit: '', comm: '' })).not.toBe(OVERFLOW);
    expect(tables.placeOf({ unit: '', comm: '' })).not.toBe(NOBODY);
  });

  it('have causes by workload, kind, mechanism and code, and more places for those without a name', () => {
    const { object } = memory(10, 2);
    const tables = new DepartedTables(object);
    const process = tables.placeOf({ unit: 'a.service', comm: 'cp' });
    const cause = { process, kind: 'refused', mechanism: 1, code: 3 } as const;
    const first = tables.causePlaceOf(cause);
    const second = tables.causePlaceOf({ ...cause, code: 4 });
    tables.setCause(first, 2, null);
    tables.setCause(second, 5, null);
    expect(tables.causePlaceOf({ ...cause })).toBe(first);
    // the third finds no place of its own
    const third = tables.causePlaceOf({ ...cause, mechanism: 2 });
    tables.setCause(third, 9, null);
    const expected = [
      { kind: 'refused', mechanism: 1, code: 3, comm: 'cp', unit: 'a.service', count: 2, process: null, culprit: null },
      { kind: 'refused', mechanism: 1, code: 4, comm: 'cp', unit: 'a.service', count: 5, process: null, culprit: null },
      { kind: 'refused', mechanism: 2, code: 3, comm: '', unit: '', count: 9, process: null, culprit: null },
    ];
    expect(tables.causes()).toEqual(expected);
    expect(new DepartedTables(object).causes()).toEqual(expected);
  });
});
