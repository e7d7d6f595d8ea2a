/** The running agent: what it serves equals what happened. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { agentsAttached, until } from './support/kernel.ts';
import { startNginx } from './support/nginx.ts';
import { program, type Report, run, scrape, SPILLWAY, startDaemon, sumOf, temporaryDirectory } from './support/run.ts';

const REQUESTS = 10_000;

it('processes that found no slot share a record, and add to it at once without losing anything', async () => {
  const daemon = await startDaemon(['--processes', '1']);
  const overflow = async (): Promise<number> => {
    const { mechanisms } = (await (await fetch(`${daemon.url}/api/v1/snapshot`)).json()) as Report;
    return mechanisms.sendfile?.attempts ?? 0;
  };
  // one thread each: in a record of their own they would not have to add atomically
  const busy = () => run([program('busy'), '60', '--threads', '0', '--count', '300000']);
  await busy();
  const before = await overflow();
  const results = await Promise.all([busy(), busy(), busy()]);
  for (const { code, stderr } of results) expect({ code, stderr }).toEqual({ code: 0, stderr: 'busy: ready\n' });
  // at least: others of this host may have added some
  expect((await overflow()) - before).toBeGreaterThanOrEqual(900_000);
});

it('nginx serving 10,000 requests is 10,000 sendfile attempts on /metrics and in stat -p', async () => {
  const daemon = await startDaemon();
  const nginx = await startNginx(21_080);
  const file = join(temporaryDirectory(), 'report.json');
  const stat = run([SPILLWAY, 'stat', '-p', String(nginx.pid), '-d', '60s', '-o', 'json', '--file', file]);
  // the probes of stat are attached when the kernel lists a second program of that name
  await until(() => agentsAttached() === 2);
  await new Promise((resolve) => setTimeout(resolve, 500));
  await nginx.request(REQUESTS);
  expect(nginx.served()).toBe(REQUESTS);

  const samples = await scrape(daemon);
  expect(sumOf(samples, 'workload_attempts_total', 'comm="nginx"', 'mechanism="sendfile"')).toBe(REQUESTS);
  expect(sumOf(samples, 'workload_attempts_total', 'comm="nginx"')).toBe(REQUESTS);
  expect(sumOf(samples, 'flow_attempts_total', 'src="127.0.0.1",dst="127.0.0.1",proto="tcp"')).toBe(REQUESTS);
  expect(sumOf(samples, 'flow_bytes_total', 'src="127.0.0.1",dst="127.0.0.1",proto="tcp"')).toBe(REQUESTS * 4096);
  expect(sumOf(samples, 'attempts_total', 'mechanism="sendfile",outcome="zerocopy"')).toBe(REQUESTS);

  execFileSync('pkill', ['-INT', '-f', `stat -p ${String(nginx.pid)}`]);
  expect((await stat).code).toBe(0);
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  expect(Object.keys(report.mechanisms)).toEqual(['sendfile']);
  expect(report.mechanisms).toMatchObject({
    sendfile: {
      attempts: REQUESTS,
      bytes: REQUESTS * 4096,
      outcomes: { zerocopy: REQUESTS, copied: 0, retry: 0, refused: 0, denied: 0, failed: 0 },
      errnos: {},
      reasons: { copied: {}, refused: {} },
    },
  });
  expect(report.processes).toMatchObject([{ comm: 'nginx', attempts: REQUESTS }]);
  expect(report.flows).toMatchObject([{ src: '127.0.0.1', dst: '127.0.0.1', proto: 'tcp', attempts: REQUESTS }]);
});

it('counters stay exact and monotonic while processes and flows come, go and are retired', async () => {
  const daemon = await startDaemon(['--processes', '64', '--flows', '512']);
  let attempts = 0;
  let before = new Map<string, number>();
  for (let round = 0; round < 12; round++) {
    const kind =
      round % 2 === 0 ? ['children', '60', '--kind', 'plain'] : ['flows', '300', '2', '--start', String(300 * round)];
    const [name = '', ...flags] = kind;
    const { stdout } = await run([program(name), ...flags]);
    const witness = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
    attempts += Object.values(witness.mechanisms).reduce((sum, mechanism) => sum + mechanism.attempts, 0);
    // a sweep retires what is idle for two seconds in a table that is nearly full
    if (round % 3 === 2) await new Promise((resolve) => setTimeout(resolve, 3500));
    const samples = await scrape(daemon);
    expect(ours(samples)).toBe(attempts);
    expect(sumOf(samples, 'workload_attempts_total')).toBe(sumOf(samples, 'attempts_total'));
    expect(sumOf(samples, 'flow_attempts_total')).toBe(flowAttempts(samples));
    for (const [series, value] of before) {
      if (/_total(\{|$)/.test(series) && samples.has(series)) expect(samples.get(series)).toBeGreaterThanOrEqual(value);
    }
    before = samples;
  }
  expect(before.get('spillway_table_capacity{table="flows"}')).toBe(512);
  expect(before.get('spillway_table_entries{table="flows"}')).toBeLessThanOrEqual(512);
  // 1,800 flows have passed through 512 slots: without retiring most counts would have found no slot
  expect(before.get('spillway_table_overflow_total{table="flows"}')).toBeLessThan(1800);
});

it('no scrape misses a record that is being retired, nor counts it twice', async () => {
  const daemon = await startDaemon(['--processes', '256']);
  let running = true;
  const children = run([program('children'), '3000', '--kind', 'plain']).then((result) => {
    running = false;
    return JSON.parse(result.stdout.trimEnd().split('\n').at(-1) ?? '') as Report;
  });
  let scrapes = 0;
  let before = 0;
  while (running as boolean) {
    const attempts = ours(await scrape(daemon));
    expect(attempts).toBeGreaterThanOrEqual(before);
    before = attempts;
    scrapes++;
  }
  const witness = await children;
  const happened = Object.values(witness.mechanisms).reduce((sum, { attempts }) => sum + attempts, 0);
  expect(before).toBeLessThanOrEqual(happened);
  expect(scrapes).toBeGreaterThan(20);
  const samples = await scrape(daemon);
  expect(ours(samples)).toBe(happened);
  expect(sumOf(samples, 'workload_attempts_total')).toBe(sumOf(samples, 'attempts_total'));
});

/** Of children and flows, and of who has no place: what else runs on this host has a name of its own. */
const ours = (samples: Map<string, number>): number =>
  ['children', 'flows', 'other'].reduce(
    (sum, comm) => sum + sumOf(samples, 'workload_attempts_total', `comm="${comm}"`),
    0,
  );

/** children and flows send every attempt but tee's to a socket. */
const flowAttempts = (samples: Map<string, number>): number => sumOf(samples, 'attempts_total', 'mechanism="sendfile"');

it('/metrics passes promtool’s lint with real data, hostile comms included', async () => {
  const daemon = await startDaemon();
  await run([program('comm'), Buffer.from('x"}\n\\{\xff', 'latin1').toString('hex'), '3']);
  await run([program('sequence'), 'sendfile', '--dir', temporaryDirectory()]);
  await run([program('uring'), 'plain']);
  const text = await (await fetch(`${daemon.url}/metrics`)).text();
  expect(text).toContain('comm="x\\"}\\n\\\\{\ufffd"');
  expect(execFileSync('promtool', ['check', 'metrics'], { input: text, encoding: 'utf8' })).toBe('');
});

it('snapshot shows the daemon’s counts in every format', async () => {
  const daemon = await startDaemon();
  await run([program('threads'), '2', '50']);
  const address = daemon.url.replace('http://', '');
  const snapshot = (format: string) => run([SPILLWAY, 'snapshot', '-a', address, '-o', format]);
  const json = JSON.parse((await snapshot('json')).stdout) as Report;
  expect(json.schema).toBe('spillway.snapshot/1');
  expect(json.mechanisms.sendfile?.attempts).toBe(100);
  expect((await snapshot('table')).stdout).toMatch(/^sendfile +100 +100 /m);
  expect((await snapshot('prometheus')).stdout).toContain('mechanism="sendfile",outcome="zerocopy"} 100\n');
});

it('ends on SIGTERM with nothing left behind', async () => {
  const daemon = await startDaemon();
  expect(agentsAttached()).toBe(1);
  expect(await daemon.stop()).toBe(0);
  expect(agentsAttached()).toBe(0);
});

it('leaves nothing behind when it is killed', async () => {
  const daemon = await startDaemon();
  await daemon.stop('SIGKILL');
  await until(() => agentsAttached() === 0);
});
