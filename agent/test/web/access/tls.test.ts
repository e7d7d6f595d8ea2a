/** TLS, client certificates and passwords on a real server, asked by a real client. */
import { once } from 'node:events';
import { copyFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, type ConnectionOptions, TLSSocket } from 'node:tls';
import { hashSync } from 'bcryptjs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { FILES } from '../../../src/config/load.ts';
import { LiveWebConfig, stampOf } from '../../../src/web/access/live.ts';
import { type ServerOptions, startServer, type WebServer } from '../../../src/web/server.ts';
import { type Certificate, CertificateMaker } from '../../support/certificates.ts';
import { ask } from '../../support/http.ts';
import { snapshotOf } from '../../support/snapshots.ts';

const maker = new CertificateMaker();
const servers: WebServer[] = [];
const logged: string[] = [];
let authority: Certificate;
let ours: Certificate;
let theirs: Certificate;
beforeAll(() => {
  authority = maker.authority('authority');
  ours = maker.signed('server', authority, ['DNS:localhost', 'IP:127.0.0.1']);
  theirs = maker.signed('client', authority, ['DNS:prometheus.example', 'IP:::1', 'URI:spiffe://a/b']);
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  logged.length = 0;
});
afterAll(() => maker.close());

let number = 0;
const fileOf = (text: string, name = `web-${String(number++)}.yaml`): string => {
  const file = join(maker.directory, name);
  writeFileSync(file, text);
  return file;
};
const tlsText = (more = '', certificate = ours): string =>
  `tls_server_config:\n  cert_file: ${certificate.certFile}\n  key_file: ${certificate.keyFile}\n${more}`;

async function serve(file: string, options: Partial<ServerOptions> = {}): Promise<WebServer> {
  const log = (level: string, message: string) => logged.push(`${level} ${message}`);
  const access = new LiveWebConfig(file, { files: FILES, stampOf, monotonicMs: () => performance.now(), log });
  const source = {
    snapshot: () => snapshotOf({}),
    ready: () => true,
    reload: () => Promise.resolve([]),
    build: { version: '0', revision: 'a', kernel: '6' },
    log,
  };
  const server = await startServer(source, { port: 0, access, ...options });
  servers.push(server);
  return server;
}

/** Status and text of a page; rejects where none comes. */
async function get(
  server: WebServer,
  options: ConnectionOptions & { headers?: Record<string, string> } = {},
  path = '/-/healthy',
) {
  const { hostname, port } = new URL(server.url);
  const asked = request({ hostname, port, path, agent: false, ca: authority.cert, ...options }).end();
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  const { socket } = response;
  const certificate = socket instanceof TLSSocket ? socket.getPeerX509Certificate() : undefined;
  return { status: response.statusCode, text, headers: response.headers, certificate };
}
const status = async (...args: Parameters<typeof get>): Promise<number | string | undefined> => {
  try {
    return (await get(...args)).status;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code;
  }
};

const client = () => ({ cert: theirs.cert, key: theirs.key });

test('pages come over TLS, and the URL says so', async () => {
  const server = await serve(fileOf(tlsText()));
  expect(server.url).toMatch(/^https:/);
  expect(await get(server)).toMatchObject({ status: 200, text: 'healthy\n' });
});

test('plain HTTP on that port is 400, and told what to do', async () => {
  const server = await serve(fileOf(tlsText()));
  const answer = await ask({ url: server.url.replace('https', 'http') }, '/metrics');
  expect([answer.status, answer.text]).toEqual([400, 'this port speaks TLS: use https://\n']);
});

test('an empty file, and one without TLS, are plain HTTP', async () => {
  for (const text of ['', 'basic_auth_users: {}\n', 'http_server_config: {http2: false}']) {
    const server = await serve(fileOf(text));
    expect([server.url.slice(0, 5), (await ask(server, '/-/healthy')).status]).toEqual(['http:', 200]);
  }
});

test('relative paths begin where the file stands; PEM may stand in the file itself', async () => {
  const name = (path: string) => path.slice(maker.directory.length + 1);
  const relative = fileOf(`tls_server_config: {cert_file: ${name(ours.certFile)}, key_file: ${name(ours.keyFile)}}`);
  expect(await status(await serve(relative))).toBe(200);
  const indented = (pem: string) => pem.trim().replaceAll('\n', '\n    ');
  const inline = `tls_server_config:\n  cert: |\n    ${indented(ours.cert)}\n  key: |\n    ${indented(ours.key)}\n`;
  expect(await status(await serve(fileOf(inline)))).toBe(200);
});

describe('client certificates', () => {
  const other = () => maker.signed('stranger', maker.authority('another'), ['DNS:prometheus.example']);
  const REFUSED = /^(?:ECONNRESET|EPIPE|EPROTO|ERR_SSL_.*ALERT.*)$/;

  test.each([
    // policy, none, signed by the authority, signed by another
    ['NoClientCert', 200, 200, 200],
    ['RequestClientCert', 200, 200, 200],
    ['RequireClientCert', REFUSED, 200, 200],
    ['RequireAnyClientCert', REFUSED, 200, 200],
    ['VerifyClientCertIfGiven', 200, 200, REFUSED],
    ['RequireAndVerifyClientCert', REFUSED, 200, REFUSED],
  ] as const)('%s', async (policy, none, good, bad) => {
    const ca = policy === 'NoClientCert' ? '' : `  client_ca_file: ${authority.certFile}\n`;
    const server = await serve(fileOf(tlsText(`  client_auth_type: ${policy}\n${ca}`)));
    const stranger = other();
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const only = { minVersion: version, maxVersion: version };
      const matching = (expected: number | RegExp) =>
        expected instanceof RegExp ? (expect.stringMatching(expected) as string) : expected;
      expect(await status(server, only)).toEqual(matching(none));
      expect(await status(server, { ...only, ...client() })).toEqual(matching(good));
      expect(await status(server, { ...only, cert: stranger.cert, key: stranger.key })).toEqual(matching(bad));
    }
  });

  test.each([
    ['prometheus.example', 200],
    ['"::1"', 200],
    ['0:0:0:0:0:0:0:1', 200],
    ['spiffe://a/b', 200],
    ['prometheus', REFUSED],
    ['PROMETHEUS.EXAMPLE', REFUSED],
    ['client', REFUSED],
    ['spiffe://a', REFUSED],
  ])('client_allowed_sans: [%s]', async (san, expected) => {
    const more = `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${authority.certFile}\n`;
    const server = await serve(fileOf(tlsText(`${more}  client_allowed_sans: [other.example, ${san}]\n`)));
    const got = await status(server, client());
    if (expected instanceof RegExp) expect(got).toMatch(expected);
    else expect(got).toBe(expected);
  });

  test('who is refused is told in the log, once', async () => {
    const more = `  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${authority.certFile}\n`;
    const server = await serve(fileOf(tlsText(more)));
    for (let i = 0; i < 20; i++) expect(await status(server)).toMatch(REFUSED);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toMatch(/^warning TLS with 127\.0\.0\.1: .*(?:no certificate|did not return a certificate)/);
  });
});

describe('versions, ciphers, curves', () => {
  const negotiated = async (server: WebServer, options: ConnectionOptions) => {
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port), ca: authority.cert, ...options });
    await once(socket, 'secureConnect');
    const result = {
      version: socket.getProtocol(),
      cipher: socket.getCipher().standardName,
      curve: (socket.getEphemeralKeyInfo() as { name?: string }).name,
      alpn: socket.alpnProtocol,
    };
    socket.destroy();
    return result;
  };

  test('TLS 1.2 and 1.3 by default, and what min_version and max_version leave', async () => {
    const both = await serve(fileOf(tlsText()));
    expect((await negotiated(both, {})).version).toBe('TLSv1.3');
    expect((await negotiated(both, { maxVersion: 'TLSv1.2' })).version).toBe('TLSv1.2');
    await expect(negotiated(both, { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1' })).rejects.toThrow();
    const newest = await serve(fileOf(tlsText('  min_version: TLS13\n')));
    await expect(negotiated(newest, { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    const older = await serve(fileOf(tlsText('  max_version: TLS12\n')));
    expect((await negotiated(older, {})).version).toBe('TLSv1.2');
  });

  test('the ciphers of the list, in its order or in that of the client; those of TLS 1.3 always', async () => {
    const list =
      '  cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n';
    const asked = {
      maxVersion: 'TLSv1.2',
      ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
    } as const;
    const server = await serve(fileOf(tlsText(list)));
    expect((await negotiated(server, asked)).cipher).toBe('TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384');
    expect((await negotiated(server, {})).version).toBe('TLSv1.3');
    const theirs = await serve(fileOf(tlsText(`${list}  prefer_server_cipher_suites: false\n`)));
    expect((await negotiated(theirs, asked)).cipher).toBe('TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256');
    await expect(
      negotiated(server, { maxVersion: 'TLSv1.2', ciphers: 'ECDHE-ECDSA-CHACHA20-POLY1305' }),
    ).rejects.toThrow();
  });

  test('the curves of the list', async () => {
    const server = await serve(fileOf(tlsText('  curve_preferences: [CurveP384]\n')));
    expect((await negotiated(server, { maxVersion: 'TLSv1.2' })).curve).toBe('secp384r1');
    await expect(negotiated(server, { ecdhCurve: 'X25519' })).rejects.toThrow();
  });

  test('a client that offers HTTP/2 too is told HTTP/1.1', async () => {
    const server = await serve(fileOf(tlsText()));
    expect((await negotiated(server, { ALPNProtocols: ['h2', 'http/1.1'] })).alpn).toBe('http/1.1');
  });
});

describe('what changes', () => {
  const settled = () => sleep(150);

  test('a new certificate is taken for new connections, and those there are go on', async () => {
    const [cert, key] = [join(maker.directory, 'live.pem'), join(maker.directory, 'live.key')];
    copyFileSync(ours.certFile, cert);
    copyFileSync(ours.keyFile, key);
    const server = await serve(fileOf(tlsText('', { ...ours, certFile: cert, keyFile: key })));
    const { hostname, port } = new URL(server.url);
    const kept = connect({ host: hostname, port: Number(port), ca: authority.cert });
    const ask = async () => {
      kept.write('GET /-/healthy HTTP/1.1\r\nhost: a\r\n\r\n');
      const [chunk] = (await once(kept, 'data')) as [Buffer];
      return chunk.toString().slice(0, 12);
    };
    expect(await ask()).toBe('HTTP/1.1 200');
    const before = (await get(server)).certificate?.serialNumber;
    const next = maker.signed('server', authority, ['IP:127.0.0.1']);
    await settled();
    copyFileSync(next.certFile, cert);
    // only half of it: the old one stays, and that is said once
    for (let i = 0; i < 3; i++) {
      await settled();
      expect((await get(server)).certificate?.serialNumber).toBe(before);
    }
    expect(logged).toEqual([
      expect.stringMatching(
        /^error the web configuration stays as it was:\n.*web-\d+\.yaml:3:13: tls_server_config\.key_file: is not the key of the certificate$/,
      ),
    ]);
    copyFileSync(next.keyFile, key);
    await settled();
    const after = (await get(server)).certificate;
    expect(after?.serialNumber).not.toBe(before);
    expect(after?.raw.equals(Buffer.from(next.cert.replace(/-----.*-----|\s/g, ''), 'base64'))).toBe(true);
    expect(logged[1]).toMatch(/^info .*web-\d+\.yaml has been read again, and is good$/);
    expect(await ask()).toBe('HTTP/1.1 200');
    kept.destroy();
  });

  test('files behind links are followed, as those of a mounted secret', async () => {
    const link = join(maker.directory, 'link.yaml');
    symlinkSync(fileOf('', 'one.yaml'), link);
    const server = await serve(link);
    expect((await ask(server, '/-/healthy')).status).toBe(200);
    await settled();
    symlinkSync(fileOf(`basic_auth_users: {a: ${hashSync('b', 4)}}`, 'two.yaml'), `${link}.new`);
    renameSync(`${link}.new`, link);
    await settled();
    expect((await ask(server, '/-/healthy')).status).toBe(401);
  });

  test('an authority that is taken away is not trusted any more, resumed sessions included', async () => {
    const ca = join(maker.directory, 'clients.pem');
    copyFileSync(authority.certFile, ca);
    const text = tlsText(`  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: ${ca}\n`);
    const server = await serve(fileOf(text));
    const { hostname, port } = new URL(server.url);
    const first = connect({ host: hostname, port: Number(port), ca: authority.cert, ...client() });
    const [session] = (await once(first, 'session')) as [Buffer];
    first.destroy();
    expect(await status(server, { ...client(), session })).toBe(200);
    await settled();
    copyFileSync(maker.authority('another').certFile, ca);
    await settled();
    expect(await status(server, { ...client(), session })).not.toBe(200);
  });

  test('TLS can be switched on while it runs', async () => {
    const file = fileOf('');
    const server = await serve(file);
    expect((await ask(server, '/-/healthy')).status).toBe(200);
    await settled();
    writeFileSync(file, tlsText());
    await settled();
    expect(await status({ ...server, url: server.url.replace('http:', 'https:') })).toBe(200);
  });
});

describe('users', () => {
  const basic = (user: string, password: string) => ({
    authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`,
  });
  const users = () =>
    fileOf(`basic_auth_users:\n  alice: ${hashSync('secret word', 4)}\n  bob: ${hashSync('ü:x', 5)}\n`);

  test.each([
    ['alice', 'secret word', 200],
    ['bob', 'ü:x', 200],
    ['alice', 'ü:x', 401],
    ['carol', 'secret word', 401],
    ['alice', '', 401],
    ['', '', 401],
    ['__proto__', 'x', 401],
  ])('%s with %j is %d', async (user, password, expected) => {
    const server = await serve(users());
    // again: from what is kept
    for (let i = 0; i < 2; i++) {
      expect((await ask(server, '/metrics', 'GET', basic(user, password))).status).toBe(expected);
    }
  });

  test('nobody sees anything without, neither pages nor what is not there, and is told how', async () => {
    const server = await serve(users());
    for (const path of ['/', '/metrics', '/-/healthy', '/nowhere', '/api/v1/snapshot']) {
      const { status, headers } = await ask(server, path);
      expect([status, headers['www-authenticate']]).toEqual([401, 'Basic realm="spillway", charset="UTF-8"']);
    }
    expect((await ask(server, '/-/reload', 'POST')).status).toBe(401);
    expect((await ask(server, '/', 'GET', { authorization: 'Bearer abc' })).status).toBe(401);
    expect((await ask(server, '/', 'GET', { authorization: 'Basic !!!' })).status).toBe(401);
    expect(logged.join()).not.toContain('abc');
  });

  test('a wrong password is in the log once, without name and password', async () => {
    const server = await serve(users());
    for (let i = 0; i < 3; i++) await ask(server, '/', 'GET', basic('alice', `guess ${String(i)}`));
    expect(logged).toEqual(['warning wrong user or password from 127.0.0.1']);
  });

  test('a change of a password takes effect', async () => {
    const file = users();
    const server = await serve(file);
    expect((await ask(server, '/', 'GET', basic('alice', 'secret word'))).status).toBe(200);
    await sleep(150);
    writeFileSync(file, `basic_auth_users: {alice: ${hashSync('new', 4)}}`);
    await sleep(150);
    expect((await ask(server, '/', 'GET', basic('alice', 'secret word'))).status).toBe(401);
    expect((await ask(server, '/', 'GET', basic('alice', 'new'))).status).toBe(200);
  });

  test('while a password is checked everything else goes on', async () => {
    const server = await serve(fileOf(`basic_auth_users: {alice: ${hashSync('a', 12)}}`));
    let done = false;
    const checking = ask(server, '/', 'GET', basic('alice', 'wrong')).then(({ status }) => {
      done = true;
      return status;
    });
    let turns = 0;
    while (!(done as boolean)) {
      await sleep(5);
      turns++;
    }
    expect(await checking).toBe(401);
    // on the same thread it would be a handful: bcryptjs gives way every 100 ms
    expect(turns).toBeGreaterThan(15);
  });
});

test('headers stand in every answer, and come before our own', async () => {
  const server = await serve(
    fileOf(
      `http_server_config:\n  headers:\n    Strict-Transport-Security: max-age=31536000\n    X-Frame-Options: deny\n` +
        `    Content-Security-Policy: "default-src 'none'"\n    X-XSS-Protection: ''\n`,
    ),
  );
  for (const path of ['/', '/metrics', '/nowhere']) {
    const { headers } = await ask(server, path);
    expect(headers).toMatchObject({
      'strict-transport-security': 'max-age=31536000',
      'x-frame-options': 'deny',
      'content-security-policy': "default-src 'none'",
    });
    expect(headers['x-xss-protection']).toBeUndefined();
  }
});

test('more requests than the limit allows are 429', async () => {
  const server = await serve(fileOf('rate_limit: {interval: 1h, burst: 3}'));
  const statuses = [];
  for (let i = 0; i < 5; i++) statuses.push((await ask(server, '/-/healthy')).status);
  expect(statuses).toEqual([200, 200, 200, 429, 429]);
});

describe('handshakes', () => {
  test('one that never begins, and one that never ends, are cut', async () => {
    const server = await serve(fileOf(tlsText()), { headersTimeout: 200 });
    const { hostname, port } = new URL(server.url);
    for (const bytes of ['', '\x16\x03\x01\x02\x00\x01']) {
      const socket = connectTcp(Number(port), hostname);
      socket.on('error', () => undefined);
      socket.write(bytes);
      const begin = performance.now();
      await once(socket, 'close');
      expect(performance.now() - begin).toBeLessThan(5000);
    }
    expect(await status(server)).toBe(200);
  });

  test('what is neither TLS nor HTTP is cut', async () => {
    const server = await serve(fileOf(tlsText()));
    const { hostname, port } = new URL(server.url);
    const socket = connectTcp(Number(port), hostname);
    socket.on('error', () => undefined);
    socket.write(Buffer.from('1603010005ffffffffff', 'hex')).valueOf();
    await once(socket.resume(), 'close');
    expect(await status(server)).toBe(200);
  });

  test('a client that wants another handshake is cut', async () => {
    const server = await serve(fileOf(tlsText('  max_version: TLS12\n')));
    const { hostname, port } = new URL(server.url);
    const socket = connect({ host: hostname, port: Number(port), ca: authority.cert });
    socket.on('error', () => undefined);
    await once(socket, 'secureConnect');
    const closed = once(socket, 'close');
    socket.renegotiate({}, () => undefined);
    await closed;
    expect(await status(server)).toBe(200);
  });

  test('close() ends those under way too', async () => {
    const server = await serve(fileOf(tlsText()), { closeGrace: 60_000 });
    const { hostname, port } = new URL(server.url);
    const socket = connectTcp(Number(port), hostname);
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    await sleep(50);
    const closed = once(socket, 'close');
    await server.close();
    await closed;
  });
});
