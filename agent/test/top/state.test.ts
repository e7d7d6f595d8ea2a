import { describe, expect, it } from 'vitest';
import { bar, countText, percentText, rateText } from '../../src/top/numbers.ts';
import { textOf } from '../../src/top/line.ts';
import { totals } from '../../src/top/delta.ts';
import { type Order, select } from '../../src/top/select.ts';
import { type Key, press, START, type State } from '../../src/top/state.ts';
import { sampleOf } from './samples.ts';

const extent = { rows: 100, page: 10 };
const NAMES: Readonly<Record<string, Partial<Key>>> = {
  'C-c': { name: 'c', ctrl: true, text: '\x03' },
  'C-z': { name: 'z', ctrl: true, text: '\x1a' },
  'C-l': { name: 'l', ctrl: true },
  'C-u': { name: 'u', ctrl: true },
  'C-f': { name: 'f', ctrl: true },
  'S-Tab': { name: 'tab', shift: true },
  Enter: { name: 'return', text: '\r' },
  Esc: { name: 'escape', text: '\x1b' },
  Bs: { name: 'backspace', text: '\x7f' },
  Tab: { name: 'tab', text: '\t' },
  ...Object.fromEntries(
    ['left', 'right', 'up', 'down', 'pageup', 'pagedown', 'home', 'end'].map((name) => [name, { name }]),
  ),
};
const keyOf = (key: string): Key => ({
  name: key,
  ctrl: false,
  shift: false,
  text: key,
  ...(key in NAMES ? { text: '' } : {}),
  ...NAMES[key],
});
const after = (keys: readonly string[], start: Partial<State> = {}) =>
  keys.reduce<State>((state, key) => press(state, keyOf(key), extent).state, { ...START, ...start });

describe('keys', () => {
  it.each<[string, string[], Partial<State>]>([
    ['a number shows a view', ['3'], { view: 'flows' }],
    ['no number that there is not', ['5', '0', ' ', ' '], {}],
    ['Tab goes round', ['Tab', 'Tab', 'Tab', 'Tab', 'Tab'], { view: 'workloads' }],
    ['and back', ['S-Tab'], { view: 'mechanisms' }],
    ['arrows too', ['right', 'right', 'left'], { view: 'workloads' }],
    ['another view begins at its top', ['down', '2'], { view: 'workloads', first: 0 }],
    ['r turns round', ['down', 'r'], { reversed: true, first: 0 }],
    ['t shows totals', ['t'], { totals: true }],
    ['p pauses', ['p'], { paused: true }],
    ['Space goes on', ['p', ' '], { paused: false }],
    ['+ looks more often', ['+'], { interval: 500 }],
    ['- less often', ['-', '-'], { interval: 5000 }],
    ['but not without end', Array<string>(20).fill('+'), { interval: 250 }],
    ['a shows the alerts', ['a'], { alerts: true }],
    ['and the next key does nothing else', ['a', 't'], { alerts: false, totals: false }],
    ['? helps, and the next key does nothing else', ['?', 't'], { help: false, totals: false }],
    ['a filter', ['down', '/', 'a', 'b', 'q', 'Bs', 'Enter'], { filter: 'ab', typing: null, first: 0 }],
    ['a filter that is not wanted', ['/', 'a', 'Enter', '/', 'b', 'Esc'], { filter: 'a', typing: null }],
    ['is gone with Escape', ['/', 'a', 'Enter', 'Esc'], { filter: '' }],
    ['typing begins with what there is', ['/', 'a', 'Enter', '/'], { typing: 'a' }],
    ['and can begin anew', ['/', 'a', 'C-u', 'b'], { typing: 'b' }],
    ['takes no escapes', ['/', '\x1b', '\x07', '\u202e', 'x'], { typing: 'x' }],
    ['takes a character off, not half of one', ['/', '😀', 'Bs'], { typing: '' }],
  ])('%s', (_, keys, expected) => {
    expect(after(keys)).toMatchObject(expected);
  });

  it('s goes through what the view can be sorted by, and each view remembers', () => {
    expect(after(['3', 's', '1', 's', 's', 'S']).orders).toMatchObject({ flows: 'bytes', processes: 'fallbacks' });
    expect(after(['3', 's', 's', 's', 's']).orders.flows).toBe('attempts');
    expect(after(['S']).orders.processes).toBe('pid');
  });

  it.each<[string[], number]>([
    [['down', 'j', 'up'], 1],
    [['k'], 0],
    [['pagedown'], 10],
    [['C-f', 'C-f', 'pageup'], 10],
    [['end'], 90],
    [['G', 'down'], 90],
    [['end', 'home'], 0],
    [['end', 'g'], 0],
  ])('%j shows rows from %d on', (keys, first) => {
    expect(after(keys).first).toBe(first);
  });

  it('scrolls from what is shown, when rows have gone meanwhile', () => {
    expect(after(['up'], { first: 5000 }).first).toBe(89);
  });

  it.each([
    ['q', {}, 'quit'],
    ['Q', {}, 'quit'],
    ['C-c', {}, 'quit'],
    ['C-z', {}, 'suspend'],
    ['C-l', {}, 'redraw'],
    ['q', { typing: '' }, null],
    ['q', { help: true }, null],
    ['C-c', { typing: '' }, 'quit'],
    ['C-c', { help: true }, 'quit'],
    ['x', {}, null],
  ] as const)('%s in %j: %s', (key, start, action) => {
    expect(press({ ...START, ...start }, keyOf(key), extent).action).toBe(action);
  });

  it('a filter has an end', () => {
    expect(after(['/', ...Array<string>(1000).fill('a')]).typing?.length).toBe(128);
  });
});

describe('rows in order', () => {
  const rows = totals(
    'processes',
    sampleOf({
      processes: [
        { pid: 3, comm: 'b', unit: 'X.service', attempts: 10, outcomes: { copied: 9 }, fallbacks: 1 },
        { pid: 2, comm: 'c', attempts: 20, outcomes: { copied: 1 }, fallbacks: 1, eagain: 5 },
        { pid: 1, comm: 'a', attempts: 20, fallbacks: 3 },
      ],
    }),
  );
  const pids = (order: Order, reversed = false, filter = '') =>
    select(rows, { order, reversed, filter }).map(({ pid }) => pid);

  it.each<[Order, number[], number[]]>([
    // what is equal has the lower pid first, also the other way round
    ['attempts', [1, 2, 3], [3, 1, 2]],
    ['fallbacks', [1, 2, 3], [2, 3, 1]],
    ['ratio', [1, 3, 2], [2, 3, 1]],
    ['copied', [3, 2, 1], [1, 2, 3]],
    ['eagain', [2, 1, 3], [1, 3, 2]],
    ['name', [1, 3, 2], [2, 3, 1]],
    ['pid', [1, 2, 3], [3, 2, 1]],
  ])('by %s', (order, falling, rising) => {
    expect([pids(order), pids(order, true)]).toEqual([falling, rising]);
  });

  it.each([
    ['x.SERV', [3]],
    ['B', [3]],
    ['2', [2]],
    ['none', []],
  ])('only those with %s', (filter, expected) => {
    expect(pids('attempts', false, filter)).toEqual(expected);
  });
});

describe('numbers', () => {
  it.each([
    [0, '0'],
    [0.001, '<0.1'],
    [0.44, '0.4'],
    [1, '1'],
    [9.94, '9.9'],
    [9.96, '10'],
    [999.4, '999'],
    [999.6, '1.0k'],
    [1234, '1.2k'],
    [34_000, '34k'],
    [999_999, '1.0M'],
    [5e18, '5000P'],
  ])('a rate of %d is %s', (rate, text) => {
    expect(rateText(rate)).toBe(text);
  });

  it.each([
    [0, 0, '-'],
    [0, 5, '0'],
    [1, 100_000, '<0.1'],
    [5, 1000, '0.5'],
    [99, 1000, '9.9'],
    [999, 1000, '>99'],
    [1000, 1000, '100'],
  ])('%d of %d is %s percent', (part, whole, text) => {
    expect(percentText(part, whole)).toBe(text);
  });

  it('a count is exact as long as there is room', () => {
    expect(countText(12_345_678, 8)).toBe('12345678');
    expect(countText(123_456_789, 8)).toBe('123M');
  });

  it.each([
    [{}, 10, ''],
    [{ zerocopy: 5 }, 10, '=========='],
    [{ zerocopy: 999_999, failed: 1 }, 10, '=========f'],
    [{ zerocopy: 1, copied: 1 }, 10, '=====ccccc'],
    [{ zerocopy: 70, retry: 20, refused: 10 }, 10, '=======rrx'],
    [{ zerocopy: 1000, copied: 1, retry: 1, refused: 1, denied: 1, failed: 1 }, 8, '===crxdf'],
  ])('%j in %d columns is %s', (outcomes, width, text) => {
    expect(textOf(bar(outcomes, width))).toBe(text);
  });
});
