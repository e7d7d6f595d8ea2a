/** Names that mean something in PromQL, from the program that has them to every place that asks for them. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { boardFiles } from '../../../dashboards/boards/index.ts';
import { selectorText } from '../../src/config/selector.ts';
import { until } from './support/kernel.ts';
import { countOf, startAlertmanager, startPrometheus, type Webhook, webhook } from './support/prometheus.ts';
import { startDaemon, temporaryDirectory } from './support/run.ts';
import { shortRules } from '../../../demo/short.ts';
import { ruleFiles } from '../../../dashboards/rules/index.ts';

/** A comm has at most 15 bytes. Each has a number of attempts of its own, so that none is taken for another. */
const NAMES = [
  'a"b\\c\nd',
  "{x}|'$__all",
  '"} or vector(1)',
  '{{ $value }}',
  '$instance',
  '.*',
  'é\\u0041\\n',
] as const;
const ATTEMPTS = 300;
const attemptsOf = (name: (typeof NAMES)[number]): number => ATTEMPTS + NAMES.indexOf(name);

/** Every transfer is refused, then read and written. */
const TRANSFERS = `
import os, socket, sys
with open('/proc/self/comm', 'wb') as file: file.write(os.fsencode(sys.argv[1]))
a, b = socket.socketpair()
for i in range(int(sys.argv[2])):
    f = os.open('/proc/self/status', os.O_RDONLY)
    try: os.sendfile(a.fileno(), f, 0, 100)
    except OSError: a.send(os.read(f, 100))
    os.close(f)
    b.recv(200)
`;

async function transfer(comm: string, times: number): Promise<void> {
  const child = spawn('python3', ['-c', TRANSFERS, comm, String(times)], { stdio: 'ignore' });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  expect(await new Promise((resolve) => child.once('exit', resolve))).toBe(0);
}

/** A rule for these programs alone: as many selectors as there are names, in one. */
function configuration(receiver: string): string {
  const directory = temporaryDirectory();
  const counter = (metric: string) => selectorText({ metric, labels: { mechanism: ['sendfile'], comm: [...NAMES] } });
  const ratio = {
    numerator: counter('workload_fallbacks_total'),
    denominator: counter('workload_attempts_total'),
    above: 0.5,
    minimum: 200,
  };
  const file = join(directory, 'config.yaml');
  const alerts = {
    state_directory: `${directory}/state`,
    rules: {
      SendfileFallback: { enabled: false },
      Hostile: {
        ratio,
        window: '5s',
        for: '0s',
        scopes: ['workload'],
        severity: 'error',
        summary: '{{comm}} {{total}}',
      },
    },
  };
  writeFileSync(file, stringify({ alerts, receivers: { webhook: { url: receiver } } }));
  return file;
}

/** PromQL's own way to write a text: that of Go, which is JSON's for these. */
const quoted = (text: string): string => JSON.stringify(text);

interface Found {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [number, string];
}

async function query(prometheus: string, expr: string): Promise<Found[]> {
  const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(expr)}`);
  const text = await response.text();
  expect(response.status, `${expr}: ${text}`).toBe(200);
  return (JSON.parse(text) as { data: { result: Found[] } }).data.result;
}

/**
 * An expression as Grafana's data source for Prometheus sends it: of what can be several values each is a pattern that matches itself
 * alone, of what is one only its backslashes are doubled.
 */
function filledIn(expr: string, values: Readonly<Record<string, { value: string; several: boolean }>>): string {
  return expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$(job|instance)\b/g, (whole, name: string) => {
    const { value, several } = values[name] ?? { value: whole, several: false };
    return several
      ? value.replaceAll('\\', '\\\\\\\\').replaceAll(/[$^*{}[\]'+?.()|]/g, '\\\\$&')
      : value.replaceAll('\\', '\\\\');
  });
}

interface Board {
  readonly templating: { readonly list: readonly { name: string; multi?: boolean; definition?: string }[] };
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}

const commsOf = ({ told }: Webhook, alertname: string): (string | undefined)[] => [
  ...new Set(told.filter(({ labels }) => labels.alertname === alertname).map(({ labels }) => labels.comm)),
];

it('hostile names in PromQL: metrics, selectors, rules, alerts and every query of the boards tell them apart', async () => {
  const [own, fleet] = [await webhook(), await webhook()];
  // an address that is no word either
  const daemon = await startDaemon(['--config', configuration(own.url), '--web.listen-address', '[::1]:0']);
  const instance = new URL(daemon.url).host;
  expect(instance).toMatch(/^\[::1\]:/);
  const rules = shortRules(ruleFiles().get('spillway-alerts.yaml') ?? '');
  const prometheus = await startPrometheus(daemon.url, await startAlertmanager(fleet.url), rules);
  await until(async () => (await countOf(prometheus, '{__name__=~"spillway:uninterrupted:.+"}')) === 2);
  for (const name of NAMES) await transfer(name, attemptsOf(name));

  // the metrics: each name by itself, with what is its own
  const attempts = (name: string) =>
    query(prometheus, `sum by (comm) (spillway_workload_attempts_total{mechanism="sendfile", comm=${quoted(name)}})`);
  for (const name of NAMES) {
    await until(async () => (await attempts(name)).length > 0);
    await until(async () => Number((await attempts(name))[0]?.value[1]) >= attemptsOf(name));
    expect((await attempts(name)).map(({ metric, value }) => [metric, value[1]])).toEqual([
      [{ comm: name }, String(attemptsOf(name))],
    ]);
  }

  // the agent's own rule, whose selector names them, and Prometheus' rules; what is told of them
  await until(() => NAMES.every((name) => commsOf(own, 'Hostile').includes(name)));
  expect(commsOf(own, 'Hostile').sort()).toEqual([...NAMES].sort());
  const told = own.told.find(({ labels }) => labels.comm === '{{ $value }}');
  expect(told?.annotations.summary).toMatch(/^\{\{ \$value \}\} \d+$/);
  await until(() => NAMES.every((name) => commsOf(fleet, 'SendfileFallback').includes(name)));
  const theirs = fleet.told.find(({ labels }) => labels.comm === '{{ $value }}');
  expect(theirs?.annotations.summary).toContain('{{ $value }}');

  // the boards, with this agent chosen; a rate takes two samples
  for (const name of NAMES) {
    const sampled = `count_over_time(spillway_workload_attempts_total{comm=${quoted(name)}}[1m]) > 1`;
    await until(async () => (await countOf(prometheus, sampled)) > 0);
  }
  const comms = new Map<string, Set<string>>();
  for (const [file, text] of boardFiles()) {
    const { templating, panels } = JSON.parse(text) as Board;
    const several = (name: string) => templating.list.find((variable) => variable.name === name)?.multi === true;
    const values = {
      job: { value: 'spillway', several: several('job') },
      instance: { value: instance, several: several('instance') },
    };
    for (const { definition = '' } of templating.list.filter(({ name }) => name === 'instance')) {
      const series = definition.replace(/^label_values\((.*), instance\)$/, '$1');
      expect((await query(prometheus, filledIn(series, values))).map(({ metric }) => metric.instance)).toEqual([
        instance,
      ]);
    }
    for (const { title, targets = [] } of panels) {
      for (const { expr } of targets) {
        const found = await query(prometheus, filledIn(expr, values));
        for (const { metric } of found) {
          const seen = comms.get(`${file} ${title}`) ?? new Set<string>();
          if (metric.comm !== undefined) comms.set(`${file} ${title}`, seen.add(metric.comm));
        }
        if (/^Attempts(?: by outcome)?$/.test(title)) expect([file, title, found.length]).not.toEqual([file, title, 0]);
      }
    }
  }
  // the other tables of programs show the first ones only, and others run here too
  expect([...(comms.get('spillway-host.json Programs') ?? [])]).toEqual(expect.arrayContaining([...NAMES]));
});
