/** What retired records held: sums that outlive their slots. Bounded, whatever names processes give themselves. */
import { addRow, COUNT_COLUMNS, COUNTER_COLUMNS, type Counters } from '../model/counters.ts';
import type { Cause } from '../model/snapshot.ts';

/** Distinct comms, and causes, that are told apart; what comes later goes under the empty comm. */
const MOST_COMMS = 4096;
const MOST_CAUSES = 65_536;

/** Counts of retired processes, flows and causes. */
export class Aggregates {
  readonly processes = new Map<string, Counters>();
  readonly flows = new Float64Array(COUNT_COLUMNS);
  readonly #causes = new Map<string, Cause>();

  addProcess(comm: string, counters: Float64Array): void {
    const name = this.processes.has(comm) || this.processes.size < MOST_COMMS ? comm : '';
    const sum = this.processes.get(name) ?? new Float64Array(COUNTER_COLUMNS);
    addRow(sum, counters);
    this.processes.set(name, sum);
  }

  addFlow(counts: Float64Array): void {
    addRow(this.flows, counts);
  }

  addCause(cause: Omit<Cause, 'process'>): void {
    const keyOf = (comm: string) => `${cause.kind}:${String(cause.mechanism)}:${String(cause.code)}:${comm}`;
    const known = this.#causes.has(keyOf(cause.comm)) || this.#causes.size < MOST_CAUSES;
    const comm = known ? cause.comm : '';
    const before = this.#causes.get(keyOf(comm))?.count ?? 0;
    this.#causes.set(keyOf(comm), { ...cause, comm, process: null, count: before + cause.count });
  }

  get causes(): Iterable<Cause> {
    return this.#causes.values();
  }
}
