import { describe, expect, it } from 'vitest';
import type { Rule } from '../../src/alerts/rule.ts';
import { EAGAIN, FALLBACK, OPTIONS, parse, problemsOf } from './support.ts';

const indented = (rules: string) => `alerts:\n  rules:\n${rules.replace(/^/gm, '    ')}`;
const rulesOf = (rules: string): readonly Rule[] => parse(indented(rules)).alerts.rules;

describe('a default rule', () => {
  it('keeps what is not given, and its place', () => {
    expect(rulesOf('IoUringSubmitEagain: {enabled: true}\nSendfileFallback: {ratio: {above: 2%}, window: 2m}')).toEqual(
      [
        { ...FALLBACK, windowSeconds: 120, condition: { ...FALLBACK.condition, above: 0.02 } },
        { ...EAGAIN, enabled: true },
      ],
    );
  });

  it.each<[text: string, change: Partial<Rule>]>([
    ['enabled: false', { enabled: false }],
    ['scopes: [workload]', { scopes: ['workload'] }],
    ['window: 1500ms', { windowSeconds: 1.5 }],
    ['for: 0s', { forSeconds: 0 }],
    ['severity: info', { severity: 'info' }],
    ['repeat: 0', { repeatSeconds: 0 }],
    ["summary: '{{comm}} on {{host}}: {{value}}'", { summary: '{{comm}} on {{host}}: {{value}}' }],
    ['summary: >\n  folded\n  text\n', { summary: 'folded text' }],
    ['runbook: https://x.example/y', { runbook: 'https://x.example/y' }],
    ["summary: '{{ total }}'", { summary: '{{ total }}' }],
    ['ratio: {above: 1}', { condition: { ...FALLBACK.condition, above: 1 } }],
    ['ratio: {clear: 0}', { condition: { ...FALLBACK.condition, clear: 0 } }],
    ['ratio: {minimum: 5}', { condition: { ...FALLBACK.condition, minimum: 5 } as Rule['condition'] }],
    [
      'ratio:\n  numerator: spillway_errors_total{errno="EIO|EINVAL"}',
      {
        condition: {
          ...FALLBACK.condition,
          numerator: { metric: 'errors_total', labels: { errno: ['EIO', 'EINVAL'] } },
        } as Rule['condition'],
      },
    ],
    [
      'ratio:\n  denominator: a_total',
      { condition: { ...FALLBACK.condition, denominator: { metric: 'a_total', labels: {} } } as Rule['condition'] },
    ],
    [
      'rate: {counter: a_total, above: 3.5}',
      { condition: { kind: 'rate', counter: { metric: 'a_total', labels: {} }, above: 3.5, clear: 3.5 } },
    ],
  ])('%s', (text, change) => {
    expect(rulesOf(`SendfileFallback:\n${text.replace(/^/gm, '  ')}`)).toEqual([{ ...FALLBACK, ...change }, EAGAIN]);
  });

  it('a rate keeps its counter', () => {
    expect(rulesOf('IoUringSubmitEagain: {rate: {above: 300, clear: 0.5}}')[1]?.condition).toEqual({
      ...EAGAIN.condition,
      above: 300,
      clear: 0.5,
    });
  });
});

it('a new rule needs what has no default, and comes last', () => {
  const [, , mine, second] = rulesOf(`Mine:
  rate: {counter: a_total, above: 50}
  window: 30s
  severity: warning
  summary: text
Second:
  enabled: false
  ratio: {numerator: a_total, denominator: b_total, above: 50%, clear: 10%, minimum: 1}
  window: 1h
  severity: critical
  summary: text
  scopes: [workload, host]
  for: 1m
  repeat: 4h
  runbook: second`);
  const none = { labels: {} };
  expect(mine).toEqual({
    name: 'Mine',
    enabled: true,
    scopes: ['host'],
    condition: { kind: 'rate', counter: { metric: 'a_total', ...none }, above: 50, clear: 50 },
    windowSeconds: 30,
    forSeconds: 0,
    severity: 'warning',
    repeatSeconds: 0,
    summary: 'text',
    runbook: '',
  });
  expect(second).toEqual({
    name: 'Second',
    enabled: false,
    scopes: ['workload', 'host'],
    condition: {
      kind: 'ratio',
      numerator: { metric: 'a_total', ...none },
      denominator: { metric: 'b_total', ...none },
      above: 0.5,
      clear: 0.1,
      minimum: 1,
    },
    windowSeconds: 3600,
    forSeconds: 60,
    severity: 'critical',
    repeatSeconds: 14_400,
    summary: 'text',
    runbook: 'second',
  });
});

it.each([
  ['0.5%', 0.005],
  ['0.5 %', 0.005],
  ['0.005', 0.005],
  ['0.29%', 0.0029],
  // divided by 100 it would be 0.0014000000000000002
  ['0.14%', 0.0014],
  ['100%', 1],
])('%s is a ratio', (text, above) => {
  expect(rulesOf(`SendfileFallback: {ratio: {above: ${text}, clear: 0}}`)[0]?.condition.above).toBe(above);
});

it.each([
  [
    'SendfileFalback: {enabled: false}',
    '3:5: alerts.rules.SendfileFalback: a new rule has a ratio or a rate; did you mean SendfileFallback?',
  ],
  [
    'SendfileFalback:',
    '3:5: alerts.rules.SendfileFalback: a new rule has a ratio or a rate; did you mean SendfileFallback?',
  ],
  [
    'SendfileFalback: {ratio: {above: 1%}}',
    'needs ratio.numerator, ratio.denominator, ratio.minimum, window, severity, summary too; did you mean SendfileFallback?',
  ],
  [
    'Mine: {rate: {counter: a_total}, window: 1s}',
    '3:5: alerts.rules.Mine: a new rule needs rate.above, severity, summary too',
  ],
  [
    'SendfileFallback: {rate: {above: 1}}',
    'SendfileFallback: a rate instead of the default ratio needs rate.counter too',
  ],
  [
    'SendfileFallback: {rate: {counter: a_total, above: 1}, ratio: {above: 1%}}',
    '3:5: alerts.rules.SendfileFallback: a rule has either a ratio or a rate, not both',
  ],
  ['9x: {}', '3:5: the name of a rule is a letter, then at most 63 letters, digits and _, not "9x"'],
  ['a-b: {}', 'the name of a rule is'],
  [`a${'_b'.repeat(32)}: {}`, 'the name of a rule is'],
  ['SendfileFallback: false', '3:23: alerts.rules.SendfileFallback: expected a section, not text'],
  [
    'SendfileFallback: {above: 1%}',
    '3:24: unknown key "above" in alerts.rules.SendfileFallback; did you mean alerts.rules.SendfileFallback.ratio.above or alerts.rules.SendfileFallback.rate.above?',
  ],
  ['SendfileFallback: {windw: 1m}', '3:24: unknown key "windw" in alerts.rules.SendfileFallback; did you mean window?'],
  [
    'SendfileFallback: {}\nSendfileFallback: {}',
    '4:5: "alerts.rules.SendfileFallback" appears twice: it stands on line 3 too',
  ],
  ['SendfileFallback: {severity: eror}', 'expected critical, error, warning or info, not "eror"; did you mean error?'],
  [
    'SendfileFallback: {scopes: host}',
    '3:32: alerts.rules.SendfileFallback.scopes: expected a list of host, workload such as [host, workload]',
  ],
  ['SendfileFallback: {scopes: []}', 'expected a list of'],
  [
    'SendfileFallback: {scopes: [host, hots]}',
    '3:39: alerts.rules.SendfileFallback.scopes[1]: expected host or workload, not "hots"; did you mean host?',
  ],
  ['SendfileFallback: {scopes: [host, host]}', '3:39: alerts.rules.SendfileFallback.scopes[1]: host appears twice'],
  ['SendfileFallback: {window: 999ms}', 'expected a time from 1s to 1h such as 500ms, 10s, 5m or 1h, not "999ms"'],
  ['SendfileFallback: {window: 3601}', 'expected a time from 1s to 1h'],
  ['SendfileFallback: {for: 25h}', 'expected a time from 0s to 24h'],
  ['SendfileFallback: {repeat: 169h}', 'expected a time from 0s to 168h'],
  [
    'SendfileFallback: {ratio: {above: 5}}',
    'expected a ratio from 0 to 1 such as 0.005, or from 0% to 100% such as 0.5%, not "5"',
  ],
  ['SendfileFallback: {ratio: {above: 100.1%}}', 'expected a ratio'],
  ['SendfileFallback: {ratio: {above: -1%}}', 'expected a ratio'],
  ['SendfileFallback: {ratio: {above: half}}', 'expected a ratio'],
  ['SendfileFallback: {ratio: {minimum: 0}}', 'expected a whole number from 1'],
  [
    'SendfileFallback: {ratio: {above: 0.1%}}',
    '3:39: alerts.rules.SendfileFallback.ratio.above: clear (0.25% by default) is higher than above (0.1%): set clear too',
  ],
  [
    'SendfileFallback: {ratio: {above: 1%, clear: 2%}}',
    '3:50: alerts.rules.SendfileFallback.ratio.clear: clear (2%) is higher than above (1%)',
  ],
  [
    'IoUringSubmitEagain: {rate: {clear: 201}}',
    '3:41: alerts.rules.IoUringSubmitEagain.rate.clear: clear (201) is higher than above (200)',
  ],
  ['IoUringSubmitEagain: {rate: {above: -1}}', 'expected a number per second, 0 or more, not "-1"'],
  ['IoUringSubmitEagain: {rate: {above: 1e999}}', 'expected a number per second'],
  [
    'IoUringSubmitEagain: {rate: {counter: nothing}}',
    '3:43: alerts.rules.IoUringSubmitEagain.rate.counter: there is no counter nothing',
  ],
  ['SendfileFallback: {ratio: {numerator: nothing}}', 'ratio.numerator: there is no counter nothing'],
  ['SendfileFallback: {ratio: {denominator: nothing}}', 'ratio.denominator: there is no counter nothing'],
  [
    'SendfileFallback:\n  ratio:\n    numerator: a_total{b=~"c"}',
    '5:20: alerts.rules.SendfileFallback.ratio.numerator: labels are written',
  ],
  ["SendfileFallback: {summary: '{{hots}}'}", 'there is no {{…}} named "hots"; did you mean host?'],
  ['SendfileFallback: {summary: "a\\nb"}', 'expected text on one line, at most 1024 characters'],
  ['SendfileFallback: {summary: ""}', 'expected text on one line'],
  [`SendfileFallback: {summary: ${'a b'.repeat(342)}}`, 'expected text on one line'],
  ['SendfileFallback:\n  summary: {{host}}', '4:17: a key must be text; text that begins with { or [ needs quotes'],
  ['SendfileFallback: {runbook: a b}', 'a URL has no blanks in it'],
])('%#: %s', (rules, problem) => {
  expect(problemsOf(indented(rules))).toEqual([expect.stringContaining(problem)]);
});

it('what is wrong in a new rule is not missing too', () => {
  expect(
    problemsOf(indented('Mine: {rate: {counter: nothing, above: x}, window: 0s, severity: bad, summary: ""}')),
  ).toHaveLength(5);
});

describe('a rule for workloads on a counter of the host', () => {
  const fields = 'window: 9s, severity: info, summary: x';
  const message =
    'events_lost_total is counted for the host alone, and the rule is for workloads: write scopes: [host]';

  it.each([
    [
      `Mine: {rate: {counter: events_lost_total, above: 1}, scopes: [host, workload], ${fields}}`,
      `3:28: alerts.rules.Mine.rate.counter: ${message}`,
    ],
    [
      `Mine: {ratio: {numerator: a_total, denominator: events_lost_total, above: 1%, minimum: 1}, scopes: [workload], ${fields}}`,
      `3:53: alerts.rules.Mine.ratio.denominator: ${message}`,
    ],
    [
      'SendfileFallback: {ratio: {numerator: events_lost_total}}',
      `3:43: alerts.rules.SendfileFallback.ratio.numerator: ${message}`,
    ],
  ])('%s is refused', (text, problem) => {
    expect(problemsOf(`alerts:\n  rules:\n    ${text}`)).toEqual([problem]);
  });

  it('is refused at its scopes where the counter is that of a default rule', () => {
    const condition = {
      kind: 'rate',
      counter: { metric: 'events_lost_total', labels: {} },
      above: 1,
      clear: 1,
    } as const;
    const options = { ...OPTIONS, defaultRules: [{ ...FALLBACK, condition, scopes: ['host'] as const }] };
    expect(problemsOf('alerts:\n  rules:\n    SendfileFallback: {scopes: [workload]}', options)).toEqual([
      `3:32: alerts.rules.SendfileFallback.scopes: ${message}`,
    ]);
  });

  it('is good for the host', () => {
    expect(problemsOf(`alerts:\n  rules:\n    M: {rate: {counter: events_lost_total, above: 1}, ${fields}}`)).toEqual(
      [],
    );
  });
});
