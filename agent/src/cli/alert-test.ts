/** What `spillway alerts test` sends: a trigger and its resolve, which nobody takes for real. */
import { hostname } from 'node:os';
import type { Incident, NotificationEvent } from '../alerts/incident.ts';
import { pagerDutyBody } from '../alerts/pagerduty.ts';
import type { Outcome } from '../alerts/receiver.ts';
import { webhookBody } from '../alerts/webhook.ts';
import { DEFAULT_CONFIG_FILE, FILES } from '../config/load.ts';
import { SpillwayError } from '../model/errors.ts';
import { receiversOf } from './alerting.ts';
import type { SendTest } from './alerts.ts';
import { readConfig } from './configuration.ts';

const PATIENCE_MS = 30_000;

/** @param file null: the one of the host, or the defaults @throws ConfigError, or SpillwayError NO_RECEIVER */
export function sendTest(file: string | null): SendTest {
  const config = readConfig(file ?? undefined);
  const { statusUrl } = config;
  const receivers = receiversOf(config);
  const configuration = file ?? (FILES.fileExists(DEFAULT_CONFIG_FILE) ? DEFAULT_CONFIG_FILE : null);
  if (receivers.length === 0) {
    throw new SpillwayError(
      'NO_RECEIVER',
      `by ${configuration ?? 'the defaults'} nobody would be told: put a PagerDuty routing key into /etc/spillway/pagerduty.key ` +
        `(mode 0600), or configure a webhook in ${configuration ?? DEFAULT_CONFIG_FILE}`,
    );
  }
  const events = testEvents(Date.now(), hostname());
  return {
    configuration,
    bodies: () =>
      receivers.flatMap(({ name: receiver }) =>
        events.map((event) => ({
          receiver,
          body:
            receiver === 'pagerduty' ? pagerDutyBody(event, statusUrl) : webhookBody(event, receiver, statusUrl ?? ''),
        })),
      ),
    send: async () => {
      const results: Awaited<ReturnType<SendTest['send']>>[number][] = [];
      for (const receiver of receivers) {
        for (const event of events) {
          const outcome = await receiver.deliver(event, AbortSignal.timeout(PATIENCE_MS));
          const ok = outcome.kind === 'sent';
          results.push({ receiver: receiver.name, action: event.action, ok, message: messageOf(outcome) });
        }
      }
      return results;
    },
  };
}

/** What the receiver answered, or why it was not asked. */
function messageOf(outcome: Outcome): string {
  if (outcome.kind === 'sent') return outcome.answer ?? '';
  return outcome.why ?? 'it has taken too much within the last minute: try again later';
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
