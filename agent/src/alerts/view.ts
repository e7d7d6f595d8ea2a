/** What is shown of alerts: by the API, in metrics and in `spillway alerts list`. */
import type { Snapshot } from '../model/snapshot.ts';
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
  /** Since the start, by what came of them, zeros too: `sent`, `rejected`, `expired`, `dropped`, `cancelled`, `collapsed`, or why an attempt failed. */
  readonly results: Readonly<Record<string, number>>;
}

export interface AlertsView {
  readonly statuses: readonly AlertStatus[];
  readonly firing: readonly FiringView[];
  /** Since the start of the agent. */
  readonly transitions: readonly { readonly rule: string; readonly kind: Transition['kind']; readonly count: number }[];
  readonly receivers: Readonly<Record<string, ReceiverView>>;
  /** Events that could not be written to disk, since the start: they were delivered from memory, if the agent lived long enough. */
  readonly undurable: number;
}

/** The view with what only the agent as a whole knows. */
export interface AlertsReport extends AlertsView {
  /** Names of the rules that are evaluated: one for workloads has no status while there is none to judge. */
  readonly rules: readonly string[];
  /** When it was made, by both clocks of the host: `since` of a status is of the one that counts from boot. */
  readonly time: Snapshot['time'];
}
