/** Durations of system calls as histograms. Pure. */
import { middle, upperBound } from '../model/latency.ts';
import type { Latency, Snapshot } from '../model/snapshot.ts';
import { type Histogram, labelSet, type TextWriter } from './text.ts';

/** The kernel's buckets from 256 ns to 17 s: the others would be series that say nothing. */
const BUCKETS = Array.from({ length: 27 }, (_, i) => 7 + i);
const BOUNDS = BUCKETS.map(upperBound);

/** Only what occurred; nothing at all while durations are not counted. */
export function writeDurations(writer: TextWriter, { latencies }: Snapshot): void {
  for (const latency of latencies) {
    const histogram = histogramOf(latency);
    if (histogram.count === 0) continue;
    const labels = labelSet('attempt_duration_seconds', [latency.mechanism, latency.outcome]);
    writer.histogram('attempt_duration_seconds', labels, histogram);
  }
}

function histogramOf({ buckets }: Latency): Histogram {
  const until = (last: number) => buckets.subarray(0, last + 1).reduce((sum, calls) => sum + calls, 0);
  return {
    bounds: BOUNDS,
    cumulative: BUCKETS.map(until),
    count: until(buckets.length - 1),
    sum: buckets.reduce((sum, calls, bucket) => sum + calls * middle(bucket), 0),
  };
}
