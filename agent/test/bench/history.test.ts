import { expect, test } from 'vitest';
import { exactly, row, verdict } from '../../../bench/bounds.ts';
import { grown, latest } from '../../../bench/history.ts';
import { stableFigures } from '../../../bench/stable.ts';

test('nothing has grown by more than a tenth since it was recorded (make bench ARGS=record records it anew)', () => {
  expect(grown(latest().stable, stableFigures())).toEqual([]);
});

test('a figure has grown if it is more than a tenth larger, or new', () => {
  expect(grown({ a: 100, gone: 1 }, { a: 110 })).toEqual([]);
  expect(grown({ a: 100 }, { a: 50 })).toEqual([]);
  expect(grown({ a: 100, b: 1 }, { a: 111, b: 1, c: 1 })).toEqual(['a: 111, was 100', 'c: 1, was not recorded']);
  expect(grown({ a: 100 }, { a: NaN })).toEqual(['a: NaN, was 100']);
});

test('the latest record is the last line', () => {
  const entry = (a: number) => JSON.stringify({ date: '', machine: '', stable: { a }, measured: {} });
  expect(latest(`${entry(1)}\n${entry(2)}\n`).stable).toEqual({ a: 2 });
});

test('a bound is held by the median, or when it is quiet, or not', () => {
  expect(verdict(2, { min: 1, median: 2, max: 9 })).toBe('held');
  expect(verdict(2, { min: 2, median: 2.1, max: 9 })).toBe('held when quiet');
  expect(verdict(2, { min: 2.1, median: 3, max: 9 })).toBe('not held');
  expect(verdict(2, { min: NaN, median: NaN, max: NaN })).toBe('not held');
  expect(verdict(null, exactly(1))).toBe('');
});

test('why a bound is not held is said beside it: what takes as much without us', () => {
  const limits = [
    { what: 'an empty one', found: { min: 2, median: 3, max: 4 } },
    { what: 'one that was not measured', found: exactly(NaN) },
  ];
  const measured = { what: 'w', bound: 2, unit: 'ms', found: { min: 1, median: 1.5, max: 3 }, digits: 1, limits };
  expect(row(measured)).toEqual(['w', '2 ms', '1.5 (1.0 - 3.0) ms', 'held', '']);
  expect(row({ ...measured, bound: 1 }).slice(3)).toEqual(['held when quiet', 'an empty one: 3.0 (2.0 - 4.0) ms']);
});
