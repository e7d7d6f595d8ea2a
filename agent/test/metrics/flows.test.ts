import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OUTCOMES, type Outcome } from '../../src/abi/layout.ts';
import { FlowSeries } from '../../src/metrics/flows.ts';
import { drain } from '../../src/metrics/steps.ts';
import { TextWriter } from '../../src/metrics/text.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { type FlowSpec, snapshotOf } from '../support/snapshots.ts';

function scrape(series: FlowSeries, snapshot: Snapshot, metric = 'flow_attempts_total'): Map<string, number> {
  const writer = new TextWriter();
  drain(series.write(writer, snapshot));
  return writer.text === '' ? new Map<string, number>() : seriesOf(parseExposition(writer.text), `spillway_${metric}`);
}

const key = (src: string, dst: string, proto: string, outcome: Outcome) => JSON.stringify({ src, dst, proto, outcome });
const flow = (last: number, zerocopy: number): FlowSpec => ({
  src: '10.0.0.1',
  dst: `10.0.1.${String(last)}`,
  counts: { zerocopy, bytes: 100 * zerocopy },
});

describe('flows', () => {
  test('of both families are named; sockets without a flow and the rest have series of their own', () => {
    const snapshot = snapshotOf({
      flows: [
        { src: '127.0.0.1', dst: '127.0.0.2', counts: { zerocopy: 7, retry: 1, bytes: 700 } },
        { src: '2001:db8:0:0:0:0:0:1', dst: '2001:db8:0:0:0:0:0:2', proto: 17, counts: { refused: 5 } },
        { src: '10.0.0.1', dst: '10.0.0.2', counts: { failed: 2 } },
      ],
      otherFlows: { zerocopy: 4, bytes: 40 },
      nonIpFlows: { zerocopy: 3, bytes: 30 },
    });
    const limits = { flows: 2, idleSeconds: 60 };
    expect(scrape(new FlowSeries(limits), snapshot)).toEqual(
      new Map([
        [key('127.0.0.1', '127.0.0.2', 'tcp', 'zerocopy'), 7],
        [key('127.0.0.1', '127.0.0.2', 'tcp', 'retry'), 1],
        [key('2001:db8::1', '2001:db8::2', 'udp', 'refused'), 5],
        [key('', '', 'other', 'zerocopy'), 3],
        [key('other', 'other', 'other', 'zerocopy'), 4],
        [key('other', 'other', 'other', 'failed'), 2],
      ]),
    );
    expect(scrape(new FlowSeries(limits), snapshot, 'flow_bytes_total')).toEqual(
      new Map([
        [key('127.0.0.1', '127.0.0.2', 'tcp', 'zerocopy'), 700],
        [key('', '', 'other', 'zerocopy'), 30],
        [key('other', 'other', 'other', 'zerocopy'), 40],
      ]),
    );
  });

  test('that differ in protocol or direction only are told apart', () => {
    const flows = [6, 17].flatMap((proto) => [
      { src: '10.0.0.1', dst: '10.0.0.2', proto, counts: { zerocopy: 1 } },
      { src: '10.0.0.2', dst: '10.0.0.1', proto, counts: { zerocopy: 1 } },
    ]);
    expect(scrape(new FlowSeries({ flows: 10, idleSeconds: 60 }), snapshotOf({ flows })).size).toBe(4);
  });

  test('keep their places when one of them is replaced', () => {
    const series = new FlowSeries({ flows: 3, idleSeconds: 60 });
    scrape(series, snapshotOf({ boottime: 0, flows: [flow(1, 9), flow(2, 8), flow(3, 7)] }));
    scrape(series, snapshotOf({ boottime: 50, flows: [flow(1, 10), flow(2, 8), flow(3, 8)] }));
    const after = scrape(
      series,
      snapshotOf({ boottime: 70, flows: [flow(1, 11), flow(2, 8), flow(3, 9), flow(4, 5)] }),
    );
    expect(after.get(key('10.0.0.1', '10.0.1.1', 'tcp', 'zerocopy'))).toBe(11);
    expect(after.get(key('10.0.0.1', '10.0.1.3', 'tcp', 'zerocopy'))).toBe(9);
    expect(after.has(key('10.0.0.1', '10.0.1.2', 'tcp', 'zerocopy'))).toBe(false);
    // 10.0.1.2 with its 8; 10.0.1.4 was never in `other`, and shows its 5
    expect(after.get(key('10.0.0.1', '10.0.1.4', 'tcp', 'zerocopy'))).toBe(5);
    expect(after.get(key('other', 'other', 'other', 'zerocopy'))).toBe(8);
  });
});

/** A kernel table in miniature: flows take slots, are retired through an intermediate state, and find the table full. */
class Table {
  readonly #capacity: number;
  readonly live = new Map<number, Record<Outcome, number>>();
  retiring: [number, Record<Outcome, number>][] = [];
  readonly other = zeros();
  readonly total = zeros();

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  attempt(who: number, outcome: Outcome, times: number): void {
    this.total[outcome] += times;
    let record = this.live.get(who);
    if (record === undefined && this.live.size + this.retiring.length < this.#capacity) {
      record = zeros();
      this.live.set(who, record);
    }
    (record ?? this.other)[outcome] += times;
  }

  retire(who: number): void {
    const record = this.live.get(who);
    if (record === undefined) return;
    this.live.delete(who);
    this.retiring.push([who, record]);
  }

  fold(): void {
    for (const [, record] of this.retiring) for (const outcome of OUTCOMES) this.other[outcome] += record[outcome];
    this.retiring = [];
  }

  snapshot(boottime: number): Snapshot {
    const flows = [...this.live, ...this.retiring].map(([who, counts]) => ({
      // every other one an IPv6 flow
      src: who % 2 === 0 ? '10.0.0.1' : 'fd00:0:0:0:0:0:0:1',
      dst: who % 2 === 0 ? `10.0.0.${String(who)}` : `fd00:0:0:0:0:0:0:${who.toString(16)}`,
      counts,
    }));
    return snapshotOf({ boottime, flows, otherFlows: this.other });
  }
}

const zeros = () => Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 0])) as Record<Outcome, number>;

const events = fc.array(
  fc.oneof(
    {
      weight: 8,
      arbitrary: fc.tuple(fc.constant('attempt' as const), fc.nat(15), fc.constantFrom(...OUTCOMES), fc.nat(9)),
    },
    { weight: 3, arbitrary: fc.tuple(fc.constant('retire' as const), fc.nat(15)) },
    { weight: 2, arbitrary: fc.tuple(fc.constant('fold' as const)) },
    { weight: 4, arbitrary: fc.tuple(fc.constant('scrape' as const), fc.constantFrom(1, 15, 90)) },
  ),
  { maxLength: 150 },
);

test('sums are exact by outcome and no series decreases while it exists, as flows come, go, return and find the table full', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.integer({ min: 1, max: 12 }),
      events,
      (flows, capacity, sequence) => {
        const series = new FlowSeries({ flows, idleSeconds: 60 });
        const table = new Table(capacity);
        let now = 0;
        let before = new Map<string, number>();
        for (const event of [...sequence, ['scrape', 1] as const]) {
          switch (event[0]) {
            case 'attempt':
              table.attempt(event[1], event[2], event[3]);
              break;
            case 'retire':
              table.retire(event[1]);
              break;
            case 'fold':
              table.fold();
              break;
            case 'scrape': {
              now += event[1];
              const after = scrape(series, table.snapshot(now));
              const sums = zeros();
              for (const [labels, value] of after) {
                sums[(JSON.parse(labels) as { outcome: Outcome }).outcome] += value;
                expect(value).toBeGreaterThanOrEqual(before.get(labels) ?? 0);
              }
              expect(sums).toEqual(table.total);
              expect(
                new Set([...after.keys()].map((labels) => (JSON.parse(labels) as { dst: string }).dst)).size,
              ).toBeLessThanOrEqual(flows + 1);
              before = after;
            }
          }
        }
      },
    ),
    { numRuns: 500 },
  );
});
