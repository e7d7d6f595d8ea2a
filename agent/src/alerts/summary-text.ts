/** What an alert says in one line: the rule's template with what happened filled in. Pure. */
import type { Cause, CauseKind } from '../model/snapshot.ts';
import { printable } from '../model/text.ts';
import { causeName } from './counters.ts';
import type { Condition, CounterSelector, Rule, Subject, Transition } from './rule.ts';
import { MECHANISMS } from '../abi/layout.ts';

/** PagerDuty takes as many. */
const MOST_SUMMARY = 1024;
/** A host's name has at most 253. */
const MOST_NAME = 256;

/** What may stand between `{{` and `}}` in a rule's summary. */
export const PLACEHOLDERS = [
  'host',
  'unit',
  'comm',
  'workload',
  'mechanism',
  'value',
  'threshold',
  'count',
  'total',
  'reason',
] as const;
type Placeholder = (typeof PLACEHOLDERS)[number];

/** At most 1,024 UTF-16 units on one line, all of them printable. What else stands between braces is left as it is. */
export function summaryText(rule: Rule, transition: Transition, host: string, reason: string | null): string {
  const texts = textsOf(rule, transition, host, reason);
  const text = transition.kind === 'resolved' ? overText(rule, transition, texts) : filled(rule.summary, texts);
  return cut(printable(text), MOST_SUMMARY);
}

/** In one pass: names that look like a placeholder stay names. */
const filled = (template: string, texts: Readonly<Record<Placeholder, string>>): string =>
  template.replace(/\{\{\s*(\w+)\s*\}\}/g, (whole, name: string) => {
    const placeholder = PLACEHOLDERS.find((known) => known === name);
    return placeholder === undefined ? whole : texts[placeholder];
  });

/** The template tells of too much, which is not so any more. */
function overText(
  { name, condition }: Rule,
  { value }: Transition,
  { workload, host, value: valueText }: Readonly<Record<Placeholder, string>>,
): string {
  const now = value === null ? '' : ` (${valueText}, clears at ${amount(condition, condition.clear, null)})`;
  return `${name} is over in ${workload} on ${host}${now}`;
}

function textsOf(
  { condition }: Rule,
  { subject, value, counts }: Transition,
  host: string,
  reason: string | null,
): Record<Placeholder, string> {
  return {
    host: shown(host),
    unit: shown(subject?.unit ?? ''),
    comm: shown(subject?.comm ?? ''),
    workload: workloadText(subject),
    mechanism: mechanismText(condition),
    value: value === null ? 'an unknown amount' : amount(condition, value, condition.above),
    threshold: amount(condition, condition.above, null),
    count: number(counts.numerator, 0),
    total: number(counts.denominator ?? counts.numerator, 0),
    reason: reason === null ? 'reason unknown' : `mostly ${shown(reason)}`,
  };
}

/** `nginx.service/nginx`; the program alone where it is in no unit. */
function workloadText(subject: Subject): string {
  if (subject === null) return 'all workloads';
  return subject.unit === '' ? shown(subject.comm) : `${shown(subject.unit)}/${shown(subject.comm)}`;
}

/** What the numerator counts. */
function mechanismText(condition: Condition): string {
  const { metric, labels } = numeratorOf(condition);
  if (labels['mechanism'] !== undefined) return shown(labels['mechanism'].join(', '));
  return metric.startsWith('io_uring_') ? 'io_uring' : 'zero-copy';
}

const numeratorOf = (condition: Condition): CounterSelector =>
  condition.kind === 'ratio' ? condition.numerator : condition.counter;

/** A name that somebody chose: bounded before and after escaping, which makes it longer. */
const shown = (name: string): string => cut(printable(cut(name, MOST_NAME)), MOST_NAME);

/** At most `most` UTF-16 units, no half of a character. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const start = text.slice(0, most - 1);
  return `${/[\ud800-\udbff]$/.test(start) ? start.slice(0, -1) : start}…`;
}

/** More would be noise, even where a value is that close to its limit. */
const MOST_DIGITS = 6;

/** `0.62 %` or `1,234/s`, with as many digits as it takes to look unlike `other`, unless it is the same. */
function amount({ kind }: Condition, value: number, other: number | null): string {
  const [scale, unit] = kind === 'ratio' ? [100, ' %'] : [1, '/s'];
  const scaled = value * scale;
  // limits are shown as they were written
  if (other === null) return `${number(scaled, MOST_DIGITS)}${unit}`;
  const otherText = number(other * scale, MOST_DIGITS);
  let digits = scaled < 10 ? 2 : scaled < 100 ? 1 : 0;
  while (digits < MOST_DIGITS && number(scaled, digits) === otherText) digits++;
  return `${number(scaled, digits)}${unit}`;
}

const number = (value: number, digits: number): string =>
  value.toLocaleString('en-US', { maximumFractionDigits: digits });

/** The causes that explain what a counter counts; null for one that needs no explanation, or has none. */
function explainingKind({ metric, labels }: CounterSelector): CauseKind | null {
  switch (metric.replace(/^workload_/, '')) {
    case 'fallbacks_total':
    case 'refusals_total':
    case 'refusal_resolutions_total':
      return 'refused';
    case 'copies_total':
      return 'copied';
    case 'attempts_total':
    case 'attempt_bytes_total':
      return (['copied', 'refused'] as const).find((outcome) => labels['outcome']?.includes(outcome)) ?? null;
    case 'errors_total':
      return 'errno';
    case 'io_uring_enter_errors_total':
      return 'enter_errno';
    case 'io_uring_setup_errors_total':
      return 'setup_errno';
    default:
      return null;
  }
}

/**
 * The most frequent reason (of a copy or refusal, else errno) of what the condition counts, for its subject: among `causes`, or among
 * what came to them since `before`, the causes of an earlier snapshot. Null if none is known.
 */
export function topReason(
  condition: Condition,
  subject: Subject,
  causes: readonly Cause[],
  before: readonly Cause[] = [],
): string | null {
  const selector = numeratorOf(condition);
  const kind = explainingKind(selector);
  if (kind === null) return null;
  const counts = new Map<string, number>();
  const add = (list: readonly Cause[], sign: 1 | -1) => {
    for (const cause of list) {
      if (cause.kind !== kind || !concerns(selector, subject, cause)) continue;
      const name = causeName(cause);
      counts.set(name, (counts.get(name) ?? 0) + sign * cause.count);
    }
  };
  add(causes, 1);
  add(before, -1);
  let top: string | null = null;
  for (const [name, count] of counts) {
    if (count > (top === null ? 0 : (counts.get(top) ?? 0))) top = name;
  }
  return top;
}

function concerns({ labels }: CounterSelector, subject: Subject, cause: Cause): boolean {
  if (subject !== null && (cause.unit !== subject.unit || cause.comm !== subject.comm)) return false;
  const takes = (label: string, value: string) => labels[label]?.includes(value) ?? true;
  const name = causeName(cause);
  return (
    takes('mechanism', MECHANISMS[cause.mechanism] ?? '') &&
    takes('reason', name) &&
    takes('errno', name) &&
    takes('unit', cause.unit) &&
    takes('comm', cause.comm)
  );
}
