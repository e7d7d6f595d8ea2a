/** The rules of `promtool check metrics` (client_golang, promlint/validations), for a machine without it. */
import type { Family } from './exposition.ts';

const NON_BASE_UNITS =
  /^(?:(?:milli|micro|nano|kilo|mega|giga|tera|kibi|mebi|gibi)?(?:seconds|bytes|grams|meters|volts|amperes|joules)|minutes|hours|days|weeks|bits|kelvins|celsius|percent)$/;
const BASE_UNITS = new Set([
  'seconds',
  'bytes',
  'grams',
  'meters',
  'volts',
  'amperes',
  'joules',
  'celsius',
  'kelvins',
  'ratio',
]);
const ABBREVIATIONS = new Set(['s', 'ms', 'us', 'ns', 'sec', 'b', 'kb', 'mb', 'gb', 'tb', 'pb', 'm', 'h', 'd']);
const TYPES = new Set(['gauge', 'counter', 'histogram', 'summary', 'untyped']);

/** What is wrong with a family: one line each. */
export function promlint({ name, help, type, samples }: Family): string[] {
  const words = name.split('_');
  const labels = new Set(samples.flatMap((sample) => Object.keys(sample.labels)));
  const found: string[] = [];
  const rule = (broken: boolean, problem: string) => {
    if (broken) found.push(`${name}: ${problem}`);
  };
  rule(help === '', 'no help text');
  rule(type === 'counter' && !name.endsWith('_total'), 'counters end in _total');
  rule(type !== 'counter' && name.endsWith('_total'), 'only counters end in _total');
  rule(/_(?:bucket|sum|count)$/.test(name), 'histograms and summaries own _bucket, _sum and _count');
  rule(labels.has('le') || labels.has('quantile'), 'histograms and summaries own le and quantile');
  rule(
    words.some((word) => NON_BASE_UNITS.test(word) && !BASE_UNITS.has(word)),
    'not a base unit',
  );
  rule(
    words.some((word) => ABBREVIATIONS.has(word)),
    'abbreviated unit',
  );
  rule(
    words.some((word) => TYPES.has(word)),
    'type in the name',
  );
  rule(name.includes(':'), 'colons are for recording rules');
  rule(/[a-z][A-Z]/.test(name), 'camelCase');
  for (const label of labels) {
    rule(/[a-z][A-Z]/.test(label), `label ${label}: camelCase`);
    rule(label.startsWith('__'), `label ${label}: reserved`);
    rule(name.endsWith(`_by_${label}`), `label ${label}: in the name`);
  }
  return found;
}
