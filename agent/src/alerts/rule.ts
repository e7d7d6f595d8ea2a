/** What a rule is: plain data, from the configuration or from the defaults. */
import type { Workload } from '../model/snapshot.ts';

/** PagerDuty's severities. */
export const SEVERITIES = ['critical', 'error', 'warning', 'info'] as const;
export type Severity = (typeof SEVERITIES)[number];

/**
 * A counter of the catalogue (name without prefix), summed over the series whose labels match: `{metric: 'errors_total', labels: {mechanism:
 * ['sendfile'], errno: ['EAGAIN']}}`. A label that is not named matches every value.
 */
export interface CounterSelector {
  readonly metric: string;
  readonly labels: Readonly<Record<string, readonly string[]>>;
}

/** How much is too much. Fires above `above`, and clears only at or below `clear` (which is not higher). */
export type Condition =
  | {
      readonly kind: 'ratio';
      readonly numerator: CounterSelector;
      readonly denominator: CounterSelector;
      /** 0.005 is half a percent; exactly that does not fire. */
      readonly above: number;
      readonly clear: number;
      /** Least growth of the denominator within the window: a ratio over three attempts is none. */
      readonly minimum: number;
    }
  | {
      readonly kind: 'rate';
      readonly counter: CounterSelector;
      /** Per second; exactly that does not fire. */
      readonly above: number;
      readonly clear: number;
    };

export interface Rule {
  /** A letter, then letters, digits and `_`; unique. */
  readonly name: string;
  readonly enabled: boolean;
  /** The host as a whole, each workload by itself, or both. */
  readonly scopes: readonly ('host' | 'workload')[];
  readonly condition: Condition;
  /** Over which the counters' growth is taken. */
  readonly windowSeconds: number;
  /** For how long the condition must hold before the alert fires (0: at once). */
  readonly forSeconds: number;
  readonly severity: Severity;
  /** A firing alert is sent again after so long; 0: never. */
  readonly repeatSeconds: number;
  /** With {{host}} {{unit}} {{comm}} {{workload}} {{mechanism}} {{value}} {{threshold}} {{count}} {{total}} {{reason}}. */
  readonly summary: string;
  /** Where an operator reads on; '' for none. */
  readonly runbook: string;
}

/** What an alert is about; null is the whole host. */
export type Subject = Workload | null;

/** One rule for one subject, as it stands. */
export interface AlertStatus {
  readonly rule: string;
  readonly subject: Subject;
  readonly state: 'inactive' | 'pending' | 'firing';
  /** Ratio, or per second, over the window; null while too little has happened to tell. */
  readonly value: number | null;
  readonly threshold: number;
  readonly severity: Severity;
  /** Seconds since boot at which the state began. */
  readonly since: number;
}

export const TRANSITIONS = ['fired', 'resolved', 'repeated'] as const;

/** What changed at one evaluation. */
export interface Transition {
  readonly kind: (typeof TRANSITIONS)[number];
  readonly rule: Rule;
  readonly subject: Subject;
  /** At the moment of the transition; null if the subject or its rule is gone. */
  readonly value: number | null;
  /** Growth of the counters within the window: numerator and denominator, or the counter alone. */
  readonly counts: { readonly numerator: number; readonly denominator: number | null };
}
