/** What was counted in the last minutes, second by second, for charts and rates. */
import { MECHANISMS, OUTCOMES, type Outcome } from '../../abi/layout.ts';
import { attemptsOf, fallbacksOf } from '../../model/counters.ts';
import { errnoName } from '../../model/errno.ts';
import type { Snapshot } from '../../model/snapshot.ts';

/** What there is a chart of. */
const SERIES = [...OUTCOMES, 'fallbacks', 'enter_eagain'] as const;
export type Series = Outcome | 'fallbacks' | 'enter_eagain';

/** How it stood at one moment: everything since the agent began to count. */
export interface Sample {
  /** Seconds since boot. */
  readonly at: number;
  readonly counts: Readonly<Record<Series, number>>;
  /** Of the agent itself. */
  readonly cpuSeconds: number;
}

/** Growth of each a second, between two samples. */
export interface Rates {
  /** Seconds since boot: of the later sample, and of the earlier one. */
  readonly at: number;
  readonly from: number;
  readonly perSecond: Readonly<Record<Series, number>>;
}

/** Seconds that are shown. */
export const HISTORY_SECONDS = 300;
/** Charts are drawn in parts of so many seconds, the oldest of which is kept whole. */
export const CHUNK_SECONDS = 10;
/** Over which what is said to be "now" is taken. */
const NOW_SECONDS = 5;
/** Samples that follow each other more closely say nothing new. */
const LEAST_SECONDS = 0.5;

export class History {
  #samples: Sample[] = [];

  add(sample: Sample): void {
    const last = this.#samples.at(-1);
    if (last !== undefined && sample.at - last.at < LEAST_SECONDS) return;
    this.#samples.push(sample);
    const oldest = sample.at - HISTORY_SECONDS - CHUNK_SECONDS;
    // one before the oldest, to take the first rate from
    while ((this.#samples[1]?.at ?? Infinity) <= oldest) this.#samples.shift();
  }

  /** Oldest first, one for every two samples. */
  rates(): Rates[] {
    return this.#samples.slice(1).map((sample, i) => ratesBetween(this.#samples[i] ?? sample, sample));
  }

  /** Over the last seconds; null while there are not two samples. */
  now(): Rates | null {
    const pair = this.#pair(NOW_SECONDS);
    return pair === null ? null : ratesBetween(...pair);
  }

  /** Processors that the agent took, over all that is shown; null while there are not two samples. */
  cpu(): number | null {
    const pair = this.#pair(HISTORY_SECONDS);
    return pair === null ? null : (pair[1].cpuSeconds - pair[0].cpuSeconds) / (pair[1].at - pair[0].at);
  }

  #pair(seconds: number): readonly [Sample, Sample] | null {
    const last = this.#samples.at(-1);
    const first = this.#samples.find(({ at }) => last !== undefined && last.at - at <= seconds + LEAST_SECONDS);
    const from = first === last ? this.#samples.at(-2) : first;
    return last === undefined || from === undefined ? null : [from, last];
  }
}

function ratesBetween(from: Sample, to: Sample): Rates {
  const seconds = to.at - from.at;
  const perSecond = Object.fromEntries(
    SERIES.map((series) => [series, Math.max(0, to.counts[series] - from.counts[series]) / seconds]),
  ) as Record<Series, number>;
  return { at: to.at, from: from.at, perSecond };
}

export function sampleOf({ time, totals, causes }: Snapshot, cpuSeconds: number): Sample {
  const counts = Object.fromEntries(
    OUTCOMES.map((outcome) => [
      outcome,
      MECHANISMS.reduce((sum, mechanism) => sum + attemptsOf(totals, mechanism, outcome), 0),
    ]),
  ) as Record<Outcome, number>;
  const fallbacks = MECHANISMS.reduce((sum, mechanism) => sum + fallbacksOf(totals, mechanism), 0);
  let eagain = 0;
  for (const { kind, code, count } of causes) {
    if (kind === 'enter_errno' && errnoName(code) === 'EAGAIN') eagain += count;
  }
  return { at: time.boottime, counts: { ...counts, fallbacks, enter_eagain: eagain }, cpuSeconds };
}
