import { expect, it } from 'vitest';
import { percentiles } from '../../src/model/latency.ts';
import type { Latency } from '../../src/model/snapshot.ts';

const latency = (calls: Readonly<Record<number, number>>): Latency => ({
  mechanism: 'sendfile',
  outcome: 'zerocopy',
  buckets: Float64Array.from({ length: 40 }, (_, bucket) => calls[bucket] ?? 0),
});

it('one call is every percentile: the upper bound of its bucket, in seconds', () => {
  // from 1024 up to 2048 ns
  expect(percentiles(latency({ 10: 1 }))).toEqual({ count: 1, p50: 2048e-9, p99: 2048e-9 });
  expect(percentiles(latency({ 0: 1 }))).toEqual({ count: 1, p50: 2e-9, p99: 2e-9 });
  expect(percentiles(latency({ 39: 1 }))).toEqual({ count: 1, p50: 1099.511627776, p99: 1099.511627776 });
});

it('half of the calls are enough for p50, 99 of 100 for p99, and not one more', () => {
  expect(percentiles(latency({ 10: 50, 20: 50 }))).toMatchObject({ p50: 2 ** 11 / 1e9, p99: 2 ** 21 / 1e9 });
  expect(percentiles(latency({ 10: 49, 20: 51 }))).toMatchObject({ p50: 2 ** 21 / 1e9 });
  expect(percentiles(latency({ 10: 1, 20: 2 }))).toMatchObject({ p50: 2 ** 21 / 1e9 });
  expect(percentiles(latency({ 10: 693, 20: 7 }))).toMatchObject({ p99: 2 ** 11 / 1e9 });
  expect(percentiles(latency({ 10: 692, 20: 8 }))).toMatchObject({ p99: 2 ** 21 / 1e9 });
});

it('of no call there is nothing to tell', () => {
  expect(percentiles(latency({}))).toEqual({ count: 0, p50: 0, p99: 0 });
});
