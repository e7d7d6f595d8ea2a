import { describe, expect, it } from 'vitest';
import { Aggregates } from '../../src/kernel/aggregates.ts';
import { COUNTER_COLUMNS } from '../../src/model/counters.ts';

const row = (value: number) => new Float64Array(COUNTER_COLUMNS).fill(value);

describe('Aggregates', () => {
  it('sum processes by unit and comm', () => {
    const aggregates = new Aggregates();
    aggregates.addProcess({ unit: '', comm: 'cp' }, row(1));
    aggregates.addProcess({ unit: '', comm: 'cp' }, row(2));
    aggregates.addProcess({ unit: 'backup.service', comm: 'cp' }, row(4));
    expect(Array.from(aggregates.processes, ({ unit, comm, counters }) => [unit, comm, counters[5]])).toEqual([
      ['', 'cp', 3],
      ['backup.service', 'cp', 4],
    ]);
  });

  it('stay bounded under ever new comms and lose nothing', () => {
    const aggregates = new Aggregates();
    for (let i = 0; i < 10_000; i++) aggregates.addProcess({ unit: '', comm: `comm${String(i)}` }, row(1));
    const sums = [...aggregates.processes];
    expect(sums.length).toBeLessThanOrEqual(4097);
    expect(sums.reduce((sum, { counters }) => sum + (counters[0] ?? 0), 0)).toBe(10_000);
  });

  it('sum causes by kind, mechanism, code and workload, and keep the first culprit', () => {
    const aggregates = new Aggregates();
    const cause = { kind: 'refused', mechanism: 1, code: 3, comm: 'cp', unit: '', culprit: null } as const;
    const culprit = { type: 'file', filesystem: 'ext4', name: '/a', flags: [] } as const;
    aggregates.addCause({ ...cause, count: 2 });
    aggregates.addCause({ ...cause, count: 3, culprit });
    aggregates.addCause({ ...cause, count: 4, culprit: { ...culprit, name: '/b' } });
    aggregates.addCause({ ...cause, unit: 'a.service', count: 1 });
    aggregates.addCause({ ...cause, code: 4, count: 1 });
    expect([...aggregates.causes]).toEqual([
      { ...cause, process: null, count: 9, culprit },
      { ...cause, process: null, unit: 'a.service', count: 1 },
      { ...cause, process: null, code: 4, count: 1 },
    ]);
  });
});
