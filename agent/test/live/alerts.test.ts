/** From the kernel to the receiver: real attempts, real processes, a server that stands for PagerDuty. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { configuration, KEY, pagerDuty, type Received } from './support/alerts.ts';
import { type Daemon, program, run, startDaemon } from './support/run.ts';
import { until } from './support/kernel.ts';

/** The default rules for the host, with short windows. */
const SHORT = `  rules:
    SendfileFallback: {window: 3s, for: 0s, scopes: [host]}
    IoUringSubmitEagain: {window: 3s, scopes: [host]}
`;

/** 600 transfers, each refused, then read and written; the process stays for a while. */
const FALL_BACK = `
import os, socket
a, b = socket.socketpair()
for _ in range(600):
    f = os.open('/proc/self/status', os.O_RDONLY)
    try: os.sendfile(a.fileno(), f, 0, 100)
    except OSError: a.send(os.read(f, 100)); b.recv(200)
    os.close(f)
import time; time.sleep(30)
`;

/** Falls back, and lives until the test ends. */
function fallBack(): void {
  const child = spawn('python3', ['-c', FALL_BACK], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
}

const actions = (received: readonly Received[], rule: string): string[] =>
  received.filter(({ dedup_key }) => dedup_key.startsWith(`spillway:${rule}:`)).map(({ event_action }) => event_action);

async function metric(daemon: Daemon, name: string): Promise<string | undefined> {
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  return text.split('\n').find((line) => line.startsWith(`spillway_${name}`));
}

it('both default rules open one incident each, with evidence, and resolve it', async () => {
  const { url, received } = await pagerDuty();
  const { config, directory } = configuration(url, SHORT);
  const daemon = await startDaemon(['--config', config]);
  await new Promise((resolve) => setTimeout(resolve, 1500));

  fallBack();
  await until(() => actions(received, 'SendfileFallback').length === 1);
  await run([program('seccomp_errno'), 'io_uring_enter', 'EAGAIN', '2000']);
  await until(() => actions(received, 'IoUringSubmitEagain').length === 1);

  const [fallback] = received;
  expect(fallback).toMatchObject({ routing_key: KEY, event_action: 'trigger' });
  expect(fallback?.payload.summary).toMatch(/100 % of 600 sendfile attempts.*source_cannot_splice/s);
  const text = JSON.stringify(fallback?.payload.custom_details);
  expect(text).toContain('aio-nr');
  expect(text).toContain('SigQ');
  expect(readdirSync(join(directory, 'state/evidence'))).toHaveLength(2);

  await until(() => actions(received, 'SendfileFallback').length === 2);
  await until(() => actions(received, 'IoUringSubmitEagain').length === 2);
  expect(actions(received, 'SendfileFallback')).toEqual(['trigger', 'resolve']);
  expect(actions(received, 'IoUringSubmitEagain')).toEqual(['trigger', 'resolve']);
  expect(received).toHaveLength(4);
  expect(await metric(daemon, 'alert_active{rule="SendfileFallback"}')).toMatch(/ 0$/);
  expect(daemon.stderr()).not.toContain(KEY);
  expect(readFileSync(join(directory, 'state/alerts.json'), 'utf8')).toContain('"alerts":[]');
});

it('an incident outlives kill -9 of the agent: told once more at most, and resolved by the next one', async () => {
  let status = 503;
  const { url, received } = await pagerDuty(() => status);
  const { config, directory } = configuration(url, SHORT);
  const daemon = await startDaemon(['--config', config]);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  fallBack();
  // an incident is one from when it is on disk, some milliseconds after its rule was found to hold
  await until(() => existsSync(join(directory, 'state/alerts.json')));
  await daemon.stop('SIGKILL');
  expect(received).toEqual([]);

  status = 202;
  await startDaemon(['--config', config]);
  await until(() => actions(received, 'SendfileFallback').at(-1) === 'resolve');
  expect(actions(received, 'SendfileFallback')[0]).toBe('trigger');
  expect(new Set(received.map(({ dedup_key }) => dedup_key)).size).toBe(1);
});

it('a reload takes a good configuration over and leaves the old one where the new one is bad', async () => {
  const { url } = await pagerDuty();
  const { config } = configuration(url, SHORT);
  const daemon = await startDaemon(['--config', config]);
  const reload = () => fetch(`${daemon.url}/-/reload`, { method: 'POST' });

  writeFileSync(config, readFileSync(config, 'utf8').replace('window: 3s', 'window: 5s'));
  const good = await reload();
  expect([good.status, await good.text()]).toEqual([200, expect.stringContaining('window: 3s -> 5s')]);

  writeFileSync(config, 'alerts: {rulez: 1}\n');
  const bad = await reload();
  expect([bad.status, await bad.text()]).toEqual([400, expect.stringMatching(/config\.yaml:1:\d+: .*rules/)]);
  expect((await fetch(`${daemon.url}/-/ready`)).status).toBe(200);
});
