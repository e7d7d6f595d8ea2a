/** What packaging/spillway.service forbids, without systemd: the agent lives with it. */
import { execFileSync } from 'node:child_process';
import { chownSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { until } from './support/kernel.ts';
import { asNobody, reachable, REACHABLE_SPILLWAY, startedService } from './support/manager.ts';
import { ROOT, run, SPILLWAY, temporaryDirectory } from './support/run.ts';

const UNIT = readFileSync(join(ROOT, 'packaging/spillway.service'), 'utf8');
const setting = (name: string): string[] =>
  (new RegExp(`^${name}=(.*)$`, 'm').exec(UNIT)?.[1] ?? '').split(' ').filter((word) => word !== '');
const CAPABILITIES = setting('AmbientCapabilities').map((name) => name.replace('CAP_', '').toLowerCase());

/** System calls by name; a group begins with @. */
function expand(names: readonly string[]): Set<string> {
  const calls = new Set<string>();
  for (const name of names) {
    if (!name.startsWith('@')) {
      calls.add(name);
      continue;
    }
    const text = execFileSync('systemd-analyze', ['syscall-filter', name], { encoding: 'utf8' });
    const members = text
      .split('\n')
      .slice(1)
      .map((line) => line.trim());
    for (const call of expand(members.filter((member) => /^(?:@[a-z-]+|[a-z0-9_]+)$/.test(member)))) calls.add(call);
  }
  return calls;
}

it('makes no system call that the filter of the unit forbids: start, counting, evidence, a scrape, a reload, the end', async () => {
  const trace = join(temporaryDirectory(), 'trace');
  const service = await startedService({ before: ['strace', '-f', '-qq', '-o', trace] });
  const agent = Number(execFileSync('pgrep', ['-P', String(service.child.pid)], { encoding: 'utf8' }));
  await run([
    'python3',
    '-c',
    'import os; os.sendfile(os.open("/dev/null", os.O_WRONLY), os.open("/etc/passwd", 0), 0, 9)',
  ]);
  expect((await fetch(`${service.url}/metrics`)).status).toBe(200);
  process.kill(agent, 'SIGHUP');
  await until(() => service.states().filter((line) => line === 'READY=1').length === 2);
  await sleep(2000);
  process.kill(agent, 'SIGTERM');
  expect(await service.exited).toBe(0);
  const made = new Set(
    [...readFileSync(trace, 'utf8').matchAll(/^\d+ +(?:<\.\.\. )?([a-z][a-z0-9_]*)(?:\(| resumed)/gm)].map(
      ([, name = '']) => name,
    ),
  );
  expect([...made]).toEqual(expect.arrayContaining(['bpf', 'perf_event_open', 'capset', 'sendto']));
  const allowed = expand(setting('SystemCallFilter'));
  expect([...made].filter((name) => !allowed.has(name))).toEqual([]);
  // each of what is added to the usual ones is needed
  const usual = expand(['@system-service']);
  expect([...made].filter((name) => !usual.has(name)).sort()).toEqual(['bpf', 'perf_event_open']);
});

it('runs where the kernel’s files are read only and its symbols hidden, as ProtectKernelTunables makes them', async () => {
  const change = [
    'for at in /sys /sys/kernel/tracing /sys/fs/bpf /proc/sys; do mount --rbind "$at" "$at"; mount -o remount,bind,ro "$at"; done',
    'mount --bind /dev/null /proc/kallsyms',
    '! mkdir /sys/fs/bpf/spillway-test 2>/dev/null',
  ].join('; ');
  const service = await startedService({
    before: [...reachable(change), ...asNobody(CAPABILITIES)],
    spillway: REACHABLE_SPILLWAY,
  });
  expect(service.status()).toMatch(/^no alert; (?:.*; )?all \d+ probes attached$/);
  expect(service.stderr()).not.toMatch(/warning|error/);
});

it('goes on with pins below a directory of root’s, and reads a configuration of root’s: it has capabilities for that', async () => {
  // as systemd mounts /sys/fs/bpf
  const bpffs = `/sys/fs/bpf/spillway-test-unit-${String(process.pid)}`;
  const pins = join(bpffs, 'pins');
  const nobody = 65_534;
  mkdirSync(bpffs, { mode: 0o700 });
  mkdirSync(pins, { mode: 0o700 });
  chownSync(pins, nobody, nobody);
  onTestFinished(async () => {
    await run([SPILLWAY, 'unpin'], { env: { SPILLWAY_PINS: pins } });
    rmdirSync(bpffs);
  });
  const web = join(temporaryDirectory(), 'web.yaml');
  writeFileSync(web, 'http_server_config: {headers: {X-Content-Type-Options: nosniff}}\n', { mode: 0o600 });
  const options = {
    before: [...reachable(), ...asNobody(CAPABILITIES)],
    spillway: REACHABLE_SPILLWAY,
    env: { SPILLWAY_PINS: pins },
    settings: `persist: true\nweb: {config_file: ${web}}\n`,
  };
  const first = await startedService(options);
  expect((await fetch(`${first.url}/-/ready`)).headers.get('x-content-type-options')).toBe('nosniff');
  first.child.kill('SIGKILL');
  await first.exited;
  const second = await startedService(options);
  expect(second.stderr()).toContain('going on with the counts and probes');
  expect(second.stderr()).not.toMatch(/warning|error/);
});
