/** Option texts -> values, with the error that a user needs. */
import { InvalidArgumentError } from 'commander';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `10s`, `5m`, `1h`, or seconds without a unit -> milliseconds. */
export function duration(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text);
  const milliseconds = Number(match?.[1]) * (UNITS[match?.[2] ?? 's'] ?? NaN);
  // setTimeout counts in 31 bits
  if (!(milliseconds > 0 && milliseconds < 2 ** 31)) {
    throw new InvalidArgumentError('a time such as 500ms, 10s or 5m, up to 24 days.');
  }
  return milliseconds;
}

/** Slots of a table: 1 to 16,777,216. */
export function capacity(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number < 1 || number > 2 ** 24) {
    throw new InvalidArgumentError('a whole number from 1 to 16777216.');
  }
  return number;
}
