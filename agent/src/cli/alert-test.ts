/** What `spillway alerts test` sends: a trigger and its resolve, which nobody takes for real. */
import { hostname } from 'node:os';
import { checkSelector } from '../alerts/counters.ts';
import { defaultRules } from '../alerts/default-rules.ts';
import type { Incident, NotificationEvent } from '../alerts/incident.ts';
import { pagerDutyBody } from '../alerts/pagerduty.ts';
import { webhookBody } from '../alerts/webhook.ts';
import { DEFAULT_CONFIG_FILE, FILES, loadConfig } from '../config/load.ts';
import { SpillwayError } from '../model/errors.ts';
import { receiversOf } from './alerting.ts';
import type { SendTest } from './alerts.ts';

const PATIENCE_MS = 30_000;

/** @throws ConfigError, or SpillwayError NO_RECEIVER */
export function sendTest(): SendTest {
  const options = { required: false, files: FILES, defaultRules: defaultRules(), checkSelector };
  const receivers = receiversOf(loadConfig(DEFAULT_CONFIG_FILE, options));
  if (receivers.length === 0) {
    throw new SpillwayError(
      'NO_RECEIVER',
      'nobody would be told: put a PagerDuty routing key into /etc/spillway/pagerduty.key (mode 0600), ' +
        `or configure a webhook in ${DEFAULT_CONFIG_FILE}`,
    );
  }
  const events = testEvents(Date.now(), hostname());
  return {
    bodies: () =>
      receivers.flatMap(({ name: receiver }) =>
        events.map((event) => ({
          receiver,
          body: receiver === 'pagerduty' ? pagerDutyBody(event) : webhookBody(event, receiver),
        })),
      ),
    send: async () => {
      const results: Awaited<ReturnType<SendTest['send']>>[number][] = [];
      for (const receiver of receivers) {
        for (const event of events) {
          const outcome = await receiver.deliver(event, AbortSignal.timeout(PATIENCE_MS));
          const ok = outcome.kind === 'sent';
          const message = 'why' in outcome && outcome.why !== null ? outcome.why : outcome.kind;
          results.push({ receiver: receiver.name, action: event.action, ok, message });
        }
      }
      return results;
    },
  };
}

function testEvents(nowMs: number, host: string): NotificationEvent[] {
  const incident: Incident = {
    dedupKey: `spillway:test:${String(nowMs)}`,
    rule: 'Test',
    subject: null,
    severity: 'info',
    host,
    summary: `Test of spillway's alerts on ${host}: nothing is wrong, and it resolves at once`,
    firedAtMs: nowMs,
    resolvedAtMs: null,
    value: null,
    threshold: 0,
    details: { test: true },
    links: [],
  };
  return [
    { action: 'trigger', incident },
    { action: 'resolve', incident: { ...incident, resolvedAtMs: nowMs } },
  ];
}
