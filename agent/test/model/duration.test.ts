import fc from 'fast-check';
import { expect, it } from 'vitest';
import { durationText, parseDuration } from '../../src/model/duration.ts';

it.each([
  ['0', 0],
  ['500ms', 500],
  ['1.5s', 1500],
  ['5m', 300_000],
  ['1h', 3_600_000],
])('%s is %i ms', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

it.each(['', '-1s', '1 s', '1d', '1h30m', '.5s', '1e3', `${'9'.repeat(400)}s`])('%j is no time', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

it.each([
  [0, '0s'],
  [1, '1ms'],
  [1500, '1500ms'],
  [90_000, '90s'],
  [300_000, '5m'],
  [7_200_000, '2h'],
])('%i ms is written as %s', (milliseconds, text) => {
  expect(durationText(milliseconds)).toBe(text);
});

it('what is written is read as the same', () => {
  fc.assert(
    fc.property(fc.nat(2 ** 31 - 1), (milliseconds) => {
      expect(parseDuration(durationText(milliseconds))).toBe(milliseconds);
    }),
  );
});
