/** Tables that show the first of many rows. Pure. */
import { type Outcome, OUTCOMES } from '../../abi/layout.ts';

/** Rows of each table. */
export const MOST_ROWS = 20;

/** The first of many. */
export interface Top<T> {
  /** How many there are. */
  readonly of: number;
  readonly rows: readonly T[];
}

/** Attempts by outcome, without those that did not occur. */
export function occurred(attempts: (outcome: Outcome) => number): Partial<Record<Outcome, number>> {
  return Object.fromEntries(
    OUTCOMES.map((outcome) => [outcome, attempts(outcome)] as const).filter(([, number]) => number > 0),
  );
}
