/** What issue 8 bounds, and how a measurement is held against it. Pure. */
import { type Spread, spreadText } from './statistics.ts';

export interface Measured {
  readonly what: string;
  /** The most that it may be; null for what is only told. */
  readonly bound: number | null;
  readonly unit: string;
  readonly found: Spread;
  readonly digits: number;
  /** Where it is not held: what takes as much without us, measured in the same run. */
  readonly limits?: readonly Limit[];
}

/** In the unit and with the digits of what it limits; not said while it is NaN. */
export interface Limit {
  readonly what: string;
  readonly found: Spread;
}

/** Of all runs, of none, or of the quietest only: what else a machine does only ever adds. */
export type Verdict = 'held' | 'held when quiet' | 'not held' | '';

export function verdict(bound: number | null, { min, median }: Spread): Verdict {
  if (bound === null) return '';
  if (median <= bound) return 'held';
  return min <= bound ? 'held when quiet' : 'not held';
}

/** A row of the table: what, bound, found, held or not, and why not. */
export const row = (measured: Measured): string[] => {
  const { what, bound, unit, found, digits } = measured;
  return [
    what,
    bound === null ? '' : `${String(bound)} ${unit}`.trim(),
    `${spreadText(found, digits)} ${unit}`.trim(),
    verdict(bound, found),
    reason(measured),
  ];
};

/** Of what every run holds nothing is said. */
function reason({ bound, unit, found, digits, limits = [] }: Measured): string {
  if (!verdict(bound, found).match(/not held|when quiet/)) return '';
  return limits
    .filter((limit) => !Number.isNaN(limit.found.median))
    .map((limit) => `${limit.what}: ${spreadText(limit.found, digits)} ${unit}`.trim())
    .join('; ');
}

/** One less another, each by its own median. */
export const less = ({ median }: Spread, other: Spread): Spread => exactly(median - other.median);

/** A figure that is what it is, however often it is taken. */
export const exactly = (value: number): Spread => ({ min: value, median: value, max: value });
