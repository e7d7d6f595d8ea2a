/** Charts as SVG: shapes only; what they say stands beside them in words and numbers. Pure. */
import { type Outcome, OUTCOMES } from '../../abi/layout.ts';
import { rateText } from './figures.ts';
import { HISTORY_SECONDS, type Rates, type Series } from './history.ts';
import { element, type Markup } from './markup.ts';

const WIDTH = 600;
const HEIGHT = 100;

/** Seconds that a chart may show. */
const SPANS = [60, 120, HISTORY_SECONDS];

/** What there is, and not much more: an agent that has just begun has no five minutes to show. */
export function spanOf(rates: readonly Rates[]): number {
  const known = (rates.at(-1)?.at ?? 0) - (rates[0]?.from ?? 0);
  return SPANS.find((span) => known <= span) ?? HISTORY_SECONDS;
}

const spanText = (span: number): string => (span === 60 ? '1 minute' : `${String(span / 60)} minutes`);

interface Frame {
  /** Seconds since boot at the right edge. */
  readonly end: number;
  readonly span: number;
  /** At the upper edge. */
  readonly most: number;
}

const frameOf = (rates: readonly Rates[], most: number): Frame => ({
  end: rates.at(-1)?.at ?? 0,
  span: spanOf(rates),
  most,
});

const x = (at: number, { end, span }: Frame): string => (WIDTH * Math.max(0, 1 - (end - at) / span)).toFixed(1);
const y = (value: number, { most }: Frame): string => (HEIGHT * (1 - value / most)).toFixed(1);

/** The next of 1, 2, 5, 10, 20, 50 ... that is no less. */
export function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

const svg = (className: string, label: string, ...shapes: Markup[]): Markup =>
  element(
    'svg',
    {
      class: className,
      viewBox: `0 0 ${String(WIDTH)} ${String(HEIGHT)}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    shapes,
  );

/** Two corners for every rate: it held from the sample before up to its own. */
function steps(rates: readonly Rates[], frame: Frame, value: (rates: Rates, i: number) => number): string[] {
  return rates.flatMap((rate, i) => {
    const height = y(value(rate, i), frame);
    return [`${x(rate.from, frame)} ${height}`, `${x(rate.at, frame)} ${height}`];
  });
}

/** Attempts a second by outcome, one upon the other; the highest in words. */
export function outcomesChart(rates: readonly Rates[]): Markup {
  const sum = ({ perSecond }: Rates) => OUTCOMES.reduce((total, outcome) => total + perSecond[outcome], 0);
  const highest = Math.max(0, ...rates.map(sum));
  const frame = frameOf(rates, roundUp(highest));
  let below = rates.map(() => 0);
  const areas = OUTCOMES.map((outcome) => {
    const floor = below;
    const roof = rates.map(({ perSecond }, i) => (floor[i] ?? 0) + perSecond[outcome]);
    below = roof;
    const corners = [
      ...steps(rates, frame, (_, i) => roof[i] ?? 0),
      ...steps(rates, frame, (_, i) => floor[i] ?? 0).reverse(),
    ];
    const occurs = rates.some(({ perSecond }) => perSecond[outcome] > 0);
    return element('path', { class: `area ${outcome}`, d: occurs ? `M${corners.join('L')}Z` : '' });
  });
  const span = spanText(frame.span);
  return element(
    'figure',
    { class: 'chart' },
    element('span', { class: 'most' }, `${rateText(frame.most)}/s`),
    svg('plot', `attempts a second by outcome in the last ${span}: at most ${rateText(highest)}`, ...areas),
    element(
      'figcaption',
      {},
      element('span', {}, `${span} ago`),
      element('span', {}, 'attempts a second, by outcome'),
      element('span', {}, 'now'),
    ),
  );
}

/** One series by itself, on its own scale. */
export function sparkline(rates: readonly Rates[], series: Series): Markup {
  const highest = Math.max(0, ...rates.map(({ perSecond }) => perSecond[series]));
  const span = `the last ${spanText(spanOf(rates))}`;
  if (highest === 0) return svg('spark', `none in ${span}`);
  const frame = frameOf(rates, highest);
  const corners = steps(rates, frame, ({ perSecond }) => perSecond[series]);
  const [first = ''] = corners[0]?.split(' ') ?? [];
  const bottom = String(HEIGHT);
  const d = `M${first} ${bottom}L${corners.join('L')}V${bottom}Z`;
  const label = `at most ${rateText(highest)} a second in ${span}`;
  return svg('spark', label, element('path', { class: `area ${series}`, d }));
}

/** How attempts ended, as parts of one bar; in words too. */
export function outcomesBar(outcomes: Readonly<Partial<Record<Outcome, number>>>): Markup {
  const occurred = OUTCOMES.map((outcome) => [outcome, outcomes[outcome] ?? 0] as const).filter(([, n]) => n > 0);
  const whole = occurred.reduce((sum, [, attempts]) => sum + attempts, 0);
  let at = 0;
  const parts = occurred.map(([outcome, attempts]) => {
    // what is rare is seen all the same
    const width = Math.max(8, (WIDTH * attempts) / whole);
    const part = element('rect', {
      class: outcome,
      x: Math.min(at, WIDTH - width).toFixed(1),
      y: '0',
      width: width.toFixed(1),
      height: String(HEIGHT),
    });
    at += (WIDTH * attempts) / whole;
    return part;
  });
  const label = occurred.map(([outcome, attempts]) => `${outcome} ${attempts.toLocaleString('en-US')}`).join(', ');
  return svg('bar', label === '' ? 'no attempt' : label, ...parts);
}

/** How full something is. */
export function fillBar(part: number, whole: number): Markup {
  const share = whole === 0 ? 0 : Math.min(1, part / whole);
  const level = share >= 0.9 ? 'full' : 'filled';
  const width = (WIDTH * share).toFixed(1);
  return svg(
    'bar',
    `${(100 * share).toFixed(0)} %`,
    element('rect', { class: level, x: '0', y: '0', width, height: String(HEIGHT) }),
  );
}
