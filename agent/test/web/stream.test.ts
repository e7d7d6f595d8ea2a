/** Server-sent events: what comes, to how many, and what becomes of those who do not read. Sockets are real, clocks are not. */
import { get, type IncomingHttpHeaders, type IncomingMessage } from 'node:http';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Update } from '../../src/web/page/live.ts';
import type { Overview } from '../../src/web/page/overview.ts';
import type { Source } from '../../src/web/routes.ts';
import { type ServerOptions, startServer, type WebServer } from '../../src/web/server.ts';
import { DEFAULT_STREAM_OPTIONS, type StreamOptions } from '../../src/web/stream.ts';
import { ask } from '../support/http.ts';
import { snapshotOf } from '../support/snapshots.ts';

const { setTimeout: really } = globalThis;
/** Lets sockets do their work. */
const sleep = (ms: number) => new Promise((resolve) => really(resolve, ms));
/** Lets time pass, of everything but sockets. */
const pass = (ms: number) => vi.advanceTimersByTime(ms);

const servers: WebServer[] = [];
const clients: Client[] = [];
let taken = 0;
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'performance'] });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.leave();
  await Promise.all(servers.splice(0).map((server) => server.close()));
  vi.useRealTimers();
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
  /** Those that have come whole. */
  readonly events: Event[] = [];
  headers: IncomingHttpHeaders = {};
  retry: string | undefined;
  ended = false;
  readonly #request;
  #response: IncomingMessage | null = null;
  #reads: boolean;
  #rest = '';

  constructor(server: WebServer, path = '/api/v1/stream', headers: Record<string, string> = {}, reads = true) {
    this.#reads = reads;
    this.#request = get(`${server.url}${path}`, { agent: false, headers }, (response) => {
      this.#response = response;
      this.headers = response.headers;
      response.setEncoding('utf8').on('data', (text: string) => this.#take(text));
      if (!this.#reads) response.pause();
    });
    this.#request.on('error', () => undefined).once('close', () => (this.ended = true));
    clients.push(this);
  }

  get overviews(): Overview[] {
    return this.#messages.map((data) => JSON.parse(data) as Overview);
  }

  /** Of the page's stream. */
  get updates(): Update[] {
    return this.#messages.map((data) => JSON.parse(data) as Update);
  }

  pause(): void {
    this.#reads = false;
    this.#response?.pause();
  }

  resume(): void {
    this.#reads = true;
    this.#response?.resume();
  }

  leave(): void {
    this.#request.destroy();
  }

  get #messages(): string[] {
    return this.events.filter(({ event }) => event === 'message').map(({ data }) => data);
  }

  #take(text: string): void {
    const blocks = `${this.#rest}${text}`.split('\n\n');
    this.#rest = blocks.pop() ?? '';
    for (const block of blocks) {
      const field = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(block)?.[1];
      const data = field('data');
      this.retry ??= field('retry');
      if (data !== undefined) this.events.push({ id: field('id'), event: field('event') ?? 'message', data });
    }
  }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = Date.now() + 50_000;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not so after 50 s: ${condition.toString()}`);
    await sleep(2);
  }
}

/** A second passes, and all have one event more. */
async function second(...watching: readonly Client[]): Promise<void> {
  const before = watching.map(({ events }) => events.length);
  pass(1000);
  await until(() => watching.every(({ events }, i) => events.length > (before[i] ?? 0)));
}

const first = (...watching: readonly Client[]) => until(() => watching.every(({ events }) => events.length > 0));

describe('a stream', () => {
  test('begins at once, goes on every second, and numbers what it sends', async () => {
    const client = new Client(await serve());
    await first(client);
    pass(999);
    expect(taken).toBe(1);
    pass(1);
    await until(() => client.events.length === 2);
    await second(client);
    expect(client.headers['content-type']).toBe('text/event-stream; charset=utf-8');
    expect(client.retry).toBe('2000');
    expect(client.overviews.map(({ schema, boottime }) => [schema, boottime])).toEqual(
      [1000, 1001, 1002].map((boottime) => ['spillway.overview/1', boottime]),
    );
    expect(client.events.map(({ id }) => id?.split('-')[1])).toEqual(['1', '2', '3']);
  });

  test('costs one snapshot a second, however many watch, and none when nobody does', async () => {
    const server = await serve();
    const watching = Array.from(
      { length: 20 },
      (_, i) => new Client(server, i % 2 === 0 ? '/api/v1/stream' : '/page/stream'),
    );
    await until(() => watching.every((client) => client.headers['content-type'] !== undefined));
    await until(() => watching.some(({ events }) => events.length > 0));
    for (let i = 0; i < 5; i++) await second(...watching);
    expect(taken).toBe(6);
    for (const client of watching) client.leave();
    // that somebody has gone is seen when the next message cannot be sent
    let before = -1;
    while (taken !== before) {
      before = taken;
      pass(1000);
      await sleep(50);
    }
    pass(100_000);
    expect(taken).toBe(before);
  });

  test('takes no snapshot of its own while it is given some', async () => {
    const server = await serve();
    server.observe(snapshotOf({ boottime: 5 }));
    const client = new Client(server);
    await first(client);
    for (let i = 0; i < 20; i++) {
      server.observe(snapshotOf({ boottime: 7 }));
      pass(250);
    }
    await until(() => client.overviews.filter(({ boottime }) => boottime === 7).length >= 20);
    // the first, so that nobody has to wait
    expect(taken).toBe(1);
    pass(3000);
    expect(taken).toBeGreaterThan(1);
  });

  test('gives who joins what the others have, unless they have it already', async () => {
    const server = await serve();
    const one = new Client(server);
    await first(one);
    const id = one.events[0]?.id ?? '';
    const [joins, returns] = [new Client(server), new Client(server, '/api/v1/stream', { 'last-event-id': id })];
    await until(() => joins.events.length === 1 && returns.retry !== undefined);
    await second(joins, returns);
    expect(joins.events.map((event) => event.id?.split('-')[1])).toEqual(['1', '2']);
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
    await first(client);
    expect(client.events[0]).toEqual({
      id: undefined,
      event: 'failure',
      data: 'reading the kernel tables: map is closed',
    });
    works = true;
    await second(client);
    expect(client.overviews).toHaveLength(1);
  });

  test('beats while there is nothing to say, so that it is not taken for dead', async () => {
    const client = new Client(await serve({ beat: 5000 }, { idleTimeout: 300 }, { ready: () => false }));
    await until(() => client.retry !== undefined);
    // three times what a connection may be idle
    const end = Date.now() + 900;
    let beats = 0;
    while (Date.now() < end) {
      pass(5000);
      beats++;
      await sleep(20);
    }
    await until(() => client.events.length === beats);
    expect(client.events.every(({ event }) => event === 'beat')).toBe(true);
    expect(client.ended).toBe(false);
    expect(taken).toBe(0);
  });

  test('ends after a while, so that who listens is asked for its password again', async () => {
    const client = new Client(await serve({ longest: 60_000 }));
    await first(client);
    for (let i = 0; i < 59; i++) await second(client);
    expect(client.ended).toBe(false);
    pass(1000);
    await until(() => client.ended);
  });

  test('ends at once with the server', async () => {
    const server = await serve({}, { closeGrace: 20_000 });
    const client = new Client(server);
    await first(client);
    // of which nothing passes
    await server.close();
    await until(() => client.ended);
  });
});

describe('the stream of the page', () => {
  test('is all at first, then what changed since the message before; who joins gets all', async () => {
    const server = await serve(
      {},
      {},
      { snapshot: () => snapshotOf({ boottime: 1000 + taken++, processes: [busy()] }) },
    );
    const client = new Client(server, '/page/stream');
    await first(client);
    await second(client);
    const joins = new Client(server, '/page/stream');
    await first(joins);
    await second(client, joins);
    const ids = client.events.map(({ id }) => id);
    expect(client.updates.map(({ after }) => after)).toEqual([undefined, ids[0], ids[1]]);
    expect(joins.updates.map(({ after }) => after)).toEqual([undefined, ids[1]]);
    expect(joins.events.map(({ id }) => id)).toEqual([ids[1], ids[2]]);
    expect(joins.events[1]).toEqual(client.events[2]);
    const [whole, change] = joins.updates;
    expect(whole?.parts.length).toBe(11);
    // what the agent takes is its own
    expect(change?.parts.map(([id]) => id).filter((id) => id !== 'cost')).toEqual(['now', 'workloads', 'mechanisms']);
  });

  test('goes on for who comes back with the last message, and is all for who comes with another', async () => {
    const server = await serve();
    const client = new Client(server, '/page/stream');
    await first(client);
    const back = (id: string) => new Client(server, '/page/stream', { 'last-event-id': id });
    const [knows, strange] = [back(client.events[0]?.id ?? ''), back('1-1')];
    await until(() => knows.retry !== undefined && strange.events.length === 1);
    await second(client, knows, strange);
    expect(knows.updates.map(({ after }) => after)).toEqual([client.events[0]?.id]);
    expect(strange.updates.map(({ after }) => after)).toEqual([undefined, client.events[0]?.id]);
  });

  test('is all for who comes when nobody else has watched for a while, whatever it says that it has', async () => {
    const server = await serve();
    const client = new Client(server, '/page/stream');
    await first(client);
    const id = client.events[0]?.id ?? '';
    client.leave();
    let before = -1;
    while (taken !== before) {
      before = taken;
      pass(1000);
      await sleep(50);
    }
    const back = new Client(server, '/page/stream', { 'last-event-id': id });
    await first(back);
    expect(back.updates[0]?.after).toBeUndefined();
  });

  test('is all again for who has missed something', async () => {
    const server = await serve({ patience: 60_000 }, {}, { snapshot: () => large(1) });
    const [late, reads] = [new Client(server, '/page/stream'), new Client(server, '/page/stream')];
    await first(late, reads);
    late.pause();
    for (let i = 2; i <= 25; i++) {
      // each time all of it changes
      server.observe(large(i));
      await until(() => reads.events.length === i);
    }
    late.resume();
    await until(() => late.events.at(-1)?.id === reads.events.at(-1)?.id);
    expect(late.events.length).toBeLessThan(25);
    late.updates.forEach(({ after }, i) => {
      const missed = Number(late.events[i]?.id?.split('-')[1]) - Number(late.events[i - 1]?.id?.split('-')[1] ?? 0) > 1;
      expect(after).toBe(i === 0 || missed ? undefined : late.events[i - 1]?.id);
    });
    expect(late.updates.slice(1).filter(({ after }) => after === undefined)).toHaveLength(1);
    expect(reads.updates.filter(({ after }) => after === undefined)).toHaveLength(1);
  });
});

describe('too many, or too slow', () => {
  test('one too many ends that of the client that has most, and another comes in', async () => {
    const server = await serve({ most: 2 });
    const [one, two] = [new Client(server), new Client(server)];
    await first(one, two);
    const three = new Client(server, '/page/stream');
    await until(() => one.ended);
    await second(two, three);
    expect([two.ended, three.ended]).toEqual([false, false]);
  });

  test('who does not read is cut, holds one message at most, and keeps nobody else waiting', async () => {
    const server = await serve({ patience: 10_000 }, {}, { snapshot: () => large(0) });
    const slow = new Client(server, '/api/v1/stream', {}, false);
    const reads = new Client(server);
    await first(reads);
    for (let i = 1; i <= 25; i++) {
      server.observe(large(i));
      await until(() => reads.events.length === i + 1);
    }
    pass(9999);
    await sleep(20);
    expect(slow.ended).toBe(false);
    pass(1);
    slow.resume();
    await until(() => slow.ended);
    // what the kernel had taken for it, and the one message that was under way
    expect(slow.events.length).toBeLessThan(25);
    await second(reads);
    expect(reads.ended).toBe(false);
  });

  test('who reads late goes on with the newest', async () => {
    const server = await serve({ patience: 60_000, beat: 50 }, {}, { snapshot: () => large(0) });
    const [client, reads] = [new Client(server), new Client(server)];
    await first(client, reads);
    client.pause();
    for (let i = 1; i <= 30; i++) {
      server.observe(large(i));
      await until(() => reads.events.length === i + 1);
    }
    // that all is well is no reason to forget it
    pass(50);
    client.resume();
    await until(() => client.overviews.at(-1)?.boottime === 2030);
    expect(client.events.length).toBeLessThan(30);
  });
});

const busy = () => ({ pid: 1, comm: 'a', counters: { sendfile: { zerocopy: taken } } });

/** A message of about a megabyte, all of which is another each time. */
const large = (of: number): Snapshot =>
  snapshotOf({
    boottime: 2000 + of,
    programs: Array.from({ length: 100 }, (_, i) => ({
      name: `p${String(i)}`,
      hook: String.fromCharCode(97 + (of % 26)).repeat(10_000),
      state: 'attached' as const,
      reason: '',
      missedRuns: 0,
      runs: 0,
      runSeconds: 0,
    })),
  });

describe('asked for', () => {
  test('HEAD is answered without a body, and listens to nothing', async () => {
    const server = await serve();
    const { status, headers, body } = await ask(server, '/api/v1/stream', 'HEAD');
    expect([status, headers['content-type'], body.length]).toEqual([200, 'text/event-stream; charset=utf-8', 0]);
    pass(5000);
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
