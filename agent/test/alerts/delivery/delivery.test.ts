/** Everything together, over HTTP to a server on this host. */
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import * as realDisk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { newPost } from '../../../src/alerts/http.ts';
import { Outbox } from '../../../src/alerts/outbox.ts';
import { pagerDutyReceiver } from '../../../src/alerts/pagerduty.ts';
import type { Clock, Receiver } from '../../../src/alerts/receiver.ts';
import { readRoutingKey } from '../../../src/alerts/routing-key.ts';
import { Store } from '../../../src/alerts/store.ts';
import { Throttle } from '../../../src/alerts/throttle.ts';
import { readBearerToken, webhookReceiver } from '../../../src/alerts/webhook.ts';
import { wrongWith } from './events-api.ts';
import { FakeServer, type Reply, status } from './servers.ts';
import { FakeClock, KEY, resolve, settle, trigger } from './support.ts';

const TOKEN = 'token/with"signs';
const ACCEPTED = status(202, '{"status":"success","message":"Event processed","dedup_key":"a"}');

let directory = '';
const closing: (() => unknown)[] = [];
const lines: string[] = [];
const log = (level: string, message: string) => void lines.push(`${level}: ${message}`);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-delivery-'));
  await writeFile(join(directory, 'key'), KEY, { mode: 0o600 });
  await writeFile(join(directory, 'token'), TOKEN, { mode: 0o600 });
  lines.length = 0;
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await rm(directory, { recursive: true });
});

async function serverWith(...replies: Reply[]): Promise<FakeServer> {
  const server = await new FakeServer(replies).listen();
  closing.push(() => server.close());
  return server;
}

const pagerDuty = (server: FakeServer, clock: Clock, timeoutMs = 30_000): Receiver =>
  pagerDutyReceiver({
    baseUrl: `${server.url}/proxy/`,
    readKey: () => readRoutingKey(realDisk, [join(directory, 'key')]),
    throttle: new Throttle(),
    post: newPost({ timeoutMs }),
    clock,
    log,
  });

const webhook = (server: FakeServer, clock: Clock): Receiver =>
  webhookReceiver({
    url: `${server.url}/hooks/secret-path?also=secret`,
    readToken: () => readBearerToken(realDisk, join(directory, 'token')),
    post: newPost({ timeoutMs: 30_000 }),
    clock,
    log,
  });

async function outboxWith(clock: Clock, ...receivers: Receiver[]): Promise<Outbox> {
  const store = new Store(realDisk, log, join(directory, 'outbox'));
  const outbox = new Outbox({ store, receivers, clock, random: () => 0.5, log });
  await outbox.start();
  closing.push(() => outbox.close());
  return outbox;
}

/** Passes time until this holds: answers take real time, waiting does not. */
async function until(clock: FakeClock, holds: () => boolean): Promise<void> {
  for (const end = Date.now() + 30_000; !holds() && Date.now() < end;) {
    await settle();
    await new Promise((done) => setTimeout(done, 1));
    await clock.advance(20);
  }
  expect(holds()).toBe(true);
}

describe('to PagerDuty', () => {
  it('an incident, in bodies that it takes, to the base URL', async () => {
    const server = await serverWith(ACCEPTED);
    const clock = new FakeClock();
    const outbox = await outboxWith(clock, pagerDuty(server, clock));
    await outbox.enqueue(trigger('a'));
    await until(clock, () => server.received.length === 1);
    await outbox.enqueue(resolve('a'));
    await until(clock, () => outbox.stats().receivers.pagerduty?.sent === 2);
    for (const { method, path, headers, body } of server.received) {
      expect(`${method} ${path} ${headers['content-type'] ?? ''}`).toBe('POST /proxy/v2/enqueue application/json');
      expect(wrongWith(body)).toEqual([]);
      expect(JSON.parse(body)).toMatchObject({ routing_key: KEY, dedup_key: 'a' });
    }
    const actions = server.received.map(({ body }) => (JSON.parse(body) as { event_action: string }).event_action);
    expect(actions).toEqual(['trigger', 'resolve']);
    expect(await readdir(join(directory, 'outbox'))).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('through every trouble that a server can make', async () => {
    const trouble: Reply[] = [
      status(500, '<h1>oops</h1>'),
      status(502),
      status(503, '', { 'retry-after': '2' }),
      status(429, '{"status":"throttle exceeded","message":"Requests for this service arrive too quickly"}', {
        'retry-after': new Date(Date.UTC(2026, 0, 2, 12, 0, 30)).toUTCString(),
      }),
      status(302, '', { location: 'http://127.0.0.1:1/' }),
      (_response, socket) => socket.destroy(),
      (_response, socket) => socket.end('garbage\r\n\r\n'),
      () => undefined,
      status(500, 'x'.repeat(100_000)),
    ];
    const server = await serverWith(...trouble, ACCEPTED);
    const clock = new FakeClock();
    const outbox = await outboxWith(clock, pagerDuty(server, clock, 1000));
    await outbox.enqueue(trigger('a'));
    const own = () => outbox.stats().receivers.pagerduty;
    await clock.advance(1);
    for (let i = 0; own()?.sent !== 1 && i < 2000; i++) {
      await new Promise((done) => setTimeout(done, 5));
      await clock.advance(1000);
    }
    expect(own()).toMatchObject({
      sent: 1,
      retried: { server_error: 4, rate_limited: 1, redirected: 1, network: 2, timeout: 1, internal: 0 },
    });
    expect(server.received).toHaveLength(10);
    expect(new Set(server.received.map(({ body }) => body)).size).toBe(1);
    expect(lines).toContain(
      'warning: pagerduty: rate_limited: 429 throttle exceeded: Requests for this service arrive too quickly; will try again',
    );
    expect(lines.at(-1)).toBe('info: pagerduty: delivers again');
  }, 60_000);

  it('a hundred requests a minute, and no more', async () => {
    const server = await serverWith(ACCEPTED);
    const clock = new FakeClock();
    const receiver = pagerDuty(server, clock);
    // begun before: nothing is summarized or cancelled
    const outbox = await outboxWith(clock, receiver);
    for (let i = 0; i < 130; i++) await outbox.enqueue(trigger(`k${String(i)}`, { firedAtMs: 0 }));
    await until(clock, () => server.received.length === 100);
    const first = clock.monotonicMs();
    expect(first).toBeLessThan(50_000);
    await clock.advance(59_999 - first);
    expect(server.received).toHaveLength(100);
    await until(clock, () => server.received.length === 130);
  }, 60_000);

  it('waits for a key, reads a new one at once, and says so once', async () => {
    const server = await serverWith(ACCEPTED);
    const clock = new FakeClock();
    await rm(join(directory, 'key'));
    const outbox = await outboxWith(clock, pagerDuty(server, clock));
    await outbox.enqueue(trigger('a', { firedAtMs: 0 }));
    for (let i = 0; i < 5; i++) {
      await new Promise((done) => setTimeout(done, 5));
      await clock.advance(10_000);
    }
    expect(lines).toEqual([
      `warning: pagerduty: read ${join(directory, 'key')}: ENOENT; write the key there; will try again`,
    ]);
    await writeFile(join(directory, 'key'), KEY.toLowerCase(), { mode: 0o600 });
    await clock.advance(10_000);
    await until(clock, () => outbox.stats().receivers.pagerduty?.sent === 1);
    await writeFile(join(directory, 'key'), KEY, { mode: 0o600 });
    await outbox.enqueue(resolve('a'));
    await until(clock, () => outbox.stats().receivers.pagerduty?.sent === 2);
    const keys = server.received.map(({ body }) => (JSON.parse(body) as { routing_key: string }).routing_key);
    expect(keys).toEqual([KEY.toLowerCase(), KEY]);
  });
});

describe('to a webhook', () => {
  it('with a bearer token', async () => {
    const server = await serverWith(status(200));
    const clock = new FakeClock();
    const outbox = await outboxWith(clock, webhook(server, clock));
    await outbox.enqueue(trigger('a'));
    await until(clock, () => outbox.stats().receivers.webhook?.sent === 1);
    expect(server.received[0]).toMatchObject({
      path: '/hooks/secret-path?also=secret',
      headers: { authorization: `Bearer ${TOKEN}` },
    });
    expect(JSON.parse(server.received[0]?.body ?? '')).toMatchObject({ version: '4', status: 'firing' });
  });
});

describe('secrets', () => {
  it('appear in no log line, no file, and nothing that can be printed, even if the server repeats them', async () => {
    const echo: Reply = (response, _socket, { body, path, headers }) =>
      response.writeHead(response.req.url?.includes('hooks') === true ? 401 : 400).end(
        JSON.stringify({
          status: 'invalid event',
          message: `nothing at ${path}: ${body}`,
          errors: [headers.authorization, (JSON.parse(body) as { routing_key?: string }).routing_key],
        }),
      );
    const down: Reply = (response, _socket, { body, headers }) =>
      response.writeHead(500).end(`${body.slice(0, 200)} ${headers.authorization ?? ''}`);
    const server = await serverWith(down, down, echo);
    const clock = new FakeClock();
    const receivers = [pagerDuty(server, clock), webhook(server, clock)];
    const outbox = await outboxWith(clock, ...receivers);
    await outbox.enqueue(trigger('a'));
    const stats = () => outbox.stats().receivers;
    await until(clock, () => stats().pagerduty?.failed.rejected === 1 && stats().webhook?.failed.rejected === 1);
    await writeFile(join(directory, 'key'), `${KEY}${KEY}`);
    await outbox.enqueue(trigger('b'));
    await until(clock, () => lines.some((line) => line.includes('32 characters')));
    // files stay where they are from now on
    await outbox.close();
    expect(lines.filter((line) => line.includes('rejected')).length).toBeGreaterThanOrEqual(2);
    const printed = [
      ...lines,
      inspect(outbox, { depth: null, showHidden: true }),
      inspect(receivers, { depth: null, showHidden: true }),
      JSON.stringify([outbox, receivers, outbox.stats()]),
      ...(await Promise.all(
        (await readdir(join(directory, 'outbox'))).map((name) =>
          realDisk.readFile(join(directory, 'outbox', name), 'utf8'),
        ),
      )),
    ].join('\n');
    expect(printed).toContain('[redacted]');
    for (const secret of [KEY, KEY.slice(0, 16), TOKEN, 'with\\"signs', 'secret-path', 'also=secret']) {
      expect(printed).not.toContain(secret);
    }
  });

  it('a URL that is none is not quoted', () => {
    const clock = new FakeClock();
    const options = { post: newPost(), clock, log };
    expect(() => webhookReceiver({ ...options, url: 'secret-path' })).toThrow(
      'no URL that begins with https:// or http://',
    );
  });
});
