/** State that a former agent, a disk or somebody else left: what is good of it is used, the rest is told, and nothing breaks. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { Alerting } from '../../src/alerts/alerting.ts';
import { dedupKey } from '../../src/alerts/dedup.ts';
import type { Evidence } from '../../src/alerts/evidence.ts';
import type { NotificationEvent } from '../../src/alerts/incident.ts';
import type { Outbox } from '../../src/alerts/outbox.ts';
import { AlertState, type KnownAlert, type StateFs } from '../../src/alerts/state.ts';
import { Store } from '../../src/alerts/store.ts';
import { decodeStored, encodeStored, type StoredEvent } from '../../src/alerts/stored-event.ts';
import { renderAlerts } from '../../src/cli/render/alerts.ts';
import { Exporter } from '../../src/metrics/exporter.ts';
import type { AlertsView } from '../../src/alerts/view.ts';
import { alertsJson } from '../../src/web/alerts-json.ts';
import { html } from '../../src/web/page/markup.ts';
import { overviewOf } from '../../src/web/page/overview.ts';
import { alertsSection } from '../../src/web/page/sections.ts';
import { parseExposition } from '../support/exposition.ts';
import { ruleOf } from '../support/alerts.ts';
import { snapshotOf } from '../support/snapshots.ts';
import { changedBytes, hostileText, runs } from './support.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-fuzz-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const build = { version: '1', revision: 'a', kernel: '6' };
const RULES = [ruleOf(), ruleOf({ name: 'ForWorkloads', scopes: ['workload'] })];

const BUSY = snapshotOf({
  processes: [
    { pid: 7, unit: 'a.service', comm: 'a', counters: { sendfile: { zerocopy: 1000, refused: 500, confirmed: 500 } } },
  ],
});

/** A file system of one file, and of what is written meanwhile. */
function fsOf(text: string): StateFs {
  const files = new Map([['/state/alerts.json', text]]);
  return {
    read: (path) => Promise.resolve(files.get(path) ?? ''),
    makeDirectory: () => Promise.resolve(),
    write: (path, written) => Promise.resolve(void files.set(path, written)),
    rename: (from, to) => Promise.resolve(void files.set(to, files.get(from) ?? '')),
    sync: () => Promise.resolve(),
  };
}

/** An agent's life with such a state: what it told, and what it logged. */
async function live(text: string): Promise<{ sent: NotificationEvent[]; logged: string[] }> {
  const sent: NotificationEvent[] = [];
  const logged: string[] = [];
  const outbox = {
    start: () => Promise.resolve(),
    enqueue: (event: NotificationEvent) => {
      // what an outbox could not read again
      decodeStored(encodeStored({ event, queuedAtMs: 0, opening: false, receiver: null, absorbs: [], members: null }));
      sent.push(event);
      return Promise.resolve(true);
    },
    close: () => Promise.resolve(),
    stats: () => ({ receivers: {}, events: 0, bytes: 0, setAside: 0, undurable: 0 }),
  } as unknown as Outbox;
  let boottime = 1000;
  const alerting = new Alerting({
    ...{ rules: RULES, outbox, state: new AlertState('/state', fsOf(text)), hostId: 'h', host: 'host', statusUrl: '' },
    collect: () => Promise.resolve({} as Evidence),
    keep: () => Promise.resolve('/file'),
    unixMs: () => 1_767_225_600_000,
    boottime: () => boottime,
    log: (_, message) => void logged.push(message),
  });
  await alerting.start();
  const exporter = new Exporter(build, { flows: 3, workloads: 3, idleSeconds: 5 });
  for (let tick = 0; tick < 4; tick++) {
    boottime += 10;
    const snapshot = { ...BUSY, time: { unixMs: 0, boottime } };
    alerting.tick(snapshot);
    await alerting.settled();
    const report = { ...alerting.view(), rules: RULES.map(({ name }) => name), time: snapshot.time };
    parseExposition(exporter.render(snapshot, { seconds: 0, success: true }, report));
    const json = JSON.stringify(alertsJson(report));
    const own = { cpus: null, residentBytes: null, collectionSeconds: null, startedAt: '' };
    const overview = overviewOf(snapshot, { now: null, workloads: { of: 0, rows: [] }, alerts: report, own });
    expect(html(alertsSection(overview))).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]|\[object|undefined|NaN/u);
    const lines = renderAlerts(JSON.parse(json) as AlertsView, snapshot.time);
    expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]|\[object|undefined|NaN/u);
  }
  // whatever is left of the former run, this one can end: a rule of its own judges it
  const { firing, statuses } = alerting.view();
  for (const incident of firing) {
    const judged = statuses.filter(({ rule, state }) => rule === incident.rule && state === 'firing');
    expect(judged.map(({ subject }) => subject)).toContainEqual(incident.subject);
    expect(incident.dedupKey).toBe(dedupKey('h', incident.rule, incident.subject));
  }
  await alerting.close();
  return { sent, logged };
}

const KNOWN: KnownAlert = {
  phase: 'triggered',
  rule: ruleOf(),
  subject: null,
  incident: {
    ...{
      dedupKey: dedupKey('h', 'SendfileFallback', null),
      rule: 'SendfileFallback',
      subject: null,
      severity: 'error',
      host: 'host',
    },
    ...{
      summary: 'sendfile falls back',
      firedAtMs: 1_767_225_500_000,
      resolvedAtMs: null,
      value: 0.5,
      threshold: 0.005,
    },
    ...{ details: {}, links: [] },
  },
};

/** JSON values of every kind, some of which look like what belongs there. */
const anyJson = fc.oneof(
  fc.constantFrom<unknown>(
    null,
    true,
    0,
    -1,
    1e308,
    '',
    [],
    {},
    [null],
    { unit: 1, comm: {} },
    { name: 'SendfileFallback' },
  ),
  fc.constantFrom<unknown>(
    'firing',
    'triggered',
    'resolving',
    'host',
    'workload',
    ['host'],
    1e17,
    -1e17,
    'ratio',
    'rate',
  ),
  hostileText,
  fc.jsonValue({ maxDepth: 2 }),
);

/** '' for what JSON cannot say. */
const textOf = (value: unknown): string => (value === undefined ? '' : JSON.stringify(value));

/** Paths to all values inside of a value. */
function pathsOf(value: unknown, path: readonly string[] = []): (readonly string[])[] {
  if (typeof value !== 'object' || value === null) return [path];
  return [path, ...Object.entries(value).flatMap(([key, inner]) => pathsOf(inner, [...path, key]))];
}

function replaced(value: unknown, [key, ...rest]: readonly string[], by: unknown): unknown {
  if (key === undefined) return by;
  if (typeof value !== 'object' || value === null) return value;
  const copy = (Array.isArray(value) ? [...(value as unknown[])] : { ...value }) as Record<string, unknown>;
  if (by === undefined && rest.length === 0) Reflect.deleteProperty(copy, key);
  else copy[key] = replaced(copy[key], rest, by);
  return copy;
}

/** The value with some of its parts replaced or missing. */
const changedJson = (value: unknown): fc.Arbitrary<unknown> =>
  fc
    .array(fc.tuple(fc.constantFrom(...pathsOf(value)), fc.oneof(anyJson, fc.constant(undefined))), { maxLength: 3 })
    .map((changes) => changes.reduce((changed, [path, by]) => replaced(changed, path, by), value));

const SUBJECT = { unit: 'a.service', comm: 'a' };
const workload: KnownAlert = {
  ...KNOWN,
  rule: ruleOf({ name: 'ForWorkloads', scopes: ['workload'] }),
  subject: SUBJECT,
  incident: {
    ...KNOWN.incident,
    dedupKey: dedupKey('h', 'ForWorkloads', SUBJECT),
    rule: 'ForWorkloads',
    subject: SUBJECT,
  },
};

it('the state of a former run', async () => {
  const seen = { used: 0, told: 0 };
  const state = fc.array(fc.oneof(changedJson(KNOWN), changedJson(workload)), { maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(state, async (alerts) => {
      const { sent, logged } = await live(JSON.stringify({ version: 1, alerts }));
      if (sent.length > 0) seen.used++;
      if (logged.length > 0) seen.told++;
    }),
    runs(400),
  );
  expect(seen.used).toBeGreaterThan(20);
  expect(seen.told).toBeGreaterThan(20);
});

it('the state of a former run as bytes', async () => {
  const seed = Buffer.from(JSON.stringify({ version: 1, alerts: [KNOWN, workload] }));
  await fc.assert(
    fc.asyncProperty(fc.oneof(changedBytes(seed), changedBytes(Buffer.from('null'))), async (bytes) => {
      await live(bytes.toString());
    }),
    runs(150),
  );
});

const STORED: StoredEvent = {
  event: { action: 'trigger', incident: { ...KNOWN.incident, links: [{ href: 'https://a', text: 'b' }] } },
  ...{ queuedAtMs: 1_767_225_500_000, opening: true, receiver: 'webhook', absorbs: [1], members: ['a'] },
};

it('an event of the outbox is whole or refused, and read as it was written', () => {
  const seen = { read: 0, refused: 0 };
  fc.assert(
    fc.property(changedJson({ version: 1, ...STORED }), (file) => {
      let stored: StoredEvent;
      try {
        stored = decodeStored(textOf(file));
      } catch (error) {
        seen.refused++;
        // it says what is wrong, without what stands there
        expect((error as Error).message).toMatch(
          /^(wrong: [\w.]+|no object|of another version|no JSON, or only half of it)$/,
        );
        return;
      }
      seen.read++;
      expect(decodeStored(encodeStored(stored))).toEqual(stored);
      expect(new Date(stored.event.incident.firedAtMs).toISOString()).toMatch(/Z$/);
    }),
    runs(1000),
  );
  expect(Math.min(seen.read, seen.refused)).toBeGreaterThan(50);
});

it('a directory of any files is opened: what is good is there, the rest is set aside, and both stay so', async () => {
  const name = fc.oneof(
    fc.stringMatching(/^[0-9]{1,16}(\.[a-z]{1,8}-(done|tried|x)){0,2}\.json$/),
    fc.constantFrom(
      '000000000001.json',
      '000000000002.webhook-done.json',
      'x.json',
      '.json',
      'a.json.tmp',
      '99999999999999999999.json',
      'b.bad',
    ),
    fc.stringMatching(/^[^/\0]{1,20}\.json$/),
  );
  const content = fc.oneof(
    changedJson({ version: 1, ...STORED }).map((file) => textOf(file)),
    fc.constant(encodeStored(STORED)),
    hostileText,
  );
  let round = 0;
  await fc.assert(
    fc.asyncProperty(fc.dictionary(name, content, { maxKeys: 6 }), async (files) => {
      const place = join(directory, String(round++));
      await disk.mkdir(place);
      for (const [file, text] of Object.entries(files)) writeFileSync(join(place, file), text);
      const logged: string[] = [];
      const open = async () => {
        const store = new Store(disk, (_, message) => void logged.push(message), place);
        return { store, entries: await store.open() };
      };
      const { store, entries } = await open();
      const json = Object.keys(files).filter((file) => file.endsWith('.json'));
      expect(entries.length + store.setAside).toBe(json.length);
      const added = await store.add(STORED);
      // a number that is taken would overwrite an event
      expect(entries.map(({ sequence }) => sequence)).not.toContain(added.entry.sequence);
      const again = await open();
      expect(again.store.setAside).toBe(0);
      expect(again.entries.map(({ stored }) => stored)).toEqual([...entries, added.entry].map(({ stored }) => stored));
      for (const left of readdirSync(place))
        expect(left.endsWith('.json') ? readFileSync(join(place, left), 'utf8') : '').not.toBe('x');
    }),
    runs(120),
  );
});
