/** Requests of any bytes: each is answered with HTTP or cut off, nobody else notices, and nothing of them is logged raw. */
import { once } from 'node:events';
import { connect } from 'node:net';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { startServer } from '../../src/web/server.ts';
import { ask } from '../support/http.ts';
import { snapshotOf } from '../support/snapshots.ts';
import { changedBytes, runs } from './support.ts';

const SEED = Buffer.from(
  'GET /metrics HTTP/1.1\r\nHost: a\r\nAccept-Encoding: gzip;q=0.5, *;q=0\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
);

const method = fc.constantFrom(
  'GET',
  'GET',
  'GET',
  'GET',
  'HEAD',
  'DELETE',
  'POST',
  'PUT',
  'OPTIONS',
  'TRACE',
  'CONNECT',
  'get',
  'X',
  '',
);
const path = fc.oneof(
  fc.constantFrom('/', '/metrics', '/-/ready', '/-/reload'),
  fc.constantFrom(
    '/',
    '/metrics',
    '/api/v1/snapshot',
    '/api/v1/alerts',
    '/-/ready',
    '/-/reload',
    '*',
    '//',
    '/../etc/passwd',
    '/%2e%2e/x',
    'http://a/metrics',
  ),
  fc.stringMatching(/^\/[!-~]{0,30}$/),
  fc.constant(`/${'a'.repeat(9000)}`),
);
const header = fc.oneof(
  fc.constantFrom(
    'Host: a',
    'Host: a\r\nHost: b',
    'Expect: 100-continue',
    'Upgrade: h2c',
    'Transfer-Encoding: chunked',
    'Transfer-Encoding: x',
    'Content-Length: 5',
    'Content-Length: -1',
  ),
  fc.constantFrom(
    'Accept-Encoding: gzip',
    'Accept-Encoding: ;;;q=,,gzip;q=NaN',
    `X: ${'a'.repeat(9000)}`,
    'Origin: x',
    'Range: bytes=0-1',
    ': x',
    ' folded',
    'Connection: upgrade',
  ),
  fc.stringMatching(/^[a-z]{1,8}: [ -~]{0,20}$/),
);
const request = fc.oneof(
  fc.constant(SEED),
  changedBytes(SEED),
  fc
    .tuple(
      method,
      path,
      fc.constantFrom('HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0', 'HTTP/2.0', 'HTTP/9', ''),
      fc.array(header, { maxLength: 2 }),
      fc.oneof(fc.constant(''), fc.string({ maxLength: 20 })),
    )
    .map(([verb, where, version, headers, body]) =>
      Buffer.from([`${verb} ${where} ${version}`, 'Host: b', 'Connection: close', ...headers, '', body].join('\r\n')),
    ),
  fc.array(fc.constant(SEED.subarray(0, -23)), { maxLength: 5 }).map((list) => Buffer.concat(list)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
);

it('any bytes are answered or cut off', async () => {
  const logged: string[] = [];
  const server = await startServer(
    {
      snapshot: () => snapshotOf({}),
      ready: () => true,
      reload: () => Promise.resolve([]),
      build: { version: '1', revision: 'a', kernel: '6' },
      log: (_, message) => void logged.push(message),
    },
    { port: 0, headersTimeout: 1000, requestTimeout: 1000, idleTimeout: 1000 },
  );
  const { hostname, port } = new URL(server.url);
  const statuses = new Set<number>();
  await fc.assert(
    fc.asyncProperty(request, async (bytes) => {
      const socket = connect(Number(port), hostname);
      const chunks: Buffer[] = [];
      socket.on('data', (chunk: Buffer) => chunks.push(chunk));
      socket.on('error', () => undefined);
      socket.write(bytes);
      // one that waits for more is not kept waiting; half a connection is closed at once, before it is answered
      const end = setTimeout(() => socket.end(), 50);
      await once(socket, 'close');
      clearTimeout(end);
      const answer = Buffer.concat(chunks).toString('latin1');
      if (answer === '') return;
      const status = /^HTTP\/1\.1 (\d{3}) [A-Za-z -]+\r\n/.exec(answer)?.[1];
      expect(answer.slice(0, 40)).toMatch(/^HTTP\/1\.1 \d{3} /);
      statuses.add(Number(status));
    }),
    runs(300),
  );
  expect([...statuses]).toEqual(expect.arrayContaining([200, 400, 404, 405, 431]));
  expect([...statuses].filter((status) => status >= 500)).toEqual([]);
  expect((await ask(server, '/-/healthy')).status).toBe(200);
  expect(logged).toEqual([]);
  await server.close();
});
