/** What a receiver of notifications is, and what the answer to one attempt means. */
import { printable } from '../model/text.ts';
import type { Answer } from './http.ts';
import type { NotificationEvent } from './incident.ts';

/** Time, handed in. */
export interface Clock {
  /** Milliseconds since the epoch; may be set back and forth. */
  unixMs(): number;
  /** Milliseconds since some moment; never set back. */
  monotonicMs(): number;
  /** Calls once, so many milliseconds later. @returns what takes that back */
  after(ms: number, call: () => void): () => void;
}

export type Log = (level: 'error' | 'warning' | 'info', message: string) => void;

/** Why an attempt will be repeated. */
export const RETRY_REASONS = ['rate_limited', 'server_error', 'redirected', 'network', 'timeout', 'internal'] as const;
export type RetryReason = (typeof RETRY_REASONS)[number];

/** What became of one attempt. `why` is for the log: printable, short, without secrets. */
export type Outcome =
  | { readonly kind: 'sent'; /** The server's answer. */ readonly answer?: string }
  /** The server will never take it. */
  | { readonly kind: 'rejected'; readonly why: string }
  | {
      readonly kind: 'failed';
      readonly reason: RetryReason;
      readonly why: string;
      /** Whether the server may have taken it all the same. */
      readonly left: boolean;
      /** As the server asks. */
      readonly retryAfterMs: number | null;
    }
  /** Not attempted: no key, or too many requests for now (no `why`). */
  | { readonly kind: 'wait'; readonly ms: number; readonly why: string | null };

export interface Receiver {
  /** Unique; part of file names: a letter, then letters, digits, `_`. */
  readonly name: string;
  /** One attempt. */
  deliver(event: NotificationEvent, signal: AbortSignal): Promise<Outcome>;
}

/** Longest wait that a server can ask for: one that errs by a few digits must not silence us. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Client errors that say nothing about the event: a proxy wants credentials, the request came too slowly. */
const TRANSIENT = new Set([407, 408]);

/** What an answer means. `redact` takes secrets out of the server's words. */
export function outcomeOf(answer: Answer, unixMs: number, redact: (text: string) => string): Outcome {
  const { status } = answer;
  const why = `${String(status)} ${short(redact(wordsOf(answer.body)))}`.trimEnd();
  if (status >= 200 && status < 300) return { kind: 'sent', answer: why };
  const retryAfterMs = retryAfter(answer.retryAfter, unixMs);
  const failed = (reason: RetryReason, left: boolean): Outcome => ({ kind: 'failed', reason, why, left, retryAfterMs });
  if (status === 429) return failed('rate_limited', false);
  if (status >= 500 || TRANSIENT.has(status)) return failed('server_error', true);
  // something in between answers: the event was not taken, and may be once that is gone
  if (status < 400) return failed('redirected', false);
  return { kind: 'rejected', why };
}

/** `Retry-After` in milliseconds: seconds or an HTTP date. Null for none, and for what is neither. */
export function retryAfter(value: string | null, unixMs: number): number | null {
  if (value === null) return null;
  const text = value.trim();
  const ms = /^\d+$/.test(text)
    ? Number(text) * 1000
    : /^[A-Z][a-z]{2},? /.test(text)
      ? Date.parse(text) - unixMs
      : NaN;
  return Number.isNaN(ms) ? null : Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS);
}

/** `{status, message, errors[]}` as PagerDuty answers, else the body as it is. */
function wordsOf(body: string): string {
  let answer: unknown;
  try {
    answer = JSON.parse(body);
  } catch {
    return body;
  }
  if (typeof answer !== 'object' || answer === null) return body;
  const { status, message, errors } = answer as { status?: unknown; message?: unknown; errors?: unknown };
  const words = [status, message, ...(Array.isArray(errors) ? (errors as unknown[]) : [])];
  const texts = words.filter((word) => typeof word === 'string');
  return texts.length === 0 ? body : texts.join(': ');
}

/** One printable line of at most 500 characters. */
export function short(text: string): string {
  const line = printable(text.replace(/\s+/g, ' ').trim());
  return line.length <= 500 ? line : `${line.slice(0, 499)}…`;
}
