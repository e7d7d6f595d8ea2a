/** The same kernel, two ways: the agent's own alerts, and Prometheus with the rules of dashboards/ and Alertmanager. */
import { spawn } from 'node:child_process';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { until } from './support/kernel.ts';
import {
  countOf,
  startAlertmanager,
  startPrometheus,
  type ToldAlert,
  type Webhook,
  webhook,
} from './support/prometheus.ts';
import { program, ROOT, run, startDaemon, temporaryDirectory } from './support/run.ts';

/**
 * The rules as they are shipped, but for their times, which a test cannot wait for: every window is 5 s, they are evaluated every
 * second, and nothing has to last. Limits, minimum volumes and all expressions stay.
 */
function shortRules(): string {
  const rules = readFileSync(join(ROOT, 'dashboards/rules/spillway-alerts.yaml'), 'utf8');
  return rules
    .replaceAll(/\[\w+\]/g, '[5s]')
    .replaceAll(/offset \w+/g, 'offset 5s')
    .replaceAll('growth10s / 10 >', 'growth10s / 5 >')
    .replaceAll('interval: 5s', 'interval: 1s')
    .replaceAll('for: 10s', 'for: 0s');
}

/** The agent's rules with the same times. */
function configuration(receiver: string): string {
  const directory = temporaryDirectory();
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `alerts:
  state_directory: ${directory}/state
  rules:
    SendfileFallback: {window: 5s, for: 0s}
    IoUringSubmitEagain: {window: 5s}
receivers:
  webhook: {url: '${receiver}'}
`,
  );
  return config;
}

/** 600 transfers: one of `every` is refused, then read and written, the others are sent. The process ends with the last. */
const TRANSFERS = `
import os, socket, sys
a, b = socket.socketpair()
good = os.open(sys.executable, os.O_RDONLY)
for i in range(600):
    if i % int(sys.argv[1]) == 0:
        f = os.open('/proc/self/status', os.O_RDONLY)
        try: os.sendfile(a.fileno(), f, 0, 100)
        except OSError: a.send(os.read(f, 100))
        os.close(f)
    else:
        os.sendfile(a.fileno(), good, 0, 100)
    b.recv(200)
`;

/** Runs the transfers under a name of their own, by which their alerts are told from those of others. */
async function transfer(comm: string, every: number): Promise<void> {
  const python = join(temporaryDirectory(), comm);
  symlinkSync('/usr/bin/python3', python);
  const child = spawn(python, ['-c', TRANSFERS, String(every)], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
}

const about = ({ told }: Webhook, labels: Readonly<Record<string, string>>): ToldAlert[] =>
  told.filter((alert) => Object.entries(labels).every(([name, value]) => alert.labels[name] === value));
const statuses = (one: Webhook, labels: Readonly<Record<string, string>>): string[] =>
  about(one, labels).map(({ status }) => status);

/** The agent, which tells `own`, and a Prometheus that watches it, whose Alertmanager tells `fleet`. */
async function bothWays(): Promise<{ own: Webhook; fleet: Webhook }> {
  const own = await webhook();
  const fleet = await webhook();
  const daemon = await startDaemon(['--config', configuration(own.url)]);
  const alertmanager = await startAlertmanager(fleet.url);
  const prometheus = await startPrometheus(daemon.url, alertmanager, shortRules());
  // it has seen a whole window
  await until(async () => (await countOf(prometheus, '{__name__=~"spillway:uninterrupted:.+"}')) === 2);
  return { own, fleet };
}

it('a program that falls back is told by the agent and by Alertmanager, and is over for both', async () => {
  const { own, fleet } = await bothWays();
  const comm = `both-${String(process.pid)}`;
  const few = `few-${String(process.pid)}`;
  const labels = { alertname: 'SendfileFallback', severity: 'error', comm };

  // 3 of 600 are exactly the limit, 4 are not
  await Promise.all([transfer(few, 200), transfer(comm, 150)]);
  for (const one of [own, fleet]) await until(() => statuses(one, labels).includes('resolved'));

  for (const one of [own, fleet]) {
    expect(statuses(one, labels)).toEqual(['firing', 'resolved']);
    expect(about(one, { comm: few })).toEqual([]);
  }
  const [ours] = about(own, labels);
  const [theirs] = about(fleet, labels);
  expect(ours?.annotations.summary).toMatch(/^0\.67 % of 600 sendfile attempts fell back .* in both-\d+/);
  expect(theirs?.annotations.summary).toMatch(/^0\.6667% of sendfile attempts fell back .* in both-\d+/);
});

it('io_uring_enter returning EAGAIN is told by both, and is over for both', async () => {
  const { own, fleet } = await bothWays();
  const comm = `eagain-${String(process.pid)}`;
  const file = join(temporaryDirectory(), comm);
  symlinkSync(program('seccomp_errno'), file);
  const labels = { alertname: 'IoUringSubmitEagain', severity: 'error' };
  // more than 200 a second, in windows of 5 s
  expect(await run([file, 'io_uring_enter', 'EAGAIN', '1001'])).toMatchObject({ code: 0 });

  await until(() => statuses(own, { ...labels, comm }).includes('resolved'));
  expect(statuses(own, { ...labels, comm })).toEqual(['firing', 'resolved']);
  // these errors are exported for the host alone, to which others on this kernel may add
  await until(() => statuses(fleet, { ...labels, scope: 'host' }).at(-1) === 'resolved');
  expect(statuses(fleet, { ...labels, scope: 'host' })[0]).toBe('firing');
});
