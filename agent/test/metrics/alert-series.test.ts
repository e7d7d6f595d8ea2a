import { describe, expect, test } from 'vitest';
import type { AlertsReport } from '../../src/alerts/view.ts';
import { Exporter } from '../../src/metrics/exporter.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { HOSTILE, statusOf, viewOf } from '../support/alerts.ts';
import { snapshotOf } from '../support/snapshots.ts';

const FAMILIES = [
  'alert_active',
  'alert_transitions_total',
  'notifications_total',
  'notification_queue_length',
  'notifications_undurable_total',
];

const textOf = (alerts?: AlertsReport) =>
  new Exporter({ version: '0', revision: 'r', kernel: 'k' }).render(
    snapshotOf(),
    { seconds: 0, success: true },
    alerts,
  );

/** Label values joined -> value, for labels without a comma. */
function samplesOf(alerts: AlertsReport, name: string): [string, number][] {
  const series = seriesOf(parseExposition(textOf(alerts)), `spillway_${name}`);
  return [...series].map(([labels, value]) => [
    Object.entries(JSON.parse(labels) as Record<string, string>)
      .map(([label, text]) => `${label}=${text}`)
      .join(),
    value,
  ]);
}

describe('alerts in /metrics', () => {
  test('are not there where alerts are switched off', () => {
    const families = parseExposition(textOf());
    for (const name of FAMILIES) expect(families.has(`spillway_${name}`), name).toBe(false);
  });

  test('alert_active counts what fires, by rule, and is 0 for a rule that does not fire', () => {
    const statuses = [
      statusOf({ rule: 'B', state: 'firing' }),
      statusOf({ rule: 'B', state: 'firing', subject: { unit: '', comm: 'a' } }),
      statusOf({ rule: 'B', state: 'pending', subject: { unit: '', comm: 'b' } }),
      statusOf({ rule: 'A', state: 'inactive' }),
      statusOf({ rule: 'C', state: 'pending' }),
    ];
    expect(samplesOf(viewOf({ statuses }), 'alert_active')).toEqual([
      ['rule=A', 0],
      ['rule=B', 2],
      ['rule=C', 0],
    ]);
  });

  test('counters of every rule and receiver begin at 0, also where no status is', () => {
    const view = viewOf({
      rules: ['B', 'A'],
      statuses: [statusOf({ rule: 'B', state: 'firing' })],
      transitions: [
        { rule: 'B', kind: 'fired', count: 1 },
        { rule: 'Old', kind: 'resolved', count: 1 },
      ],
      receivers: { hook: { queued: 0, results: { sent: 0, rejected: 0 } } },
    });
    expect(samplesOf(view, 'alert_active')).toEqual([
      ['rule=A', 0],
      ['rule=B', 1],
    ]);
    expect(samplesOf(view, 'alert_transitions_total')).toEqual([
      ['rule=A,transition=fired', 0],
      ['rule=A,transition=repeated', 0],
      ['rule=A,transition=resolved', 0],
      ['rule=B,transition=fired', 1],
      ['rule=B,transition=repeated', 0],
      ['rule=B,transition=resolved', 0],
      ['rule=Old,transition=resolved', 1],
    ]);
    expect(samplesOf(view, 'notifications_total')).toEqual([
      ['receiver=hook,result=rejected', 0],
      ['receiver=hook,result=sent', 0],
    ]);
  });

  test('transitions, deliveries and queues are told apart', () => {
    const view = viewOf({
      transitions: [
        { rule: 'A', kind: 'resolved', count: 1 },
        { rule: 'A', kind: 'fired', count: 2 },
        { rule: 'B', kind: 'repeated', count: 3 },
      ],
      receivers: {
        pagerduty: { queued: 4, results: { sent: 5, ECONNREFUSED: 6 } },
        hook: { queued: 0, results: {} },
      },
    });
    expect(samplesOf(view, 'alert_transitions_total')).toEqual([
      ['rule=A,transition=fired', 2],
      ['rule=A,transition=resolved', 1],
      ['rule=B,transition=repeated', 3],
    ]);
    expect(samplesOf(view, 'notifications_total')).toEqual([
      ['receiver=pagerduty,result=ECONNREFUSED', 6],
      ['receiver=pagerduty,result=sent', 5],
    ]);
    expect(samplesOf(view, 'notification_queue_length')).toEqual([
      ['receiver=hook', 0],
      ['receiver=pagerduty', 4],
    ]);
  });

  test('notifications that are not on disk are counted, from 0 on', () => {
    expect(samplesOf(viewOf(), 'notifications_undurable_total')).toEqual([['', 0]]);
    expect(samplesOf(viewOf({ undurable: 3 }), 'notifications_undurable_total')).toEqual([['', 3]]);
  });

  test('names are escaped, and no series comes twice when long ones are cut alike', () => {
    const long = 'x'.repeat(128);
    const view = viewOf({
      statuses: [`${long}a`, `${long}b`, HOSTILE.unit].map((rule) => statusOf({ rule, state: 'firing' })),
      receivers: { [HOSTILE.unit]: { queued: 1, results: { '"} 7\nx 1': 2 } } },
    });
    expect(samplesOf(view, 'alert_active')).toEqual([
      [`rule=${HOSTILE.unit}`, 1],
      [`rule=${long}`, 2],
    ]);
    expect(samplesOf(view, 'notifications_total')).toEqual([[`receiver=${HOSTILE.unit},result="} 7\nx 1`, 2]]);
  });
});
