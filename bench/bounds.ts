/** What issue 8 bounds, and how a measurement is held against it. Pure. */
import { type Spread, spreadText } from './statistics.ts';

export interface Measured {
  readonly what: string;
  /** The most that it may be; null for what is only told. */
  readonly bound: number | null;
  readonly unit: string;
  readonly found: Spread;
  readonly digits: number;
}

/** Of all runs, of none, or of the quietest only: what else a machine does only ever adds. */
export type Verdict = 'held' | 'held when quiet' | 'not held' | '';

export function verdict(bound: number | null, { min, median }: Spread): Verdict {
  if (bound === null) return '';
  if (median <= bound) return 'held';
  return min <= bound ? 'held when quiet' : 'not held';
}

/** A row of the table: what, bound, found, held or not. */
export const row = ({ what, bound, unit, found, digits }: Measured): string[] => [
  what,
  bound === null ? '' : `${String(bound)} ${unit}`.trim(),
  `${spreadText(found, digits)} ${unit}`.trim(),
  verdict(bound, found),
];

/** A figure that is what it is, however often it is taken. */
export const exactly = (value: number): Spread => ({ min: value, median: value, max: value });
