/** Durations as the kernel counts them, in log2 buckets: what can be told of them in seconds. */
import type { Latency } from './snapshot.ts';

/** Upper bounds of the buckets in which the percentiles lie, in seconds. */
export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
}

/** Seconds that no duration in a bucket reaches; of the last bucket, which takes in all that is longer, it is a lower limit. */
export const upperBound = (bucket: number): number => 2 ** (bucket + 1) / 1e9;

/** The middle of a bucket in seconds: at most half more than any duration in it, or a quarter less. */
export const middle = (bucket: number): number => (1.5 * 2 ** bucket) / 1e9;

export function percentiles({ buckets }: Latency): Percentiles {
  const count = buckets.reduce((sum, calls) => sum + calls, 0);
  return { count, p50: percentile(buckets, count, 50), p99: percentile(buckets, count, 99) };
}

/** 0 if there is none. */
function percentile(buckets: Float64Array, count: number, percent: number): number {
  const rank = Math.ceil((count * percent) / 100);
  let calls = 0;
  for (let bucket = 0; bucket < buckets.length; bucket++) {
    calls += buckets[bucket] ?? 0;
    if (calls > 0 && calls >= rank) return upperBound(bucket);
  }
  return 0;
}
