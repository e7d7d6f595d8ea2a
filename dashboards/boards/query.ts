/** PromQL over the catalogue of metrics: a name or a label that is not there does not compile. */
import type { CATALOGUE, PROCESS_CATALOGUE } from '../../agent/src/metrics/catalogue.ts';
import { type MetricName, PREFIX } from '../../agent/src/metrics/catalogue.ts';

/** The hosts that the variables of a board choose. */
export const CHOSEN = 'job=~"$job", instance=~"$instance"';

/**
 * The same for a board of one host. Only what can be several values Grafana makes a pattern that matches nothing else: the single
 * one it leaves as it is, and as a pattern `[::1]:10190` matches everything but itself.
 */
export const ofOneHost = (expr: string): string => expr.replaceAll('instance=~"$instance"', 'instance="$instance"');

type ProcessMetricName = keyof typeof PROCESS_CATALOGUE;
type LabelOf<N extends MetricName> = (typeof CATALOGUE)[N]['labels'][number];

/** `outcome="copied"`, for a label that the metric has. */
type Matcher<N extends MetricName> =
  LabelOf<N> extends never ? never : `${LabelOf<N>}${'=' | '!=' | '=~' | '!~'}"${string}"`;

/** The series of the chosen hosts. */
export function series<N extends MetricName>(name: N, ...matchers: readonly Matcher<N>[]): string {
  return `${PREFIX}${name}{${[CHOSEN, ...matchers].join(', ')}}`;
}

/** The same of what has no prefix. */
export const processSeries = (name: ProcessMetricName): string => `${name}{${CHOSEN}}`;

/** Of the buckets of a histogram, what was added to each a second. */
export const bucketRate = (name: 'attempt_duration_seconds'): string =>
  `rate(${PREFIX}${name}_bucket{${CHOSEN}}[$__rate_interval])`;

/** Growth a second of the chosen hosts' series. */
export const rate = <N extends MetricName>(name: N, ...matchers: readonly Matcher<N>[]): string =>
  `rate(${series(name, ...matchers)}[$__rate_interval])`;

/** `sum by (labels) (of)`; without labels one number for all. */
export const sum = (of: string, ...labels: readonly string[]): string =>
  labels.length === 0 ? `sum(${of})` : `sum by (${labels.join(', ')}) (${of})`;

/** What of `whole` is `part`; nothing where nothing happened: 0 of 0 is no ratio. */
export const share = (part: string, whole: string): string => `${part} / (${whole} > 0)`;

/** The highest, and not all that are 0. */
export const top = (count: number, of: string): string => `topk(${String(count)}, ${of} > 0)`;
