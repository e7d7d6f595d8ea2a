/** The boards are those of dashboards/boards, and ask only for what there is. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { boardFiles } from '../../../dashboards/boards/index.ts';
import { HOST, RUNBOOKS } from '../../../dashboards/boards/links.ts';
import { EXPORTED, groupedBy, seriesOf } from './promql.ts';
import { temporaryDirectory } from '../live/support/run.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const GRAFANA = join(ROOT, 'dashboards/grafana/');
const FILES = boardFiles();
const NAMES = [...FILES.keys()];

interface Target {
  readonly expr: string;
  readonly legendFormat?: string;
}

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets?: readonly Target[];
  readonly options?: { readonly content?: string };
  readonly fieldConfig: { readonly defaults: { readonly unit: string } };
}

interface Variable {
  readonly name: string;
  readonly type: string;
  readonly description: string;
  readonly definition?: string;
}

interface Json {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly Variable[] };
  readonly panels: readonly Panel[];
}

const read = (name: string): Json => JSON.parse(FILES.get(name) ?? '') as Json;
/** Only one can be chosen there. */
const isOfOneHost = (name: string): boolean => name === `${HOST}.json`;
const targetsOf = (board: Json): Target[] => board.panels.flatMap(({ targets = [] }) => targets);
/** What one can click or read: everything that is text. */
const textsOf = (value: unknown): string[] =>
  typeof value === 'string'
    ? [value]
    : typeof value === 'object' && value !== null
      ? Object.values(value).flatMap(textsOf)
      : [];

test.for([...FILES])(
  'dashboards/grafana/%s is what dashboards/boards makes (vitest --update=all writes it)',
  async ([name, text]) => {
    await expect(text).toMatchFileSnapshot(`${GRAFANA}${name}`);
  },
);

test('there are no other files', () => {
  expect(readdirSync(GRAFANA).sort()).toEqual([...NAMES].sort());
});

/** What Prometheus itself has of every target, and of its alerting rules. */
const OF_PROMETHEUS: Readonly<Record<string, readonly string[]>> = {
  up: [],
  ALERTS: ['alertname', 'alertstate', 'severity', 'scope', 'unit', 'comm', 'mechanism'],
};

/** The labels that a series can have; none: there is no such series. */
function labelsOf(name: string): readonly string[] | undefined {
  const own = EXPORTED.get(name) ?? OF_PROMETHEUS[name];
  if (own !== undefined) return [...own, 'job', 'instance'];
  const histogram = EXPORTED.get(name.replace(/_bucket$/, ''));
  return histogram === undefined ? undefined : [...histogram, 'le', 'job', 'instance'];
}

test.for(NAMES)('%s names only metrics and labels that there are, of the chosen hosts', (name) => {
  const targets = targetsOf(read(name));
  expect(targets.length).toBeGreaterThan(10);
  for (const { expr, legendFormat = '' } of targets) {
    const series = seriesOf(expr);
    expect(series, expr).not.toEqual([]);
    for (const one of series) {
      const labels = labelsOf(one.name);
      expect(labels, one.name).toBeDefined();
      for (const { label } of one.matchers) expect(labels, one.name).toContain(label);
      for (const label of groupedBy(expr)) expect(labels, `${one.name} in ${expr}`).toContain(label);
      expect(one.matchers.slice(0, 2), expr).toEqual([
        { label: 'job', operator: '=~', value: '$job' },
        { label: 'instance', operator: isOfOneHost(name) ? '=' : '=~', value: '$instance' },
      ]);
    }
    // a name in a legend that the result has not would be shown as nothing
    for (const [, label] of legendFormat.matchAll(/\{\{(\w+)\}\}/g)) expect(groupedBy(expr), expr).toContain(label);
  }
});

test('every metric of the catalogue is on some board', () => {
  const shown = NAMES.flatMap((name) => targetsOf(read(name))).flatMap(({ expr }) =>
    seriesOf(expr).map((one) => one.name.replace(/_bucket$/, '')),
  );
  expect([...EXPORTED.keys()].filter((name) => !shown.includes(name))).toEqual([]);
});

test('links lead to hosts whose names are no words: an IPv6 address, and what means something in a URL', () => {
  const links = NAMES.flatMap((name) => textsOf(read(name))).filter((text) => /\$\{(?:__value|instance)/.test(text));
  expect(links.length).toBeGreaterThan(5);
  for (const host of ['[::1]:10190', 'a&b=c#d%20?', 'a+b']) {
    for (const link of links) {
      const url = new URL(followed(link, host), 'http://grafana');
      if (link.startsWith('/d/')) expect([link, url.searchParams.get('var-instance')]).toEqual([link, host]);
      else if (host.startsWith('[')) expect([link, url.host]).toEqual([link, host]);
    }
  }
});

/** A link as Grafana follows it for a host: what says no format is encoded as a whole URI is. */
function followed(link: string, host: string): string {
  const encoded = (format: string | undefined) =>
    format === 'raw' ? host : format === 'percentencode' ? encodeURIComponent(host) : encodeURI(host);
  return link
    .replaceAll('${scheme}', 'http')
    .replaceAll(/\$\{(?:__value\.text|instance)(?::(\w+))?\}/g, (_, format: string | undefined) => encoded(format))
    .replaceAll(/\$\{\w+:queryparam\}/g, 'var-x=1');
}

/** An expression as Prometheus sees it, when Grafana has put its variables in. */
const filledIn = (expr: string): string =>
  expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance)\b/g, '.+');

test('every expression is one that promtool takes', () => {
  const rules = NAMES.flatMap((name) => targetsOf(read(name))).map(({ expr }, i) => ({
    record: `expression:${String(i)}`,
    expr: filledIn(expr),
  }));
  for (const { expr } of rules) expect(expr).not.toContain('$');
  const file = join(temporaryDirectory(), 'rules.yaml');
  writeFileSync(file, stringify({ groups: [{ name: 'boards', rules }] }));
  const { status, error, stdout, stderr } = spawnSync('promtool', ['check', 'rules', file], { encoding: 'utf8' });
  expect(error, 'promtool must be installed: apt install prometheus').toBeUndefined();
  expect({ status, stderr }, stdout).toEqual({ status: 0, stderr: '' });
  expect(stdout).toContain(`${String(rules.length)} rules found`);
});

test.for(NAMES)('%s: panels have a place of their own, a number, a title, a description and a unit', (name) => {
  const board = read(name);
  const taken = new Map<string, string>();
  expect(new Set(board.panels.map(({ id }) => id)).size).toBe(board.panels.length);
  for (const { id, type, title, description, gridPos, ...panel } of board.panels) {
    const { x, y, w, h } = gridPos;
    expect(x + w, title).toBeLessThanOrEqual(24);
    for (let column = x; column < x + w; column++) {
      for (let row = y; row < y + h; row++) {
        const place = `${String(column)} ${String(row)}`;
        expect(taken.get(place), `${title} (${String(id)}) at ${place}`).toBeUndefined();
        taken.set(place, title);
      }
    }
    expect(title).not.toBe('');
    if (type === 'row') continue;
    expect(description, title).toMatch(/^.{20,}\.$/);
    if (type !== 'text') expect(panel.fieldConfig.defaults.unit, title).not.toBe('');
  }
});

test.for(NAMES)(
  '%s: the data source is a variable, and so are job and host; all variables that are named are there',
  (name) => {
    const board = read(name);
    expect(board.schemaVersion).toBe(39);
    const variables = board.templating.list.map((variable) => variable.name);
    expect(variables).toEqual(['datasource', 'job', 'instance', 'scheme', 'docs']);
    for (const { description } of board.templating.list) expect(description).toMatch(/\.$/);
    const texts = textsOf(board);
    const named = texts.flatMap((text) => [...text.matchAll(/\$\{?([a-z]+)\b(?!\w)/g)].map(([, variable]) => variable));
    for (const variable of named) expect(variables).toContain(variable);
    const sources = [...JSON.stringify(board).matchAll(/"datasource":(\{.*?"\})/g)].map(([, source]) => source);
    expect(new Set(sources)).toEqual(new Set(['{"type":"prometheus","uid":"${datasource}"}']));
    // in queries of variables too
    const inVariables = board.templating.list.flatMap(({ definition = '' }) =>
      seriesOf(definition.replace(/^label_values\((.*), \w+\)$/, '$1')),
    );
    for (const { name: metric } of inVariables) expect(EXPORTED.has(metric), metric).toBe(true);
    expect(inVariables).toHaveLength(2);
  },
);

/** The anchors that a page has, as GitHub makes them. */
const anchorsOf = (page: string): string[] =>
  [...page.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\w\- ]/g, '')
      .replaceAll(' ', '-'),
  );

test('links lead to pages and runbooks that there are, and every rule has its own', () => {
  const links = NAMES.flatMap((name) => textsOf(read(name)))
    .flatMap((text) => [...text.matchAll(/\$\{docs\}\/([^)\s]+)/g)])
    .map(([, link = '']) => link);
  for (const link of links) {
    const [page = '', anchor] = link.split('#');
    const file = join(ROOT, 'docs', page);
    expect(existsSync(file), link).toBe(true);
    if (anchor !== undefined) expect(anchorsOf(readFileSync(file, 'utf8')), link).toContain(anchor);
  }
  for (const rule of RUNBOOKS.keys()) expect(links).toContain(`alerts.md#${rule.toLowerCase()}`);
  const boards = NAMES.flatMap((name) => textsOf(read(name))).flatMap((text) => [...text.matchAll(/\/d\/([\w-]+)/g)]);
  expect(boards).not.toEqual([]);
  for (const [, uid] of boards) expect(NAMES).toContain(`${String(uid)}.json`);
});
