/**
 * Charts as SVG: shapes only; what they say stands beside them in words and numbers. Time and rates are the coordinates
 * themselves, and the view box is what moves over them; and what belongs to the same seconds is one path: so all that is drawn
 * stays as it is, but for the last seconds. Pure.
 */
import { type Outcome, OUTCOMES } from '../../abi/layout.ts';
import { rateText } from './figures.ts';
import { CHUNK_SECONDS, HISTORY_SECONDS, type Rates, type Series } from './history.ts';
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
  /** Of the time that is shown, and what is left of it in the same chunk. */
  readonly chunks: readonly Chunk[];
}

/** Rates of the same seconds: those from `number` times so many. */
interface Chunk {
  readonly number: number;
  readonly rates: Rates[];
}

/** So many chunks can be seen at a time. */
const CHUNKS = HISTORY_SECONDS / CHUNK_SECONDS + 1;
/** Seconds since boot may be many, and browsers draw with 24 bits: what is drawn counts from the last full hour. */
const HOUR = 3600;

function frameOf(rates: readonly Rates[]): Frame {
  const end = rates.at(-1)?.at ?? 0;
  const span = spanOf(rates);
  const chunks: Chunk[] = [];
  for (const rate of rates) {
    const number = Math.floor(rate.at / CHUNK_SECONDS);
    if ((number + 1) * CHUNK_SECONDS <= end - span) continue;
    const last = chunks.at(-1);
    if (last?.number === number) last.rates.push(rate);
    else chunks.push({ number, rates: [rate] });
  }
  return { end, span, chunks };
}

/** The highest of what can be seen. */
function highestOf(rates: readonly Rates[], value: (rates: Rates) => number): number {
  const end = rates.at(-1)?.at ?? 0;
  const span = spanOf(rates);
  return Math.max(0, ...rates.filter(({ at }) => at > end - span).map(value));
}

const x = (at: number, { end }: Frame): string => String(Math.round(100 * (at - HOUR * Math.floor(end / HOUR))) / 100);
/** Upwards is less. */
const y = (value: number): string => String(-Number(value.toPrecision(4)));

const viewBox = (frame: Frame, most: number): string =>
  `${x(frame.end - frame.span, frame)} ${y(most)} ${String(frame.span)} ${String(Number(most.toPrecision(4)))}`;

/** The next of 1, 2, 5, 10, 20, 50 ... that is no less. */
export function roundUp(value: number): number {
  if (value <= 1) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return power * ([1, 2, 5].find((step) => step * power >= value) ?? 10);
}

const svg = (className: string, label: string, shapes: readonly Markup[], box?: string): Markup =>
  element(
    'svg',
    {
      class: className,
      viewBox: box ?? `0 0 ${String(WIDTH)} ${String(HEIGHT)}`,
      preserveAspectRatio: 'none',
      role: 'img',
      'aria-label': label,
    },
    shapes,
  );

type Height = (rates: Rates) => number;

/** What lies between two heights. Each rate held from the sample before up to its own. */
function outline(rates: readonly Rates[], frame: Frame, floor: Height, roof: Height): string {
  if (rates.every((rate) => y(floor(rate)) === y(roof(rate)))) return '';
  const forth = rates.map((rate) => `V${y(roof(rate))}H${x(rate.at, frame)}`);
  const back = rates.toReversed().map((rate) => `V${y(floor(rate))}H${x(rate.from, frame)}`);
  const [first] = rates;
  return first === undefined ? '' : `M${x(first.from, frame)} ${y(floor(first))}${forth.join('')}${back.join('')}Z`;
}

/** One path for each chunk, at a place of its own that is given to another one only when it can be seen no more. */
function area(series: Series, frame: Frame, floor: Height, roof: Height): Markup {
  const outlines = new Map(
    frame.chunks.map(({ number, rates }) => [number % CHUNKS, outline(rates, frame, floor, roof)]),
  );
  const occurs = [...outlines.values()].some((one) => one !== '');
  const paths = Array.from({ length: occurs ? CHUNKS : 0 }, (_, place) =>
    element('path', { d: outlines.get(place) ?? '' }),
  );
  return element('g', { class: `area ${series}` }, paths);
}

/** Attempts a second by outcome, one upon the other; the highest in words. */
export function outcomesChart(rates: readonly Rates[]): Markup {
  const upTo =
    (count: number): Height =>
    ({ perSecond }) =>
      OUTCOMES.slice(0, count).reduce((total, outcome) => total + perSecond[outcome], 0);
  const highest = highestOf(rates, upTo(OUTCOMES.length));
  const most = roundUp(highest);
  const frame = frameOf(rates);
  const areas = OUTCOMES.map((outcome, i) => area(outcome, frame, upTo(i), upTo(i + 1)));
  const span = spanText(frame.span);
  return element(
    'figure',
    { class: 'chart' },
    element('span', { class: 'most' }, `${rateText(most)}/s`),
    svg(
      'plot',
      `attempts a second by outcome in the last ${span}: at most ${rateText(highest)}`,
      areas,
      viewBox(frame, most),
    ),
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
  const value: Height = ({ perSecond }) => perSecond[series];
  const highest = highestOf(rates, value);
  const frame = frameOf(rates);
  const span = `the last ${spanText(frame.span)}`;
  if (highest === 0) return svg('spark', `none in ${span}`, []);
  const label = `at most ${rateText(highest)} a second in ${span}`;
  return svg('spark', label, [area(series, frame, () => 0, value)], viewBox(frame, highest));
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
  return svg('bar', label === '' ? 'no attempt' : label, parts);
}

/** How full something is. */
export function fillBar(part: number, whole: number): Markup {
  const share = whole === 0 ? 0 : Math.min(1, part / whole);
  const level = share >= 0.9 ? 'full' : 'filled';
  const width = (WIDTH * share).toFixed(1);
  return svg('bar', `${(100 * share).toFixed(0)} %`, [
    element('rect', { class: level, x: '0', y: '0', width, height: String(HEIGHT) }),
  ]);
}
