/** The whole screen: what is watched, the sums, the table, the keys. Pure. */
import { OUTCOMES } from '../abi/layout.ts';
import { printable } from '../model/text.ts';
import { type Alerts, alertsLine, alertsView, firingOf } from './alerts.ts';
import { headLine, layout, type Reading, reasonText, rowLine, topReason } from './columns.ts';
import type { Shown } from './delta.ts';
import { type Host, VIEWS } from './figures.ts';
import { HELP } from './help.ts';
import { cut, type Line, lineWidth, span, textOf } from './line.ts';
import { bar, countText, LETTERS, percentText, rateText } from './numbers.ts';
import type { Extent, State } from './state.ts';

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** What is to be seen, apart from what the user chose. */
export interface Picture {
  /** Who counts: an address, or ourselves. */
  readonly source: string;
  /** When the figures were taken; '' before there are any. */
  readonly clock: string;
  /** What is wrong with the source; '' for nothing. */
  readonly trouble: string;
  /** The rows that were selected, in their order. */
  readonly rows: readonly Shown[];
  /** How many there are without a filter. */
  readonly all: number;
  readonly host: Host | null;
  readonly alerts: Alerts;
  /** The window of the figures; null: there is none, or totals are wanted. */
  readonly seconds: number | null;
}

/** Lines above and below the table; on low terminals those that matter less go. */
interface Frame {
  readonly title: boolean;
  /** What fires: a line only while something does. */
  readonly alerts: boolean;
  readonly detail: boolean;
  readonly tabs: boolean;
  readonly head: boolean;
  readonly footer: boolean;
}

function frameFor(rows: number, state: State, picture: Picture): Frame {
  const roomy = rows >= 10;
  return {
    title: rows >= 5,
    alerts: rows >= 4 && firingOf(picture.alerts).length > 0,
    detail: roomy,
    tabs: roomy,
    head: rows >= 3,
    footer: roomy || (isUrgent(state, picture) && rows >= 2),
  };
}

const linesOf = ({ title, alerts, detail, tabs, head, footer }: Frame): number =>
  // and the sums, which are always there
  1 + [title, alerts, detail, tabs, head, footer].filter(Boolean).length;

const isUrgent = ({ typing }: State, { trouble }: Picture): boolean => typing !== null || trouble !== '';

/** What keys can scroll through. */
export function extentOf(state: State, picture: Picture, size: Size): Extent {
  const page = size.rows - linesOf(frameFor(size.rows, state, picture));
  return { rows: picture.rows.length, page: Math.max(1, page) };
}

/** As many lines as the terminal has, none wider than it is. */
export function screen(state: State, picture: Picture, size: Size): Line[] {
  const { alerts, clock } = picture;
  const lines = state.help
    ? helpLines(size)
    : state.alerts
      ? alertsView(alerts, clock, size)
      : tableLines(state, picture, size);
  return Array.from({ length: size.rows }, (_, i) => cut(lines[i] ?? [], size.columns));
}

/** The same without an end below: for what is no terminal. */
export function report(state: State, picture: Picture, columns: number, most: number): string[] {
  const alerts = firingOf(picture.alerts).length > 0;
  const frame = { title: true, alerts, detail: true, tabs: false, head: true, footer: false };
  const shown = picture.rows.slice(0, most);
  const lines = [...headLines(state, picture, columns, frame), ...bodyLines(state, picture, columns, shown)];
  const more = picture.rows.length - shown.length;
  const texts = lines.map((line) => textOf(cut(line, columns)).trimEnd());
  return more > 0 ? [...texts, `and ${more} more`.slice(0, columns)] : texts;
}

function tableLines(state: State, picture: Picture, size: Size): Line[] {
  const frame = frameFor(size.rows, state, picture);
  const { rows, page } = extentOf(state, picture, size);
  const first = Math.max(0, Math.min(state.first, rows - page));
  const room = size.rows - linesOf(frame);
  const shown = picture.rows.slice(first, first + Math.max(0, room));
  const which = rows > page ? `${first + 1}-${Math.min(first + page, rows)} of ` : '';
  const lines = [
    ...headLines(state, picture, size.columns, frame, { which, hint: ': a' }),
    ...bodyLines(state, picture, size.columns, shown),
  ];
  if (!frame.footer) return lines;
  const above = Array.from({ length: size.rows - 1 }, (_, i) => lines[i] ?? []);
  return [...above, footerLine(state, picture)];
}

const readingOf = ({ totals }: State, { seconds }: Picture): Reading => ({
  seconds: totals ? null : seconds,
  unknown: !totals && seconds === null,
});

/** What stands in the head only where there are keys: which rows are shown, and what leads to all alerts. */
interface Keyed {
  readonly which: string;
  readonly hint: string;
}

function headLines(
  state: State,
  picture: Picture,
  columns: number,
  frame: Frame,
  { which, hint }: Keyed = { which: '', hint: '' },
): Line[] {
  const reading = readingOf(state, picture);
  return [
    ...(frame.title ? [titleLine(state, picture, columns)] : []),
    ...(frame.alerts ? [alertsLine(firingOf(picture.alerts), columns, hint)] : []),
    sumsLine(picture.host, reading, columns),
    ...(frame.detail ? [detailLine(picture.host, reading, columns)] : []),
    ...(frame.tabs ? [tabsLine(state, picture, which)] : []),
    ...(frame.head ? [padded(headOf(state, columns), columns)] : []),
  ];
}

const headOf = ({ view, orders, totals }: State, columns: number): Line =>
  headLine(layout(view, columns), orders[view], totals);

/** A bar of one style over the whole width. */
const padded = (line: Line, columns: number): Line => [
  ...line,
  span(' '.repeat(Math.max(0, columns - lineWidth(line))), line.at(-1)?.style ?? 'plain'),
];

function bodyLines(state: State, picture: Picture, columns: number, shown: readonly Shown[]): Line[] {
  const placed = layout(state.view, columns);
  const reading = readingOf(state, picture);
  if (shown.length > 0) return shown.map((row) => rowLine(placed, row, reading));
  if (picture.host === null) return [[span('waiting for the first figures', 'dim')]];
  const nothing = picture.all > 0 ? `none of ${picture.all} matches the filter` : NOTHING[state.view];
  return [[span(nothing, 'dim')]];
}

const NOTHING: Readonly<Record<State['view'], string>> = {
  processes: 'no process has made a zero-copy attempt',
  workloads: 'no workload has made a zero-copy attempt',
  flows: 'no zero-copy attempt has gone to or come from a socket',
  mechanisms: 'no zero-copy attempt has been made',
};

function titleLine(state: State, { source, clock, seconds }: Picture, columns: number): Line {
  const left: Line = [span('spillway top', 'bold'), span(`  ${printable(source)}`)];
  const window = state.totals ? 'totals' : seconds === null ? '' : `over ${seconds.toFixed(1)} s`;
  const right: Line = [
    span([clock, window].filter((part) => part !== '').join('  ')),
    ...(state.paused ? [span('  '), span(' paused ', 'reverse')] : []),
  ];
  const space = columns - lineWidth(left) - lineWidth(right);
  if (space >= 2) return [...left, span(' '.repeat(space)), ...right];
  // that it is paused must be seen, whatever the name of the source
  const room = Math.max(0, columns - lineWidth(right) - 1);
  return [...cut(left, room), span(' '), ...right];
}

/** `attempts 1.2k/s  ==cx  = zerocopy 97%  c copied 2%`: the legend of all bars as well; without the names where they do not fit. */
function sumsLine(host: Host | null, { seconds, unknown }: Reading, columns: number): Line {
  if (host === null) return [];
  const { attempts, outcomes } = host;
  const number = unknown ? '-' : seconds === null ? countText(attempts, 12) : `${rateText(attempts / seconds)}/s`;
  const sum = span(`attempts ${number}  `, 'bold');
  if (unknown || attempts === 0) return [sum];
  const occurred = OUTCOMES.filter((outcome) => (outcomes[outcome] ?? 0) > 0);
  const legend = (named: boolean): Line =>
    occurred.flatMap((outcome) => [
      span('  '),
      span(named ? `${LETTERS[outcome]} ${outcome}` : LETTERS[outcome], outcome),
      span(` ${percentText(outcomes[outcome] ?? 0, attempts)}%`),
    ]);
  const room = (named: boolean) => columns - lineWidth([sum, ...legend(named)]);
  const named = room(true) >= MIN_BAR;
  const width = Math.min(MAX_BAR, room(named));
  return [sum, ...(width < MIN_BAR ? [] : bar(outcomes, width)), ...legend(named)];
}

const MIN_BAR = 8;
const MAX_BAR = 24;

function detailLine(host: Host | null, { seconds, unknown }: Reading, columns: number): Line {
  if (host === null || unknown) return [];
  const { attempts, fallbacks, eagain, enterEagain, reasons } = host;
  const quantity = (figure: number) => (seconds === null ? countText(figure, 12) : `${rateText(figure / seconds)}/s`);
  const rings = enterEagain > 0 ? ` (io_uring_enter ${quantity(enterEagain)})` : '';
  const ratio = attempts > 0 ? ` (${percentText(fallbacks, attempts)}%)` : '';
  const start: Line = [
    span(`fallbacks ${quantity(fallbacks)}${ratio}`, fallbacks > 0 ? 'refused' : 'plain'),
    span(`  EAGAIN ${quantity(eagain)}${rings}`),
  ];
  const top = topReason(reasons);
  if (top === null) return start;
  const label = '  top: ';
  const room = columns - lineWidth(start) - label.length;
  return room < 10 ? start : [...start, span(label), span(reasonText(top, room), top.outcome)];
}

/** @param shown which rows these are, or '' for all */
function tabsLine({ view, orders, reversed, filter }: State, { rows, all }: Picture, shown: string): Line {
  const tabs = VIEWS.flatMap((name, i): Line => [
    span(' '),
    span(`${i + 1} ${name}`, name === view ? 'reverse' : 'plain'),
  ]);
  const count = filter === '' ? `${all}` : `${rows.length} of ${all}: ${printable(filter)}`;
  return [...tabs, span(`  by ${orders[view]}${reversed ? ' rev' : ''}  ${shown}${count}`, 'dim')];
}

const KEYS = 'q quit  1-4 view  s sort  / filter  t totals  p pause  a alerts  ? help';

function footerLine({ typing }: State, { trouble }: Picture): Line {
  if (typing !== null) return [span('filter: ', 'bold'), span(`${printable(typing)}_`), span('  Enter, Esc', 'dim')];
  return trouble === '' ? [span(KEYS, 'dim')] : [span(printable(trouble), 'warning')];
}

function helpLines({ rows }: Size): Line[] {
  const end = span('any key goes back', 'dim');
  const lines: Line[] = HELP.map((text, i) => [span(text, i === 0 ? 'bold' : 'plain')]);
  // on a low terminal its end would say how to leave it
  return rows <= lines.length ? [...lines.slice(0, rows - 1), [end]] : [...lines, [end]];
}
