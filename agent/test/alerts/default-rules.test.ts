import { expect, test } from 'vitest';
import { checkSelector, hasWorkloads } from '../../src/alerts/counters.ts';
import { defaultRules } from '../../src/alerts/default-rules.ts';
import type { CounterSelector, Rule } from '../../src/alerts/rule.ts';
import { PLACEHOLDERS } from '../../src/alerts/summary-text.ts';

const selectorsOf = ({ condition }: Rule): CounterSelector[] =>
  condition.kind === 'ratio' ? [condition.numerator, condition.denominator] : [condition.counter];

test('the two rules that were asked for are on, the others are there to be switched on', () => {
  expect(defaultRules().map(({ name, enabled }) => [name, enabled])).toEqual([
    ['SendfileFallback', true],
    ['IoUringSubmitEagain', true],
    ['SpliceFallback', false],
    ['CopyFileRangeFallback', false],
    ['CopiedShare', false],
    ['IoUringSetupDenied', false],
    ['CqOverflow', false],
  ]);
  const [sendfile, eagain] = defaultRules();
  expect(sendfile).toMatchObject({
    scopes: ['host', 'workload'],
    severity: 'error',
    condition: { kind: 'ratio', above: 0.005, clear: 0.0025, minimum: 200 },
  });
  expect(eagain).toMatchObject({
    scopes: ['host', 'workload'],
    severity: 'error',
    windowSeconds: 10,
    condition: { kind: 'rate', above: 200, clear: 100 },
  });
});

test('a ratio is of one mechanism, and one attempt alone is never too much', () => {
  for (const { name, condition } of defaultRules()) {
    if (condition.kind !== 'ratio' || condition.numerator.metric !== 'fallbacks_total') continue;
    expect(condition.denominator.labels, name).toEqual(condition.numerator.labels);
    expect(1 / condition.minimum, name).toBeLessThanOrEqual(condition.above);
  }
});

test('every rule is one that a configuration could hold', () => {
  for (const rule of defaultRules()) {
    expect(rule.name).toMatch(/^[A-Za-z][A-Za-z0-9_]*$/);
    for (const selector of selectorsOf(rule)) {
      expect(checkSelector(selector)).toBeNull();
      expect(hasWorkloads(selector)).toBe(true);
    }
    expect(rule.condition.clear).toBeLessThanOrEqual(rule.condition.above);
    // else a burst could leave the window before it has lasted long enough
    expect(rule.forSeconds).toBeLessThan(rule.windowSeconds);
    const used = [...rule.summary.matchAll(/\{\{(\w+)\}\}/g)].map(([, name]) => name);
    expect(used).toContain('host');
    expect(used).toContain('workload');
    expect(used.filter((name) => !PLACEHOLDERS.some((known) => known === name))).toEqual([]);
  }
});

test('a runbook is where the documentation is said to be', () => {
  expect(defaultRules()[0]?.runbook).toBe('docs/alerts.md#sendfilefallback');
  expect(defaultRules('https://example.org/spillway/').map(({ runbook }) => runbook)).toContain(
    'https://example.org/spillway/docs/alerts.md#iouringsubmiteagain',
  );
});
