/**
 * Comparing a count with a limit, exactly. Doubles would not do: 0.57 * 100 is less than 57 in them, so that 57 of 100 would be more
 * than 0.57. A limit is taken as the decimal that people wrote, as a fraction of whole numbers, and both sides are multiplied out.
 */

/** A decimal number as `numerator / denominator`. */
export interface Limit {
  readonly numerator: bigint;
  readonly denominator: bigint;
}

/** The shortest decimal that is this number: what it was written as. @throws RangeError unless it is finite */
export function limitOf(value: number): Limit {
  const match = /^(-?\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value));
  if (match === null) throw new RangeError(`a limit is a finite number, not ${String(value)}`);
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  const scale = Number(exponent) - fraction.length;
  return scale >= 0
    ? { numerator: digits * 10n ** BigInt(scale), denominator: 1n }
    : { numerator: digits, denominator: 10n ** BigInt(-scale) };
}

/** The limit of a rate per second, for time in microseconds. */
export function perMicrosecond({ numerator, denominator }: Limit): Limit {
  return { numerator, denominator: denominator * 1_000_000n };
}

/** Whether `count / total` is more than the limit. Both are whole numbers, `total` above 0. */
export function exceeds(count: number, total: number, { numerator, denominator }: Limit): boolean {
  // as it mostly is: spares the large numbers
  if (count === 0 && numerator >= 0n) return false;
  return BigInt(count) * denominator > numerator * BigInt(total);
}
