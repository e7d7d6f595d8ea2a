import fc from 'fast-check';
import { expect, test } from 'vitest';
import { TopRows } from '../../src/metrics/top.ts';

test('keeps the highest ranks, highest first', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(50)), fc.nat(20), (ranks, size) => {
      const top = new TopRows(size);
      const rows = { length: ranks.length, counts: new Float64Array() };
      ranks.forEach((rank, row) => {
        top.offer(rows, row, rank);
      });
      const kept = top.sorted();
      expect(kept.map(({ rank }) => rank)).toEqual(ranks.toSorted((a, b) => b - a).slice(0, size));
      expect(kept.every(({ row, rank }) => ranks[row] === rank)).toBe(true);
    }),
  );
});
