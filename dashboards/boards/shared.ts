/** Numbers that more than one board shows, so that they are the same on each. */
import { RUNBOOKS } from './links.ts';
import { graph, type Panel, stat, type Thresholds } from './panel.ts';
import { rate, series, share, sum } from './query.ts';

/** Nothing fell back; some did; more than the rules allow. */
export const FALLBACK_THRESHOLDS: Thresholds = [0.0025, 0.005];
const EAGAIN_THRESHOLDS: Thresholds = [100, 200];
const COPIED_THRESHOLDS: Thresholds = [0.25, 0.5];

export const eagain = rate('io_uring_enter_errors_total', 'errno="EAGAIN"');
export const copiedBytes = rate('attempt_bytes_total', 'outcome="copied"');

/** Links to the runbooks of these rules. */
const runbooks = (...rules: string[]) => rules.flatMap((rule) => RUNBOOKS.get(rule) ?? []);

/** The first row of a board: how do the chosen hosts do? */
export const summary: readonly Panel[] = [
  stat({
    title: 'Attempts',
    description: 'Zero-copy attempts that returned, of all mechanisms.',
    unit: 'ops',
    queries: { expr: sum(rate('attempts_total')), legend: 'attempts' },
  }),
  stat({
    title: 'Fell back',
    description:
      'Share of attempts after which the program copied by read and write. Above 0.5 % the rules fire: the runbooks say what to look at.',
    unit: 'percentunit',
    thresholds: FALLBACK_THRESHOLDS,
    queries: { expr: share(sum(rate('fallbacks_total')), sum(rate('attempts_total'))), legend: 'fallbacks' },
    links: runbooks('SendfileFallback', 'SpliceFallback', 'CopyFileRangeFallback'),
  }),
  stat({
    title: 'Bytes copied by the kernel',
    description:
      'Share of the bytes of successful attempts that the kernel copied all the same. "Copied, by reason" says why; some of it is in the nature of files (a regular file as sink).',
    unit: 'percentunit',
    thresholds: COPIED_THRESHOLDS,
    queries: { expr: share(sum(copiedBytes), sum(rate('attempt_bytes_total'))), legend: 'copied' },
    links: runbooks('CopiedShare'),
  }),
  stat({
    title: 'io_uring_enter: EAGAIN',
    description:
      'Submissions that the kernel had no memory for. Above 200 a second the rule fires. Empty until there was one.',
    unit: 'ops',
    thresholds: EAGAIN_THRESHOLDS,
    queries: { expr: sum(eagain), legend: 'EAGAIN' },
    links: runbooks('IoUringSubmitEagain'),
  }),
  stat({
    title: 'Processes that have fallen',
    description:
      'Live processes that fell back and have not moved bytes without a copy since, counted once for each mechanism. Programs remember a refusal, so silence is no recovery: restart them once the cause is gone.',
    unit: 'short',
    thresholds: [1, null],
    queries: { expr: `${sum(series('workload_fallen'))} or on () 0 * ${sum(series('build_info'))}`, legend: 'fallen' },
  }),
  stat({
    title: 'Alerts that fire',
    description: "The agents' own alerts, for hosts and for workloads.",
    unit: 'short',
    thresholds: [null, 1],
    queries: { expr: sum(series('alert_active')), legend: 'alerts' },
  }),
];

/** What became of attempts. */
export const outcomes = graph({
  title: 'Attempts by outcome',
  description:
    'zerocopy: moved, or the end of the file. copied: moved, but the kernel copied. retry: EAGAIN or EINTR. refused: not for these files. denied: by policy. failed: anything else.',
  unit: 'ops',
  stacked: true,
  queries: { expr: sum(rate('attempts_total'), 'outcome'), legend: '{{outcome}}' },
});

export const bytes = graph({
  title: 'Bytes by outcome',
  description: 'What successful attempts moved: without a copy, and copied by the kernel.',
  unit: 'Bps',
  stacked: true,
  queries: { expr: sum(rate('attempt_bytes_total'), 'outcome'), legend: '{{outcome}}' },
});

export const refusals = graph({
  title: 'Refused, by reason',
  description: 'Why attempts were refused, as the two files explain it. A series begins with its first refusal.',
  unit: 'ops',
  queries: { expr: sum(rate('refusals_total'), 'mechanism', 'reason'), legend: '{{mechanism}} {{reason}}' },
});

export const copies = graph({
  title: 'Copied, by reason',
  description: 'Why the kernel copied although the call succeeded. A series begins with its first copy.',
  unit: 'ops',
  queries: { expr: sum(rate('copies_total'), 'mechanism', 'reason'), legend: '{{mechanism}} {{reason}}' },
});
