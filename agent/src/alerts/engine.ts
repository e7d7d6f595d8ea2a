/**
 * Which rule holds for which subject: once a second, from the counters of a Snapshot. Pure but for what it remembers. Time is
 * seconds since boot, taken from the snapshots: late, missing or irregular evaluations and changes of the clock change no result.
 *
 * A window reaches from the latest evaluation that is at least `windowSeconds` ago until now. What a counter grew by since is
 * compared with the limit, a rate with the limit times the time that has really passed. While there is less history than that (the
 * agent or the rule is new) a rate is still taken over `windowSeconds`, so that a short time cannot make it large, and nothing
 * resolves: that takes a window seen from beginning to end.
 */
import type { Snapshot } from '../model/snapshot.ts';
import { Counter, selectorKey, WorkloadGroups } from './counters.ts';
import { GrowthMeter } from './growth.ts';
import { type FiringAlert, goneTransition, microseconds, RuleState, selectorsOf } from './rule-state.ts';
import type { AlertStatus, CounterSelector, Rule, Transition } from './rule.ts';

/** Workloads that each rule tells apart: those that count most, where there are more. */
const MOST_WORKLOADS = 1024;

export class RuleEngine {
  readonly #mostWorkloads: number;
  /** Rules that are enabled, by name, in the order given. */
  #states: ReadonlyMap<string, RuleState> = new Map();
  /** By selectorKey(): rules that look at the same counter share its meter. */
  #meters: ReadonlyMap<string, GrowthMeter> = new Map();

  /** @throws RangeError for a counter that checkSelector() does not allow, or a limit that is not finite */
  constructor(rules: readonly Rule[], mostWorkloads = MOST_WORKLOADS) {
    this.#mostWorkloads = mostWorkloads;
    this.replaceRules(rules);
  }

  /** Takes in a snapshot. They must come in the order in which they were taken. */
  evaluate(snapshot: Snapshot): Transition[] {
    const groups = new WorkloadGroups(snapshot);
    for (const meter of this.#meters.values()) meter.update(groups);
    const now = microseconds(snapshot.time.boottime);
    return [...this.#states.values()].flatMap((state) => state.evaluate(now, groups));
  }

  /**
   * How rules stood at the latest evaluation: each for the host, and for the workloads that are pending or firing or have a value
   * above 0.
   */
  statuses(): AlertStatus[] {
    return [...this.#states.values()].flatMap((state) => state.statuses());
  }

  /** Everything that fires, for restore() after a restart. */
  firing(): FiringAlert[] {
    return [...this.#states.values()].flatMap((state) => state.firing());
  }

  /**
   * Goes on with other rules. One of the same name, counters, window and scopes keeps its history, whatever else changed; one that
   * changed in these begins anew, and what fired goes on firing as after a restart. Returns what resolves because its rule, or its
   * rule for such a subject, is gone or disabled.
   * @throws RangeError like the constructor; then nothing has changed
   */
  replaceRules(rules: readonly Rule[]): Transition[] {
    const meters = new Map<string, GrowthMeter>();
    const meterOf = (selector: CounterSelector): GrowthMeter => {
      const key = selectorKey(selector);
      const meter = meters.get(key) ?? this.#meters.get(key) ?? new GrowthMeter(new Counter(selector));
      meters.set(key, meter);
      return meter;
    };
    // all that can throw comes first
    const fresh = rules
      .filter(({ enabled }) => enabled)
      .map((rule) => new RuleState(rule, selectorsOf(rule.condition).map(meterOf), this.#mostWorkloads));
    const before = this.#states;
    const states = new Map(
      fresh.map((state) => {
        const old = before.get(state.rule.name);
        return [state.rule.name, old?.adopt(state.rule) === true ? old : state] as const;
      }),
    );
    this.#states = states;
    this.#meters = meters;
    return [...before.values()].flatMap((old) => {
      const next = states.get(old.rule.name);
      if (next === old) return [];
      return old.end(old.firing().filter((alert) => next?.restore(alert) !== true));
    });
  }

  /**
   * Before the first evaluation: alerts that fired when the agent ended. They go on firing until this agent has seen a whole window
   * in which they would clear. Returns what resolves at once, because its rule, or its rule for such a subject, is gone or disabled.
   */
  restore(alerts: readonly FiringAlert[]): Transition[] {
    return alerts
      .filter((alert) => this.#states.get(alert.rule.name)?.restore(alert) !== true)
      .map(({ rule, subject }) => goneTransition(rule, subject));
  }
}
