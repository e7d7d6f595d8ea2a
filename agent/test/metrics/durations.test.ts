import { expect, test } from 'vitest';
import { writeDurations } from '../../src/metrics/durations.ts';
import { TextWriter } from '../../src/metrics/text.ts';
import { type LatencySpec, snapshotOf } from '../support/snapshots.ts';
import { parseHistograms } from './histograms.ts';

function write(latencies: readonly LatencySpec[]): string {
  const writer = new TextWriter();
  writeDurations(writer, snapshotOf({ latencies }));
  return writer.text;
}

const histogramsOf = (text: string) =>
  parseHistograms(text).histograms.get('spillway_attempt_duration_seconds')?.samples ?? [];

test('nothing is written while nothing is counted', () => {
  expect(write([])).toBe('');
  expect(write([{ mechanism: 'tee', outcome: 'failed', buckets: {} }])).toBe('');
});

test('calls are counted under the bound that they did not reach, and under all above it', () => {
  // 5 took up to 16 ns, 4 from 1024 ns up to 2048 ns, 2 from 8.6 s up to 17.2 s, 1 longer than that
  const [series, ...others] = histogramsOf(
    write([{ mechanism: 'sendfile', outcome: 'retry', buckets: { 3: 5, 10: 4, 33: 2, 34: 1 } }]),
  );
  expect(others).toEqual([]);
  expect(series?.labels).toEqual({ mechanism: 'sendfile', outcome: 'retry' });
  const bounds = series?.buckets.map(([le]) => (le === '+Inf' ? Infinity : Number(le))) ?? [];
  expect(bounds).toEqual([...Array.from({ length: 27 }, (_, i) => 2 ** (8 + i) / 1e9), Infinity]);
  expect(bounds.at(-2)).toBe(17.179869184);
  const below = (seconds: number) => series?.buckets[bounds.findIndex((bound) => bound >= seconds)]?.[1];
  expect([2e-7, 1e-6, 2e-6, 1, 8, 17, 18].map(below)).toEqual([5, 5, 9, 9, 9, 11, 12]);
  expect(series?.count).toBe(12);
  expect(series?.sum).toBeCloseTo((5 * 12 + 4 * 1536 + 2 * 1.5 * 2 ** 33 + 1.5 * 2 ** 34) / 1e9, 9);
});

test('each mechanism and outcome is a series', () => {
  const series = histogramsOf(
    write([
      { mechanism: 'sendfile', outcome: 'zerocopy', buckets: { 12: 1 } },
      { mechanism: 'sendfile', outcome: 'failed', buckets: { 12: 2 } },
      { mechanism: 'splice', outcome: 'zerocopy', buckets: { 12: 3 } },
    ]),
  );
  expect(series.map(({ labels, count }) => `${String(labels.mechanism)} ${String(labels.outcome)} ${count}`)).toEqual([
    'sendfile zerocopy 1',
    'sendfile failed 2',
    'splice zerocopy 3',
  ]);
});
