/** Panels and boards as Grafana's JSON. Pure. What is not said here is Grafana's default. */
import { ofOneHost } from './query.ts';

/** Colours change at these values: from green to orange, and to red. `null`: there is no such step. */
export type Thresholds = readonly [orange: number | null, red: number | null];

export interface Query {
  readonly expr: string;
  /** What a series is called, with `{{label}}`; of a table, what its column is called. */
  readonly legend: string;
}

/** A link of a panel's values, or of a board. */
export interface Link {
  readonly title: string;
  readonly url: string;
}

/** How the values of one column, or of one series, differ from the others'. */
export interface Override {
  /** Name of the column or series. */
  readonly of: string;
  readonly unit?: string;
  readonly thresholds?: Thresholds;
  readonly links?: readonly Link[];
}

export interface Panel {
  readonly kind: 'stat' | 'timeseries' | 'table' | 'text';
  readonly title: string;
  /** What it means and, where something is wrong, what to do. */
  readonly description: string;
  /** Grafana's name of the unit: `ops`, `percentunit`, `Bps`, `s`, `short`. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** Of 24 columns. */
  readonly width: number;
  readonly height: number;
  readonly thresholds?: Thresholds;
  /** Series lie on each other, so that the top is their sum. */
  readonly stacked?: boolean;
  readonly overrides?: readonly Override[];
  readonly links?: readonly Link[];
  /** Of a text panel. */
  readonly markdown?: string;
}

/** What a kind of panel leaves open. */
type Spec = Omit<Panel, 'kind' | 'width' | 'height' | 'queries'> & {
  readonly queries: Query | readonly Query[];
} & Partial<Pick<Panel, 'width' | 'height'>>;

const make = (kind: Panel['kind'], spec: Spec, width: number, height: number): Panel => ({
  width,
  height,
  ...spec,
  kind,
  queries: 'expr' in spec.queries ? [spec.queries] : spec.queries,
});

/** One number. */
export const stat = (spec: Spec): Panel => make('stat', spec, 4, 4);
/** Lines over time. */
export const graph = (spec: Spec): Panel => make('timeseries', spec, 12, 8);
/** One row for each set of labels, one column for each query. */
export const table = (spec: Spec): Panel => make('table', spec, 24, 9);
/** Words. */
export const text = (title: string, description: string, markdown: string): Panel => ({
  ...{ kind: 'text', title, description, unit: 'short', queries: [], width: 24, height: 4 },
  markdown,
});

/** Panels under a heading. */
export interface Section {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Board {
  /** Also the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly description: string;
  /** One host at a time, or any number. */
  readonly hosts: 'one' | 'several';
  readonly links: readonly Link[];
  readonly sections: readonly Section[];
}

const DATASOURCE = { type: 'prometheus', uid: '${datasource}' };

/** Of Grafana 11.0: newer ones bring it up to date themselves, older ones would not know it. */
const SCHEMA_VERSION = 39;

/** The board as Grafana imports it. */
export function boardJson({ uid, title, description, hosts, links, sections }: Board): object {
  return {
    uid,
    title,
    description,
    tags: ['spillway'],
    schemaVersion: SCHEMA_VERSION,
    version: 1,
    editable: true,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '30s',
    time: { from: 'now-1h', to: 'now' },
    annotations: { list: [] },
    templating: { list: variables(hosts) },
    links: [
      {
        ...{ type: 'dashboards', title: 'spillway', tags: ['spillway'], asDropdown: true },
        ...{ includeVars: true, keepTime: true, targetBlank: false },
      },
      ...links.map((link) => ({ type: 'link', icon: 'external link', targetBlank: true, ...link })),
    ],
    panels: placed(hosts === 'one' ? sections.map(sectionOfOneHost) : sections),
  };
}

const sectionOfOneHost = ({ title, panels }: Section): Section => ({
  title,
  panels: panels.map((panel) => ({
    ...panel,
    queries: panel.queries.map((query) => ({ ...query, expr: ofOneHost(query.expr) })),
  })),
});

function variables(hosts: Board['hosts']): object[] {
  const query = (name: string, label: string, expr: string, description: string, several: boolean) => ({
    ...{ type: 'query', name, label, description, datasource: DATASOURCE },
    ...{ query: { qryType: 1, query: expr, refId: `variable-${name}` }, definition: expr, refresh: 2, sort: 1 },
    ...(several
      ? { multi: true, includeAll: true, allValue: '.+', current: { text: ['All'], value: ['$__all'] } }
      : {}),
  });
  const written = (name: string, label: string, value: string, description: string) => ({
    ...{ type: 'textbox', name, label, description, query: value },
    ...{ current: { text: value, value }, options: [{ selected: true, text: value, value }] },
  });
  return [
    {
      ...{ type: 'datasource', name: 'datasource', label: 'Data source', query: 'prometheus', refresh: 1 },
      ...{ description: 'The Prometheus that scrapes the agents.', current: {}, options: [] },
    },
    query('job', 'Job', 'label_values(spillway_build_info, job)', 'The job that scrapes the agents.', true),
    query(
      'instance',
      'Host',
      'label_values(spillway_build_info{job=~"$job"}, instance)',
      'The agents, by the address under which they are scraped.',
      hosts === 'several',
    ),
    written(
      'scheme',
      'Agents by',
      'http',
      'http, or https where the agents have a certificate: for links to their status pages.',
    ),
    written(
      'docs',
      'Documentation',
      'docs',
      'The address under which docs/ of spillway can be read: for links to runbooks.',
    ),
  ];
}

/** Every panel with its number and its place: from left to right, and below each other where a row is full. */
function placed(sections: readonly Section[]): object[] {
  const panels: object[] = [];
  let y = 0;
  for (const { title, panels: inside } of sections) {
    panels.push({
      id: panels.length + 1,
      type: 'row',
      title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y, w: 24, h: 1 },
    });
    y += 1;
    let x = 0;
    let deepest = 0;
    for (const panel of inside) {
      if (x + panel.width > 24) {
        y += deepest;
        x = deepest = 0;
      }
      panels.push({ id: panels.length + 1, ...panelJson(panel), gridPos: { x, y, w: panel.width, h: panel.height } });
      x += panel.width;
      deepest = Math.max(deepest, panel.height);
    }
    y += deepest;
  }
  return panels;
}

function panelJson(panel: Panel): object {
  const { kind, title, description, queries } = panel;
  const head = { type: kind, title, description };
  if (kind === 'text') return { ...head, options: { mode: 'markdown', content: panel.markdown ?? '' } };
  const targets = queries.map(({ expr, legend }, i) => ({
    ...{ refId: refId(i), datasource: DATASOURCE, expr, editorMode: 'code' },
    ...(kind === 'table' ? { instant: true, format: 'table' } : { range: true, legendFormat: legend }),
  }));
  return {
    ...head,
    datasource: DATASOURCE,
    targets,
    fieldConfig: { defaults: defaults(panel), overrides: overrides(panel) },
    ...(panel.links === undefined ? {} : { links: panel.links.map(opened) }),
    ...display(panel),
  };
}

const refId = (i: number): string => String.fromCharCode('A'.charCodeAt(0) + i);
const opened = (link: Link) => ({ ...link, targetBlank: true });

const steps = ([orange, red]: Thresholds) => ({
  mode: 'absolute',
  steps: [
    { color: 'green', value: null },
    ...(orange === null ? [] : [{ color: 'orange', value: orange }]),
    ...(red === null ? [] : [{ color: 'red', value: red }]),
  ],
});

function defaults({ kind, unit, thresholds, stacked = false }: Panel): object {
  // nothing happened, so there is no ratio: that is no fault
  const base = { unit, ...(kind === 'stat' ? { noValue: '-' } : {}), ...(unit === 'short' ? {} : { min: 0 }) };
  const coloured = thresholds === undefined ? {} : { thresholds: steps(thresholds) };
  if (kind !== 'timeseries')
    return { ...base, ...coloured, color: { mode: thresholds === undefined ? 'fixed' : 'thresholds' } };
  const custom = {
    lineWidth: 1,
    fillOpacity: stacked ? 40 : 0,
    showPoints: 'never',
    ...(stacked ? { stacking: { mode: 'normal', group: 'A' } } : {}),
    ...(thresholds === undefined ? {} : { thresholdsStyle: { mode: 'dashed' } }),
  };
  return { ...base, ...coloured, color: { mode: 'palette-classic' }, custom };
}

const overrides = ({ overrides: list = [] }: Panel): object[] =>
  list.map(({ of, unit, thresholds, links }) => ({
    matcher: { id: 'byName', options: of },
    properties: [
      ...(unit === undefined ? [] : [{ id: 'unit', value: unit }]),
      ...(thresholds === undefined
        ? []
        : [
            { id: 'thresholds', value: steps(thresholds) },
            { id: 'custom.cellOptions', value: { type: 'color-text' } },
          ]),
      ...(links === undefined ? [] : [{ id: 'links', value: links.map(opened) }]),
    ],
  }));

function display({ kind, queries, thresholds, stacked = false }: Panel): object {
  if (kind === 'stat') {
    const colorMode = thresholds === undefined ? 'none' : 'value';
    return {
      options: { colorMode, graphMode: 'area', reduceOptions: { calcs: ['lastNotNull'], fields: '', values: false } },
    };
  }
  if (kind === 'timeseries') {
    const legend = { displayMode: 'table', placement: 'right', calcs: ['lastNotNull', 'max'], showLegend: true };
    return { options: { legend, tooltip: { mode: 'multi', sort: stacked ? 'none' : 'desc' } } };
  }
  // one query's column has no letter
  const column = (i: number) => (queries.length === 1 ? 'Value' : `Value #${refId(i)}`);
  return {
    options: { showHeader: true, sortBy: [{ displayName: queries[0]?.legend ?? '', desc: true }] },
    transformations: [
      { id: 'merge', options: {} },
      {
        id: 'organize',
        options: {
          excludeByName: { Time: true },
          renameByName: Object.fromEntries(queries.map(({ legend }, i) => [column(i), legend])),
        },
      },
    ],
  };
}
