/** Scrapes that are long: everything else goes on while they are made and sent. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { gunzipSync } from 'node:zlib';
import { afterEach, describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS, Exporter } from '../../src/metrics/index.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { stepwise } from '../../src/web/shared.ts';
import { startServer, type WebServer } from '../../src/web/server.ts';
import { manyFlows } from '../support/flows.ts';
import { ask } from '../support/http.ts';

/** A hundred thousand series: more bytes than the kernel keeps for a connection. */
const FLOWS = 50_000;
const FEW = 3000;
const build = { version: '', revision: '', kernel: '' };
const limits = { ...DEFAULT_LIMITS, flows: FLOWS };

const servers: WebServer[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.close())));

async function serve(snapshot: () => Snapshot): Promise<WebServer> {
  const source = { snapshot, ready: () => true, build, log: () => undefined };
  const server = await startServer(source, { port: 0, limits, idleTimeout: 600_000 });
  servers.push(server);
  return server;
}

/** The series of flows: the rest tells of the agent, and differs from scrape to scrape. */
const flowsOf = (text: string) => text.split('\n').filter((line) => line.startsWith('spillway_flow_'));
const attemptsOf = (text: string) => new Set(flowsOf(text).map((line) => line.replace(/.* /, '')));

test('the event loop turns once for each step', async () => {
  const steps = () => new Exporter(build, limits).steps(manyFlows(FLOWS), { seconds: 0, success: true }, undefined, '');
  let number = 0;
  for (const step = steps(); step.next().done !== true; number++);
  expect(number).toBeGreaterThan(20);
  let turns = 0;
  let ended = false;
  const turn = () => {
    turns++;
    if (!ended) setImmediate(turn);
  };
  setImmediate(turn);
  await stepwise(steps());
  ended = true;
  expect(turns).toBeGreaterThanOrEqual(number);
});

describe('a scrape', () => {
  test('of a hundred thousand series comes whole, with their length, compressed or not, and HEAD tells the same', async () => {
    const server = await serve(() => manyFlows(FLOWS, 3));
    for (const encoding of ['identity', 'gzip']) {
      const { headers, body } = await ask(server, '/metrics', 'GET', { 'accept-encoding': encoding });
      expect(headers['content-length']).toBe(String(body.length));
      const text = (encoding === 'gzip' ? gunzipSync(body) : body).toString();
      expect(flowsOf(text).length).toBe(2 * FLOWS);
      expect(text.endsWith('\n')).toBe(true);
    }
    const head = await ask(server, '/metrics', 'HEAD');
    expect([head.status, head.body.length]).toEqual([200, 0]);
    expect(Number(head.headers['content-length'])).toBeGreaterThan(100 * FLOWS);
  });

  test('is made once for two who ask at a time, and each gets what it accepts', async () => {
    let collections = 0;
    const server = await serve(() => manyFlows(FEW, ++collections));
    const [plain, gzip] = await Promise.all([
      ask(server, '/metrics'),
      ask(server, '/metrics', 'GET', { 'accept-encoding': 'gzip' }),
    ]);
    expect(collections).toBe(1);
    expect(gunzipSync(gzip.body).equals(plain.body)).toBe(true);
  });

  test('is what it was for a client that reads late, however many scrapes came meanwhile', async () => {
    let attempts = 1;
    const server = await serve(() => manyFlows(FLOWS, attempts++));
    const slow = await asking(server);
    await once(slow, 'readable');
    for (let scrape = 0; scrape < 3; scrape++)
      expect(flowsOf((await ask(server, '/metrics')).text).length).toBe(2 * FLOWS);
    const chunks: Buffer[] = [];
    slow.on('data', (chunk: Buffer) => chunks.push(chunk));
    await once(slow, 'close');
    const [head = '', body = ''] = Buffer.concat(chunks).toString().split('\r\n\r\n');
    expect(head).toContain(`content-length: ${String(Buffer.byteLength(body))}`);
    const lines = flowsOf(body).filter((line) => line.includes('_attempts_total'));
    expect(lines.length).toBe(FLOWS);
    expect(attemptsOf(lines.join('\n'))).toEqual(new Set(['1']));
  });

  test('goes on for the others when a client goes away, before or in the middle of its answer', async () => {
    let asked = Promise.withResolvers<undefined>();
    const server = await serve(() => {
      asked.resolve(undefined);
      return manyFlows(FEW, 5);
    });
    const early = await asking(server);
    await asked.promise;
    const other = ask(server, '/metrics');
    early.destroy();
    expect(flowsOf((await other).text).length).toBe(2 * FEW);
    asked = Promise.withResolvers();
    const middle = await asking(server);
    await once(middle, 'readable');
    middle.destroy();
    expect(flowsOf((await ask(server, '/metrics')).text).length).toBe(2 * FEW);
  });
});

/** A client that has asked and reads nothing yet. */
async function asking(server: WebServer) {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname).pause();
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  socket.write('GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
  return socket;
}
