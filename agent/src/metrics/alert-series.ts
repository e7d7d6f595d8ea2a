/** What the agent says of its alerts and of the notifications that it sends. Pure. */
import { TRANSITIONS } from '../alerts/rule.ts';
import { labelSet, type TextWriter } from './text.ts';

/** The part of an AlertsReport that is exported. */
export interface AlertFigures {
  /** Those that are evaluated. */
  readonly rules: readonly string[];
  readonly statuses: readonly { readonly rule: string; readonly state: string }[];
  readonly transitions: readonly { readonly rule: string; readonly kind: string; readonly count: number }[];
  readonly receivers: Readonly<
    Record<string, { readonly queued: number; readonly results: Readonly<Record<string, number>> }>
  >;
  readonly undurable: number;
}

/**
 * Firing alerts of every rule that is evaluated, also of those where none fires; then what happened and what was sent. Counters begin
 * at 0: Prometheus takes the first value of a series that appears for no increase.
 */
export function writeAlerts(
  writer: TextWriter,
  { rules, statuses, transitions, receivers, undurable }: AlertFigures,
): void {
  const write = (name: AlertMetric, samples: readonly (readonly [labels: string, value: number])[]) => {
    for (const [labels, value] of summed(samples)) writer.sample(name, labels, value);
  };
  write(
    'alert_active',
    [...rules.map((rule) => ({ rule, state: 'inactive' })), ...statuses].map(({ rule, state }) => [
      labelSet('alert_active', [rule]),
      Number(state === 'firing'),
    ]),
  );
  write(
    'alert_transitions_total',
    [...rules.flatMap((rule) => TRANSITIONS.map((kind) => ({ rule, kind, count: 0 }))), ...transitions].map(
      ({ rule, kind, count }) => [labelSet('alert_transitions_total', [rule, kind]), count],
    ),
  );
  const named = Object.entries(receivers);
  write(
    'notifications_total',
    named.flatMap(([receiver, { results }]) =>
      Object.entries(results).map(
        ([result, count]) => [labelSet('notifications_total', [receiver, result]), count] as const,
      ),
    ),
  );
  write(
    'notification_queue_length',
    named.map(([receiver, { queued }]) => [labelSet('notification_queue_length', [receiver]), queued]),
  );
  write('notifications_undurable_total', [['', undurable]]);
}

type AlertMetric =
  | 'alert_active'
  | 'alert_transitions_total'
  | 'notifications_total'
  | 'notification_queue_length'
  | 'notifications_undurable_total';

/** One sample a label set, in a stable order: a rule has many subjects, and long names are cut. */
function summed(samples: readonly (readonly [labels: string, value: number])[]): [string, number][] {
  const sums = new Map<string, number>();
  for (const [labels, value] of samples) sums.set(labels, (sums.get(labels) ?? 0) + value);
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}
