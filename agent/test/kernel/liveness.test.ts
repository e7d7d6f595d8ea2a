import { describe, expect, it } from 'vitest';
import type { Rows } from '../../src/kernel/collect.ts';
import { isGone, supersededRows } from '../../src/kernel/liveness.ts';
import { SHAPES } from '../../src/kernel/tables.ts';

/** Rows of {start, exec, tgid}. */
function rows(...processes: [start: number, exec: number, tgid: number][]): Rows {
  const keys = processes.flatMap(([start, exec, tgid]) => {
    const key = [start % 2 ** 32, Math.floor(start / 2 ** 32), exec, 0, tgid, 1];
    return [...key, ...new Array<number>(SHAPES.processes.keyWords - key.length).fill(0)];
  });
  const { length } = processes;
  return {
    length,
    slots: new Uint32Array(length),
    states: new Uint32Array(length),
    keys: Uint32Array.from(keys),
    counters: new Float64Array(0),
  };
}

describe('supersededRows', () => {
  it('are all programs of a process but the last, in any order', () => {
    const all = rows([5e9, 2, 7], [5e9, 1, 7], [5e9, 3, 7], [5e9, 1, 8], [6e9, 1, 7]);
    expect([...supersededRows(all)].sort()).toEqual([0, 1]);
  });
});

describe('isGone', () => {
  const one = rows([12_345_678_901, 1, 42]);
  const stat = (ticks: number) => `42 (a) b (c) S 1 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 ${String(ticks)} 1000`;

  it('when there is no such process', () => {
    expect(isGone(one, 0, () => null)).toBe(true);
  });

  it('when its pid belongs to one that started at another time', () => {
    expect(isGone(one, 0, () => stat(1234))).toBe(false);
    expect(isGone(one, 0, () => stat(1235))).toBe(true);
  });
});
