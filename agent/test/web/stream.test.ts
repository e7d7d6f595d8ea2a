/** Server-sent events: what comes, to how many, and what becomes of those who do not read. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Overview } from '../../src/web/page/overview.ts';
import type { Source } from '../../src/web/routes.ts';
import { type ServerOptions, startServer, type WebServer } from '../../src/web/server.ts';
import { DEFAULT_STREAM_OPTIONS, type StreamOptions } from '../../src/web/stream.ts';
import { ask } from '../support/http.ts';
import { snapshotOf } from '../support/snapshots.ts';

const servers: WebServer[] = [];
const clients: Client[] = [];
let taken = 0;
afterEach(async () => {
  for (const { socket } of clients.splice(0)) socket.destroy();
  await Promise.all(servers.splice(0).map((server) => server.close()));
  taken = 0;
});

const snapshot = (): Snapshot => snapshotOf({ boottime: 1000 + taken++ });

async function serve(
  streams: Partial<StreamOptions> = {},
  options: Partial<ServerOptions> = {},
  source: Partial<Source> = {},
): Promise<WebServer> {
  const whole: Source = {
    snapshot,
    ready: () => true,
    build: { version: '0', revision: 'a', kernel: '6' },
    log: () => undefined,
    ...source,
  };
  const server = await startServer(whole, { port: 0, streams: { ...DEFAULT_STREAM_OPTIONS, ...streams }, ...options });
  servers.push(server);
  return server;
}

interface Event {
  readonly id: string | undefined;
  readonly event: string;
  readonly data: string;
}

class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  answer = '';

  constructor(server: WebServer, path = '/api/v1/stream', headers = '') {
    const { hostname, port } = new URL(server.url);
    this.socket = connect(Number(port), hostname);
    this.socket.on('data', (chunk: Buffer) => (this.answer += chunk.toString()));
    this.socket.on('error', () => undefined);
    this.closed = once(this.socket, 'close');
    this.socket.write(`GET ${path} HTTP/1.1\r\nhost: a\r\n${headers}\r\n`);
    clients.push(this);
  }

  get ended(): boolean {
    return this.socket.closed;
  }

  /** Those that have come whole. */
  get events(): Event[] {
    const body = this.answer.replaceAll(/(?<=\n|^)[0-9a-f]+\r\n|\r\n(?=[0-9a-f]+\r\n|$)/g, '');
    return body
      .split('\n\n')
      .slice(0, -1)
      .flatMap((block) => {
        const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
        const data = field('data');
        return data === undefined ? [] : [{ id: field('id'), event: field('event') ?? 'message', data }];
      });
  }

  get overviews(): Overview[] {
    return this.events.filter(({ event }) => event === 'message').map(({ data }) => JSON.parse(data) as Overview);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not so after 20 s: ${condition.toString()}`);
    await sleep(10);
  }
}

describe('a stream', () => {
  test('begins at once, goes on every second, and numbers what it sends', async () => {
    const client = new Client(await serve());
    await until(() => client.overviews.length === 3);
    expect(client.answer).toMatch(/^HTTP\/1\.1 200 OK\r\ncontent-type: text\/event-stream/);
    expect(client.answer).toMatch(/\r\nretry: 2000\n/);
    expect(client.overviews.map(({ schema, boottime }) => [schema, boottime])).toEqual(
      [1000, 1001, 1002].map((boottime) => ['spillway.overview/1', boottime]),
    );
    expect(client.events.map(({ id }) => id?.split('-')[1])).toEqual(['1', '2', '3']);
  });

  test('costs one snapshot a second, however many watch, and none when nobody does', async () => {
    const server = await serve();
    const began = performance.now();
    const watching = Array.from(
      { length: 20 },
      (_, i) => new Client(server, i % 2 === 0 ? '/api/v1/stream' : '/page/stream'),
    );
    await until(() => watching.every(({ events }) => events.length >= 3));
    expect(taken).toBeLessThanOrEqual(2 + (performance.now() - began) / 1000);
    for (const { socket } of watching) socket.destroy();
    // that somebody has gone is seen when the next message cannot be sent
    await sleep(3500);
    const then = taken;
    await sleep(1500);
    expect(taken).toBe(then);
  });

  test('takes no snapshot of its own while it is given some', async () => {
    const server = await serve();
    server.observe(snapshotOf({ boottime: 5 }));
    const client = new Client(server);
    const feed = setInterval(() => server.observe(snapshotOf({ boottime: 7 })), 200);
    await until(() => client.overviews.filter(({ boottime }) => boottime === 7).length >= 10);
    clearInterval(feed);
    // the first, so that nobody has to wait
    expect(taken).toBe(1);
    await until(() => taken >= 3);
  });

  test('gives who joins what the others have, unless they have it already', async () => {
    const server = await serve();
    const first = new Client(server);
    await until(() => first.events.length === 1);
    const id = first.events[0]?.id ?? '';
    const [joins, returns] = [new Client(server), new Client(server, '/api/v1/stream', `last-event-id: ${id}\r\n`)];
    await until(() => joins.events.length === 2 && returns.events.length === 1);
    expect(joins.events[0]?.id).toBe(id);
    expect(returns.events[0]?.id).toBe(joins.events[1]?.id);
  });

  test('says when nothing can be read, and goes on when it can', async () => {
    let works = false;
    const source = {
      snapshot: () => {
        if (!works) throw new Error('map\n\nis closed');
        return snapshot();
      },
    };
    const client = new Client(await serve({}, {}, source));
    await until(() => client.events.length === 1);
    expect(client.events[0]).toEqual({
      id: undefined,
      event: 'failure',
      data: 'reading the kernel tables: map is closed',
    });
    works = true;
    await until(() => client.overviews.length === 1);
  });

  test('beats while there is nothing to say', async () => {
    const client = new Client(await serve({ beat: 50 }, { idleTimeout: 300 }, { ready: () => false }));
    await sleep(1000);
    expect(client.ended).toBe(false);
    expect(client.events.filter(({ event }) => event === 'beat').length).toBeGreaterThan(5);
    expect(taken).toBe(0);
  });

  test('ends after a while, so that who listens is asked for its password again', async () => {
    const client = new Client(await serve({ longest: 200 }));
    await client.closed.catch(() => undefined);
  }, 15_000);

  test('ends at once with the server', async () => {
    const server = await serve({}, { closeGrace: 20_000 });
    const client = new Client(server);
    await until(() => client.events.length === 1);
    const began = performance.now();
    await server.close();
    await client.closed;
    expect(performance.now() - began).toBeLessThan(10_000);
  });
});

describe('too many, or too slow', () => {
  test('one too many ends that of the client that has most, and another comes in', async () => {
    const server = await serve({ most: 2 });
    const [first, second] = [new Client(server), new Client(server)];
    await until(() => first.events.length > 0 && second.events.length > 0);
    const third = new Client(server, '/page/stream');
    await until(() => third.events.length > 0);
    await first.closed;
    expect([second.ended, third.ended]).toEqual([false, false]);
  });

  test('who does not read is cut, holds one message at most, and keeps nobody else waiting', async () => {
    const server = await serve({ patience: 1000 }, {}, { snapshot: () => snapshotOf({ programs: LARGE }) });
    const [slow, reads] = [new Client(server), new Client(server)];
    slow.socket.pause();
    await until(() => reads.overviews.length === 1);
    const feed = setInterval(() => server.observe(snapshotOf({ programs: LARGE })), 20);
    const closed = () => slow.ended;
    slow.socket.once('close', () => clearInterval(feed));
    await sleep(2500);
    clearInterval(feed);
    const before = reads.overviews.length;
    expect(before).toBeGreaterThan(20);
    slow.socket.resume();
    await until(closed);
    // what the kernel had taken for it, and the one message that was under way
    expect(slow.overviews.length).toBeLessThan(before);
    expect(reads.ended).toBe(false);
  });

  test('who reads late goes on with the newest', async () => {
    const server = await serve({ patience: 60_000 }, {}, { snapshot: () => snapshotOf({ programs: LARGE }) });
    const client = new Client(server);
    await until(() => client.overviews.length === 1);
    client.socket.pause();
    for (let i = 1; i <= 100; i++) {
      server.observe(snapshotOf({ boottime: 2000 + i, programs: LARGE }));
      await sleep(5);
    }
    client.socket.resume();
    await until(() => client.overviews.at(-1)?.boottime === 2100);
    expect(client.overviews.length).toBeLessThan(100);
  });
});

/** A message of about a megabyte. */
const LARGE = Array.from({ length: 100 }, (_, i) => ({
  name: `p${String(i)}`,
  hook: 'x'.repeat(10_000),
  state: 'attached' as const,
  reason: '',
  missedRuns: 0,
  runs: 0,
  runSeconds: 0,
}));

describe('asked for', () => {
  test('HEAD is answered without a body, and listens to nothing', async () => {
    const server = await serve();
    const { status, headers, body } = await ask(server, '/api/v1/stream', 'HEAD');
    expect([status, headers['content-type'], body.length]).toEqual([200, 'text/event-stream; charset=utf-8', 0]);
    await sleep(100);
    expect(taken).toBe(0);
  });

  test.each([
    ['POST', {}, 405],
    ['GET', { 'sec-fetch-site': 'cross-site' }, 403],
    ['GET', { origin: 'https://evil.example' }, 403],
  ] as [string, Record<string, string>, number][])('by %s with %j is %i', async (method, headers, status) => {
    expect((await ask(await serve(), '/page/stream', method, headers)).status).toBe(status);
    expect(taken).toBe(0);
  });
});
