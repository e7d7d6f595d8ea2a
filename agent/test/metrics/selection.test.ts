import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Drop } from '../../src/metrics/members.ts';
import type { Identities, Rows } from '../../src/metrics/rows.ts';
import { Selection, type SelectionOptions } from '../../src/metrics/selection.ts';

/** Rows of two columns, of which the first is the rank. */
interface NamedRows extends Rows {
  readonly names: readonly string[];
}

class NamePlaces implements Identities<NamedRows> {
  readonly places = new Map<string, number>();

  hash({ names }: NamedRows, row: number): number {
    return Buffer.from(names[row] ?? '').reduce((hash, byte) => (Math.imul(hash, 31) + byte) >>> 0, 7);
  }

  placeOf({ names }: NamedRows, row: number): number {
    return this.places.get(names[row] ?? '') ?? -1;
  }

  enter(place: number, { names }: NamedRows, row: number): void {
    this.places.set(names[row] ?? '', place);
  }

  leave(place: number): void {
    for (const [name, held] of this.places) if (held === place) this.places.delete(name);
  }
}

type Entry = readonly [name: string, attempts: number, bytes?: number];

function rowsOf(entries: readonly Entry[]): NamedRows {
  const counts = Float64Array.from(entries.flatMap(([, attempts, bytes = 0]) => [attempts, bytes]));
  return { length: entries.length, counts, names: entries.map(([name]) => name) };
}

/** A selection that is fed with entries and shows its first column, by name. */
function watch(
  limit: number,
  { drop = 'restarted', idleSeconds = 100, buckets = 256 }: Partial<SelectionOptions> = {},
) {
  const places = new NamePlaces();
  const selection = new Selection(places, { limit, idleSeconds, rankColumns: 1, drop, buckets });
  return {
    places,
    selection,
    update: (now: number, entries: readonly Entry[], rest: readonly number[] = [0, 0]): Record<string, number> => {
      selection.update([rowsOf(entries)], Float64Array.from(rest), now);
      const shown: Record<string, number> = {};
      for (const [name, place] of places.places) shown[name] = selection.valueOf(place)?.[0] ?? NaN;
      return { ...shown, other: selection.other[0] ?? NaN };
    },
  };
}

describe('who gets a place', () => {
  test('those with most attempts, with their full count; the rest is other', () => {
    const { update } = watch(2);
    expect(
      update(
        0,
        [
          ['a', 5],
          ['b', 9],
          ['c', 7],
        ],
        [3, 0],
      ),
    ).toEqual({ b: 9, c: 7, other: 8 });
  });

  test('nobody without an attempt', () => {
    const { update } = watch(2);
    expect(
      update(0, [
        ['a', 0],
        ['b', 1],
      ]),
    ).toEqual({ b: 1, other: 0 });
  });

  test('a newcomer, with its full count, while nobody was ever left without a place', () => {
    const { update } = watch(3);
    update(0, [['a', 5]]);
    expect(
      update(
        1,
        [
          ['a', 5],
          ['b', 4],
        ],
        [2, 0],
      ),
    ).toEqual({ a: 5, b: 4, other: 2 });
  });

  test('no place at all: everything is other', () => {
    const { update } = watch(0);
    expect(
      update(
        0,
        [
          ['a', 5],
          ['b', 9],
        ],
        [1, 0],
      ),
    ).toEqual({ other: 15 });
  });
});

describe('who keeps it', () => {
  test('a holder that others have overtaken', () => {
    const { update } = watch(1);
    update(0, [['a', 5]]);
    expect(
      update(1, [
        ['a', 6],
        ['b', 900],
      ]),
    ).toEqual({ a: 6, other: 900 });
  });

  test('a holder that is gone: its value stands, what it did last is in other', () => {
    const { update } = watch(1);
    update(0, [['a', 5]]);
    expect(update(1, [], [8, 0])).toEqual({ a: 5, other: 3 });
  });

  test('one that was gone goes on from where its series stopped', () => {
    const { update } = watch(1);
    update(0, [['a', 5]]);
    update(1, [], [5, 0]);
    expect(update(2, [['a', 2]], [5, 0])).toEqual({ a: 7, other: 0 });
    expect(update(3, [['a', 4]], [5, 0])).toEqual({ a: 9, other: 0 });
  });

  test('one that was gone and is back with more than it had counts from zero again', () => {
    const { update } = watch(1);
    update(0, [['a', 5]]);
    update(1, [], [5, 0]);
    expect(update(2, [['a', 9]], [5, 0])).toEqual({ a: 14, other: 0 });
  });

  test('one that was gone and back between two updates counts from zero again', () => {
    const { update } = watch(1);
    update(0, [['a', 50]]);
    expect(update(1, [['a', 3]], [50, 0])).toEqual({ a: 53, other: 0 });
  });

  test('of a count that has moved elsewhere nothing is counted twice', () => {
    const { update } = watch(1, { drop: 'moved' });
    update(0, [['a', 50]]);
    expect(update(1, [['a', 30]], [20, 0])).toEqual({ a: 50, other: 0 });
    expect(update(2, [['a', 34]], [20, 0])).toEqual({ a: 54, other: 0 });
  });

  test('two rows of one name (an old record that waits to be folded) count together', () => {
    const { update } = watch(1);
    update(0, [['a', 50]]);
    expect(
      update(1, [
        ['a', 50],
        ['a', 3],
      ]),
    ).toEqual({ a: 53, other: 0 });
    expect(update(2, [['a', 4]], [50, 0])).toEqual({ a: 53, other: 1 });
  });
});

test('two rows of one name take one place', () => {
  const { selection, update } = watch(2);
  const shown = update(0, [
    ['a', 5],
    ['a', 4],
    ['b', 1],
  ]);
  expect(shown).toEqual({ a: 9, other: 1 });
  expect(selection.valueOf(1)).toBeNull();
});

test('what seemed to grow only because counts moved is cut, also while another is replaced', () => {
  const { update } = watch(2);
  update(0, [
    ['a', 5],
    ['b', 50],
  ]);
  const shown = update(
    500,
    [
      ['a', 5],
      ['b', 30],
      ['c', 3],
    ],
    [20, 0],
  );
  expect(shown).toEqual({ b: 50, c: 3, other: 5 });
});

describe('who loses it', () => {
  test('the one idle longest, to one that counts now; its value moves to other and the newcomer starts at nothing', () => {
    const { update } = watch(2);
    update(0, [
      ['a', 5],
      ['b', 4],
      ['c', 3],
    ]);
    update(50, [
      ['a', 6],
      ['b', 4],
      ['c', 3],
    ]);
    expect(
      update(120, [
        ['a', 6],
        ['b', 4],
        ['c', 8],
      ]),
    ).toEqual({ a: 6, c: 0, other: 12 });
    expect(
      update(121, [
        ['a', 6],
        ['b', 4],
        ['c', 9],
      ]),
    ).toEqual({ a: 6, c: 1, other: 12 });
  });

  test('nobody, while there is a free place or nobody else counts', () => {
    const { update } = watch(2);
    update(0, [['a', 5]]);
    expect(
      update(500, [
        ['a', 5],
        ['b', 1],
      ]),
    ).toEqual({ a: 5, b: 1, other: 0 });
    expect(
      update(2000, [
        ['a', 5],
        ['b', 1],
      ]),
    ).toEqual({ a: 5, b: 1, other: 0 });
  });

  test('nobody to one that only has a past: else idle ones would take turns', () => {
    const { update } = watch(1);
    update(0, [
      ['a', 5],
      ['b', 4],
    ]);
    expect(
      update(500, [
        ['a', 5],
        ['b', 4],
      ]),
    ).toEqual({ a: 5, other: 4 });
    expect(
      update(501, [
        ['a', 5],
        ['b', 5],
      ]),
    ).toEqual({ b: 0, other: 10 });
  });

  test('growth in the very same update saves it', () => {
    const { update } = watch(1);
    update(0, [['a', 5]]);
    expect(
      update(500, [
        ['a', 6],
        ['b', 9],
      ]),
    ).toEqual({ a: 6, other: 9 });
  });
});

test('columns may be added from one update to the next', () => {
  const places = new NamePlaces();
  const selection = new Selection(places, { limit: 1, idleSeconds: 9, rankColumns: 1, drop: 'moved', buckets: 16 });
  selection.update([rowsOf([['a', 5, 50]])], Float64Array.of(1, 2), 0);
  const wide = { length: 1, counts: Float64Array.of(6, 60, 7), names: ['a'] };
  selection.update([wide], Float64Array.of(1, 2, 3), 1);
  expect(selection.valueOf(0)).toEqual(Float64Array.of(6, 60, 7));
  expect(selection.other).toEqual(Float64Array.of(1, 2, 3));
});

/** What may happen between two updates. `moved` takes from one name what then counts for another, or for none. */
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('count' as const), who: fc.nat(11), by: fc.nat(20), bytes: fc.nat(9) }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('retire' as const), who: fc.nat(11) }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('moved' as const), who: fc.nat(11), to: fc.nat(11), by: fc.nat(20) }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('rest' as const), by: fc.nat(20) }) },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant('update' as const), later: fc.constantFrom(1, 10, 60, 200) }) },
);

test.each<Drop>(['restarted', 'moved'])(
  'values sum to the totals and none ever decreases, whatever happens (%s)',
  (drop) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5 }), fc.array(step, { maxLength: 120 }), (limit, steps) => {
        const { places, selection, update } = watch(limit, { drop, buckets: 8 });
        const live = new Map<string, [number, number]>();
        const rest: [number, number] = [0, 0];
        let now = 0;
        let before = new Map<string, number>();
        const total: [number, number] = [0, 0];
        const of = (who: number) => {
          const name = `n${String(who)}`;
          const entry = live.get(name) ?? [0, 0];
          live.set(name, entry);
          return entry;
        };
        for (const event of [...steps, { kind: 'update' as const, later: 1 }]) {
          switch (event.kind) {
            case 'count': {
              const entry = of(event.who);
              entry[0] += event.by;
              entry[1] += event.bytes;
              total[0] += event.by;
              total[1] += event.bytes;
              break;
            }
            case 'retire': {
              const entry = of(event.who);
              rest[0] += entry[0];
              rest[1] += entry[1];
              live.delete(`n${String(event.who)}`);
              break;
            }
            case 'moved': {
              const entry = of(event.who);
              const part = Math.min(entry[0], event.by);
              entry[0] -= part;
              of(event.to)[0] += part;
              break;
            }
            case 'rest':
              rest[0] += event.by;
              total[0] += event.by;
              break;
            case 'update': {
              now += event.later;
              update(
                now,
                [...live].map(([name, [attempts, bytes]]) => [name, attempts, bytes] as const),
                rest,
              );
              const after = new Map<string, number>();
              const sum: [number, number] = [0, 0];
              const show = (name: string, value: Float64Array) => {
                value.forEach((count, column) => {
                  after.set(`${name} ${String(column)}`, count);
                  sum[column as 0 | 1] += count;
                });
              };
              for (const [name, place] of places.places) show(name, selection.valueOf(place) ?? new Float64Array());
              show('other', selection.other);
              expect(sum).toEqual(total);
              expect(places.places.size).toBeLessThanOrEqual(limit);
              for (const [series, value] of after) expect(value).toBeGreaterThanOrEqual(before.get(series) ?? 0);
              before = after;
            }
          }
        }
      }),
      { numRuns: 500 },
    );
  },
);
