/** Incident -> Alertmanager's webhook, version 4: whatever takes that takes ours. */
import { createHash } from 'node:crypto';
import { parseUrl, type Post } from './http.ts';
import { attempt, SecretReader } from './http-receiver.ts';
import type { NotificationEvent } from './incident.ts';
import type { Clock, Log, Receiver } from './receiver.ts';
import { readSecret, type SecretFile, type SecretFiles } from './secret.ts';

/** Where details would take more they are left out: annotations are meant for people. */
const MAX_DETAILS = 65_536;

/** How Alertmanager writes that an alert has not ended. */
const NOT_ENDED = '0001-01-01T00:00:00Z';

type Labels = Readonly<Record<string, string>>;

export interface WebhookBody {
  readonly version: '4';
  readonly groupKey: string;
  readonly truncatedAlerts: number;
  readonly status: 'firing' | 'resolved';
  readonly receiver: string;
  readonly groupLabels: Labels;
  readonly commonLabels: Labels;
  readonly commonAnnotations: Labels;
  readonly externalURL: string;
  readonly alerts: readonly {
    readonly status: 'firing' | 'resolved';
    readonly labels: Labels;
    readonly annotations: Labels;
    readonly startsAt: string;
    readonly endsAt: string;
    readonly generatorURL: string;
    /** 16 hexadecimal digits, the same for the same incident. */
    readonly fingerprint: string;
  }[];
}

/** One incident is a group of one alert. `externalUrl` is where the agent shows itself, '' for nowhere. */
export function webhookBody({ action, incident }: NotificationEvent, receiver: string, externalUrl = ''): WebhookBody {
  const { subject } = incident;
  const status = action === 'trigger' ? 'firing' : 'resolved';
  const labels = present({
    alertname: incident.rule,
    severity: incident.severity,
    host: incident.host,
    unit: subject?.unit ?? '',
    comm: subject?.comm ?? '',
  });
  const details = JSON.stringify(incident.details);
  const annotations = present({
    summary: incident.summary,
    runbook_url: incident.links[0]?.href ?? '',
    value: incident.value === null ? '' : String(incident.value),
    threshold: String(incident.threshold),
    details:
      Buffer.byteLength(details) <= MAX_DETAILS
        ? details
        : `left out: ${String(Buffer.byteLength(details))} bytes; the evidence is on the host`,
  });
  const endsAt = action === 'trigger' ? NOT_ENDED : timeText(incident.resolvedAtMs ?? incident.firedAtMs);
  return {
    version: '4',
    groupKey: `{}:{dedup_key=${JSON.stringify(incident.dedupKey)}}`,
    truncatedAlerts: 0,
    status,
    receiver,
    groupLabels: present({ alertname: incident.rule }),
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: externalUrl,
    alerts: [
      {
        status,
        labels,
        annotations,
        startsAt: timeText(incident.firedAtMs),
        endsAt,
        generatorURL: externalUrl,
        fingerprint: createHash('sha256').update(incident.dedupKey).digest('hex').slice(0, 16),
      },
    ],
  };
}

const timeText = (unixMs: number): string => new Date(unixMs).toISOString();

/** A label or annotation that is empty is the same as none. */
function present(labels: Labels): Labels {
  const entries = Object.entries(labels).map(([name, value]) => [name, value.toWellFormed()] as const);
  return Object.fromEntries(entries.filter(([, value]) => value !== ''));
}

/** A bearer token from a file. @throws SecretError that names the file */
export function readBearerToken(files: SecretFiles, path: string): Promise<SecretFile> {
  return readSecret(files, [path], (text) =>
    /^[\x21-\x7e]+$/.test(text)
      ? null
      : `a token has only visible ASCII characters, this (${String(text.length)}) has others or none`,
  );
}

export interface WebhookOptions {
  readonly name?: string;
  readonly url: string;
  readonly externalUrl?: string;
  /** None where the server asks for none. */
  readonly readToken?: () => Promise<SecretFile>;
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws TypeError for a URL that is none, without quoting it */
export function webhookReceiver(options: WebhookOptions): Receiver {
  const { name = 'webhook', externalUrl = '', readToken, post, clock, log } = options;
  const url = parseUrl(options.url);
  // many services take these for a password
  const secretParts = [url.pathname, url.search].filter((part) => part.length > 1);
  const tokens = readToken === undefined ? null : new SecretReader(readToken, log);
  return {
    name,
    async deliver(event, signal) {
      const token = tokens === null ? null : await tokens.get();
      if (token !== null && 'kind' in token) return token;
      const headers: Record<string, string> = { 'content-type': 'application/json', 'user-agent': 'spillway' };
      if (token !== null) headers.authorization = `Bearer ${token.secret.reveal()}`;
      const body = JSON.stringify(webhookBody(event, name, externalUrl));
      const redact = (text: string) =>
        secretParts.reduce(
          (rest, part) => rest.replaceAll(part, '[redacted]'),
          token === null ? text : token.secret.redact(text),
        );
      return attempt(post, { url: url.href, headers, body }, signal, clock, redact);
    },
  };
}
