/** A real Prometheus and a real Alertmanager, and a server that takes webhooks. */
import { spawn } from 'node:child_process';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './run.ts';

/** One alert of a webhook's body, as far as the tests look at it. */
export interface ToldAlert {
  readonly status: 'firing' | 'resolved';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

export interface Webhook {
  readonly url: string;
  /** All alerts that were told, in their order. */
  readonly told: ToldAlert[];
}

/** Takes Alertmanager's webhook JSON, version 4; it ends with the test. */
export async function webhook(): Promise<Webhook> {
  const told: ToldAlert[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    request.on('end', () => {
      const { version, alerts } = JSON.parse(text) as { version: string; alerts: ToldAlert[] };
      if (version === '4') told.push(...alerts);
      response.end();
    });
  });
  const url = `${await listen(server)}/`;
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url, told };
}

async function listen(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

/** An address on which nobody listens. */
async function freeAddress(): Promise<string> {
  const server = createServer();
  const url = await listen(server);
  await new Promise((resolve) => server.close(resolve));
  return url.replace('http://', '');
}

/** Starts a daemon and waits until it is ready; it ends with the test. */
async function start(address: string, command: readonly string[]): Promise<string> {
  const [file = '', ...args] = command;
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => {
      resolve();
    });
    child.once('error', (error) => {
      stderr += `${error.message}: apt install prometheus prometheus-alertmanager`;
      resolve();
    });
  });
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const deadline = Date.now() + 30_000;
  for (;;) {
    const over = child.pid === undefined || child.exitCode !== null;
    if (over || Date.now() > deadline) throw new Error(`${file} did not get ready: ${stderr}`);
    const response = await fetch(`http://${address}/-/ready`).catch(() => null);
    if (response?.status === 200) return `http://${address}`;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** An Alertmanager that tells each alert by itself, as soon as it can. */
export async function startAlertmanager(receiver: string): Promise<string> {
  const directory = temporaryDirectory();
  const config = join(directory, 'alertmanager.yml');
  writeFileSync(
    config,
    `route: {receiver: test, group_by: ['...'], group_wait: 0s, group_interval: 1s}
receivers:
  - name: test
    webhook_configs: [{url: '${receiver}', send_resolved: true}]
`,
  );
  const address = await freeAddress();
  return start(address, [
    'prometheus-alertmanager',
    `--config.file=${config}`,
    `--storage.path=${directory}`,
    `--web.listen-address=${address}`,
    '--cluster.listen-address=',
  ]);
}

/**
 * A Prometheus that scrapes one target every second; `rules` is the text of a file of rules, `more` is added to the job,
 * e.g. `scheme: https`.
 */
export async function startPrometheus(target: string, alertmanager: string, rules: string, more = ''): Promise<string> {
  const directory = temporaryDirectory();
  const config = join(directory, 'prometheus.yml');
  writeFileSync(join(directory, 'rules.yml'), rules);
  writeFileSync(
    config,
    `global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting: {alertmanagers: [{static_configs: [{targets: ['${new URL(alertmanager).host}']}]}]}
scrape_configs:
  - {job_name: spillway, static_configs: [{targets: ['${new URL(target).host}']}]${more === '' ? '' : `, ${more}`}}
`,
  );
  const address = await freeAddress();
  return start(address, [
    'prometheus',
    `--config.file=${config}`,
    `--storage.tsdb.path=${join(directory, 'data')}`,
    `--web.listen-address=${address}`,
    '--rules.alert.resend-delay=1s',
  ]);
}

/** How many series an instant query finds. */
export async function countOf(prometheus: string, query: string): Promise<number> {
  const response = await fetch(`${prometheus}/api/v1/query?query=${encodeURIComponent(query)}`);
  const { data } = (await response.json()) as { data: { result: unknown[] } };
  return data.result.length;
}
