import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Throttle } from '../../../src/alerts/throttle.ts';

it('a hundred at once, and the next when the first is a minute old', () => {
  const throttle = new Throttle();
  for (let i = 0; i < 100; i++) expect(throttle.take('a', 1000 + i)).toBe(0);
  expect(throttle.take('a', 1100)).toBe(59_900);
  expect(throttle.take('a', 60_999)).toBe(1);
  expect(throttle.take('a', 61_000)).toBe(0);
  expect(throttle.take('a', 61_000)).toBe(1);
});

it('keys do not share', () => {
  const throttle = new Throttle(1);
  expect(throttle.take('a', 0)).toBe(0);
  expect(throttle.take('b', 0)).toBe(0);
  expect(throttle.take('a', 0)).toBe(60_000);
});

it('never more than the limit in any window, and never fewer than it allows', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 5 }),
      fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 200 }),
      (limit, gaps) => {
        const throttle = new Throttle(limit, 100);
        const taken: number[] = [];
        let now = 0;
        for (const gap of gaps) {
          now += gap;
          const inWindow = taken.filter((at) => at > now - 100).length;
          const wait = throttle.take('k', now);
          expect(wait === 0).toBe(inWindow < limit);
          if (wait === 0) taken.push(now);
          else expect(taken.filter((at) => at > now + wait - 100).length).toBeLessThan(limit);
        }
      },
    ),
  );
});
