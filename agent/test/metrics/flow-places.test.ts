import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FlowPlaces } from '../../src/metrics/flow-places.ts';
import type { FlowTable } from '../../src/model/snapshot.ts';
import { snapshotOf } from '../support/snapshots.ts';

const flows = Array.from({ length: 6 }, (_, i) => ({ src: '10.0.0.1', dst: `10.0.0.${String(i)}`, counts: {} }));
const [table] = snapshotOf({ flows }).flows;

/** Flows that want the same few slots, at the end of the table and at its beginning. */
class Crowded extends FlowPlaces {
  override hash(table: FlowTable, row: number): number {
    return 30 + (super.hash(table, row) % 3);
  }
}

test.each([FlowPlaces, Crowded])('places are found like in a map, however often they change hands (%o)', (Places) => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(2), fc.nat(5)), { maxLength: 100 }), (changes) => {
      const places = new Places(3);
      const model = new Map<number, number>();
      for (const [place, row] of changes) {
        if (model.has(row)) continue;
        for (const [holder, held] of model) {
          if (held !== place) continue;
          places.leave(place);
          model.delete(holder);
        }
        places.enter(place, table, row);
        model.set(row, place);
        for (let other = 0; other < table.length; other++) {
          expect(places.placeOf(table, other, places.hash(table, other))).toBe(model.get(other) ?? -1);
        }
      }
    }),
  );
});

test('an IPv6 key that begins with the words of an IPv4 key is another flow', () => {
  const places = new FlowPlaces(1);
  places.enter(0, table, 0);
  const keys = new Uint32Array(9);
  keys.set(table.keys.subarray(0, 3));
  const other = { family: 6, length: 1, keys, counts: new Float64Array(8) } as const;
  expect(places.placeOf(other, 0, places.hash(table, 0))).toBe(-1);
});
