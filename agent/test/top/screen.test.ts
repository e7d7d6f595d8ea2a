import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { widthOf } from '../../src/model/text.ts';
import { changes, hostDelta, secondsOf, totals, type Window } from '../../src/top/delta.ts';
import { type Alert, type Alerts, alertsLine, firingOf } from '../../src/top/alerts.ts';
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
    alerts: { kind: 'judged', alerts: [] },
    ...change,
  };
}

/** So many that fire: of a workload and of the host by turns. */
const alertsOf = (count: number, change: Partial<Alert> = {}): Alerts => ({
  kind: 'judged',
  alerts: Array.from({ length: count }, (_, i): Alert => {
    const rule = i % 2 === 0 ? 'SendfileFallback' : 'IoUringSubmitEagain';
    const [subject, since] = i % 2 === 0 ? ['nginx (nginx.service)', '02:41:07'] : ['host', '02:43:00'];
    const summary =
      i % 2 === 0
        ? '6.68 % of 419 sendfile attempts fell back to read/write (limit 0.5 %) in nginx on vm: mostly source_cannot_splice'
        : '';
    return { state: 'firing', rule, subject, since, summary, ...change };
  }),
});

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
    ['alert', {}, 'text', { alerts: alertsOf(1) }],
    ['alerts', {}, 'colours', { alerts: alertsOf(4) }],
    ['alerts-no-color', { alerts: true }, 'attributes', { alerts: alertsOf(4) }],
    ['alerts-view', { alerts: true }, 'text', { alerts: alertsOf(4) }],
    ['alerts-view-of-many', { alerts: true }, 'text', { alerts: alertsOf(40) }],
    ['before-the-first-window', {}, 'text', { seconds: null }],
    ['before-anything', {}, 'text', { rows: [], all: 0, host: null, seconds: null, clock: '' }],
  ])('%s', async (name, change, palette, more) => {
    await expect(asFile(draw(change, SMALL, palette, more))).toMatchFileSnapshot(golden(name));
  });

  it('one frame for what is no terminal', async () => {
    const state = { ...START, view: 'workloads' } as const;
    const lines = report(state, pictureOf(state, busyHost(), { alerts: alertsOf(3) }), 80, 2);
    await expect(asFile(lines)).toMatchFileSnapshot(golden('one-frame'));
  });
});

describe('alerts', () => {
  const lineOf = (count: number, columns: number, change: Partial<Alert> = {}) =>
    textOf(alertsLine(firingOf(alertsOf(count, change)), columns, ': a'));

  it('a line while something fires, none while nothing does, and what may soon is none yet', () => {
    const [, second = ''] = draw({}, SMALL, 'text', { alerts: alertsOf(1) });
    expect(second).toBe(' ALERT  SendfileFallback nginx (nginx.service) since 02:41:07');
    const pending = alertsOf(3, { state: 'pending' });
    for (const alerts of [alertsOf(0), pending, { kind: 'off' }, { kind: 'nobody' }, { kind: 'unknown' }] as const) {
      expect(draw({}, SMALL, 'text', { alerts })).toEqual(draw());
    }
  });

  it('takes one line of the table and no other, on low terminals too', () => {
    for (const rows of [4, 5, 9, 10, 24]) {
      const size = { columns: 80, rows };
      const state = { ...START };
      const page = (alerts: Alerts) => extentOf(state, pictureOf(state, busyHost(), { alerts }), size).page;
      expect({ rows, page: page(alertsOf(50)) }).toEqual({ rows, page: Math.max(1, page(alertsOf(0)) - 1) });
      const shown = draw({}, size, 'text', { alerts: alertsOf(50) });
      expect(shown.filter((line) => line.includes('ALERTS 50'))).toHaveLength(1);
      // the first row of the table
      expect(shown.join('\n')).toMatch(/^ +812 nginx/m);
    }
  });

  it('as many as fit are named, the others counted, with the key that shows them', () => {
    expect(lineOf(2, 200)).toBe(
      ' ALERTS 2  SendfileFallback nginx (nginx.service) since 02:41:07; IoUringSubmitEagain host since 02:43:00',
    );
    expect(lineOf(2, 80)).toBe(' ALERTS 2  SendfileFallback nginx (nginx.service) since 02:41:07  +1 more: a');
    expect(lineOf(2, 50)).toMatch(/^ ALERTS 2 {2}SendfileFallback ngi…\S*\) {2}\+1 more: a$/);
    expect(lineOf(1, 72, { subject: `x (${'y'.repeat(90)}.service)` })).toMatch(
      /^ ALERT {2}SendfileFallback x \(yy\S*….*\.service\) since 02:41:07$/,
    );
  });

  it('the view says why there are none', () => {
    const head = (alerts: Alerts) => draw({ alerts: true }, SMALL, 'text', { alerts })[0];
    expect(head({ kind: 'nobody' })).toBe('alerts: only an agent (spillway run) judges rules');
    expect(head({ kind: 'off' })).toBe('alerts: switched off in the configuration of the agent');
    expect(head({ kind: 'unknown' })).toBe('alerts: waiting for the first answer');
    expect(head(alertsOf(0))).toBe('no alert fires, as of 03:04:05');
    expect(head(alertsOf(1, { state: 'pending' }))).toBe('no alert fires, 1 may soon, as of 03:04:05');
  });

  it('the view tells each, or counts it', () => {
    for (const rows of [3, 4, 8, 24, 50]) {
      const lines = draw({ alerts: true }, { columns: 80, rows }, 'text', { alerts: alertsOf(9) });
      const told = lines.filter((line) => line.startsWith(' FIRING ')).length;
      const counted = Number(/^and (\d+) more: spillway alerts list$/m.exec(lines.join('\n'))?.[1] ?? 0);
      expect({ rows, all: told + counted }).toEqual({ rows, all: 9 });
      expect(lines).toContain('any key goes back');
    }
  });
});

const stateArbitrary = fc.record({
  view: fc.constantFrom(...VIEWS),
  reversed: fc.boolean(),
  totals: fc.boolean(),
  help: fc.boolean(),
  alerts: fc.boolean(),
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
        fc.nat(5),
        (change, columns, rows, name, count) => {
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
            { source: name, trouble: name, alerts: alertsOf(count, { rule: name, subject: name, summary: name }) },
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
      [
        ...VIEWS.flatMap((view) => draw({ view }, LARGE, palette)),
        ...draw({}, SMALL, palette, { trouble: 'x', alerts: alertsOf(1) }),
      ].join('');
    const used = (palette: Palette) => {
      const [, ...parts] = painted(palette).split('\x1b');
      return [...new Set(parts.map((part) => /^\[([0-9;]*)m/.exec(part)?.[1]))].sort();
    };
    expect(used('text')).toEqual([]);
    expect(used('attributes')).toEqual(['0', '1', '1;7', '2', '7']);
    expect(used('colours')).toEqual(['0', '1', '1;31', '1;37;41', '2', '31', '32', '33', '35', '36', '7']);
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
