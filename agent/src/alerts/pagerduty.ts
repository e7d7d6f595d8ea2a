/** Incident -> PagerDuty Events API v2. */
import { createHash } from 'node:crypto';
import { parseUrl, type Post } from './http.ts';
import { attempt, SecretReader } from './http-receiver.ts';
import type { Json, NotificationEvent } from './incident.ts';
import type { Clock, Log, Receiver } from './receiver.ts';
import type { SecretFile } from './secret.ts';
import type { Throttle } from './throttle.ts';

/** Limits of the API: characters, characters, bytes of a whole body. */
const MAX_SUMMARY = 1024;
const MAX_DEDUP_KEY = 255;
const MAX_BODY_BYTES = 512_000;
/** What routing_key adds to the body, and some room. */
const KEY_BYTES = 64;
/** Bound of texts for which the API names none. */
const MAX_FIELD = 1024;
const MAX_LINKS = 16;
/** How many of the parts that were too large are named. */
const LARGEST = 10;

const DEFAULT_BASE = 'https://events.pagerduty.com';

/** The body of a request, but for routing_key. */
export interface PagerDutyBody {
  readonly event_action: 'trigger' | 'resolve';
  readonly dedup_key: string;
  readonly client: 'spillway';
  readonly client_url?: string;
  readonly links: readonly { readonly href: string; readonly text: string }[];
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    readonly severity: string;
    readonly timestamp: string;
    readonly component?: string;
    readonly group: 'spillway';
    readonly class: string;
    readonly custom_details: { readonly [key: string]: Json };
  };
}

/** A body that PagerDuty takes, whatever the incident holds. `clientUrl` is where the agent shows itself. */
export function pagerDutyBody({ action, incident }: NotificationEvent, clientUrl: string | null = null): PagerDutyBody {
  const { subject } = incident;
  const body: PagerDutyBody = {
    event_action: action,
    dedup_key: dedupKey(incident.dedupKey),
    client: 'spillway',
    ...(clientUrl === null ? {} : { client_url: clientUrl }),
    links: incident.links
      .slice(0, MAX_LINKS)
      .map(({ href, text }) => ({ href: cut(href, MAX_FIELD * 2), text: cut(text, MAX_FIELD) })),
    payload: {
      // the API refuses a trigger that lacks one of these
      summary: cut(incident.summary || incident.rule, MAX_SUMMARY) || 'alert',
      source: cut(incident.host, MAX_FIELD) || 'unknown',
      severity: incident.severity,
      timestamp: new Date(incident.resolvedAtMs ?? incident.firedAtMs).toISOString(),
      ...(subject === null ? {} : { component: cut(`${subject.unit} ${subject.comm}`.trim(), MAX_FIELD) }),
      group: 'spillway',
      class: cut(incident.rule, MAX_FIELD),
      custom_details: { value: incident.value, threshold: incident.threshold, ...incident.details },
    },
  };
  const bytes = bytesOf(body);
  if (bytes <= MAX_BODY_BYTES - KEY_BYTES) return body;
  return { ...body, payload: { ...body.payload, custom_details: noteOf(body.payload.custom_details, bytes) } };
}

/** What stands where the details would make the body too large. */
function noteOf(details: { readonly [key: string]: Json }, bytes: number): { readonly [key: string]: Json } {
  const parts = Object.entries(details).map(([name, part]) => ({ name: cut(name, 100), bytes: bytesOf(part) }));
  parts.sort((a, b) => b.bytes - a.bytes);
  return {
    note:
      `details left out: the event had ${String(bytes)} bytes, and PagerDuty takes ${String(MAX_BODY_BYTES)}; ` +
      'the evidence is on the host',
    largest: parts.slice(0, LARGEST),
  };
}

const bytesOf = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

/** At most so many characters, the last one `…` if some were left out; valid Unicode. */
function cut(text: string, characters: number): string {
  const runes = Array.from(text.toWellFormed());
  return runes.length <= characters ? runes.join('') : `${runes.slice(0, characters - 1).join('')}…`;
}

/** As it is while it fits: a cut one could be that of another incident. */
function dedupKey(key: string): string {
  if (key.length <= MAX_DEDUP_KEY) return key.toWellFormed();
  return `spillway:${createHash('sha256').update(key).digest('hex')}`;
}

export interface PagerDutyOptions {
  readonly name?: string;
  /** EU accounts have another. */
  readonly baseUrl?: string;
  readonly clientUrl?: string | null;
  readonly readKey: () => Promise<SecretFile>;
  /** Shared by all receivers that may have the same key. */
  readonly throttle: Throttle;
  readonly post: Post;
  readonly clock: Clock;
  readonly log: Log;
}

/** @throws TypeError for a base URL that is none, without quoting it */
export function pagerDutyReceiver(options: PagerDutyOptions): Receiver {
  const { name = 'pagerduty', baseUrl = DEFAULT_BASE, clientUrl = null, throttle, post, clock, log } = options;
  const url = enqueueUrl(baseUrl);
  const keys = new SecretReader(options.readKey, log);
  return {
    name,
    async deliver(event, signal) {
      const key = await keys.get();
      if ('kind' in key) return key;
      const ms = throttle.take(key.secret.fingerprint(), clock.monotonicMs());
      if (ms > 0) return { kind: 'wait', ms, why: null };
      const body = JSON.stringify({ routing_key: key.secret.reveal(), ...pagerDutyBody(event, clientUrl) });
      const request = { url, headers: { 'content-type': 'application/json', 'user-agent': 'spillway' }, body };
      return attempt(post, request, signal, clock, (text) => key.secret.redact(text));
    },
  };
}

/** `https://host[/prefix]` -> `https://host[/prefix]/v2/enqueue` */
function enqueueUrl(baseUrl: string): string {
  const url = parseUrl(baseUrl);
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v2/enqueue`;
  return url.href;
}
