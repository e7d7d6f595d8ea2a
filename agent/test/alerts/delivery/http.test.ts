import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify, inspect } from 'node:util';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { newPost, parseUrl, type PostError, type PostOptions } from '../../../src/alerts/http.ts';
import { FakeServer, type Reply, selfSigned, startPlain, startProxy, status } from './servers.ts';

const directory = mkdtempSync(join(tmpdir(), 'spillway-http-'));
const tls = selfSigned(directory);
afterAll(() => rmSync(directory, { recursive: true }));

const closing: (() => void)[] = [];
afterEach(() => {
  for (const close of closing.splice(0)) close();
});

async function server(replies: readonly Reply[], secure = false): Promise<FakeServer> {
  const started = await new FakeServer(replies, secure ? tls : undefined).listen();
  closing.push(() => started.close());
  return started;
}

const never = new AbortController().signal;
const SECRET = 'body-with-a-secret';

/** The answer, or what went wrong: `timeout, left: no answer …`. */
async function posted(url: string, options: PostOptions = {}, signal = never) {
  const post = newPost({ timeoutMs: 30_000, ...options });
  try {
    return await post({ url, headers: { 'content-type': 'application/json' }, body: SECRET }, signal);
  } catch (error) {
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain(SECRET);
    const { reason, left, message } = error as PostError;
    return `${reason}, ${left ? 'left' : 'not left'}: ${message}`;
  }
}

describe('a request', () => {
  it('is a POST with its headers and its body, on a connection of its own', async () => {
    const { url, received } = await server([status(202, 'thanks', { 'retry-after': '7' })]);
    expect(await posted(`${url}/v2/enqueue?x=1`)).toEqual({ status: 202, retryAfter: '7', body: 'thanks' });
    expect(received).toHaveLength(1);
    expect(received[0]).toMatchObject({
      method: 'POST',
      path: '/v2/enqueue?x=1',
      headers: { 'content-type': 'application/json', 'content-length': String(SECRET.length), connection: 'close' },
      body: SECRET,
    });
  });

  it('counts bytes, not characters', async () => {
    const { url, received } = await server([status(200)]);
    await newPost()({ url, headers: {}, body: 'é…😀' }, never);
    expect(received[0]?.body).toBe('é…😀');
  });

  it('does not follow a redirect', async () => {
    const elsewhere = await server([status(200)]);
    const { url } = await server([status(307, '', { location: elsewhere.url })]);
    expect(await posted(url)).toMatchObject({ status: 307 });
    expect(elsewhere.received).toEqual([]);
  });
});

describe('an answer', () => {
  it('is read up to 64 KiB, and no further', async () => {
    let stopped = false;
    const { url } = await server([
      (response, socket) => {
        response.writeHead(500);
        socket.on('close', () => (stopped = true));
        const more = () => {
          while (!stopped && response.write('x'.repeat(10_000)));
          if (!stopped) response.once('drain', more);
        };
        more();
      },
    ]);
    // the server never ends: only the limit does
    const answer = await posted(url, { timeoutMs: 60_000 });
    expect(answer).toMatchObject({ status: 500 });
    expect((answer as { body: string }).body).toBe('x'.repeat(65_536));
    await expect.poll(() => stopped).toBe(true);
  });

  it.each<[string, Reply, string]>([
    ['closed before it', (_response, socket) => socket.destroy(), 'network, left: ECONNRESET'],
    ['reset before it', (_response, socket) => socket.resetAndDestroy(), 'network, left: ECONNRESET'],
    ['garbage', (_response, socket) => socket.end('SMTP ready\r\n\r\n'), 'network, left: HPE_INVALID_CONSTANT'],
    ['half of its head', (_response, socket) => socket.end('HTTP/1.1 202 Acc'), 'network, left: ECONNRESET'],
    ['none', () => undefined, 'timeout, left: no answer within 0.3 s'],
    [
      'its head drop by drop',
      (_response, socket) => void setInterval(() => socket.write('H'), 20).unref(),
      'network, left: HPE_INVALID_CONSTANT',
    ],
  ])('that is %s is none, and the request may have left', async (_what, reply, expected) => {
    const { url } = await server([reply]);
    const timeoutMs = expected.startsWith('timeout') ? 300 : 30_000;
    expect(await posted(url, { timeoutMs })).toBe(expected);
  });

  it.each<[string, Reply]>([
    ['closes', (response) => void response.write('half', () => response.destroy())],
    ['hangs', (response) => void response.write('half')],
  ])('whose body %s midway is the answer that its status says', async (_what, body) => {
    const { url } = await server([
      (response, socket, request) => {
        response.writeHead(202, { 'content-length': '100' });
        body(response, socket, request);
      },
    ]);
    expect(await posted(url, { timeoutMs: 1000 })).toEqual({ status: 202, retryAfter: null, body: 'half' });
  });
});

describe('no connection', () => {
  it('refused: the request has not left', async () => {
    const { url } = await server([status(200)]);
    for (const close of closing.splice(0)) close();
    expect(await posted(url)).toBe('network, not left: ECONNREFUSED');
  });

  it('no name: the request has not left', async () => {
    expect(await posted('http://no-such-host.invalid/')).toMatch(/^network, not left: (ENOTFOUND|EAI_AGAIN)$/);
  });

  it('a TLS handshake that does not come: the request has not left', async () => {
    const plain = await startPlain(() => undefined);
    closing.push(plain.close);
    expect(await posted(`https://127.0.0.1:${String(plain.port)}/`, { timeoutMs: 300 })).toBe(
      'timeout, not left: no answer within 0.3 s',
    );
  });

  it('a certificate of nobody: the request has not left', async () => {
    const { url, received } = await server([status(200)], true);
    expect(await posted(url)).toBe('network, not left: DEPTH_ZERO_SELF_SIGNED_CERT');
    expect(received).toEqual([]);
  });

  it('an abort ends it at once, before and after it began', async () => {
    const { url } = await server([() => undefined]);
    const controller = new AbortController();
    const posting = posted(url, { timeoutMs: 60_000 }, controller.signal);
    setTimeout(() => controller.abort(), 20);
    expect(await posting).toMatch(/^network, .*left: aborted$/);
    expect(await posted(url, { timeoutMs: 60_000 }, controller.signal)).toBe('network, not left: aborted');
  });
});

describe('TLS and proxies', () => {
  it('a certificate that was handed in is trusted', async () => {
    const { url, received } = await server([status(202)], true);
    expect(await posted(url, { ca: tls.cert })).toMatchObject({ status: 202 });
    expect(received[0]?.body).toBe(SECRET);
  });

  it.each(['HTTPS_PROXY', 'https_proxy'])(
    '%s: a tunnel, with its credentials, through which TLS goes end to end',
    async (name) => {
      const { url, received } = await server([status(202)], true);
      const proxy = await startProxy(Number(new URL(url).port));
      closing.push(proxy.close);
      const env = { [name]: `http://user:pass@127.0.0.1:${String(proxy.port)}` };
      expect(await posted('https://events.example/v2/enqueue', { ca: tls.cert, env })).toMatchObject({ status: 202 });
      expect(proxy.asked).toEqual([`CONNECT events.example:443 Basic ${btoa('user:pass')}`]);
      expect(received[0]).toMatchObject({ path: '/v2/enqueue', headers: { host: 'events.example' }, body: SECRET });
    },
  );

  it.each(['127.0.0.1', '*', 'events.example,127.0.0.1'])('NO_PROXY=%s goes past it', async (noProxy) => {
    const { url } = await server([status(202)], true);
    const proxy = await startProxy(1);
    closing.push(proxy.close);
    const env = { HTTPS_PROXY: `http://127.0.0.1:${String(proxy.port)}`, NO_PROXY: noProxy };
    expect(await posted(url, { ca: tls.cert, env })).toMatchObject({ status: 202 });
    expect(proxy.asked).toEqual([]);
  });

  it('HTTP_PROXY is for http', async () => {
    const proxy = await startProxy(1);
    closing.push(proxy.close);
    const env = { HTTP_PROXY: `http://127.0.0.1:${String(proxy.port)}` };
    expect(await posted('http://events.example/x', { env })).toMatchObject({ body: 'through the proxy' });
    expect(proxy.asked).toEqual(['POST http://events.example/x']);
  });

  it('without an environment there is no proxy, whatever the process has', async () => {
    const { url } = await server([status(202)]);
    expect(await posted(url, { env: {} })).toMatchObject({ status: 202 });
  });

  it.each([
    [
      'refuses',
      (socket: { end: (text: string) => void }) => socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\n'),
      'network, not left: ERR_PROXY_TUNNEL (the proxy answered 407)',
    ],
    ['hangs', () => undefined, /^(timeout|network), not left: (no answer within 0.3 s|ERR_PROXY_TUNNEL)$/],
    ['closes', (socket: { destroy: () => void }) => socket.destroy(), /^network, not left: E/],
  ])(
    'a proxy that %s: the request has not left, and nobody is told the credentials',
    async (_what, instead, expected) => {
      const proxy = await startProxy(1, instead);
      closing.push(proxy.close);
      const env = { HTTPS_PROXY: `http://user:hunter2@127.0.0.1:${String(proxy.port)}` };
      const result = await posted('https://events.example/', { ca: tls.cert, env, timeoutMs: 300 });
      expect(result).toMatch(expected);
      expect(result).not.toContain('hunter2');
      await expect.poll(() => [...proxy.sockets].every((socket) => socket.destroyed), { timeout: 3000 }).toBe(true);
    },
  );

  it('NODE_EXTRA_CA_CERTS adds to what is trusted, through a proxy too', async () => {
    const { url } = await server([status(202)], true);
    const proxy = await startProxy(Number(new URL(url).port));
    closing.push(proxy.close);
    const module = fileURLToPath(new URL('../../../src/alerts/http.ts', import.meta.url));
    const script = `
      import { newPost } from ${JSON.stringify(module)};
      const post = newPost({ env: process.env, timeoutMs: 5000 });
      const answer = await post({ url: 'https://events.example/', headers: {}, body: 'x' }, new AbortController().signal);
      process.stdout.write(String(answer.status));`;
    const env = {
      PATH: process.env.PATH,
      NODE_EXTRA_CA_CERTS: tls.path,
      HTTPS_PROXY: `http://127.0.0.1:${String(proxy.port)}`,
    };
    const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', script], { env });
    expect(stdout).toBe('202');
  });
});

it('a URL that is none is not quoted', () => {
  expect(parseUrl('https://events.example').href).toBe('https://events.example/');
  for (const text of ['hunter2', 'ftp://user:hunter2@x', 'https://user:hunter2@', '']) {
    expect(() => parseUrl(text)).toThrow(TypeError);
    try {
      parseUrl(text);
    } catch (error) {
      expect(inspect(error, { showHidden: true })).not.toContain('hunter2@');
      expect(String(error)).toBe('TypeError: no URL that begins with https:// or http://');
    }
  }
});
