import { describe, expect, it } from 'vitest';
import { Aggregates } from '../../src/kernel/aggregates.ts';
import { COUNTER_COLUMNS } from '../../src/model/counters.ts';

const row = (value: number) => new Float64Array(COUNTER_COLUMNS).fill(value);

describe('Aggregates', () => {
  it('sum processes by comm', () => {
    const aggregates = new Aggregates();
    aggregates.addProcess('cp', row(1));
    aggregates.addProcess('cp', row(2));
    aggregates.addProcess('cat', row(4));
    expect(aggregates.processes.get('cp')?.[5]).toBe(3);
    expect(aggregates.processes.get('cat')?.[5]).toBe(4);
  });

  it('stay bounded under ever new comms and lose nothing', () => {
    const aggregates = new Aggregates();
    for (let i = 0; i < 10_000; i++) aggregates.addProcess(`comm${String(i)}`, row(1));
    expect(aggregates.processes.size).toBeLessThanOrEqual(4097);
    let sum = 0;
    for (const counters of aggregates.processes.values()) sum += counters[0] ?? 0;
    expect(sum).toBe(10_000);
  });

  it('sum causes by kind, mechanism, code and comm', () => {
    const aggregates = new Aggregates();
    const cause = { kind: 'errno', mechanism: 1, code: 11, comm: 'cp' } as const;
    aggregates.addCause({ ...cause, count: 2 });
    aggregates.addCause({ ...cause, count: 3 });
    aggregates.addCause({ ...cause, comm: 'cat', count: 1 });
    expect([...aggregates.causes]).toEqual([
      { ...cause, process: null, count: 5 },
      { ...cause, process: null, comm: 'cat', count: 1 },
    ]);
  });
});
