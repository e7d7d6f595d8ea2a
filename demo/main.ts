/**
 * `make demo`: an agent, a Prometheus with our rules, and programs whose zero-copy degrades in a known way.
 *
 * SPILLWAY_DEMO_AGENT and SPILLWAY_DEMO_PROMETHEUS say on which addresses they listen, if the usual ones are taken.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { wrap } from '../agent/src/cli/render/text.ts';
import { columns } from '../agent/src/model/text.ts';
import { ruleFiles } from '../dashboards/rules/index.ts';
import { type Running, start } from './processes.ts';
import { configuration, prometheusConfiguration, shortRules, WINDOW_SECONDS } from './short.ts';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const AGENT = process.env.SPILLWAY_DEMO_AGENT ?? '127.0.0.1:10190';
const PROMETHEUS = process.env.SPILLWAY_DEMO_PROMETHEUS ?? '127.0.0.1:9090';
/** For how long all is well. */
const WELL_SECONDS = 10;
const READY_SECONDS = 60;
const PER_SECOND = { server: 100, backup: 5, ring: 500 };

/** What must be undone, the last first. */
const undo: (() => void | Promise<void>)[] = [];
const ending = new AbortController();

const print = (text = ''): void => {
  process.stdout.write(`${text}\n`);
};

/** What happens, and when; on a terminal no word is cut in two. */
const tell = (clock: string, text: string): void => {
  const begin = `${clock}  `;
  print(process.stdout.isTTY ? wrap(begin, text).join('\n') : `${begin}${text}`);
};

/** Something that a user can do something about. */
class DemoError extends Error {}

async function demo(): Promise<void> {
  for (const [address, name] of [
    [AGENT, 'SPILLWAY_DEMO_AGENT'],
    [PROMETHEUS, 'SPILLWAY_DEMO_PROMETHEUS'],
  ] as const) {
    if (await answers(address))
      throw new DemoError(`${address} is taken: name another, e.g. ${name}=127.0.0.1:10199 make demo`);
  }
  const directory = mkdtempSync(join(tmpdir(), 'spillway-demo-'));
  undo.push(() => rmSync(directory, { recursive: true, force: true }));
  const begin = (name: string, ...command: string[]): Running => {
    const running = start(command, join(directory, `${name}.log`));
    undo.push(() => running.stop());
    void running.ended.then(() => {
      if (!ending.signal.aborted) ending.abort(new DemoError(`${name} ended: ${running.output()}`));
    });
    return running;
  };
  const python = (name: string, ...args: string[]): string[] => ['python3', join(ROOT, 'demo', name), ...args];

  const told = await receiver();
  undo.push(() => told.close());
  const files = join(directory, 'files');
  mkdirSync(files);
  writeFileSync(join(directory, 'pagerduty.key'), 'd'.repeat(32), { mode: 0o600 });
  writeFileSync(join(directory, 'config.yaml'), configuration(directory, `http://${AGENT}`, told.url));
  writeFileSync(join(directory, 'prometheus.yml'), prometheusConfiguration(AGENT));
  writeFileSync(join(directory, 'rules.yml'), shortRules(ruleFiles().get('spillway-alerts.yaml') ?? ''));

  const config = join(directory, 'config.yaml');
  print(`starting an agent on ${AGENT} and a Prometheus on ${PROMETHEUS} ...`);
  begin('agent', join(ROOT, 'bin/spillway'), 'run', '--config', config, '--web.listen-address', AGENT);
  await ready('the agent', `http://${AGENT}/-/ready`);
  begin(
    'prometheus',
    ...['prometheus', `--config.file=${join(directory, 'prometheus.yml')}`],
    ...[`--storage.tsdb.path=${join(directory, 'data')}`, `--web.listen-address=${PROMETHEUS}`],
  );
  await ready('Prometheus', `http://${PROMETHEUS}/-/ready`);
  const namespace = ['unshare', '--mount', '--propagation', 'private', '--'];
  const server = begin('demo-server', ...namespace, ...python('server.py', files, String(PER_SECOND.server)));
  const source = join(directory, 'rules.yml');
  const backup = begin(
    'demo-backup',
    ...python('backup.py', source, join(directory, 'copy'), String(PER_SECOND.backup)),
  );

  const clock = stopwatch();
  introduce(server.pid, backup.pid, await pagesOfPrometheus());
  await pause(WELL_SECONDS);
  await seenAWindow();
  server.signal('SIGUSR1');
  tell(
    clock(),
    "demo-server's files have moved to hugetlbfs: sendfile refuses them, the server reads and writes instead",
  );
  const ring = begin('demo-ring', ...python('ring.py', String(PER_SECOND.ring)));
  tell(clock(), `demo-ring (pid ${ring.pid}) submits to its ring ${PER_SECOND.ring} times a second, and gets EAGAIN`);
  await follow(clock, told);
}

/**
 * Where Prometheus shows the series of a metric as a table: unlike its page of alerts that says at once which program it is. Debian
 * leaves the new pages out of its Prometheus, and serves the old ones elsewhere.
 */
async function pagesOfPrometheus(): Promise<(metric: string) => string> {
  for (const path of ['classic/graph', 'graph']) {
    const page = `http://${PROMETHEUS}/${path}`;
    if ((await fetch(page, { signal: ending.signal })).ok) return (metric) => `${page}?g0.expr=${metric}&g0.tab=1`;
  }
  return () => `http://${PROMETHEUS}/`;
}

function introduce(server: number, backup: number, prometheus: (metric: string) => string): void {
  const at = AGENT === '127.0.0.1:10190' ? '' : ` --address ${AGENT}`;
  const begin = [
    ['1', 'who copies?', `bin/spillway top${at}`],
    ['2', 'why, and what to do?', `bin/spillway inspect ${server}${at}`],
    ['3', 'the same in a browser', `http://${AGENT}/`],
    ['4', 'who, by Prometheus', prometheus('ALERTS')],
    ['5', 'and why', prometheus('spillway_refusals_total')],
  ];
  const more = [
    ['count for 3 s', `bin/spillway stat -p ${server} -d 3s`],
    ['who stays with copies', `bin/spillway procs --fallen${at}`],
    ['rules', `bin/spillway alerts list${at}`],
    ['boards for Grafana', 'bin/spillway dashboards export -d DIRECTORY'],
  ];
  print(`
demo-server (pid ${server}) sends a file with sendfile ${PER_SECOND.server} times a second:
  zero-copy, all is well.
demo-backup (pid ${backup}) copies a file with sendfile: that succeeds,
  and the kernel copies all the same.

After ${WELL_SECONDS} s the server's files move to another filesystem, and a third program's
ring gets no memory. Within ${WINDOW_SECONDS} s more SendfileFallback and IoUringSubmitEagain
fire, in the agent and in Prometheus. (Windows are ${WINDOW_SECONDS} s here instead of 1 min and
10 s; the limits are those that are shipped. Nothing is sent to anybody:
PagerDuty's part is played here.)
`);
  print('In another terminal, in this directory, once the files have moved:');
  for (const line of columns(begin, 3)) print(`  ${line}`);
  print('More:');
  for (const line of columns(more, 2)) print(`  ${line}`);
  print();
  print('Ctrl-C ends everything and leaves nothing.');
  print();
}

/** `00:12` since it was made. */
function stopwatch(): () => string {
  const began = performance.now();
  return () => {
    const seconds = Math.floor((performance.now() - began) / 1000);
    return [seconds / 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, '0')).join(':');
  };
}

const pause = (seconds: number): Promise<void> => sleep(seconds * 1000, undefined, { signal: ending.signal });

async function answers(address: string): Promise<boolean> {
  const { hostname, port } = new URL(`http://${address}`);
  return new Promise((resolve) => {
    const socket = connect({ host: hostname, port: Number(port) });
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

const json = async (url: string): Promise<unknown> => {
  try {
    const response = await fetch(url, { signal: ending.signal });
    return response.ok ? await response.json().catch(() => ({})) : null;
  } catch {
    return null;
  }
};

async function ready(what: string, url: string): Promise<void> {
  await until(`${what} to get ready`, async () => (await json(url)) !== null);
}

async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + READY_SECONDS * 1000;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new DemoError(`waited ${READY_SECONDS} s in vain for ${what}`);
    await pause(0.2);
  }
}

/** Prometheus judges a window that it has seen from its beginning. */
async function seenAWindow(): Promise<void> {
  const query = encodeURIComponent('count({__name__=~"spillway:uninterrupted:.+"} offset 2s) == 2');
  await until('Prometheus to have seen a whole window', async () => {
    const answer = (await json(`http://${PROMETHEUS}/api/v1/query?query=${query}`)) as {
      data: { result: unknown[] };
    } | null;
    return (answer?.data.result.length ?? 0) > 0;
  });
}

interface Receiver {
  readonly url: string;
  /** What was told since it was last asked. */
  take(): string[];
  close(): void;
}

/** In the place of PagerDuty. */
async function receiver(): Promise<Receiver> {
  let told: string[] = [];
  const server: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      const event = JSON.parse(text) as { event_action: string; payload?: { summary: string } };
      told.push(`${event.event_action}${event.payload === undefined ? '' : `: ${event.payload.summary}`}`);
      response.writeHead(202, { 'content-type': 'application/json' }).end('{"status":"success"}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`,
    take: () => {
      const all = told;
      told = [];
      return all;
    },
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

interface PrometheusAlerts {
  readonly data: { readonly alerts: readonly { readonly state: string; readonly labels: Record<string, string> }[] };
}

/** Says what fires, until somebody ends it. */
async function follow(clock: () => string, told: Receiver): Promise<never> {
  const known = new Set<string>();
  for (;;) {
    await pause(0.5);
    for (const one of told.take()) tell(clock(), `the agent tells PagerDuty: ${one}`);
    const answer = (await json(`http://${PROMETHEUS}/api/v1/alerts`)) as PrometheusAlerts | null;
    for (const { state, labels } of answer?.data.alerts ?? []) {
      const { alertname = '', scope = '', comm } = labels;
      const alert = `${alertname} (${comm ?? scope})`;
      if (state !== 'firing' || known.has(alert)) continue;
      known.add(alert);
      tell(clock(), `Prometheus: ${alert} fires`);
    }
  }
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => ending.abort());
// nobody reads any more
process.stdout.on('error', () => ending.abort());
let failure: unknown;
try {
  await demo();
} catch (error) {
  failure = ending.signal.aborted ? ending.signal.reason : error;
}
ending.abort();
for (const one of undo.reverse()) await one();
if (failure instanceof DemoError) {
  process.stderr.write(`spillway demo: ${failure.message}\n`);
  process.exitCode = 1;
} else if (!(failure instanceof DOMException)) {
  throw failure;
}
