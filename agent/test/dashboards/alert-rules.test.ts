/** The Prometheus rules in dashboards/rules are the agent's own, and speak only of what it exports. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { defaultRules } from '../../src/alerts/default-rules.ts';
import type { CounterSelector, Rule } from '../../src/alerts/rule.ts';
import { PREFIX } from '../../src/metrics/catalogue.ts';
import { durationText } from '../../src/model/duration.ts';
import { EXPORTED, type Selected, selectorText, seriesOf } from './promql.ts';

const DIRECTORY = fileURLToPath(new URL('../../../dashboards/rules/', import.meta.url));

interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

interface AlertingRule {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

interface RuleFile {
  readonly groups: readonly { readonly interval: string; readonly rules: readonly (RecordingRule | AlertingRule)[] }[];
}

const rulesIn = (name: string): (RecordingRule | AlertingRule)[] =>
  (parse(readFileSync(`${DIRECTORY}${name}`, 'utf8')) as RuleFile).groups.flatMap(({ rules }) => rules);
const alertsIn = (name: string): AlertingRule[] => rulesIn(name).filter((rule) => 'alert' in rule);

const FILES = ['spillway-alerts.yaml', 'spillway-alerts-optional.yaml'] as const;
type FileName = (typeof FILES)[number];

/** What a file's expressions can name: what it records, and what the first one does beside it. */
const recordedFor = (file: FileName): Map<string, RecordingRule> =>
  new Map(
    [...rulesIn(FILES[0]), ...rulesIn(file)].filter((rule) => 'record' in rule).map((rule) => [rule.record, rule]),
  );
const RECORDED = { [FILES[0]]: recordedFor(FILES[0]), [FILES[1]]: recordedFor(FILES[1]) };

test.for(FILES)('%s names only metrics and labels that there are', (file) => {
  for (const { expr } of rulesIn(file)) {
    const series = seriesOf(expr);
    expect(series, expr).not.toEqual([]);
    for (const { name, matchers } of series) {
      const labels = name.includes(':growth') ? keptLabels(file, name) : EXPORTED.get(name);
      expect(labels ?? RECORDED[file].get(name), name).toBeDefined();
      for (const { label } of matchers) expect(labels, name).toContain(label);
    }
  }
});

/** Of a growth: the series it is of, and which of their labels it adds up. */
function growthOf(file: FileName, name: string): { counted: Selected; summed: string[]; window: string } {
  const rule = RECORDED[file].get(name);
  if (rule === undefined) throw new Error(`nothing records ${name}`);
  const [counted] = seriesOf(rule.expr);
  const summed = /sum without \(([^)]*)\)/.exec(rule.expr)?.[1]?.split(/,\s*/).filter(Boolean) ?? [];
  const window = /growth(\w+)$/.exec(name)?.[1];
  if (counted === undefined || window === undefined) throw new Error(`${name} is no growth`);
  return { counted, summed, window };
}

/** The labels of the agent that a growth still has. */
function keptLabels(file: FileName, name: string): string[] {
  const { counted, summed } = growthOf(file, name);
  return (EXPORTED.get(counted.name) ?? []).filter((label) => !summed.includes(label));
}

const onOneLine = (expr: string): string => expr.replace(/\s+/g, ' ').trim();

test.for(FILES)('%s records growth, all in one way, over the window of its name', (file) => {
  const growths = rulesIn(file)
    .filter((rule) => 'record' in rule)
    .filter(({ record }) => record.includes(':growth'));
  expect(growths).not.toEqual([]);
  for (const { record, expr } of growths) {
    const { counted, summed, window } = growthOf(file, record);
    const sum = (offset: string) =>
      `sum without (${summed.join(', ')}) (last_over_time(${selectorText(counted)}[${window}]${offset}))`;
    const uninterrupted = `spillway:uninterrupted:${window}`;
    expect(onOneLine(expr)).toBe(
      `( ${sum('')} - ${sum(` offset ${window}`)} or ${sum('')} ) and on (job, instance) ${uninterrupted}`,
    );
    for (const label of summed) expect(EXPORTED.get(counted.name), record).toContain(label);
    const times = RECORDED[file].get(uninterrupted)?.expr.match(/\[\w+\]|offset \w+/g);
    expect(times).toEqual([`[${window}]`, `[${window}]`, `offset ${window}`, `[${window}]`]);
  }
});

/** What an alert looks at, as one of our own rules would say it. */
function selectorOf(file: FileName, { name, matchers }: Selected): CounterSelector & { window: string } {
  const { counted, summed, window } = growthOf(file, name);
  const labels: Record<string, readonly string[]> = {};
  const take = (given: Selected['matchers'], into: (values: string[], label: string) => readonly string[]) => {
    for (const { label, operator, value } of given) {
      if (operator === '!=' && label === 'comm' && value === 'other') continue;
      expect(['=', '=~']).toContain(operator);
      labels[label] = into(operator === '=~' ? value.split('|') : [value], label);
    }
  };
  take(counted.matchers, (values) => values);
  take(matchers, (values, label) => {
    // a growth that has several mechanisms, of which the alert takes one
    for (const value of values) expect(labels[label]).toContain(value);
    return values;
  });
  // else one alert would be several
  for (const label of (EXPORTED.get(counted.name) ?? []).filter((one) => one !== 'unit' && one !== 'comm')) {
    if (!summed.includes(label)) expect(labels[label], `${name} ${label}`).toHaveLength(1);
  }
  return { metric: counted.name.slice(PREFIX.length), labels, window };
}

/** What the agent judges a workload by, as it exports it. */
const exported = ({ metric, labels }: CounterSelector, scope: string, window: string) => ({
  metric: scope === 'workload' ? `workload_${metric}` : metric,
  labels,
  window,
});

function expectSameCondition(file: FileName, { expr, labels }: AlertingRule, { condition, windowSeconds }: Rule): void {
  const window = durationText(windowSeconds * 1000);
  const series = seriesOf(expr);
  const text = series.reduce((rest, one, i) => rest.replace(selectorText(one), `series ${String(i)}`), onOneLine(expr));
  const selected = series.map((one) => selectorOf(file, one));
  const { scope = '' } = labels;
  const above = String(condition.above);
  if (condition.kind === 'ratio') {
    expect(text).toBe(`series 0 / (series 1 >= ${String(condition.minimum)}) > ${above}`);
    expect(selected).toEqual([
      exported(condition.numerator, scope, window),
      exported(condition.denominator, scope, window),
    ]);
  } else {
    expect(text).toBe(`series 0 / ${String(windowSeconds)} > ${above}`);
    expect(selected).toEqual([exported(condition.counter, scope, window)]);
  }
}

test.for([
  [FILES[0], true],
  [FILES[1], false],
] as const)('%s holds the rules that are switched on (%s) in the agent, and no others', ([file, enabled]) => {
  const rules = defaultRules().filter((rule) => rule.enabled === enabled);
  const alerts = alertsIn(file);
  expect([...new Set(alerts.map(({ alert }) => alert))]).toEqual(rules.map(({ name }) => name));
  for (const rule of rules) {
    const own = alerts.filter(({ alert }) => alert === rule.name);
    // only attempts and fallbacks are exported by workload
    const byWorkload = rule.condition.kind === 'ratio' && rule.condition.numerator.metric === 'fallbacks_total';
    expect(own.map(({ labels }) => labels.scope)).toEqual(byWorkload ? ['host', 'workload'] : ['host']);
    for (const alert of own) {
      expectSameCondition(file, alert, rule);
      expect(alert.labels.severity).toBe(rule.severity);
      expect(alert.for).toBe(rule.forSeconds === 0 ? undefined : durationText(rule.forSeconds * 1000));
      expect(Object.keys(alert.annotations).sort()).toEqual(['description', 'runbook_url', 'summary']);
      expect(alert.annotations.runbook_url).toBe(rule.runbook);
      expect(alert.annotations.summary).toContain('{{ $labels.instance }}');
      const { above } = rule.condition;
      const limit = rule.condition.kind === 'ratio' ? `${String(above * 100)}%` : String(above);
      if (above > 0) expect(alert.annotations.summary).toContain(`(limit ${limit})`);
    }
  }
});

test.for(FILES)('%s is one that promtool takes', (file) => {
  const { status, error, stdout, stderr } = promtool('check', 'rules', '--lint-fatal', `${DIRECTORY}${file}`);
  expect(error, 'promtool must be installed: apt install prometheus').toBeUndefined();
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});

test('they fire above their limits and not at them, only with volume, and resolve', () => {
  const { status, stdout, stderr } = promtool('test', 'rules', `${DIRECTORY}spillway-alerts.test.yaml`);
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
});

const promtool = (...args: string[]) => spawnSync('promtool', args, { encoding: 'utf8' });
