/** What retired records held: sums that outlive their slots. Bounded, whatever names processes give themselves. */
import { addRow, COUNT_COLUMNS, COUNTER_COLUMNS } from '../model/counters.ts';
import type { Cause, Departed, Workload } from '../model/snapshot.ts';

/** Distinct workloads, and causes, that are told apart; what comes later goes under the nameless workload. */
const MOST_WORKLOADS = 4096;
const MOST_CAUSES = 65_536;

const NAMELESS: Workload = { unit: '', comm: '' };

/** A comm has no NUL in it. */
const keyOf = ({ unit, comm }: Workload): string => `${comm}\0${unit}`;

/** Counts of retired processes, flows and causes. */
export class Aggregates {
  readonly #workloads = new Map<string, Departed>();
  readonly flows = new Float64Array(COUNT_COLUMNS);
  readonly #causes = new Map<string, Cause>();

  addProcess(workload: Workload, counters: Float64Array): void {
    const known = this.#workloads.has(keyOf(workload)) || this.#workloads.size < MOST_WORKLOADS;
    const { unit, comm } = known ? workload : NAMELESS;
    const key = keyOf({ unit, comm });
    let sum = this.#workloads.get(key);
    if (sum === undefined)
      this.#workloads.set(key, (sum = { unit, comm, counters: new Float64Array(COUNTER_COLUMNS) }));
    addRow(sum.counters, counters);
  }

  addFlow(counts: Float64Array): void {
    addRow(this.flows, counts);
  }

  addCause(cause: Omit<Cause, 'process'>): void {
    const { kind, mechanism, code } = cause;
    const causeKeyOf = (workload: Workload) => `${kind}:${String(mechanism)}:${String(code)}:${keyOf(workload)}`;
    const known = this.#causes.has(causeKeyOf(cause)) || this.#causes.size < MOST_CAUSES;
    const { unit, comm } = known ? cause : NAMELESS;
    const key = causeKeyOf({ unit, comm });
    const before = this.#causes.get(key);
    const culprit = before?.culprit ?? cause.culprit;
    this.#causes.set(key, { ...cause, unit, comm, culprit, process: null, count: (before?.count ?? 0) + cause.count });
  }

  /** By workload: the live sums. */
  get processes(): Iterable<Departed> {
    return this.#workloads.values();
  }

  get causes(): Iterable<Cause> {
    return this.#causes.values();
  }
}
