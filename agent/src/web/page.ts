/** The status page as a document: whole without a script, and the frame that the script keeps up to date. Pure. */
import type { Build } from '../metrics/index.ts';
import { costSection, programsSection, ringsSection, stateLine, tablesSection } from './page/agent-sections.ts';
import { clockText } from './page/figures.ts';
import type { Rates } from './page/history.ts';
import { changeOf } from './page/change.ts';
import type { Update } from './page/live.ts';
import { element, html, type Markup } from './page/markup.ts';
import type { Overview } from './page/overview.ts';
import {
  alertsSection,
  firingOf,
  flowsSection,
  mechanismsSection,
  nowSection,
  whySection,
  workloadsSection,
} from './page/sections.ts';
import { subjectText } from './alerts-json.ts';
import { printable } from '../model/text.ts';

/** Only what this agent serves, as files of their own; and nothing may make elements out of text. */
export const PAGE_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
].join('; ');

export const STYLE_PATH = '/page/style.css';
export const SCRIPT_PATH = '/page/live.js';
export const ICON_PATH = '/page/icon.svg';

export const ICON =
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="#2b8a6a" d="M1 2h4v12H1z"/>' +
  '<path fill="#2b8a6a" d="M5 5c6 0 3 9 10 9H5z"/><path fill="#d4521f" d="M5 2c8 0 6 9 10 9v3C8 14 11 5 5 5z"/></svg>\n';

/** Who serves the page. */
export interface Identity {
  readonly build: Build;
  /** Name of the host. */
  readonly host: string;
}

/** What there is to show. */
export interface View {
  readonly overview: Overview;
  readonly rates: readonly Rates[];
}

/** The parts of the page by the id of their element, in their order. */
function partsOf({ overview, rates }: View): readonly (readonly [id: string, part: Markup])[] {
  return [
    ['state', stateLine(overview.programs)],
    ['alerts', alertsSection(overview)],
    ['now', nowSection(overview, rates)],
    ['why', whySection(overview)],
    ['workloads', workloadsSection(overview)],
    ['mechanisms', mechanismsSection(overview)],
    ['flows', flowsSection(overview)],
    ['rings', ringsSection(overview)],
    ['tables', tablesSection(overview)],
    ['cost', costSection(overview)],
    ['programs', programsSection(overview)],
  ];
}

/** All that may change of a page that stands already. */
export interface WholeUpdate extends Update {
  readonly after?: never;
  readonly parts: readonly (readonly [id: string, part: Markup])[];
}

export function updateOf(identity: Identity, view: View): WholeUpdate {
  return {
    build: buildText(identity.build),
    title: titleOf(identity, view),
    clock: clockOf(view),
    news: newsOf(view),
    parts: partsOf(view),
  };
}

/** What a page has to change that shows `before`, the message `id`, already. */
export function updateAfter(id: string, before: WholeUpdate, now: WholeUpdate): Update {
  const parts = now.parts.flatMap(([name, part], i) => {
    const change = changeOf(before.parts[i]?.[1] ?? '', part);
    return change === null ? [] : [[name, change] as const];
  });
  return { ...now, after: id, parts };
}

const buildText = ({ version, revision }: Build): string => printable(`${version} ${revision}`);

const clockOf = ({ overview }: View): string => `${clockText(overview.time)} UTC`;

/** A browser's tab says when something fires. */
function titleOf({ host }: Identity, view: View | null): string {
  const firing = firingOf(view?.overview.alerts ?? null).length;
  return printable(`${firing === 0 ? '' : `(${String(firing)}) `}spillway on ${host}`);
}

function newsOf({ overview: { alerts } }: View): string {
  if (alerts === null) return '';
  const firing = firingOf(alerts);
  if (firing.length === 0) return 'No alert fires.';
  const names = firing.map(({ rule, subject }) => `${rule}, ${subjectText(subject)}`);
  return printable(
    `${names.length === 1 ? 'An alert fires' : `${String(names.length)} alerts fire`}: ${names.join('; ')}`,
  );
}

/** The whole document; without a view nothing is attached yet. */
export function statusPage(identity: Identity, view: View | null): string {
  const { build, host } = identity;
  const parts = new Map(view === null ? [] : partsOf(view));
  const part = (id: string): Markup => parts.get(id) ?? element('section', { id });
  const pair = (left: string, right: string): Markup => element('div', { class: 'pair' }, part(left), part(right));
  const header = element(
    'header',
    {},
    element('h1', {}, `spillway `, element('small', {}, `on ${host}`)),
    parts.get('state') ?? stateLine(null),
    element(
      'div',
      { id: 'live' },
      element('span', { id: 'stream' }, view === null ? '' : `as of ${clockOf(view)}`),
      element('button', { id: 'pause', type: 'button', hidden: '' }, 'Pause'),
    ),
    // for screen readers only what is new of alerts; figures that change every second are not read out
    element(
      'p',
      { id: 'news', class: 'skip', role: 'status', 'aria-live': 'polite' },
      view === null ? '' : newsOf(view),
    ),
  );
  const main = element(
    'main',
    { id: 'main' },
    ['alerts', 'now', 'why', 'workloads', 'mechanisms', 'flows', 'rings'].map(part),
    pair('tables', 'cost'),
    part('programs'),
  );
  const links: readonly (readonly [string, string])[] = [
    ['/metrics', 'metrics for Prometheus'],
    ['/api/v1/snapshot', 'snapshot of all counters'],
    ...(view !== null && view.overview.alerts === null ? [] : ([['/api/v1/alerts', 'state of every rule']] as const)),
    ['/api/v1/stream', 'what this page shows, as a stream'],
    ['/-/healthy', 'healthy: the agent runs'],
    ['/-/ready', 'ready: it counts'],
  ];
  const footer = element(
    'footer',
    {},
    element(
      'nav',
      { 'aria-label': 'Pages' },
      element(
        'ul',
        {},
        links.map(([href, text]) => element('li', {}, element('a', { href }, text))),
      ),
    ),
    element(
      'p',
      {},
      `Version ${build.version} (${build.revision}), kernel ${build.kernel}. Counts are since the agent began.`,
    ),
  );
  const head = [
    '<!doctype html>',
    '<html lang="en">',
    '<head>',
    '<meta charset="utf-8">',
    '<meta name="viewport" content="width=device-width, initial-scale=1">',
    html(element('title', {}, titleOf(identity, view))),
    `<link rel="stylesheet" href="${STYLE_PATH}">`,
    `<link rel="icon" href="${ICON_PATH}">`,
    `<script src="${SCRIPT_PATH}" defer></script>`,
    '</head>',
  ];
  const [, attributes, ...body] = element(
    'body',
    { 'data-build': buildText(build) },
    element('a', { class: 'skip', href: '#main' }, 'To the figures'),
    header,
    main,
    footer,
  ) as Exclude<Markup, string>;
  return `${head.join('\n')}\n${html(['body', attributes, ...body])}\n</html>\n`;
}
