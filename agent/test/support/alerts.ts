/** Views of alerts for tests: names are as hostile as programs, units and files of configuration can make them. */
import type { AlertStatus, Rule } from '../../src/alerts/rule.ts';
import type { AlertsReport, FiringView } from '../../src/alerts/view.ts';

/** One that judges the host at once: more than 0.5 % of at least 100 attempts within ten seconds. */
export const ruleOf = (rule: Partial<Rule> = {}): Rule => ({
  name: 'SendfileFallback',
  enabled: true,
  scopes: ['host'],
  condition: {
    kind: 'ratio',
    numerator: { metric: 'fallbacks_total', labels: { mechanism: ['sendfile'] } },
    denominator: { metric: 'attempts_total', labels: { mechanism: ['sendfile'] } },
    above: 0.005,
    clear: 0.0025,
    minimum: 100,
  },
  windowSeconds: 10,
  forSeconds: 0,
  severity: 'error',
  repeatSeconds: 0,
  summary: '{{workload}} on {{host}}: {{value}}',
  runbook: '',
  ...rule,
});

export const statusOf = (status: Partial<AlertStatus> = {}): AlertStatus => ({
  rule: 'SendfileFallback',
  subject: null,
  state: 'inactive',
  value: null,
  threshold: 0.005,
  severity: 'error',
  since: 900,
  ...status,
});

export const firingOf = (firing: Partial<FiringView> = {}): FiringView => ({
  rule: 'SendfileFallback',
  subject: null,
  dedupKey: 'spillway:SendfileFallback:00',
  firedAtMs: Date.UTC(2026, 0, 2, 3, 4, 0, 250),
  summary: 'sendfile falls back',
  ...firing,
});

export const viewOf = (view: Partial<AlertsReport> = {}): AlertsReport => ({
  rules: [],
  time: { unixMs: Date.UTC(2026, 0, 2, 3, 4, 5), boottime: 1000 },
  statuses: [],
  firing: [],
  transitions: [],
  receivers: {},
  undurable: 0,
  ...view,
});

/** Terminal escapes, markup, a change of direction, half a character, and what the metrics' format gives a meaning to. */
export const HOSTILE = { unit: '<b>"\\\n.service', comm: 'a\u001b[2J\u202e\ud800&' };
