import { expect, test } from 'vitest';
import { groupedBy, seriesOf } from './promql.ts';

test('the parser sees every series and every label of an expression', () => {
  const expr =
    'sum without (a) (rate(one{b="x", c=~"y|z"}[1m] offset 1m)) - x:two:3m or sum by (d) (three{}) / (four >= 2e3) and on (job) five';
  expect(seriesOf(expr)).toEqual([
    {
      name: 'one',
      matchers: [
        { label: 'b', operator: '=', value: 'x' },
        { label: 'c', operator: '=~', value: 'y|z' },
      ],
    },
    ...['x:two:3m', 'three', 'four', 'five'].map((name) => ({ name, matchers: [] })),
  ]);
  expect(groupedBy(expr)).toEqual(['a', 'd', 'job']);
});
