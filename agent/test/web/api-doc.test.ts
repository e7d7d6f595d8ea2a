/** docs/api.md has every endpoint and every field that there is, and no other. */
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { routesOf } from '../../src/web/routes.ts';
import { startServer } from '../../src/web/server.ts';
import { DEFAULT_STREAM_OPTIONS } from '../../src/web/stream.ts';
import { DEFAULT_LIMITS, figuresOf } from '../../src/metrics/index.ts';
import { ask } from '../support/http.ts';
import { viewOf } from '../support/alerts.ts';
import { snapshotOf } from '../support/snapshots.ts';
import { EXAMPLES } from './api-examples.ts';
import { type Field, fieldsOf } from './fields.ts';

const PAGE = readFileSync(new URL('../../../docs/api.md', import.meta.url), 'utf8');
const SOURCES = {
  'spillway.snapshot/1': { file: 'web/snapshot-json.ts', name: 'SnapshotJson' },
  'spillway.alerts/1': { file: 'web/alerts-json.ts', name: 'AlertsJson' },
  'spillway.overview/1': { file: 'web/page/overview.ts', name: 'Overview' },
  'spillway.stat/1': { file: 'cli/stat.ts', name: 'StatJson' },
  'spillway.flows/1': { file: 'cli/flows.ts', name: 'FlowsJson' },
  'spillway.procs/1': { file: 'cli/procs.ts', name: 'ProcsJson' },
  'spillway.top/1': { file: 'cli/top-json.ts', name: 'TopJson' },
  'spillway.doctor/1': { file: 'cli/doctor.ts', name: 'DoctorJson' },
  'spillway.check/1': { file: 'cli/check.ts', name: 'CheckJson' },
  'spillway.alerts-test/1': { file: 'cli/alerts.ts', name: 'AlertsTestJson' },
  'spillway.version/1': { file: 'cli/version.ts', name: 'VersionJson' },
  'spillway.inspect/1': { file: 'inspect/report.ts', name: 'InspectReport' },
};
const DOCUMENTS = Object.keys(SOURCES);
const FIELDS = fieldsOf(Object.values(SOURCES));

const source = {
  snapshot: () => snapshotOf(),
  ready: () => true,
  alerts: () => viewOf(),
  reload: () => Promise.resolve([]),
  build: { version: '0', revision: 'a', kernel: '6' },
  log: () => undefined,
};

/** The rows of the first table after a heading. */
function rowsAfter(heading: string): string[][] {
  const rest = PAGE.slice(PAGE.indexOf(`\n${heading}\n`));
  expect(rest, heading).not.toBe('');
  const [table = ''] = /(?:^\|.*\n)+/m.exec(rest) ?? [];
  return table
    .trim()
    .split('\n')
    .slice(2)
    .map((row) =>
      row
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('\\|', '|')),
    );
}

const code = (cell = ''): string => cell.replaceAll('`', '');

it('every endpoint is there, with its method', () => {
  const { pages, actions, streams } = routesOf(source, {
    limits: DEFAULT_LIMITS,
    processMetrics: () => Promise.resolve(''),
    process: figuresOf(process, 0),
    hostName: 'a',
    streams: DEFAULT_STREAM_OPTIONS,
    failed: () => undefined,
    monotonicMs: () => 0,
  });
  const served = [
    ...[...pages.keys(), ...streams.keys()].map((path) => `GET ${path}`),
    ...[...actions.keys()].map((path) => `POST ${path}`),
  ];
  expect(
    rowsAfter('## Endpoints')
      .map(([method, path]) => `${code(method)} ${code(path)}`)
      .sort(),
  ).toEqual(served.sort());
});

it('every endpoint answers with the media type that it says', async () => {
  const server = await startServer(source, { port: 0 });
  for (const [method = '', path, type] of rowsAfter('## Endpoints')) {
    const { status, headers } = await ask(server, code(path), code(method) === 'GET' ? 'HEAD' : code(method));
    expect([path, status, headers['content-type']]).toEqual([path, 200, code(type)]);
  }
  await server.close();
});

/** What has nothing below it, or may be absent as a whole. */
function rows(fields: ReadonlyMap<string, Field>): Map<string, Field> {
  const leaf = (path: string) =>
    ![...fields.keys()].some((other) => other.startsWith(`${path}.`) || other.startsWith(`${path}[]`));
  const shown = [...fields].filter(
    ([path, { nullable, optional, unavailable }]) => nullable || optional || unavailable || leaf(path),
  );
  return new Map(
    shown.map(([path, field]) => [
      /^readonly (?:\w+|\(.*\))\[\]$/.test(field.type) && leaf(path) ? `${path}[]` : path,
      field,
    ]),
  );
}

/** As the page says it. */
function typeText({ type, optional, nullable, unavailable }: Field, path: string): string {
  const base = type
    .replace(/ \| (?:undefined|null)/g, '')
    .replace(/^(?:Json|unknown)$/, 'any')
    .replace(/^readonly \(?(.*?)\)?\[\]$/, '$1')
    .replace(/^(?:Readonly<)?(?:Partial<)?Record<.*$|^[A-Z]\w*$|^\{.*$/s, 'object');
  const kind =
    /^readonly .*\[\]/.test(type) && !path.endsWith('[]')
      ? 'list'
      : path.endsWith('fallen[]')
        ? 'string'
        : /^".*"$/s.test(base)
          ? base.split(' | ').length > 6 || !base.includes('|')
            ? 'string'
            : base.replaceAll('"', '`').split(' | ').sort().join(', ')
          : base.replaceAll(' | ', ' or ');
  return `${kind}${nullable ? ' or null' : ''}${unavailable ? ' or unavailable' : ''}${optional ? ', optional' : ''}`;
}

it.each(DOCUMENTS)('%s: every field is there, with its type', (name) => {
  const fields = rows(FIELDS[DOCUMENTS.indexOf(name)] ?? new Map<string, Field>());
  const written = rowsAfter(`### \`${name}\``).flatMap(([path, type = '']) => {
    const [, there, other] = /^as `(.*)` of `(.*)`$/.exec(type) ?? [];
    if (there === undefined || other === undefined) return [`${code(path)}: ${type}`];
    const same = rows(FIELDS[DOCUMENTS.indexOf(other)] ?? new Map<string, Field>());
    return [...same]
      .filter(([below]) => below.startsWith(there))
      .map(([below, field]) => `${code(path)}${below.slice(there.length)}: ${typeText(field, below)}`);
  });
  expect(written.sort()).toEqual([...fields].map(([path, field]) => `${path}: ${typeText(field, path)}`).sort());
  for (const [path, type = '', unit = ''] of rowsAfter(`### \`${name}\``)) {
    // what is measured has a unit
    if (/^(?:number|string)/.test(type) && /bytes|seconds|time`$|p\d\d`$|perSecond/i.test(path ?? ''))
      expect(unit, path).not.toBe('');
  }
});

it.each(EXAMPLES)('the example of $schema is what the code makes', (example) => {
  const blocks = [...PAGE.matchAll(/^```json\n(.*?)^```$/gms)].map(
    ([, text = '']) => JSON.parse(text) as { schema: string },
  );
  expect(blocks.find(({ schema }) => schema === example.schema)).toEqual(JSON.parse(JSON.stringify(example)));
});
