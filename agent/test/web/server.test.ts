import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { SpillwayError } from '../../src/model/errors.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import type { Source } from '../../src/web/routes.ts';
import { type ServerOptions, startServer, type WebServer } from '../../src/web/server.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { ask } from '../support/http.ts';
import { programOf, snapshotOf } from '../support/snapshots.ts';

const snapshot = snapshotOf({
  processes: [{ pid: 7, comm: 'nginx', counters: { sendfile: { zerocopy: 3, bytes: 30 } } }],
  programs: [programOf(), programOf({ name: 'tee_exit', state: 'unavailable', reason: 'no <such> tracepoint' })],
});

const servers: WebServer[] = [];
const logged: string[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  logged.length = 0;
});

async function serve(source: Partial<Source> = {}, options: Partial<ServerOptions> = {}, signal?: AbortSignal) {
  const whole: Source = {
    snapshot: () => snapshot,
    ready: () => true,
    build: { version: '0.1.0', revision: 'abc', kernel: '6.18<&>' },
    log: (level, message) => logged.push(`${level} ${message}`),
    ...source,
  };
  const server = await startServer(whole, { port: 0, ...options }, signal);
  servers.push(server);
  return server;
}

/** Writes bytes to a new connection and gives back all that comes until it ends. */
async function raw(server: WebServer, bytes: string): Promise<string> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.write(bytes);
  await once(socket, 'close');
  return answer;
}

describe('/metrics', () => {
  test('is text 0.0.4, with the counts and the agent itself', async () => {
    const { status, headers, body } = await ask(await serve(), '/metrics');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(headers['content-length']).toBe(String(body.length));
    expect(headers.vary).toBe('Accept-Encoding');
    expect(headers['content-encoding']).toBeUndefined();
    const families = parseExposition(body.toString());
    expect([...seriesOf(families, 'spillway_workload_attempts_total').values()]).toEqual([3]);
    expect([...seriesOf(families, 'spillway_collection_success').values()]).toEqual([1]);
    expect(families.has('process_resident_memory_bytes')).toBe(true);
  });

  test('what it is made of is given back once it is written, also where it cannot be', async () => {
    const released: Snapshot[] = [];
    const source: Partial<Source> = {
      snapshot: () => snapshotOf({ flows: [{ src: '10.0.0.1', dst: '10.0.0.2', counts: { zerocopy: 3 } }] }),
      release: (done) => {
        released.push(done);
        (done.flows[0].counts.buffer as ArrayBuffer).transfer(0);
      },
    };
    const server = await serve(source);
    const { body } = await ask(server, '/metrics');
    expect(body.toString()).toMatch(/^spillway_flow_attempts_total\{src="10\.0\.0\.1",.*\} 3$/m);
    expect((await ask(server, '/api/v1/snapshot')).body.toString()).toContain('"attempts":3');
    expect(released.length).toBe(2);
    const alerts = () => {
      throw new Error('no');
    };
    expect((await ask(await serve({ ...source, alerts }), '/metrics')).status).toBe(500);
    expect(new Set(released).size).toBe(3);
  });

  test.each(['gzip', 'deflate, GZIP;q=0.5', '*', 'br;q=1, gzip; q=0.1'])('is compressed for %j', async (accept) => {
    const { headers, body } = await ask(await serve(), '/metrics', 'GET', { 'accept-encoding': accept });
    expect(headers['content-encoding']).toBe('gzip');
    expect(headers['content-length']).toBe(String(body.length));
    expect(gunzipSync(body).toString()).toContain(
      'spillway_attempts_total{mechanism="sendfile",outcome="zerocopy"} 3\n',
    );
  });

  test.each(['', 'identity', 'gzip;q=0', 'br', '*;q=0', 'gzip;q=0, *'])('is not compressed for %j', async (accept) => {
    const { headers } = await ask(await serve(), '/metrics', 'GET', { 'accept-encoding': accept });
    expect(headers['content-encoding']).toBeUndefined();
  });

  test('of a failed collection is 500, says so and why in the log', async () => {
    const server = await serve({
      snapshot() {
        throw new Error('map is closed');
      },
    });
    const { status, headers, body } = await ask(server, '/metrics');
    expect(status).toBe(500);
    expect(headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect([...seriesOf(parseExposition(body.toString()), 'spillway_collection_success').values()]).toEqual([0]);
    expect(logged).toEqual(['error reading the kernel tables: map is closed']);
  });

  test('asked for by several at a time is collected once, and anew afterwards', async () => {
    let collections = 0;
    const first = Promise.withResolvers<Snapshot>();
    const server = await serve({
      snapshot() {
        collections++;
        return first.promise;
      },
    });
    const answers = [1, 2, 3].map(() => ask(server, '/metrics'));
    await sleep(50);
    first.resolve(snapshot);
    const bodies = new Set((await Promise.all(answers)).map(({ body }) => body.toString()));
    expect(bodies.size).toBe(1);
    expect(collections).toBe(1);
    await ask(server, '/metrics');
    expect(collections).toBe(2);
  });
});

describe('the other pages', () => {
  test('/ says what is attached and what is not, and escapes what it shows', async () => {
    const { status, headers, body } = await ask(await serve(), '/');
    const page = body.toString();
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('text/html; charset=utf-8');
    expect(headers['content-security-policy']).toContain("default-src 'none'");
    expect(page).toContain('<html lang="en">');
    expect(page).toContain('kernel 6.18&lt;&amp;&gt;');
    expect(page).toContain('1 program attached, <a class="warning" href="#programs">1 could not be');
    expect(page).toContain('no &lt;such&gt; tracepoint');
    for (const path of ['/metrics', '/api/v1/snapshot', '/api/v1/stream', '/-/healthy', '/-/ready'])
      expect(page).toContain(`href="${path}"`);
  });

  test('/ before anything is attached says so, and asks nothing of the kernel', async () => {
    const server = await serve({
      ready: () => false,
      snapshot() {
        throw new Error('not yet');
      },
    });
    const { status, body } = await ask(server, '/');
    expect(status).toBe(200);
    expect(body.toString()).toContain('Not ready yet: programs are being attached.');
    expect(logged).toEqual([]);
  });

  test('/ of a failed collection is 500 and says why', async () => {
    const server = await serve({
      snapshot() {
        throw new Error('map is closed');
      },
    });
    const { status, text } = await ask(server, '/');
    expect([status, text]).toEqual([500, 'reading the kernel tables: map is closed\n']);
  });

  test('what the page loads is there, and is of the type that the page needs', async () => {
    const server = await serve();
    const page = (await ask(server, '/')).text;
    const types = {
      '/page/style.css': 'text/css',
      '/page/live.js': 'text/javascript',
      '/page/icon.svg': 'image/svg+xml',
    };
    for (const [path, type] of Object.entries(types)) {
      const { status, headers } = await ask(server, path);
      expect([status, headers['content-type']?.split(';')[0]]).toEqual([200, type]);
      expect(page).toContain(`"${path}"`);
    }
  });

  test('/-/healthy is 200 also while nothing is attached; /-/ready is 503 until it is', async () => {
    let ready = false;
    const server = await serve({ ready: () => ready });
    expect((await ask(server, '/-/healthy')).status).toBe(200);
    expect((await ask(server, '/-/ready')).status).toBe(503);
    ready = true;
    expect((await ask(server, '/-/ready')).status).toBe(200);
  });

  test('/api/v1/snapshot is JSON with a schema', async () => {
    const { status, headers, body } = await ask(await serve(), '/api/v1/snapshot');
    expect(status).toBe(200);
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(body.toString())).toMatchObject({
      schema: 'spillway.snapshot/1',
      mechanisms: { sendfile: { attempts: 3, bytes: 30 } },
      processes: [{ pid: 7, comm: 'nginx', attempts: 3 }],
    });
  });
});

describe('requests', () => {
  test.each(['/', '/page/live.js', '/metrics', '/api/v1/snapshot', '/-/healthy', '/-/ready'])(
    'HEAD %s is GET without the body',
    async (path) => {
      const server = await serve();
      const [head, get] = [await ask(server, path, 'HEAD'), await ask(server, path)];
      expect(head.body.length).toBe(0);
      expect(head.status).toBe(get.status);
      expect(head.headers['content-type']).toBe(get.headers['content-type']);
      expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
    },
  );

  test.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE'])('%s is 405 and says what is allowed', async (method) => {
    const { status, headers } = await ask(await serve(), '/metrics', method);
    expect(status).toBe(405);
    expect(headers.allow).toBe('GET, HEAD');
  });

  test.each(['/metric', '/metrics/', '//metrics', '/../metrics', '/constructor', '/%2e'])('%s is 404', async (path) => {
    expect((await ask(await serve(), path)).status).toBe(404);
  });

  test('a query changes nothing', async () => {
    expect((await ask(await serve(), '/-/healthy?a=b#c')).status).toBe(200);
  });

  test('every answer forbids to guess its type and to keep it', async () => {
    const server = await serve();
    for (const path of ['/', '/metrics', '/nowhere']) {
      const { headers } = await ask(server, path);
      expect([headers['x-content-type-options'], headers['cache-control']]).toEqual(['nosniff', 'no-store']);
    }
  });

  test('what is no HTTP is 400, and the server goes on', async () => {
    const server = await serve();
    expect(await raw(server, 'hello\r\n\r\n')).toMatch(/^HTTP\/1.1 400 /);
    expect((await ask(server, '/-/healthy')).status).toBe(200);
  });

  test('headers of more than 8 KiB are 431', async () => {
    const server = await serve();
    expect(await raw(server, `GET / HTTP/1.1\r\nhost: a\r\nx: ${'y'.repeat(9000)}\r\n\r\n`)).toMatch(/^HTTP\/1.1 431 /);
  });

  test('a client that does not finish its headers is cut', async () => {
    const server = await serve({}, { headersTimeout: 100, requestTimeout: 200 });
    expect(await raw(server, 'GET /metrics HTTP/1.1\r\nhost: a\r\n')).toMatch(/^HTTP\/1.1 408 /);
  });

  test('a client that does not read its answer is cut', async () => {
    const many = snapshotOf({
      processes: Array.from({ length: 5_000 }, (_, pid) => ({
        pid,
        comm: 'x'.repeat(15),
        counters: { tee: { copied: 1 } },
      })),
    });
    const server = await serve({ snapshot: () => many }, { idleTimeout: 200 });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname).pause();
    socket.on('error', () => undefined);
    const requests = 'GET /api/v1/snapshot HTTP/1.1\r\nhost: a\r\n\r\n'.repeat(40);
    socket.write(requests);
    // until something is there to be read: making it may take long
    await once(socket, 'readable');
    await sleep(1500);
    let bytes = 0;
    socket.on('data', (chunk) => (bytes += chunk.length)).resume();
    await once(socket, 'close');
    const whole = (await ask(server, '/api/v1/snapshot')).body.length;
    expect(bytes).toBeLessThan(40 * whole);
  });
});

describe('listening', () => {
  test('a port in use is told with what to do', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    await once(other, 'listening');
    const { port } = other.address() as AddressInfo;
    const error = await serve({}, { port }).catch((caught: unknown) => caught);
    other.close();
    expect(error).toBeInstanceOf(SpillwayError);
    expect(error).toMatchObject({ code: 'PORT_IN_USE', cause: { code: 'EADDRINUSE' } });
    expect(String(error)).toContain(`listen on 127.0.0.1:${String(port)}: EADDRINUSE`);
    expect(String(error)).toContain(`ss -ltnp sport = :${String(port)}`);
  });

  test('an address of another host is told as such', async () => {
    await expect(serve({}, { host: '192.0.2.1' })).rejects.toMatchObject({ code: 'CANNOT_LISTEN' });
  });

  test('on IPv6 the URL has brackets', async () => {
    const server = await serve({}, { host: '::1' });
    expect(server.url).toMatch(/^http:\/\/\[::1\]:\d+$/);
  });
});

describe('closing', () => {
  test('any number of times, and then nothing listens', async () => {
    const server = await serve();
    await Promise.all([server.close(), server.close()]);
    await server.close();
    await expect(ask(server, '/-/healthy')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
  });

  test('ends idle connections at once', async () => {
    const server = await serve({}, { closeGrace: 60_000 });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    socket.write('GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n');
    await once(socket, 'data');
    const closed = once(socket, 'close');
    await server.close();
    await closed;
  });

  test('waits for an answer under way, and keeps no connection for another', async () => {
    const late = Promise.withResolvers<Snapshot>();
    const server = await serve({ snapshot: () => late.promise }, { closeGrace: 60_000 });
    const { hostname, port } = new URL(server.url);
    const socket = connect(Number(port), hostname);
    let answer = '';
    socket.on('data', (chunk) => (answer += chunk.toString()));
    socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\n\r\n');
    await sleep(50);
    const closed = once(socket, 'close');
    const closing = server.close();
    let closedAgain = false;
    void server.close().then(() => (closedAgain = true));
    await sleep(20);
    expect(closedAgain).toBe(false);
    late.resolve(snapshot);
    await closing;
    await closed;
    expect(answer).toMatch(/^HTTP\/1.1 200 OK/);
    expect(answer.toLowerCase()).toContain('connection: close');
    expect(answer).toContain('process_start_time_seconds');
  });

  test('does not wait for an answer that never comes', async () => {
    const server = await serve({ snapshot: () => new Promise<Snapshot>(() => undefined) }, { closeGrace: 50 });
    const hanging = ask(server, '/metrics').catch((error: unknown) => error);
    await sleep(50);
    const start = performance.now();
    await server.close();
    expect(performance.now() - start).toBeLessThan(2000);
    expect(await hanging).toMatchObject({ code: 'ECONNRESET' });
  });

  test('comes with the signal that owns the server, also when that came first', async () => {
    const controller = new AbortController();
    const server = await serve({}, {}, controller.signal);
    controller.abort();
    await sleep(20);
    await expect(ask(server, '/-/healthy')).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    await expect(serve({}, {}, controller.signal)).rejects.toMatchObject({ name: 'AbortError' });
    const other = new AbortController();
    const starting = serve({}, {}, other.signal);
    other.abort();
    await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
  });
});
