import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WorkloadPlaces } from '../../src/metrics/workload-rows.ts';

const units = ['', 'a', 'ab', 'a', 'a', 'b'];
const comms = ['abc', 'bc', 'c', '', 'c', 'c'];
const rows = { length: units.length, counts: new Float64Array(0), units, comms };

test('places are found like in a map, by names and by row, however often they change hands', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(rows.length - 1)), { maxLength: 100 }), (changes) => {
      const places = new WorkloadPlaces();
      const model = new Map<number, number>();
      for (const [place, row] of changes) {
        if (model.has(row)) continue;
        for (const [holder, held] of model) {
          if (held !== place) continue;
          places.leave(place);
          model.delete(holder);
        }
        places.enter(place, rows, row);
        model.set(row, place);
        for (let other = 0; other < rows.length; other++) {
          expect(places.placeOf(rows, other)).toBe(model.get(other) ?? -1);
          expect(places.placeOfNames(units[other] ?? '', comms[other] ?? '')).toBe(model.get(other) ?? -1);
        }
      }
    }),
  );
});

test('programs of one name in different units have hashes of their own, and so have programs of one unit', () => {
  const places = new WorkloadPlaces();
  const hash = (unit: string, comm: string) => places.hash({ ...rows, units: [unit], comms: [comm] }, 0);
  expect(hash('a', 'cp')).toBe(hash('a', 'cp'));
  expect(new Set([hash('a', 'cp'), hash('b', 'cp'), hash('', 'cp'), hash('a', 'mv')]).size).toBe(4);
  const all = Array.from({ length: 20 }, (_, i) => hash('a', String(i)));
  expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
});
