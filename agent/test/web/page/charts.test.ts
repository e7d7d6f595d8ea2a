/** Charts: what a shape covers, by its corners. */
import { expect, it } from 'vitest';
import { outcomesChart, sparkline } from '../../../src/web/page/charts.ts';
import { CHUNK_SECONDS, HISTORY_SECONDS, type Rates, type Series } from '../../../src/web/page/history.ts';
import type { Markup } from '../../../src/web/page/markup.ts';

const NONE = { zerocopy: 0, copied: 0, retry: 0, refused: 0, denied: 0, failed: 0, fallbacks: 0, enter_eagain: 0 };

/** One rate a second, up to `end`. */
const ratesUpTo = (end: number, seconds: number, value: (at: number) => Partial<Record<Series, number>>): Rates[] =>
  Array.from({ length: seconds }, (_, i) => {
    const at = end - seconds + 1 + i;
    return { at, from: at - 1, perSecond: { ...NONE, ...value(at) } };
  });

type Element = Exclude<Markup, string>;

const elements = (markup: Markup, name: string): Element[] => {
  if (typeof markup === 'string') return [];
  const [own, , ...children] = markup;
  return [...(own === name ? [markup] : []), ...children.flatMap((child) => elements(child, name))];
};

const box = (markup: Markup): number[] => (elements(markup, 'svg')[0]?.[1].viewBox ?? '').split(' ').map(Number);

/** What is covered at a time: from and to, upwards, of all paths of a series. */
function covered(markup: Markup, series: Series, at: number): number[][] {
  const [group] = elements(markup, 'g').filter(([, { class: name }]) => name === `area ${series}`);
  return elements(group ?? '', 'path').flatMap(([, { d = '' }]) => {
    const ys: number[] = [];
    let [x, y] = [0, 0];
    for (const [, command, numbers = ''] of d.matchAll(/([MHV])([^MHVZ]*)/g)) {
      const [first = 0, second = 0] = numbers.split(' ').map(Number);
      if (command === 'M') [x, y] = [first, second];
      else if (command === 'V') y = first;
      else {
        if (Math.min(x, first) < at && at < Math.max(x, first)) ys.push(0 - y);
        x = first;
      }
    }
    return ys.length === 0 ? [] : [ys.sort((a, b) => a - b)];
  });
}

it('each outcome stands upon the others, for as long as its rate held', () => {
  const chart = outcomesChart(ratesUpTo(120, 120, (at) => ({ zerocopy: at, copied: 5, failed: at === 77 ? 3 : 0 })));
  for (const at of [62, 69, 70, 71, 77, 90, 120]) {
    expect(covered(chart, 'zerocopy', at - 0.5)).toEqual([[0, at]]);
    expect(covered(chart, 'copied', at - 0.5)).toEqual([[at, at + 5]]);
  }
  expect(covered(chart, 'failed', 76.5)).toEqual([[82, 85]]);
  expect(covered(chart, 'retry', 76.5)).toEqual([]);
  expect(box(chart)).toEqual([0, -200, 120, 200]);
});

it('the view box is what can be seen: time from left to right, the highest of it at the upper edge', () => {
  const rates = ratesUpTo(7000, 310, (at) => ({ fallbacks: at < 6700 ? 1e6 : at === 6800 ? 7 : 2 }));
  const spark = sparkline(rates, 'fallbacks');
  // 7000 s are 3400 s after the full hour
  expect(box(spark)).toEqual([3400 - HISTORY_SECONDS, -7, HISTORY_SECONDS, 7]);
  expect(elements(spark, 'svg')[0]?.[1]['aria-label']).toBe('at most 7.0 a second in the last 5 minutes');
  expect(covered(spark, 'fallbacks', 3199.5)).toEqual([[0, 7]]);
  expect(covered(spark, 'fallbacks', 3100.5)).toEqual([[0, 2]]);
  expect(covered(spark, 'fallbacks', 3399.5)).toEqual([[0, 2]]);
});

it('a second later all paths are the same but for the newest', () => {
  const value = (at: number) => ({ zerocopy: 100 + (at % 13) });
  const paths = (end: number) =>
    elements(sparkline(ratesUpTo(end, 310, value), 'zerocopy'), 'path').map(([, { d }]) => d);
  for (let end = 2000; end < 2100; end++) {
    const [before, after] = [paths(end), paths(end + 1)];
    expect(after).toHaveLength(HISTORY_SECONDS / CHUNK_SECONDS + 1);
    expect(after.filter((d, i) => d !== before[i]).length).toBeLessThanOrEqual(2);
  }
});

it('what stands still has no shape', () => {
  const quiet = ratesUpTo(100, 50, () => ({}));
  expect(elements(outcomesChart(quiet), 'path')).toEqual([]);
  expect(elements(sparkline(quiet, 'zerocopy'), 'path')).toEqual([]);
  expect(elements(outcomesChart([]), 'path')).toEqual([]);
});
