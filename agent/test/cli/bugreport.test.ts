/** `spillway bugreport` on a host where secrets lie everywhere. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { fileName } from '../../src/cli/bugreport.ts';
import { PLANTED } from '../bugreport/planted.ts';

const MAIN = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const ALL = Object.values(PLANTED).flat();
/** Each in a line of its own, between two that say nothing. */
const littered = (before: string) => ALL.map(({ text }) => `${before}\n${text}\n`).join('');

let directory = '';
let server: Server;
let address = '';

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-'));
  const put = (name: string, text: string) => writeFileSync(join(directory, name), text);
  put('web.yaml', `basic_auth_users:\n  alice: not even hashed\n${littered('# web')}`);
  // good, so that the other file is found; secrets stand in comments
  const comments = littered('x').replace(/^/gm, '# ');
  put('config.yaml', `web:\n  config_file: ${join(directory, 'web.yaml')}\n${comments}\n`);
  put('broken.yaml', `receivers:\n${littered('# config')}`);
  put('log', littered('2026-01-02 spillway: log'));
  for (const name of ['journalctl', 'systemctl']) {
    put(name, `#!/bin/sh\n[ ${name} = journalctl ] || echo MainPID=${String(process.pid)}\ncat '${directory}/log'\n`);
    chmodSync(join(directory, name), 0o755);
  }
  const processes = [{ pid: process.pid, comm: 'token=hunter2', attempts: 3 }];
  const answers: Readonly<Record<string, string>> = {
    '/api/v1/snapshot': JSON.stringify({ schema: 'x', processes, notes: ALL.map(({ text }) => text) }),
    '/api/v1/alerts': JSON.stringify({ firing: ALL.map(({ text }) => ({ summary: text })), password: 'hunter2' }),
    '/metrics': `spillway_attempts_total{mechanism="sendfile"} 7\n${littered('# HELP x')}`,
  };
  server = createServer((request, reply) => reply.end(answers[request.url ?? ''] ?? '{}'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  address = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
});
afterAll(() => {
  server.close();
  rmSync(directory, { recursive: true });
});

interface Result {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** Without a BPF object, so that doctor leaves the kernel alone. */
function bugreport(...args: string[]): Promise<Result> {
  const env = { ...process.env, PATH: `${directory}:${process.env.PATH ?? ''}`, SPILLWAY_OBJECT: '/nonexistent' };
  return new Promise((resolve) => {
    const command = [MAIN, 'bugreport', ...args];
    const options = { env, cwd: directory, encoding: 'buffer' as const, maxBuffer: 2 ** 26 };
    execFile(process.execPath, command, options, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr: stderr.toString() });
    });
  });
}

/** Name -> text of the members. */
function unpack(archive: Uint8Array): Map<string, string> {
  const bytes = gunzipSync(archive);
  const members = new Map<string, string>();
  for (let at = 0; bytes[at] !== 0;) {
    const name = bytes.toString('latin1', at, at + 100).replace(/\0.*/s, '');
    const size = Number.parseInt(bytes.toString('latin1', at + 124, at + 135), 8);
    members.set(name, bytes.toString('utf8', at + 512, at + 512 + size));
    at += 512 + Math.ceil(size / 512) * 512;
  }
  return members;
}

const leaks = (members: ReadonlyMap<string, string>): string[] =>
  [...members].flatMap(([name, text]) =>
    ALL.filter(({ hidden }) => text.includes(hidden)).map(({ hidden }) => `${name}: ${hidden}`),
  );

const MEMBERS = [
  'README.txt',
  'version.json',
  'doctor.json',
  'config.yaml',
  'web.yaml',
  'daemon/snapshot.json',
  'daemon/alerts.json',
  'daemon/metrics.txt',
  'kernel.txt',
  'os-release.txt',
  'sysctls.txt',
  'capabilities.txt',
  'mounts.txt',
  'memory.txt',
  'unit.txt',
  'log.txt',
];

it('a file for its owner only, with everything but the secrets', async () => {
  const file = join(directory, 'report.tar.gz');
  const { code, stdout, stderr } = await bugreport('-o', file, '-c', 'config.yaml', '-a', address);
  expect({ code, stdout: stdout.toString() }).toEqual({ code: 0, stdout: `${file}\n` });
  expect(stderr).toContain('look at config.yaml, log.txt and daemon/*.json in it before you send it');
  expect(statSync(file).mode & 0o777).toBe(0o600);
  const members = unpack(readFileSync(file));
  expect([...members.keys()]).toEqual(MEMBERS);
  expect(leaks(members)).toEqual([]);
  expect(members.get('web.yaml')).not.toContain('not even hashed');
  // what is of use is still there
  expect(members.get('config.yaml')).toContain('config_file: /');
  expect(members.get('daemon/metrics.txt')).toContain('spillway_attempts_total{mechanism="sendfile"} 7\n');
  expect(members.get('log.txt')?.match(/spillway: log$/gm)).toHaveLength(ALL.length);
  expect(members.get('unit.txt')).toContain(`MainPID=${String(process.pid)}\n`);
  expect(members.get('capabilities.txt')?.match(/^CapEff:/gm)).toHaveLength(2);
  expect(members.get('sysctls.txt')).toMatch(/^kernel\/perf_event_paranoid = -?\d+$/m);
  const snapshot = JSON.parse(members.get('daemon/snapshot.json') ?? '') as { processes: unknown };
  expect(snapshot.processes).toMatchObject([{ pid: process.pid, attempts: 3 }]);
  expect(JSON.parse(members.get('doctor.json') ?? '')).toMatchObject({ schema: 'spillway.doctor/1' });
  for (const name of MEMBERS.slice(1)) expect(members.get('README.txt')).toContain(`  ${name} (`);

  const again = await bugreport('-o', file, '-a', address);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain(`write ${file}: it is already there (EEXIST); name another with -o`);
});

it('a configuration that is wrong, command lines, and no daemon: on stdout', async () => {
  const { code, stdout } = await bugreport('-o', '-', '-c', 'broken.yaml', '-a', address, '--command-lines');
  expect(code).toBe(0);
  const members = unpack(stdout);
  expect(leaks(members)).toEqual([]);
  expect([...members.keys()]).toEqual([...MEMBERS, 'command-lines.txt'].filter((name) => name !== 'web.yaml'));
  expect(members.get('command-lines.txt')).toMatch(new RegExp(`^${String(process.pid)}: \\S`));

  const alone = unpack((await bugreport('-o', '-', '-a', '127.0.0.1:1')).stdout);
  expect(alone.get('daemon/snapshot.json')).toContain('(could not be had: no agent answers at');
  expect(alone.get('log.txt')).toContain('spillway: log');
});

it('without -o its name tells host and time, whatever the host is called', () => {
  const now = new Date('2026-01-02T03:04:05.678Z');
  expect(fileName('web-1.example', now)).toBe('spillway-bugreport-web-1.example-20260102T030405Z.tar.gz');
  expect(fileName('../a b', now)).toBe('spillway-bugreport-.._a_b-20260102T030405Z.tar.gz');
});
