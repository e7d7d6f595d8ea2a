import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Source } from '../../src/web/routes.ts';
import { startServer, type WebServer } from '../../src/web/server.ts';
import { ask } from '../support/http.ts';
import { firingOf, HOSTILE, statusOf, viewOf } from '../support/alerts.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { snapshotOf } from '../support/snapshots.ts';

const servers: WebServer[] = [];
const logged: string[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  logged.length = 0;
});

const sourceOf = (source: Partial<Source> = {}): Source => ({
  snapshot: () => snapshotOf(),
  ready: () => true,
  build: { version: '0', revision: 'r', kernel: 'k' },
  log: (_, message) => logged.push(message),
  ...source,
});

async function serve(source: Source): Promise<WebServer> {
  const server = await startServer(source, { port: 0 });
  servers.push(server);
  return server;
}

const view = viewOf({
  statuses: [statusOf({ state: 'firing', subject: HOSTILE })],
  firing: [firingOf({ rule: '<R>', subject: HOSTILE, summary: '<script>alert("1")</script>' })],
  receivers: { pagerduty: { queued: 2, results: { sent: 1 } } },
});

describe('/api/v1/alerts', () => {
  test('is the view with a schema and a time, and nothing that an object carries beside it', async () => {
    const server = await serve(sourceOf({ alerts: () => Object.assign({ secret: 'key' }, view) }));
    const { status, headers, text } = await ask(server, '/api/v1/alerts');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    const { statuses, firing, transitions, receivers, undurable } = view;
    expect(JSON.parse(text)).toEqual({
      schema: 'spillway.alerts/1',
      statuses,
      firing,
      transitions,
      receivers,
      undurable,
      time: '2026-01-02T03:04:05.000Z',
      boottime: 1000,
    });
  });

  test('is 404 where alerts are switched off', async () => {
    const { status, text } = await ask(await serve(sourceOf()), '/api/v1/alerts');
    expect([status, text]).toEqual([404, 'alerts are switched off\n']);
  });

  test('is there as soon as there are alerts', async () => {
    const source: { -readonly [K in keyof Source]: Source[K] } = sourceOf();
    const server = await serve(source);
    expect((await ask(server, '/api/v1/alerts')).status).toBe(404);
    source.alerts = () => view;
    expect((await ask(server, '/api/v1/alerts')).status).toBe(200);
  });
});

test('/metrics has the alerts', async () => {
  const { text } = await ask(await serve(sourceOf({ alerts: () => view })), '/metrics');
  const series = seriesOf(parseExposition(text), 'spillway_alert_active');
  expect([...series]).toEqual([[JSON.stringify({ rule: 'SendfileFallback' }), 1]]);
});

describe('the page', () => {
  test('shows what fires, escaped, and nothing in it acts on the text around it', async () => {
    const { text } = await ask(await serve(sourceOf({ alerts: () => view })), '/');
    expect(text).toContain('href="/api/v1/alerts"');
    expect(text).toContain(
      '<strong>&lt;R&gt;</strong> <span class="subject">a\\x1b[2J\\u{202e}\\u{d800}&amp; (&lt;b&gt;&quot;\\\\x0a.service)</span> ' +
        '<span class="state">firing since 2026-01-02T03:04:00Z</span><p>&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;</p>',
    );
  });

  test('says that nothing fires, and what is watched; or that alerts are switched off', async () => {
    const rules = ['A', 'B'];
    const quiet = (await ask(await serve(sourceOf({ alerts: () => viewOf({ rules }) })), '/')).text;
    expect(quiet).toContain('No alert fires; 2 rules are watched.');
    const off = (await ask(await serve(sourceOf()), '/')).text;
    expect(off).toContain('Alerts are switched off.');
    expect(off).not.toContain('/api/v1/alerts');
  });
});

describe('/-/reload', () => {
  const post = (server: WebServer, headers: Record<string, string> = {}) => ask(server, '/-/reload', 'POST', headers);

  test('says what changed', async () => {
    const { status, text } = await post(
      await serve(sourceOf({ reload: () => Promise.resolve(['rule A: new', 'rule B: off\u001b']) })),
    );
    expect([status, text]).toEqual([200, 'rule A: new\nrule B: off\\x1b\n']);
    const same = await post(await serve(sourceOf({ reload: () => Promise.resolve([]) })));
    expect([same.status, same.text]).toEqual([200, 'nothing changed\n']);
  });

  test('that fails is 400 with the reason, line by line', async () => {
    const reload = () => Promise.reject(new Error('config.yaml:3:1: no such key\nconfig.yaml:4:2: \u001b[2J'));
    const { status, text } = await post(await serve(sourceOf({ reload })));
    expect([status, text]).toEqual([400, 'config.yaml:3:1: no such key\nconfig.yaml:4:2: \\x1b[2J\n']);
  });

  test('is 404 where there is nothing to reload', async () => {
    expect((await post(await serve(sourceOf()))).status).toBe(404);
  });

  test.each(['GET', 'HEAD', 'PUT'])('by %s is 405 and reloads nothing', async (method) => {
    let reloads = 0;
    const server = await serve(sourceOf({ reload: () => Promise.resolve([String(reloads++)]) }));
    const { status, headers } = await ask(server, '/-/reload', method);
    expect([status, headers.allow, reloads]).toEqual([405, 'POST', 0]);
  });

  test.each([
    { origin: 'https://evil.example' },
    { origin: 'null' },
    { origin: '' },
    { origin: 'http://127.0.0.1:10190', 'sec-fetch-site': 'same-origin' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
    { 'sec-fetch-site': 'none, cross-site' },
    { 'sec-fetch-site': '' },
  ] as Record<string, string>[])('from a web page (%j) is 403 and reloads nothing', async (headers) => {
    let reloads = 0;
    const server = await serve(sourceOf({ reload: () => Promise.resolve([String(reloads++)]) }));
    expect([(await post(server, headers)).status, reloads]).toEqual([403, 0]);
  });

  test.each([{}, { 'sec-fetch-site': 'none' }, { 'sec-fetch-site': 'same-origin' }] as Record<string, string>[])(
    'from the user (%j) reloads',
    async (headers) => {
      expect((await post(await serve(sourceOf({ reload: () => Promise.resolve([]) })), headers)).status).toBe(200);
    },
  );

  test('twice at once is one after the other, also when the first fails', async () => {
    const steps: string[] = [];
    const first = Promise.withResolvers<readonly string[]>();
    const server = await serve(
      sourceOf({
        reload: async () => {
          const number = steps.filter((step) => step.startsWith('begin')).length + 1;
          steps.push(`begin ${number}`);
          if (number === 1) await first.promise.finally(() => steps.push('end 1'));
          return [];
        },
      }),
    );
    const answers = Promise.all([post(server), post(server)]);
    await sleep(50);
    expect(steps).toEqual(['begin 1']);
    first.reject(new Error('bad'));
    expect((await answers).map(({ status }) => status).sort()).toEqual([200, 400]);
    expect(steps).toEqual(['begin 1', 'end 1', 'begin 2']);
  });

  test('that throws no Error is 500, and the next one still comes', async () => {
    let reloads = 0;
    const oops: unknown = 'oops';
    const reload = () => {
      if (reloads++ === 0) throw oops;
      return Promise.resolve([]);
    };
    const server = await serve(sourceOf({ reload }));
    expect([(await post(server)).status, logged]).toEqual([500, ['POST /-/reload: oops']]);
    expect((await post(server)).status).toBe(200);
  });
});
