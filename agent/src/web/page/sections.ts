/** The parts of the page, each by itself: what changed of them is sent. Pure. */
import { MECHANISMS, type Outcome, OUTCOMES } from '../../abi/layout.ts';
import type { AlertStatus, Subject } from '../../alerts/rule.ts';
import {
  type Advice,
  COPY_ADVICE,
  DENIED_ADVICE,
  DENIED_REQUEST_ADVICE,
  REFUSAL_ADVICE,
  RESOLUTION_MEANING,
} from '../../model/advice.ts';
import type { Culprit } from '../../model/snapshot.ts';
import { bytesText } from '../../model/text.ts';
import { subjectText } from '../alerts-json.ts';
import { outcomesBar, outcomesChart, sparkline } from './charts.ts';
import { countText, rateText, shareText } from './figures.ts';
import type { Rates, Series } from './history.ts';
import { element, type Markup } from './markup.ts';
import type { CauseRow, Overview } from './overview.ts';
import { type Column, rest, section, table } from './tables.ts';

/** An alert as people read it. */
interface Shown {
  readonly state: 'firing' | 'pending';
  readonly rule: string;
  readonly subject: Subject;
  readonly summary: string;
  /** RFC 3339; '' where no incident is open yet. */
  readonly since: string;
}

/** What fires first. An incident is opened a moment after its rule fires, once it is on disk: until then its status says so. */
function shownAlerts(alerts: NonNullable<Overview['alerts']>): readonly Shown[] {
  const key = ({ rule, subject }: { rule: string; subject: Subject }): string =>
    JSON.stringify([rule, subject?.unit, subject?.comm]);
  const incidents = new Set(alerts.firing.map(key));
  const others = alerts.statuses.filter((status) => !incidents.has(key(status)));
  const shown = ({ rule, subject, value, threshold }: AlertStatus, state: Shown['state'], suffix: string): Shown => ({
    state,
    rule,
    subject,
    summary: `${value === null ? 'the value' : String(Number(value.toPrecision(3)))} is above ${String(threshold)}${suffix}`,
    since: '',
  });
  return [
    ...alerts.firing.map(({ rule, subject, summary, firedAtMs }) => ({
      state: 'firing' as const,
      rule,
      subject,
      summary,
      since: new Date(firedAtMs).toISOString().replace(/\.\d+Z$/, 'Z'),
    })),
    ...others.filter(({ state }) => state === 'firing').map((status) => shown(status, 'firing', '')),
    ...others
      .filter(({ state }) => state === 'pending')
      .map((status) => shown(status, 'pending', ', but not for long enough yet')),
  ];
}

export const firingOf = (alerts: Overview['alerts']): readonly Shown[] =>
  alerts === null ? [] : shownAlerts(alerts).filter(({ state }) => state === 'firing');

/** What fires, and what is about to. */
export function alertsSection({ alerts }: Overview): Markup {
  if (alerts === null) return section('alerts', 'Alerts', element('p', { class: 'quiet' }, 'Alerts are switched off.'));
  const { rules } = alerts;
  const watched = `${String(rules.length)} ${rules.length === 1 ? 'rule is' : 'rules are'} watched`;
  const rows = shownAlerts(alerts);
  const list = rows.map(({ state, rule, subject, summary, since }) =>
    element(
      'li',
      { class: `alert ${state}` },
      element('strong', {}, rule),
      ' ',
      element('span', { class: 'subject' }, subjectText(subject)),
      ' ',
      element('span', { class: 'state' }, since === '' ? state : `${state} since ${since}`),
      element('p', {}, summary),
    ),
  );
  return section(
    'alerts',
    'Alerts',
    rows.length === 0
      ? element('p', { class: 'quiet' }, `No alert fires; ${watched}.`)
      : element('ul', { class: 'alerts' }, list),
  );
}

const TILES: readonly (readonly [series: Series, title: string, meaning: string])[] = [
  ['zerocopy', 'zerocopy', 'moved without a copy'],
  ['copied', 'copied', 'moved, but the kernel copied'],
  ['retry', 'retry', 'not now: EAGAIN, EINTR'],
  ['refused', 'refused', 'not for these files'],
  ['denied', 'denied', 'forbidden by a policy'],
  ['failed', 'failed', 'any other error'],
  ['fallbacks', 'fallbacks', 'the program copied instead'],
  ['enter_eagain', 'ring EAGAIN', 'io_uring_enter failed'],
];

/** How often it happens now, and how it was in the last minutes. */
export function nowSection(overview: Overview, rates: readonly Rates[]): Markup {
  const totals = totalsOf(overview);
  const tiles = TILES.map(([series, title, meaning]) => {
    const rate = overview.perSecond?.[series];
    return element(
      'li',
      { class: totals[series] === 0 ? 'tile none' : 'tile' },
      element('h3', {}, element('span', { class: `key ${series}`, 'aria-hidden': 'true' }), title),
      element('p', { class: 'rate' }, rate === undefined ? '–' : rateText(rate), element('small', {}, ' /s')),
      sparkline(rates, series),
      element('p', { class: 'total' }, `${countText(totals[series])} in all`),
      element('p', { class: 'meaning' }, meaning),
    );
  });
  return section('now', 'Attempts', outcomesChart(rates), element('ul', { class: 'tiles' }, tiles));
}

function totalsOf({ mechanisms, ioUring }: Overview): Record<Series, number> {
  const all = Object.values(mechanisms);
  const of = (outcome: Outcome): number => all.reduce((sum, { outcomes }) => sum + outcomes[outcome], 0);
  return {
    ...(Object.fromEntries(OUTCOMES.map((outcome) => [outcome, of(outcome)])) as Record<Outcome, number>),
    fallbacks: all.reduce((sum, { resolutions }) => sum + resolutions.confirmed + resolutions.presumed, 0),
    enter_eagain: ioUring.enters.errnos.EAGAIN ?? 0,
  };
}

/** Which program copies, why, because of what, and what to do about it. */
export function whySection({ causes }: Overview): Markup {
  const columns: readonly Column<CauseRow>[] = [
    { title: 'Reason', cell: ({ outcome, reason }) => [key(outcome), reason] },
    { title: 'Call', cell: ({ mechanism }) => mechanism },
    { title: 'Attempts', number: true, cell: ({ count }) => countText(count) },
    { title: 'Program', wraps: true, cell: workloadCell },
    { title: 'Because of', wraps: true, cell: ({ culprit }) => culpritText(culprit) },
    { title: 'What it means, what to do', wide: true, cell: adviceCell },
  ];
  return section(
    'why',
    'Why not without a copy',
    causes.rows.length === 0
      ? element('p', { class: 'quiet' }, 'Nothing was copied, refused or denied.')
      : table('why', columns, causes.rows),
    rest(causes, 'reasons'),
  );
}

function workloadCell({ unit, comm, pids }: CauseRow): Markup[] {
  const names: Markup[] = [
    element('span', {}, comm || '-'),
    ...(unit === '' ? [] : [element('span', { class: 'unit' }, ` ${unit}`)]),
  ];
  if (pids.length > 0) names.push(element('span', { class: 'unit' }, ` pid ${pids.join(', ')}`));
  return names;
}

function culpritText(culprit: Culprit | null): Markup[] {
  if (culprit === null) return ['–'];
  const { type, filesystem, name, flags } = culprit;
  return [
    element('code', {}, name),
    element('span', { class: 'unit' }, ` ${[type, filesystem, ...flags].filter((text) => text !== '').join(', ')}`),
  ];
}

function adviceCell(cause: CauseRow): Markup[] {
  const advice = adviceOn(cause);
  return advice === undefined ? ['–'] : [advice.meaning, element('span', { class: 'remedy' }, ` → ${advice.remedy}`)];
}

/** Names come from this version's own tables; undefined is for what they do not have. */
function adviceOn({ outcome, reason, mechanism }: CauseRow): Advice | undefined {
  const of = (advice: Readonly<Record<string, Advice>>): Advice | undefined => advice[reason];
  switch (outcome) {
    case 'copied':
      return of(COPY_ADVICE);
    case 'refused':
      return of(REFUSAL_ADVICE);
    case 'denied':
      return of(mechanism.startsWith('io_uring_') ? DENIED_REQUEST_ADVICE : DENIED_ADVICE);
  }
}

/** A patch of an outcome's colour. */
const key = (outcome: Series): Markup => element('span', { class: `key ${outcome}`, 'aria-hidden': 'true' });

const outcomeColumns = <
  Row extends { readonly outcomes: Readonly<Partial<Record<Outcome, number>>> },
>(): Column<Row>[] => [
  { title: 'How they ended', bar: true, cell: ({ outcomes }) => outcomesBar(outcomes) },
  ...OUTCOMES.map((outcome) => ({
    title: outcome,
    mark: key(outcome),
    number: true as const,
    cell: ({ outcomes }: Row) => zeroText(outcomes[outcome] ?? 0),
  })),
];

/** Nothing is quieter than something. */
const zeroText = (count: number): Markup => (count === 0 ? element('span', { class: 'zero' }, '0') : countText(count));

/** By call: how attempts ended, and what became of refusals. */
export function mechanismsSection({ mechanisms, unattributed }: Overview): Markup {
  const rows = MECHANISMS.flatMap((name) => {
    const summary = mechanisms[name];
    return summary === undefined ? [] : [{ name, ...summary }];
  });
  type Row = (typeof rows)[number];
  const columns: readonly Column<Row>[] = [
    { title: 'Call', cell: ({ name }) => name },
    { title: 'Attempts', number: true, cell: ({ attempts }) => countText(attempts) },
    ...outcomeColumns<Row>(),
    { title: 'Bytes', number: true, cell: ({ bytes }) => bytesText(bytes) },
    {
      title: 'After a refusal',
      wide: true,
      cell: ({ resolutions }) => {
        const ended = Object.entries(resolutions).filter(([, count]) => count > 0);
        return ended.length === 0
          ? '–'
          : ended
              .map(
                ([resolution, count]) =>
                  `${countText(count)} ${RESOLUTION_MEANING[resolution as keyof typeof RESOLUTION_MEANING]}`,
              )
              .join('; ');
      },
    },
  ];
  return section(
    'mechanisms',
    'Calls',
    rows.length === 0
      ? element('p', { class: 'quiet' }, 'No zero-copy call was seen yet.')
      : table('mechanisms', columns, rows),
    unattributed.attempts === 0
      ? null
      : element('p', { class: 'rest' }, `${countText(unattributed.attempts)} of these attempts belong to no process.`),
  );
}

/** By program and unit. */
export function workloadsSection({ workloads, alerts }: Overview): Markup {
  type Row = (typeof workloads.rows)[number];
  const firing = firingOf(alerts);
  const fires = ({ unit, comm }: Row): boolean =>
    firing.some(({ subject }) => subject?.unit === unit && subject.comm === comm);
  const columns: readonly Column<Row>[] = [
    {
      title: 'Program',
      cell: (row) => [
        row.comm || '-',
        row.unit === '' ? null : element('span', { class: 'unit' }, ` ${row.unit}`),
        fires(row) ? element('strong', { class: 'fires' }, ' alert') : null,
      ],
    },
    { title: 'Processes', number: true, cell: ({ processes }) => countText(processes) },
    { title: 'Now, /s', number: true, cell: ({ attemptsPerSecond: rate }) => (rate === null ? '–' : rateText(rate)) },
    { title: 'Attempts', number: true, cell: ({ attempts }) => countText(attempts) },
    ...outcomeColumns<Row>(),
    { title: 'Fallbacks', number: true, cell: ({ fallbacks }) => zeroText(fallbacks) },
    { title: 'of attempts', number: true, cell: ({ fallbacks, attempts }) => shareText(fallbacks, attempts) },
    {
      title: 'Fell back, not back yet',
      wide: true,
      cell: ({ fallen }) => (fallen.length === 0 ? '–' : fallen.join(', ')),
    },
  ];
  return section(
    'workloads',
    'Workloads',
    workloads.rows.length === 0
      ? element('p', { class: 'quiet' }, 'No program has made a zero-copy call yet.')
      : table('workloads', columns, workloads.rows),
    rest(workloads, 'workloads', 'by attempts'),
  );
}

/** By pair of hosts. */
export function flowsSection({ flows }: Overview): Markup {
  type Row = (typeof flows.rows)[number];
  const columns: readonly Column<Row>[] = [
    { title: 'From', cell: ({ src }) => src },
    { title: 'To', cell: ({ dst }) => dst },
    { title: 'Protocol', cell: ({ proto }) => proto },
    { title: 'Attempts', number: true, cell: ({ attempts }) => countText(attempts) },
    ...outcomeColumns<Row>(),
    { title: 'Bytes', number: true, cell: ({ bytes }) => bytesText(bytes) },
  ];
  return section(
    'flows',
    'Flows',
    flows.rows.length === 0
      ? element('p', { class: 'quiet' }, 'No zero-copy call has touched an IP socket yet.')
      : table('flows', columns, flows.rows),
    rest(flows, 'flows', 'by attempts'),
  );
}
