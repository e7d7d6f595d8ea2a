/** What a file of the outbox holds: one event, as JSON. Reading trusts nothing. */
import type { Incident, NotificationEvent } from './incident.ts';
import { SEVERITIES } from './rule.ts';

/** Files of another version are left to the agent that wrote them. */
const VERSION = 1;

/** Larger events are stored without their details, and larger files are not ours. */
export const MAX_FILE_BYTES = 1_048_576;

/** An event, and what delivering it must know after a restart. */
export interface StoredEvent {
  readonly event: NotificationEvent;
  /** When it was queued, by the wall clock. */
  readonly queuedAtMs: number;
  /** A trigger before which nobody was told of the incident: if it never leaves, its resolve need not either. */
  readonly opening: boolean;
  /** The only receiver that it is for; null: all. */
  readonly receiver: string | null;
  /** Sequence numbers of events that the receiver need not get, now that it gets this one. */
  readonly absorbs: readonly number[];
  /** Dedup keys of the incidents that a summary stands for; null: it is no summary. */
  readonly members: readonly string[] | null;
}

/** The file's text, at most MAX_FILE_BYTES long but for what many members need. */
export function encodeStored(stored: StoredEvent): string {
  const text = JSON.stringify({ version: VERSION, ...stored });
  const bytes = Buffer.byteLength(text);
  if (bytes <= MAX_FILE_BYTES) return text;
  const incident = { ...stored.event.incident, details: { note: `left out: ${String(bytes)} bytes` } };
  return JSON.stringify({ version: VERSION, ...stored, event: { ...stored.event, incident } });
}

/** @throws Error that says what is wrong with the text, without quoting it */
export function decodeStored(text: string): StoredEvent {
  const file = parse(text);
  if (!isRecord(file)) throw new Error('no object');
  if (file.version !== VERSION) throw new Error('of another version');
  const { event, queuedAtMs, opening, receiver, absorbs, members } = file;
  const wrong =
    (!isTime(queuedAtMs) && 'queuedAtMs') ||
    (typeof opening !== 'boolean' && 'opening') ||
    (receiver !== null && typeof receiver !== 'string' && 'receiver') ||
    (!(Array.isArray(absorbs) && absorbs.every((one) => Number.isSafeInteger(one))) && 'absorbs') ||
    (members !== null && !(Array.isArray(members) && members.every((one) => typeof one === 'string')) && 'members') ||
    wrongInEvent(event);
  if (wrong !== null) throw new Error(`wrong: ${wrong}`);
  return { event, queuedAtMs, opening, receiver, absorbs, members } as StoredEvent;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new Error('no JSON, or only half of it');
  }
}

function wrongInEvent(event: unknown): string | null {
  if (!isRecord(event)) return 'event';
  if (event.action !== 'trigger' && event.action !== 'resolve') return 'event.action';
  if (!isRecord(event.incident)) return 'event.incident';
  const incident = event.incident as Record<keyof Incident, unknown>;
  for (const name of Object.keys(INCIDENT) as (keyof Incident)[]) {
    if (!INCIDENT[name](incident[name])) return `event.incident.${name}`;
  }
  return null;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): boolean => typeof value === 'string';
/** What Date can hold: others could not be written as a date. */
const isTime = (value: unknown): boolean => typeof value === 'number' && !Number.isNaN(new Date(value).getTime());
/** The host, or the names of a workload. */
export const isSubject = (value: unknown): boolean =>
  value === null || (isRecord(value) && isText(value.unit) && isText(value.comm));
const isLink = (value: unknown): boolean => isRecord(value) && isText(value.href) && isText(value.text);

const INCIDENT: Readonly<Record<keyof Incident, (value: unknown) => boolean>> = {
  dedupKey: (value) => isText(value) && value !== '',
  rule: isText,
  subject: isSubject,
  severity: (value) => (SEVERITIES as readonly unknown[]).includes(value),
  host: isText,
  summary: isText,
  firedAtMs: isTime,
  resolvedAtMs: (value) => value === null || isTime(value),
  // JSON has no NaN and no infinity: they were written as null
  value: (value) => value === null || typeof value === 'number',
  threshold: (value) => typeof value === 'number',
  details: isRecord,
  links: (value) => Array.isArray(value) && value.every(isLink),
};
