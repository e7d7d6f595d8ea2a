import { describe, expect, it } from 'vitest';
import type { Rows } from '../../src/kernel/collect.ts';
import { IdleTracker } from '../../src/kernel/idle.ts';

const rows = (slots: number[], counters: number[]): Rows => ({
  length: slots.length,
  slots: Uint32Array.from(slots),
  states: new Uint32Array(slots.length),
  keys: new Uint32Array(0),
  counters: Float64Array.from(counters),
});

describe('IdleTracker', () => {
  it('remembers when a record last changed, by slot and not by row', () => {
    const tracker = new IdleTracker(10);
    tracker.note(rows([2, 5], [1, 1]), 1, 100);
    tracker.note(rows([5], [1]), 1, 110);
    tracker.note(rows([2, 5], [2, 1]), 1, 120);
    expect(tracker.since(2)).toBe(120);
    expect(tracker.since(5)).toBe(100);
  });
});
