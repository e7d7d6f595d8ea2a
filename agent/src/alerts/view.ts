/** What is shown of alerts: by the API, in metrics and in `spillway alerts list`. */
import type { AlertStatus, Subject, Transition } from './rule.ts';

export interface FiringView {
  readonly rule: string;
  readonly subject: Subject;
  readonly dedupKey: string;
  readonly firedAtMs: number;
  readonly summary: string;
}

export interface ReceiverView {
  /** Events that wait to be delivered. */
  readonly queued: number;
  /** Deliveries since the start, by what came of them: `sent`, `rejected`, `given_up`, `cancelled`, or why an attempt failed. */
  readonly results: Readonly<Record<string, number>>;
}

export interface AlertsView {
  readonly statuses: readonly AlertStatus[];
  readonly firing: readonly FiringView[];
  /** Since the start of the agent. */
  readonly transitions: readonly { readonly rule: string; readonly kind: Transition['kind']; readonly count: number }[];
  readonly receivers: Readonly<Record<string, ReceiverView>>;
}
