/**
 * The counters of one process, or of any sum of processes, as one row of doubles in the order of the kernel's record:
 * first the ring counters, then four per mechanism (refusals by how they ended), then eight per mechanism (attempts by outcome,
 * bytes by outcome).
 */
import {
  LAYOUT,
  MECHANISMS,
  type Mechanism,
  OUTCOMES,
  type Outcome,
  type Resolution,
  RESOLUTIONS,
} from '../abi/layout.ts';

/** One row of counters; exact up to 2^53. */
export type Counters = Float64Array;

const RING_COLUMNS = LAYOUT.structs.ring_counts.size / 8;

/** Columns of a `struct counts`: attempts by outcome, then the bytes of the outcomes that move any. */
export const COUNT_COLUMNS = LAYOUT.structs.counts.size / 8;
const BYTES_COLUMN = LAYOUT.structs.counts.fields.bytes.offset / 8;

const ATTEMPTS_AT = RING_COLUMNS + MECHANISMS.length * RESOLUTIONS.length;

/** Width of a row of counters. */
export const COUNTER_COLUMNS = ATTEMPTS_AT + MECHANISMS.length * COUNT_COLUMNS;

/** Outcomes that move bytes, in the order of `counts.bytes`. */
export const OUTCOMES_WITH_BYTES: readonly Outcome[] = OUTCOMES.slice(0, COUNT_COLUMNS - BYTES_COLUMN);

/** Columns of the ring counters. */
export const RING = {
  enters: LAYOUT.structs.ring_counts.fields.enters.offset / 8,
  submitted: LAYOUT.structs.ring_counts.fields.submitted.offset / 8,
  setups: LAYOUT.structs.ring_counts.fields.setups.offset / 8,
  cqOverflows: LAYOUT.structs.ring_counts.fields.cq_overflows.offset / 8,
} as const;

/** Index within a `struct counts` row (a flow's counts, or one mechanism's part of a row of counters). */
export const attemptsColumn = (outcome: Outcome): number => OUTCOMES.indexOf(outcome);

/** Likewise for bytes; only for OUTCOMES_WITH_BYTES. */
export const bytesColumn = (outcome: Outcome): number => BYTES_COLUMN + OUTCOMES.indexOf(outcome);

/** Where the eight columns of a mechanism begin in a row of counters. */
export const mechanismColumn = (mechanism: Mechanism): number =>
  ATTEMPTS_AT + MECHANISMS.indexOf(mechanism) * COUNT_COLUMNS;

/** Column of a mechanism's refusals that ended in one way. */
export const resolutionColumn = (mechanism: Mechanism, resolution: Resolution): number =>
  RING_COLUMNS + MECHANISMS.indexOf(mechanism) * RESOLUTIONS.length + RESOLUTIONS.indexOf(resolution);

/** Refusals of one mechanism that ended in one way. */
export function resolvedOf(counters: Counters, mechanism: Mechanism, resolution: Resolution): number {
  return counters[resolutionColumn(mechanism, resolution)] ?? 0;
}

/** Refusals of one mechanism that have not ended yet. */
export function pendingOf(counters: Counters, mechanism: Mechanism): number {
  let pending = attemptsOf(counters, mechanism, 'refused');
  for (const resolution of RESOLUTIONS) pending -= resolvedOf(counters, mechanism, resolution);
  return pending;
}

/** Is any refusal pending? */
export const hasPending = (counters: Counters): boolean =>
  MECHANISMS.some((mechanism) => pendingOf(counters, mechanism) > 0);

/** Ends what is pending as `presumed`: nobody will see what becomes of it. @returns the mechanisms of which something was. */
export function presumePending(counters: Counters): Mechanism[] {
  return MECHANISMS.filter((mechanism) => {
    const pending = Math.max(0, pendingOf(counters, mechanism));
    const column = resolutionColumn(mechanism, 'presumed');
    counters[column] = (counters[column] ?? 0) + pending;
    return pending > 0;
  });
}

/** The resolutions that are fallbacks: each is one transfer that ended in copying. */
export const EVIDENCE = ['confirmed', 'presumed'] as const satisfies readonly Resolution[];

/** Transfers of one mechanism that ended in copying by the application. */
export function fallbacksOf(counters: Counters, mechanism: Mechanism): number {
  return EVIDENCE.reduce((sum, resolution) => sum + resolvedOf(counters, mechanism, resolution), 0);
}

/** Attempts of one mechanism and outcome. */
export function attemptsOf(counters: Counters, mechanism: Mechanism, outcome: Outcome): number {
  return counters[mechanismColumn(mechanism) + attemptsColumn(outcome)] ?? 0;
}

/** Bytes moved by one mechanism with an outcome; 0 for outcomes that move none. */
export function bytesOf(counters: Counters, mechanism: Mechanism, outcome: Outcome): number {
  return OUTCOMES_WITH_BYTES.includes(outcome) ? (counters[mechanismColumn(mechanism) + bytesColumn(outcome)] ?? 0) : 0;
}

/** Attempts of one `struct counts` that starts at `at`, over all outcomes. */
export function sumAttempts(counts: Float64Array, at: number): number {
  let sum = 0;
  for (let column = 0; column < BYTES_COLUMN; column++) sum += counts[at + column] ?? 0;
  return sum;
}

/** Attempts of a row of counters over all mechanisms. */
export function totalAttempts(counters: Counters): number {
  return MECHANISMS.reduce((sum, mechanism) => sum + sumAttempts(counters, mechanismColumn(mechanism)), 0);
}

/** Adds `columns` values of `from`, starting at `at`, to the row `into`. */
export function addRow(into: Float64Array, from: Float64Array, at = 0): void {
  for (let column = 0; column < into.length; column++) into[column] = (into[column] ?? 0) + (from[at + column] ?? 0);
}
