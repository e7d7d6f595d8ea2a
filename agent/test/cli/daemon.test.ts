import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, expect, it, vi } from 'vitest';
import { type DaemonFlags, daemonAddress, metricsOfDaemon, snapshotOfDaemon } from '../../src/cli/daemon.ts';
import { procsCommand } from '../../src/cli/procs.ts';
import { addressText, type Address } from '../../src/cli/values.ts';
import { processOf } from './summaries.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

/** A daemon that answers these paths, and 500 to all others. */
async function daemonWith(
  answers: Readonly<Record<string, string>>,
): Promise<DaemonFlags & { readonly where: Address }> {
  const server = createServer((request, reply) => {
    const answer = answers[request.url ?? ''];
    reply.statusCode = answer === undefined ? 500 : 200;
    reply.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const where = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  return { where, address: { ...where, tls: false, user: null } };
}

const fallen = processOf({ fallbacks: 1, fallen: ['copy_file_range'] });
const snapshot = {
  time: '2026-01-02T03:04:05.000Z',
  processes: [processOf({ pid: 1, comm: 'nginx', attempts: 9, outcomes: { zerocopy: 9 } }), fallen],
};

/** What `spillway procs` writes to stdout. */
async function procs(...args: string[]): Promise<string> {
  const address = await daemonWith({ '/api/v1/snapshot': JSON.stringify(snapshot) });
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(((chunk: string, done: () => void) => {
    text += chunk;
    done();
    return true;
  }) as typeof process.stdout.write);
  await procsCommand.parseAsync(['node', 'procs', '--address', addressText(address.where), ...args]);
  vi.restoreAllMocks();
  return text;
}

it('what the daemon has counted, as JSON and for Prometheus', async () => {
  const address = await daemonWith({ '/api/v1/snapshot': JSON.stringify(snapshot), '/metrics': 'up 1\n' });
  expect(await snapshotOfDaemon(address)).toEqual(snapshot);
  expect(await metricsOfDaemon(address)).toBe('up 1\n');
});

it('a daemon that is not there, or cannot answer, is named', async () => {
  const address = await daemonWith({});
  await expect(snapshotOfDaemon(address)).rejects.toThrow(
    `http://${addressText(address.where)}/api/v1/snapshot answered 500`,
  );
  for (const close of closing.splice(0)) close();
  await expect(snapshotOfDaemon(address)).rejects.toThrow(
    `no agent answers at http://${addressText(address.where)} (ECONNREFUSED): start one with: spillway run`,
  );
});

it('procs: all processes, most attempts first', async () => {
  expect(await procs()).toBe(
    [
      'PID   COMM   UNIT  ATTEMPTS  ZEROCOPY%  FALLBACKS  MECHANISM  STATE',
      '1     nginx  -     9         100        0          -          ok',
      '4711  cp     -     1         0          1          -          fell back: copy_file_range',
      '',
    ].join('\n'),
  );
});

it('procs: as JSON with a schema, chosen and cut as asked for', async () => {
  expect(JSON.parse(await procs('-o', 'ndjson', '--fallen', '--sort', 'pid', '--limit', '1'))).toEqual({
    schema: 'spillway.procs/1',
    time: snapshot.time,
    processes: [fallen],
  });
});

it.each(['0', '-1', 'all', '1.5'])('procs --limit %s is no number of processes', async (limit) => {
  vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  procsCommand.exitOverride();
  await expect(procsCommand.parseAsync(['node', 'procs', '--limit', limit])).rejects.toThrow(
    'a whole number, 1 or more',
  );
});

it.each([
  ['127.0.0.1:9', { host: '127.0.0.1', port: 9, tls: false, user: null }],
  ['http://a.example:9/', { host: 'a.example', port: 9, tls: false, user: null }],
  ['https://[::1]:9', { host: '::1', port: 9, tls: true, user: null }],
  ['HTTPS://joe@a.example', { host: 'a.example', port: 443, tls: true, user: 'joe' }],
  ['https://j%40e@a.example:9', { host: 'a.example', port: 9, tls: true, user: 'j@e' }],
])('--address %s', (text, address) => {
  expect(daemonAddress(text)).toEqual(address);
});

it.each(['ftp://a:9', 'a', 'https://a:9/metrics', 'https://', 'https://j%zz@a:9'])('--address %s is none', (text) => {
  expect(() => daemonAddress(text)).toThrow();
});

it('a password in the address is refused, and not repeated', () => {
  const error = (() => {
    try {
      return daemonAddress('https://joe:hunter2@a.example:9');
    } catch (caught) {
      return caught;
    }
  })();
  expect(error).toMatchObject({ code: 'USAGE' });
  expect(String(error)).toMatch(/--password-file or SPILLWAY_PASSWORD/);
  expect(String(error)).not.toContain('hunter2');
});

it('user and password are sent, that of the file before that of the environment', async () => {
  const seen: (string | undefined)[] = [];
  const server = createServer((request, reply) => {
    seen.push(request.headers.authorization);
    reply.end('up 1\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const where = { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
  const address = { ...where, tls: false, user: 'joe' };
  await expect(metricsOfDaemon({ address })).rejects.toThrow('a user needs a password');
  vi.stubEnv('SPILLWAY_PASSWORD', 'of the environment');
  await metricsOfDaemon({ address });
  const file = join(mkdtempSync(join(tmpdir(), 'spillway-')), 'password');
  writeFileSync(file, 'of the file\n');
  closing.push(() => rmSync(dirname(file), { recursive: true }));
  await metricsOfDaemon({ address, passwordFile: file });
  vi.unstubAllEnvs();
  expect(seen.map((header) => Buffer.from(header?.slice(6) ?? '', 'base64').toString())).toEqual([
    'joe:of the environment',
    'joe:of the file',
  ]);
  await expect(metricsOfDaemon({ address, passwordFile: `${file}x` })).rejects.toThrow('--password-file');
});

it('a daemon without TLS that is asked over TLS is told so', async () => {
  const { where } = await daemonWith({});
  await expect(metricsOfDaemon({ address: { ...where, tls: true, user: null } })).rejects.toThrow(
    `it speaks no TLS: give -a http://${addressText(where)}`,
  );
});
