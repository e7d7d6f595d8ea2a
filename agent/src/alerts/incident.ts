/** What is told to the outside: one incident from the moment an alert fires until it resolves. */
import type { Severity, Subject } from './rule.ts';

/** JSON values: what details and evidence are made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

export interface Incident {
  /** The same for the same rule, subject and host, across restarts: `spillway:<rule>:<sha256 hex>`, at most 255 characters. */
  readonly dedupKey: string;
  readonly rule: string;
  readonly subject: Subject;
  readonly severity: Severity;
  /** Host name: PagerDuty's source. */
  readonly host: string;
  /** At most 1,024 characters, no secrets, printable. */
  readonly summary: string;
  readonly firedAtMs: number;
  /** Null while it lasts. */
  readonly resolvedAtMs: number | null;
  readonly value: number | null;
  readonly threshold: number;
  /** Top processes and flows, reasons, evidence. */
  readonly details: { readonly [key: string]: Json };
  readonly links: readonly { readonly href: string; readonly text: string }[];
}

/** One thing to be delivered to every receiver. Events of one dedupKey are delivered in their order. */
export interface NotificationEvent {
  readonly action: 'trigger' | 'resolve';
  readonly incident: Incident;
}
