/** Alerting on this host: the configuration -> rules, receivers, directories. */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { Alerting } from '../alerts/alerting.ts';
import { collectEvidence } from '../alerts/evidence.ts';
import { EvidenceStore } from '../alerts/evidence-store.ts';
import { newPost } from '../alerts/http.ts';
import { Outbox } from '../alerts/outbox.ts';
import { pagerDutyReceiver } from '../alerts/pagerduty.ts';
import { NodeProcFs } from '../alerts/proc.ts';
import type { Clock, Receiver } from '../alerts/receiver.ts';
import { readRoutingKey, routingKeyPaths } from '../alerts/routing-key.ts';
import { AlertState, type StateFs } from '../alerts/state.ts';
import { Store } from '../alerts/store.ts';
import { Throttle } from '../alerts/throttle.ts';
import { readBearerToken, webhookReceiver } from '../alerts/webhook.ts';
import type { Rule } from '../alerts/rule.ts';
import type { Config } from '../config/config.ts';
import { type Build, log } from './context.ts';

const CLOCK: Clock = {
  unixMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (ms, call) => {
    const timer = setTimeout(call, ms);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Tells this host from others, and is not its machine id, which others must not see (machine-id(5)). */
function hostId(): string {
  try {
    return createHash('sha256').update('spillway').update(readFileSync('/etc/machine-id')).digest('hex');
  } catch {
    return hostname();
  }
}

/** Everyone who is told: PagerDuty where there is a routing key, the webhook where there is one. */
export function receiversOf({ receivers, statusUrl }: Config): Receiver[] {
  const post = newPost({ env: process.env });
  const shared = { post, clock: CLOCK, log };
  const list: Receiver[] = [];
  const paths = routingKeyPaths(receivers.pagerduty.routingKeyFile, process.env);
  if (receivers.pagerduty.routingKeyFile !== null || paths.some((path) => existsSync(path))) {
    list.push(
      pagerDutyReceiver({
        ...shared,
        baseUrl: receivers.pagerduty.url,
        clientUrl: statusUrl,
        readKey: () => readRoutingKey(disk, paths),
        throttle: new Throttle(),
      }),
    );
  }
  if (receivers.webhook.url !== null) {
    const { url, bearerTokenFile } = receivers.webhook;
    const token = bearerTokenFile === null ? {} : { readToken: () => readBearerToken(disk, bearerTokenFile) };
    list.push(webhookReceiver({ ...shared, ...token, url, externalUrl: statusUrl ?? '' }));
  }
  return list;
}

const STATE_FS: StateFs = {
  read: (path) => disk.readFile(path, 'utf8'),
  makeDirectory: async (path) => {
    await disk.mkdir(path, { recursive: true, mode: 0o700 });
  },
  write: async (path, text) => {
    const file = await disk.open(path, 'w', 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename: (from, to) => disk.rename(from, to),
  sync: async (directory) => {
    const handle = await disk.open(directory, 'r');
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

/** Deliveries to everyone who is configured; not started. */
export function outboxOf(config: Config): Outbox {
  const receivers = receiversOf(config);
  if (receivers.length === 0) {
    log(
      'info',
      'alerts are told to nobody: put a PagerDuty routing key into /etc/spillway/pagerduty.key, or configure a webhook',
    );
  }
  const store = new Store(disk, log, join(config.alerts.stateDirectory, 'outbox'));
  return new Outbox({ store, receivers, clock: CLOCK, random: Math.random, log });
}

/** The rules to go by, with the addresses of their runbooks. */
export function rulesOf({ alerts, runbookBaseUrl }: Config): Rule[] {
  if (!alerts.enabled) return [];
  return alerts.rules.map((rule) =>
    runbookBaseUrl === null || rule.runbook === '' || /^https?:/.test(rule.runbook)
      ? rule
      : { ...rule, runbook: `${runbookBaseUrl}/${rule.runbook}` },
  );
}

/** Loads what a former run left and begins to deliver. `boottime` is seconds since boot. */
export async function startAlerting(config: Config, build: Build, boottime: () => number): Promise<Alerting> {
  const { stateDirectory } = config.alerts;
  const evidence = new EvidenceStore(join(stateDirectory, 'evidence'));
  const fs = new NodeProcFs();
  const versions = { agent: build.version, kernel: build.kernel };
  const alerting = new Alerting({
    rules: rulesOf(config),
    outbox: outboxOf(config),
    state: new AlertState(stateDirectory, STATE_FS),
    collect: (subject, mechanism, snapshot) => {
      const timeout = (ms: number) => AbortSignal.timeout(ms);
      return collectEvidence({ subject, mechanism, snapshot, now: Date.now(), fs, versions, timeout });
    },
    keep: (key, firedAtMs, collected) => evidence.save(key, firedAtMs, collected),
    hostId: hostId(),
    host: hostname(),
    statusUrl: config.statusUrl ?? '',
    unixMs: () => CLOCK.unixMs(),
    boottime,
    log,
  });
  await alerting.start();
  return alerting;
}
