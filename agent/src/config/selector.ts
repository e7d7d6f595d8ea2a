/** Counter selectors as text, like PromQL: `errors_total{mechanism="sendfile|splice", errno="EAGAIN"}`. Pure. */
import type { CounterSelector } from '../alerts/rule.ts';

/**
 * Text -> selector, or what is wrong with the text. One label and its values: `name="a|b"`, with either kind of quotes. Programs can
 * call themselves anything, so each character that means something here can be written as itself: `\\`, `\"`, `\'`, `\|`, and
 * `\n` for a new line.
 */
export function parseSelector(text: string): CounterSelector | string {
  const match = /^(?:spillway_)?([a-zA-Z_][a-zA-Z0-9_]*)\s*(?:\{(.*)\})?$/s.exec(text.trim());
  const [, metric, list = ''] = match ?? [];
  if (metric === undefined) return 'expected a counter such as errors_total{mechanism="sendfile", errno="EAGAIN"}';
  const labels = new Map<string, readonly string[]>();
  let rest = list.trim();
  while (rest !== '') {
    const matcher =
      /^([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*(?:"([^"\\]*(?:\\["'\\|n][^"\\]*)*)"|'([^'\\]*(?:\\["'\\|n][^'\\]*)*)')\s*(?:,\s*|$)/.exec(
        rest,
      );
    const [whole, label, double, single] = matcher ?? [];
    if (whole === undefined || label === undefined) {
      return 'labels are written {label="value"}, several values of one {label="a|b"}, and after a backslash only " \' | n and a backslash; other operators than = are not known';
    }
    if (labels.has(label))
      return `the label ${label} appears twice; several values of one are written {${label}="a|b"}`;
    const values = valuesOf(double ?? single ?? '');
    if (new Set(values).size < values.length) return `the label ${label} has the same value twice`;
    labels.set(label, values);
    rest = rest.slice(whole.length);
  }
  return { metric, labels: Object.fromEntries(labels) };
}

/** What stands between two quotes: its values, without escapes. */
function valuesOf(text: string): string[] {
  const values: string[] = [];
  let value = '';
  for (const [part, escaped] of text.matchAll(/\\(.)|\||[^\\|]+/gs)) {
    if (part === '|') {
      values.push(value);
      value = '';
    } else value += escaped === undefined ? part : escaped === 'n' ? '\n' : escaped;
  }
  return [...values, value];
}

const escape = (value: string): string => value.replace(/["\\|]/g, '\\$&').replaceAll('\n', '\\n');

/** The text that `parseSelector` reads. */
export function selectorText({ metric, labels }: CounterSelector): string {
  const list = Object.entries(labels).map(([label, values]) => `${label}="${values.map(escape).join('|')}"`);
  return list.length === 0 ? metric : `${metric}{${list.join(', ')}}`;
}
