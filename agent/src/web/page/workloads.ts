/** Processes, those that have ended too, summed by what people deploy. */
import { MECHANISMS, type Outcome, OUTCOMES } from '../../abi/layout.ts';
import {
  attemptsColumn,
  COUNTER_COLUMNS,
  type Counters,
  EVIDENCE,
  mechanismColumn,
  resolutionColumn,
} from '../../model/counters.ts';
import type { Snapshot, Workload } from '../../model/snapshot.ts';
import { type Fallible, fallenNames } from '../../model/summary.ts';
import { MOST_ROWS, occurred, type Top } from './rows.ts';

export interface WorkloadRow extends Workload {
  /** Processes that live. */
  readonly processes: number;
  readonly attempts: number;
  readonly outcomes: Readonly<Partial<Record<Outcome, number>>>;
  readonly fallbacks: number;
  /** What fell back in one of the live processes and has not worked since. */
  readonly fallen: readonly Fallible[];
  /** Now; null until it is known twice. */
  readonly attemptsPerSecond: number | null;
}

/** Sums of one workload. */
interface Sum extends Workload {
  processes: number;
  attempts: number;
  fallbacks: number;
  /** Bits: see ProcessTable. */
  fallen: number;
  readonly outcomes: Float64Array;
}

/** Where the attempts of each outcome stand in a row of counters, and its fallbacks. */
const COLUMNS = OUTCOMES.map((outcome) =>
  MECHANISMS.map((mechanism) => mechanismColumn(mechanism) + attemptsColumn(outcome)),
);
const FALLBACK_COLUMNS = MECHANISMS.flatMap((mechanism) =>
  EVIDENCE.map((evidence) => resolutionColumn(mechanism, evidence)),
);

/** Rates of a workload are taken over so many seconds, or what there is of them. */
const RATE_SECONDS = 5;

/** The workloads with most attempts. It remembers how many each had: there is one for an agent. */
export class Workloads {
  /** By workload, oldest first. */
  #before: { readonly at: number; readonly attempts: ReadonlyMap<string, number> }[] = [];

  top(snapshot: Snapshot): Top<WorkloadRow> {
    const at = snapshot.time.boottime;
    const sums = sumsOf(snapshot);
    this.#before = this.#before.filter((before) => at - before.at <= RATE_SECONDS + 0.5 && before.at < at);
    const before = this.#before[0];
    this.#before.push({ at, attempts: new Map([...sums].map(([key, { attempts }]) => [key, attempts])) });
    const rows = [...sums].sort(([, a], [, b]) => b.attempts - a.attempts).slice(0, MOST_ROWS);
    return {
      of: sums.size,
      rows: rows.map(([key, { unit, comm, processes, attempts, fallbacks, fallen, outcomes }]) => ({
        unit,
        comm,
        processes,
        attempts,
        outcomes: occurred((outcome) => outcomes[OUTCOMES.indexOf(outcome)] ?? 0),
        fallbacks,
        fallen: fallenNames(fallen),
        attemptsPerSecond:
          before === undefined ? null : Math.max(0, attempts - (before.attempts.get(key) ?? 0)) / (at - before.at),
      })),
    };
  }
}

/** By unit and comm as JSON: names are from others, and two pairs must not become one. Those without an attempt are left out. */
function sumsOf({ processes, departed }: Snapshot): Map<string, Sum> {
  const sums = new Map<string, Sum>();
  const add = ({ unit, comm }: Workload, counters: Counters, at: number, live: number, fallen: number): void => {
    const key = JSON.stringify([unit, comm]);
    let sum = sums.get(key);
    if (sum === undefined) {
      sum = {
        unit,
        comm,
        processes: 0,
        attempts: 0,
        fallbacks: 0,
        fallen: 0,
        outcomes: new Float64Array(OUTCOMES.length),
      };
      sums.set(key, sum);
    }
    sum.processes += live;
    sum.fallen |= fallen;
    for (const column of FALLBACK_COLUMNS) sum.fallbacks += counters[at + column] ?? 0;
    for (const [outcome, columns] of COLUMNS.entries()) {
      for (const column of columns) {
        const attempts = counters[at + column] ?? 0;
        sum.attempts += attempts;
        sum.outcomes[outcome] = (sum.outcomes[outcome] ?? 0) + attempts;
      }
    }
  };
  for (let row = 0; row < processes.length; row++) {
    const workload = { unit: processes.units[row] ?? '', comm: processes.comms[row] ?? '' };
    const lives = processes.endedAt[row] === 0;
    add(workload, processes.counters, row * COUNTER_COLUMNS, Number(lives), lives ? (processes.fallen[row] ?? 0) : 0);
  }
  for (const workload of departed) add(workload, workload.counters, 0, 0, 0);
  for (const [key, { attempts, fallen }] of sums) if (attempts === 0 && fallen === 0) sums.delete(key);
  return sums;
}
