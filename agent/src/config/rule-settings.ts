/** Every key of a rule, under alerts.rules.NAME. */
import { SEVERITIES } from '../alerts/rule.ts';
import { PLACEHOLDERS } from '../alerts/summary-text.ts';
import { didYouMean } from '../model/nearest.ts';
import { quote } from './problems.ts';
import type { Setting } from './settings.ts';
import { BOOLEAN, line, oneOf, PER_SECOND, RATIO, SELECTOR, seconds, someOf, type ValueType, whole } from './types.ts';

const HOUR = 3_600_000;

const SUMMARY = line('text', 1024, (text) => {
  for (const [, name = ''] of text.matchAll(/\{\{\s*(.*?)\s*\}\}/g)) {
    if (!PLACEHOLDERS.some((each) => each === name)) {
      return `there is no {{…}} named ${quote(name)}${didYouMean(name, PLACEHOLDERS)} (there are ${PLACEHOLDERS.join(', ')})`;
    }
  }
  return undefined;
});

const RUNBOOK = line('a URL, or what comes behind runbook_base_url,', 1024, (text) =>
  /\s/.test(text) ? 'a URL has no blanks in it' : undefined,
);

/** A key of a rule; null: a rule that is new must have it. */
function ruleSetting<V>(type: ValueType<V>, standard: V | null, meaning: string): Setting<V | null> {
  return { type: type as ValueType<NonNullable<V>>, default: standard, meaning, change: 'reload' };
}

export const RULE_SETTINGS = {
  enabled: ruleSetting(BOOLEAN, true, 'Whether the rule is evaluated.'),
  scopes: ruleSetting(someOf(['host', 'workload']), ['host'], 'The host as a whole, each workload by itself, or both.'),
  'ratio.numerator': ruleSetting(SELECTOR, null, 'Counter whose growth is compared …'),
  'ratio.denominator': ruleSetting(SELECTOR, null, '… with the growth of this one.'),
  'ratio.above': ruleSetting(RATIO, null, 'Fires above it. Exactly that does not fire.'),
  'ratio.clear': ruleSetting(
    RATIO,
    null,
    'Resolves at it, or below; not higher than `above`, which is what a new rule has.',
  ),
  'ratio.minimum': ruleSetting(
    whole(1, 1e12),
    null,
    'Least growth of the denominator within the window: a ratio over three attempts is none.',
  ),
  'rate.counter': ruleSetting(SELECTOR, null, 'Counter whose growth is taken.'),
  'rate.above': ruleSetting(PER_SECOND, null, 'Fires above it. Exactly that does not fire.'),
  'rate.clear': ruleSetting(
    PER_SECOND,
    null,
    'Resolves at it, or below; not higher than `above`, which is what a new rule has.',
  ),
  window: ruleSetting(seconds(1000, HOUR), null, 'Over which the growth of counters is taken.'),
  for: ruleSetting(seconds(0, 24 * HOUR), 0, 'For how long the condition must hold before the alert fires.'),
  severity: ruleSetting(oneOf(SEVERITIES), null, 'As PagerDuty knows them.'),
  repeat: ruleSetting(seconds(0, 168 * HOUR), 0, 'An alert that still fires is sent again after so long; `0s`: never.'),
  summary: ruleSetting(
    SUMMARY,
    null,
    `What the incident is called, with ${PLACEHOLDERS.map((name) => `\`{{${name}}}\``).join(' ')}.`,
  ),
  runbook: ruleSetting(RUNBOOK, null, 'Where to read on: a URL, or what comes behind `runbook_base_url`.'),
} as const;
