import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, it, vi } from 'vitest';
import { metricsOfDaemon, snapshotOfDaemon } from '../../src/cli/daemon.ts';
import { procsCommand } from '../../src/cli/procs.ts';
import { addressText, type Address } from '../../src/cli/values.ts';
import { processOf } from './summaries.ts';

const closing: (() => void)[] = [];
afterEach(() => {
  vi.restoreAllMocks();
  for (const close of closing.splice(0)) close();
});

/** A daemon that answers these paths, and 500 to all others. */
async function daemonWith(answers: Readonly<Record<string, string>>): Promise<Address> {
  const server = createServer((request, reply) => {
    const answer = answers[request.url ?? ''];
    reply.statusCode = answer === undefined ? 500 : 200;
    reply.end(answer);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  return { host: '127.0.0.1', port: (server.address() as AddressInfo).port };
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
  await procsCommand.parseAsync(['node', 'procs', '--address', addressText(address), ...args]);
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
    `http://${addressText(address)}/api/v1/snapshot answered 500`,
  );
  for (const close of closing.splice(0)) close();
  await expect(snapshotOfDaemon(address)).rejects.toThrow(
    `no agent answers at http://${addressText(address)} (ECONNREFUSED): start one with: spillway run`,
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
