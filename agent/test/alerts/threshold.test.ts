import fc from 'fast-check';
import { expect, test } from 'vitest';
import { exceeds, limitOf, perMicrosecond } from '../../src/alerts/threshold.ts';

test('a limit is the decimal that was written', () => {
  expect(limitOf(0.005)).toEqual({ numerator: 5n, denominator: 1000n });
  expect(limitOf(200)).toEqual({ numerator: 200n, denominator: 1n });
  expect(limitOf(-1.5)).toEqual({ numerator: -15n, denominator: 10n });
  expect(limitOf(1.25e-7)).toEqual({ numerator: 125n, denominator: 10n ** 9n });
  expect(limitOf(1.5e22)).toEqual({ numerator: 15n * 10n ** 21n, denominator: 1n });
  for (const value of [NaN, Infinity, -Infinity]) expect(() => limitOf(value)).toThrow(RangeError);
});

test('exactly the limit is not more than the limit, whatever doubles make of it', () => {
  // 0.57 * 100 < 57, 0.07 * 100 > 7
  for (let hundredths = 0; hundredths <= 100; hundredths++) {
    const limit = limitOf(hundredths / 100);
    for (const times of [1, 3, 10, 12_345, 1e9]) {
      expect(exceeds(hundredths * times, 100 * times, limit)).toBe(false);
      expect(exceeds(hundredths * times + 1, 100 * times, limit)).toBe(true);
    }
  }
});

test('counts as large as doubles hold are compared exactly', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 2 ** 52 }), fc.integer({ min: 1, max: 999 }), (total, thousandths) => {
      const limit = limitOf(thousandths / 1000);
      const most = Number((BigInt(total) * BigInt(thousandths)) / 1000n);
      expect(exceeds(most, total, limit)).toBe(false);
      expect(exceeds(most + 1, total, limit)).toBe(true);
    }),
  );
});

test('a rate is a count over microseconds', () => {
  const limit = perMicrosecond(limitOf(200));
  expect(exceeds(2000, 10_000_000, limit)).toBe(false);
  expect(exceeds(2001, 10_000_000, limit)).toBe(true);
  expect(exceeds(2001, 10_005_000, limit)).toBe(false);
});

test('nothing is more than 0, and more than a limit below 0', () => {
  expect(exceeds(0, 5, limitOf(0))).toBe(false);
  expect(exceeds(1, 5, limitOf(0))).toBe(true);
  expect(exceeds(0, 5, limitOf(-1))).toBe(true);
});
