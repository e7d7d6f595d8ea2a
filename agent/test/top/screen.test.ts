import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { widthOf } from '../../src/model/text.ts';
import { changes, hostDelta, secondsOf, totals, type Window } from '../../src/top/delta.ts';
import { hostOf, VIEWS } from '../../src/top/figures.ts';
import { HELP } from '../../src/top/help.ts';
import { lineWidth, paint, type Palette, textOf } from '../../src/top/line.ts';
import { extentOf, type Picture, report, screen, type Size } from '../../src/top/screen.ts';
import { ORDERS_OF, select } from '../../src/top/select.ts';
import { START, type State } from '../../src/top/state.ts';
import { busyHost, HOSTILE, sampleOf } from './samples.ts';

/** What Live makes of two samples. */
function pictureOf(state: State, window: Window, change: Partial<Picture> = {}): Picture {
  const all = state.totals ? totals(state.view, window.now) : changes(state.view, window);
  const { view, orders, reversed, filter } = state;
  return {
    source: 'daemon at 127.0.0.1:10190',
    clock: '03:04:05',
    trouble: '',
    rows: select(all, { order: orders[view], reversed, filter }),
    all: all.length,
    host: state.totals ? hostOf(window.now) : hostDelta(window),
    seconds: state.totals ? null : secondsOf(window),
    ...change,
  };
}

const SMALL = { columns: 80, rows: 24 };
const LARGE = { columns: 200, rows: 50 };

const draw = (
  change: Partial<State> = {},
  size: Size = SMALL,
  palette: Palette = 'text',
  more: Partial<Picture> = {},
) => {
  const state = { ...START, ...change };
  return screen(state, pictureOf(state, busyHost(), more), size).map((line) => paint(line, palette));
};

const golden = (name: string) => fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url));
const asFile = (lines: readonly string[]) =>
  // escapes can be read in the file
  `${lines.map((line) => line.trimEnd().replaceAll('\x1b', '\\e')).join('\n')}\n`;

describe('what a terminal shows, line by line (vitest --update=all writes them)', () => {
  const sizes = { '80x24': SMALL, '200x50': LARGE, '40x8': { columns: 40, rows: 8 }, '1x1': { columns: 1, rows: 1 } };
  it.each(VIEWS.flatMap((view) => Object.entries(sizes).map(([name, size]) => ({ view, name, size }))))(
    '$view at $name',
    async ({ view, name, size }) => {
      await expect(asFile(draw({ view }, size))).toMatchFileSnapshot(golden(`${view}-${name}`));
    },
  );

  it.each<[string, Partial<State>, Palette, Partial<Picture>]>([
    ['colours', {}, 'colours', {}],
    ['no-color', {}, 'attributes', {}],
    ['totals', { totals: true }, 'text', {}],
    ['help', { help: true }, 'text', {}],
    ['typing', { typing: 'ngi' }, 'text', {}],
    ['filtered-reversed-paused', { filter: 'c', reversed: true, paused: true }, 'text', {}],
    ['lost', {}, 'text', { trouble: 'lost at 03:04:01, trying again: no agent answers' }],
    ['nothing-matches', { filter: 'none such' }, 'text', {}],
    ['before-the-first-window', {}, 'text', { seconds: null }],
    ['before-anything', {}, 'text', { rows: [], all: 0, host: null, seconds: null, clock: '' }],
  ])('%s', async (name, change, palette, more) => {
    await expect(asFile(draw(change, SMALL, palette, more))).toMatchFileSnapshot(golden(name));
  });

  it('one frame for what is no terminal', async () => {
    const state = { ...START, view: 'workloads' } as const;
    const lines = report(state, pictureOf(state, busyHost()), 80, 2);
    await expect(asFile(lines)).toMatchFileSnapshot(golden('one-frame'));
  });
});

const stateArbitrary = fc.record({
  view: fc.constantFrom(...VIEWS),
  reversed: fc.boolean(),
  totals: fc.boolean(),
  help: fc.boolean(),
  paused: fc.boolean(),
  typing: fc.option(fc.string({ unit: 'binary' })),
  filter: fc.constantFrom('', 'n', HOSTILE),
  first: fc.nat(100),
});

describe('whatever the size, the state and the names', () => {
  it('as many lines as there are rows, none wider than the terminal, and nothing that it would obey', () => {
    fc.assert(
      fc.property(
        stateArbitrary,
        fc.integer({ min: 1, max: 220 }),
        fc.integer({ min: 1, max: 60 }),
        fc.string({ unit: 'binary' }),
        (change, columns, rows, name) => {
          const { before, now } = busyHost();
          const rename = (sample: typeof now) => ({
            ...sample,
            processes: sample.processes.map((process) => ({ ...process, comm: name, unit: name })),
            workloads: sample.workloads.map((workload) => ({ ...workload, comm: name, unit: name })),
            causes: sample.causes.map((cause) => ({
              ...cause,
              comm: name,
              culprit: { type: 'file' as const, filesystem: name, name, flags: [] },
            })),
            flows: sample.flows.map((flow) => ({ ...flow, src: name, proto: name })),
          });
          const state = { ...START, ...change };
          const picture = pictureOf(
            state,
            { before: rename(before), now: rename(now) },
            { source: name, trouble: name },
          );
          const lines = screen(state, picture, { columns, rows });
          expect(lines).toHaveLength(rows);
          for (const line of lines) {
            expect(lineWidth(line)).toBeLessThanOrEqual(columns);
            expect(textOf(line)).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
          }
          for (const line of report(state, picture, columns, rows)) expect(widthOf(line)).toBeLessThanOrEqual(columns);
        },
      ),
      { numRuns: 300 },
    );
  });

  it('a palette of text has no escapes, one of attributes no colours, one of colours none but the sixteen', () => {
    const painted = (palette: Palette) =>
      [...VIEWS.flatMap((view) => draw({ view }, LARGE, palette)), ...draw({}, SMALL, palette, { trouble: 'x' })].join(
        '',
      );
    const used = (palette: Palette) => {
      const [, ...parts] = painted(palette).split('\x1b');
      return [...new Set(parts.map((part) => /^\[([0-9;]*)m/.exec(part)?.[1]))].sort();
    };
    expect(used('text')).toEqual([]);
    expect(used('attributes')).toEqual(['0', '1', '2', '7']);
    expect(used('colours')).toEqual(['0', '1', '1;31', '2', '31', '32', '33', '35', '36', '7']);
  });
});

describe('scrolling', () => {
  const many = sampleOf({
    processes: Array.from({ length: 100 }, (_, i) => ({ pid: i + 1, comm: 'w', attempts: 1000 - i })),
  });
  const window = { before: sampleOf({ boottime: 99 }), now: many };
  const state = { ...START, totals: true };
  const pids = (first: number, size: Size = SMALL) =>
    screen({ ...state, first }, pictureOf(state, window), size)
      .map(textOf)
      .flatMap((line) => /^ +([0-9]+) w/.exec(line)?.[1] ?? []);

  it('the page that keys scroll by is what is shown', () => {
    for (const rows of [24, 10, 9, 5, 4, 3, 2]) {
      const size = { columns: 80, rows };
      const { page } = extentOf(state, pictureOf(state, window), size);
      expect({ rows, shown: pids(0, size).length }).toEqual({ rows, shown: page });
    }
  });

  it('the last page is full, however far down one is', () => {
    expect(pids(0).at(0)).toBe('1');
    expect(pids(7).at(0)).toBe('8');
    expect(pids(99).at(-1)).toBe('100');
    expect(pids(99)).toEqual(pids(100 - pids(0).length));
  });

  it('says which rows these are', () => {
    expect(
      screen({ ...state, first: 7 }, pictureOf(state, window), SMALL)
        .map(textOf)
        .at(3),
    ).toMatch(/ 8-25 of 100$/);
  });
});

it('what is typed, and what is wrong, is seen on low terminals too', () => {
  for (const rows of [2, 4, 9, 24]) {
    const size = { columns: 80, rows };
    expect(draw({ typing: 'abc' }, size).at(-1)).toMatch(/^filter: abc_/);
    expect(draw({}, size, 'text', { trouble: 'lost' }).at(-1)).toBe('lost');
  }
});

it('a reason that did not occur in the window is none, the state that it left is told', () => {
  const { now } = busyHost();
  const state = { ...START, filter: 'backup' };
  const lines = screen(state, pictureOf(state, { before: { ...now, boottime: 90 }, now }), SMALL).map(textOf);
  expect(lines.find((line) => line.includes('4711'))).toMatch(/ 0 +- +0 fell: copy_file_range$/);
});

it('help fits the smallest usual terminal', () => {
  expect(HELP.length).toBeLessThan(24);
  for (const line of HELP) expect(widthOf(line)).toBeLessThanOrEqual(80);
});

it('every view at 80 columns tells the fallback ratio, EAGAIN and the reason, at 200 columns all that it has', () => {
  const heads = (columns: number) =>
    VIEWS.map((view) =>
      draw({ view }, { columns, rows: 24 })[4]
        ?.trim()
        .replace('*', '')
        .split(/ (?=[A-Z])/)
        .map((word) => word.trim())
        .join(' '),
    );
  expect(heads(80)).toEqual([
    'PID COMM ATT/S OUTCOMES FALL% EAGAIN/S TOP REASON',
    'UNIT COMM ATT/S OUTCOMES FALL% EAGAIN/S TOP REASON',
    'SRC DST PROTO ATT/S OUTCOMES ZC% BYTES/S',
    'MECHANISM ATT/S OUTCOMES FALL% EAGAIN/S BYTES/S TOP REASON',
  ]);
  expect(heads(200)).toEqual([
    'PID COMM UNIT ATT/S OUTCOMES ZC% COPY% FALLB/S FALL% EAGAIN/S TOP REASON',
    'UNIT COMM PROCS ATT/S OUTCOMES ZC% COPY% FALLB/S FALL% EAGAIN/S TOP REASON',
    'SRC DST PROTO ATT/S OUTCOMES ZC% COPY% BYTES/S',
    'MECHANISM ATT/S OUTCOMES ZC% COPY% FALLB/S FALL% EAGAIN/S BYTES/S TOP REASON',
  ]);
});

it('each view can be sorted only by what it has', () => {
  for (const view of VIEWS) expect(new Set(ORDERS_OF[view]).size).toBe(ORDERS_OF[view].length);
});
