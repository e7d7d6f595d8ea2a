/** Clients that are slow, wrong or too many: what each is answered. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Source } from '../../src/web/routes.ts';
import { type ServerOptions, startServer, type WebServer } from '../../src/web/server.ts';
import { ask } from '../support/http.ts';
import { snapshotOf } from '../support/snapshots.ts';

const servers: WebServer[] = [];
const logged: string[] = [];
let reloads = 0;
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  logged.length = 0;
  reloads = 0;
});

async function serve(options: Partial<ServerOptions> = {}, source: Partial<Source> = {}): Promise<WebServer> {
  const whole: Source = {
    snapshot: () => snapshotOf({}),
    ready: () => true,
    reload: () => Promise.resolve([String(++reloads)]),
    build: { version: '0', revision: 'a', kernel: '6' },
    log: (_level, message) => logged.push(message),
    ...source,
  };
  const server = await startServer(whole, { port: 0, ...options });
  servers.push(server);
  return server;
}

class Client {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  answer = '';

  constructor(server: WebServer, bytes = '') {
    const { hostname, port } = new URL(server.url);
    this.socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true });
    this.socket.on('data', (chunk: Buffer) => (this.answer += chunk.toString()));
    this.socket.on('error', () => undefined);
    this.socket.on('end', () => this.socket.end());
    this.closed = once(this.socket, 'close');
    this.socket.write(bytes);
  }

  /** The status lines of all that was answered until the end. */
  async statuses(): Promise<string[]> {
    await this.closed;
    return [...this.answer.matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status = '']) => status);
  }
}

const GET = 'GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n';
const POST = 'POST /-/reload HTTP/1.1\r\nhost: a\r\n';

describe('bodies', () => {
  test('one that does not come is 408, and nothing is done', async () => {
    const server = await serve({ headersTimeout: 100, requestTimeout: 200 });
    expect(await new Client(server, `${POST}content-length: 5\r\n\r\na`).statuses()).toEqual(['408']);
    expect(reloads).toBe(0);
  });

  test('one that is too long is 413, whether it says so or not, and nothing is done', async () => {
    const server = await serve();
    expect(await new Client(server, `${POST}content-length: 65537\r\n\r\n`).statuses()).toEqual(['413']);
    const chunk = `8000\r\n${'z'.repeat(0x8000)}\r\n`;
    const chunked = new Client(server, `${POST}transfer-encoding: chunked\r\n\r\n${chunk.repeat(3)}`);
    expect(await chunked.statuses()).toEqual(['413']);
    expect(reloads).toBe(0);
  });

  test('a short one is read, and the connection is kept', async () => {
    const server = await serve();
    const client = new Client(server, `${POST}content-length: 5\r\n\r\nhello${GET}`);
    await sleep(100);
    client.socket.end();
    expect(await client.statuses()).toEqual(['200', '200']);
    expect(reloads).toBe(1);
  });

  test('also behind GET', async () => {
    const server = await serve({ headersTimeout: 100, requestTimeout: 200 });
    expect(await new Client(server, GET.replace('\r\n\r\n', '\r\ncontent-length: 9\r\n\r\n')).statuses()).toEqual([
      '408',
    ]);
  });
});

describe('what is no good request', () => {
  test.each([
    [`GET /${'y'.repeat(3000)} HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n`, '414'],
    [`GET /${'y'.repeat(9000)} HTTP/1.1\r\nhost: a\r\n\r\n`, '414'],
    [`GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(9000)}\r\n\r\n`, '431'],
    ['CONNECT a:80 HTTP/1.1\r\nhost: a\r\n\r\n', '405'],
    ['BREW / HTTP/1.1\r\nhost: a\r\n\r\n', '400'],
    ['GET / HTTP/1.1\r\n\r\n', '400'],
    ['GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n', '400'],
    ['\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', '400'],
    ['\0\0\0\0', '400'],
  ])('%.40s is %s', async (bytes, status) => {
    const server = await serve();
    const statuses = await new Client(server, bytes).statuses();
    expect(statuses).toEqual([status]);
    expect((await ask(server, '/-/healthy')).status).toBe(200);
    expect(logged).toEqual([]);
  });

  test('behind a good one it is answered after that', async () => {
    const late = Promise.withResolvers<Snapshot>();
    const server = await serve({}, { snapshot: () => late.promise });
    const client = new Client(server, 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\nnonsense\r\n\r\n');
    await sleep(50);
    late.resolve(snapshotOf({}));
    expect(await client.statuses()).toEqual(['200', '400']);
  });
});

test('a client that has said all is answered all the same, however long that takes', async () => {
  const late = Promise.withResolvers<Snapshot>();
  const server = await serve({}, { snapshot: () => late.promise });
  const client = new Client(server, 'GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
  client.socket.end();
  await sleep(50);
  late.resolve(snapshotOf({}));
  expect(await client.statuses()).toEqual(['200']);
  expect(client.answer).toContain('process_start_time_seconds');
});

describe('too many connections', () => {
  test('cut those on which nothing happens, with 503 if nothing was asked, and serve who comes', async () => {
    const server = await serve({ maxConnections: 3 });
    const idle = [new Client(server), new Client(server), new Client(server)];
    await Promise.all(idle.map(({ socket }) => once(socket, 'connect')));
    const kept = new Client(server, GET);
    await once(kept.socket, 'data');
    expect((await ask(server, '/-/healthy')).status).toBe(200);
    expect(await idle[0]?.statuses()).toEqual(['503']);
    expect(await idle[1]?.statuses()).toEqual(['503']);
    // what has asked is quiet for less long, and is told nothing when it is cut: it would be no answer
    for (let i = 0; i < 3; i++) new Client(server);
    expect(await kept.statuses()).toEqual(['200']);
  });

  test('hundreds of them, again and again, are no burden', async () => {
    const server = await serve({ maxConnections: 10 });
    for (let round = 0; round < 5; round++) {
      const many = Array.from({ length: 100 }, () => new Client(server));
      await Promise.all(many.slice(0, 90).map(({ closed }) => closed));
      expect((await ask(server, '/-/healthy')).status).toBe(200);
      for (const { socket } of many) socket.destroy();
    }
  });
});

test('answers that nobody reads are bounded: the oldest of them is cut', async () => {
  // more than the kernel keeps for a connection
  const many = snapshotOf({
    processes: Array.from({ length: 5000 }, (_, pid) => ({
      pid,
      comm: 'x'.repeat(15),
      counters: { tee: { copied: 1 } },
    })),
  });
  const server = await serve({ maxUnread: 20_000_000 }, { snapshot: () => many });
  const request = 'GET /api/v1/snapshot HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(20);
  const first = new Client(server, request);
  first.socket.pause();
  const second = new Client(server, request);
  second.socket.pause();
  const third = new Client(server, request);
  await once(second.socket, 'readable');
  first.socket.resume();
  expect((await first.statuses()).length).toBeLessThan(20);
  third.socket.destroy();
  second.socket.destroy();
  expect((await ask(server, '/-/healthy')).status).toBe(200);
});

test('reloads that are asked for at once are two: the one under way, and one for all who came meanwhile', async () => {
  const first = Promise.withResolvers<readonly string[]>();
  const server = await serve({}, { reload: () => (++reloads === 1 ? first.promise : Promise.resolve(['again'])) });
  const answers = Array.from({ length: 20 }, () => ask(server, '/-/reload', 'POST'));
  await sleep(200);
  first.resolve(['first']);
  const texts = (await Promise.all(answers)).map(({ text }) => text);
  expect([reloads, texts.filter((text) => text === 'first\n').length]).toEqual([2, 1]);
});

test('collections that fail again and again are one line in the log', async () => {
  const server = await serve(
    {},
    {
      snapshot: () => {
        throw new Error('gone');
      },
    },
  );
  for (let i = 0; i < 20; i++) expect((await ask(server, '/metrics')).status).toBe(500);
  expect(logged).toEqual(['reading the kernel tables: gone']);
});
