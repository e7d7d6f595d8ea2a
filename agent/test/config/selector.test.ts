import fc from 'fast-check';
import { expect, it } from 'vitest';
import { parseSelector, selectorText } from '../../src/config/selector.ts';

it.each([
  ['errors_total', { metric: 'errors_total', labels: {} }],
  ['spillway_errors_total{}', { metric: 'errors_total', labels: {} }],
  ['errors_total{mechanism="sendfile"}', { metric: 'errors_total', labels: { mechanism: ['sendfile'] } }],
  [
    ` errors_total { errno = 'EAGAIN' , mechanism="sendfile|splice", } `,
    { metric: 'errors_total', labels: { errno: ['EAGAIN'], mechanism: ['sendfile', 'splice'] } },
  ],
  ['x{unit="a,b}=c"}', { metric: 'x', labels: { unit: ['a,b}=c'] } }],
  ['x{unit=""}', { metric: 'x', labels: { unit: [''] } }],
  [String.raw`x{comm="a\"b\\c\|d\ne\'|{$f}"}`, { metric: 'x', labels: { comm: ['a"b\\c|d\ne\'', '{$f}'] } }],
  [String.raw`x{comm='\'"\"'}`, { metric: 'x', labels: { comm: ['\'""'] } }],
])('%s', (text, selector) => {
  expect(parseSelector(text)).toEqual(selector);
});

it.each([
  ['', 'expected a counter'],
  ['9x', 'expected a counter'],
  ['a b', 'expected a counter'],
  ['rate(x[5m])', 'expected a counter'],
  ['x{a="b"', 'expected a counter'],
  ['x{a="b"} > 1', 'expected a counter'],
  ['x{a=~"b|c"}', 'other operators than = are not known'],
  ['x{a!="b"}', 'other operators than = are not known'],
  ['x{a=b}', 'labels are written'],
  ['x{a="b" c="d"}', 'labels are written'],
  ['x{,}', 'labels are written'],
  ['x{a="b\\"}', 'labels are written'],
  ['x{a="\\x41"}', 'after a backslash only'],
  ['x{a="b", a="c"}', 'the label a appears twice; several values of one are written {a="a|b"}'],
  ['x{a="b|c|b"}', 'the label a has the same value twice'],
])('%s is refused', (text, message) => {
  expect(parseSelector(text)).toContain(message);
});

it('a label of any name is only a label', () => {
  const selector = parseSelector('x{__proto__="a", constructor="b"}');
  expect(selector).not.toBeTypeOf('string');
  expect(Object.entries(typeof selector === 'string' ? {} : selector.labels)).toEqual([
    ['__proto__', ['a']],
    ['constructor', ['b']],
  ]);
});

it('many values take no time that grows with their square', () => {
  const values = Array.from({ length: 200_000 }, (_, i) => String(i));
  const began = performance.now();
  expect(parseSelector(`x{a="${values.join('|')}"}`)).toEqual({ metric: 'x', labels: { a: values } });
  expect(performance.now() - began).toBeLessThan(3000);
});

const name = fc.stringMatching(/^[a-z][a-z0-9_]{0,8}$/).filter((text) => !text.startsWith('spillway_'));
const values = fc.uniqueArray(
  fc.string({ unit: fc.constantFrom('a', 'n', ' ', '"', "'", '\\', '|', '\n', '{', '}', '$', '=', ',', '\u{1f600}') }),
  { minLength: 1, maxLength: 4 },
);

it('what is written is read as the same', () => {
  fc.assert(
    fc.property(name, fc.dictionary(name, values, { noNullPrototype: true }), (metric, labels) => {
      expect(parseSelector(selectorText({ metric, labels }))).toEqual({ metric, labels });
    }),
  );
});
