import { describe, expect, test } from 'vitest';
import { DEFAULT_LIMITS, Exporter } from '../../src/metrics/exporter.ts';
import { FlowSeries } from '../../src/metrics/flows.ts';
import { type Body, Pages } from '../../src/metrics/pages.ts';
import type { Identities, Rows } from '../../src/metrics/rows.ts';
import { Selection } from '../../src/metrics/selection.ts';
import { drain, type Steps } from '../../src/metrics/steps.ts';
import { TextWriter } from '../../src/metrics/text.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { manyFlows } from '../support/flows.ts';

const FLOWS = 50_000;
/** Of which each has two. */
const SERIES = 2 * FLOWS;
const collection = { seconds: 0, success: true };
const exporterOf = () =>
  new Exporter({ version: '', revision: '', kernel: '' }, { ...DEFAULT_LIMITS, flows: 2 * FLOWS });

/** What is done in each step, the last one too. */
function each(steps: Steps<unknown>, done: () => number): number[] {
  const found: number[] = [];
  for (let before = done(); ; before = done()) {
    const { done: ended } = steps.next();
    found.push(done() - before);
    if (ended === true) return found;
  }
}

describe('a hundred thousand series', () => {
  class Counting extends TextWriter {
    lines = 0;

    override line(...line: Parameters<TextWriter['line']>): void {
      this.lines++;
      super.line(...line);
    }
  }

  test('are written a few thousand in a step', () => {
    const writer = new Counting();
    const series = new FlowSeries({ flows: FLOWS, idleSeconds: 60 });
    const lines = each(series.write(writer, manyFlows(FLOWS)), () => writer.lines);
    expect(lines.reduce((sum, step) => sum + step, 0)).toBe(SERIES);
    expect(Math.max(...lines)).toBeLessThanOrEqual(5000);
  });

  test('are looked at in steps, also where all come at once or one has gone', () => {
    let looks = 0;
    const identities: Identities<Rows> = {
      hash(_, row) {
        looks++;
        return row;
      },
      placeOf: (_, row) => places.get(row) ?? -1,
      enter(place, _, row) {
        looks++;
        places.set(row, place);
      },
      leave: () => undefined,
    };
    const places = new Map<number, number>();
    const options = { limit: SERIES, idleSeconds: 60, rankColumns: 1, drop: 'restarted', buckets: 1 << 17 } as const;
    const selection = new Selection(identities, options);
    for (const length of [SERIES, SERIES - 1]) {
      const rows = { length, counts: new Float64Array(length).fill(length) };
      const steps = each(selection.steps([rows], new Float64Array(1), 0), () => looks);
      expect(Math.max(...steps)).toBeLessThanOrEqual(20_000);
    }
    expect(looks).toBeGreaterThan(3 * SERIES);
  });

  test('are the same text in steps as at once, scrape after scrape', () => {
    const [stepwise, whole] = [exporterOf(), exporterOf()];
    for (const attempts of [1, 2]) {
      const snapshot = manyFlows(FLOWS, attempts);
      const body = drain(stepwise.steps(snapshot, collection, undefined, 'more 1\n'));
      const text = textOf(body);
      expect(text === `${whole.render(snapshot, collection)}more 1\n`).toBe(true);
      expect(text.split('\n').filter((line) => line.startsWith('spillway_flow_')).length).toBe(SERIES);
      expect(body.bytes).toBe(Buffer.byteLength(text));
      body.use()();
    }
  });
});

describe('the memory of an answer', () => {
  const rendered = (exporter: Exporter, snapshot: Snapshot) =>
    drain(exporter.steps(snapshot, collection, undefined, ''));
  const memoryOf = (body: Body) => new Set(body.pieces.map(({ buffer }) => buffer));
  const few = manyFlows(3000);

  test('serves the next one when all who used it have ended, whoever ended first', () => {
    const exporter = exporterOf();
    const first = rendered(exporter, few);
    const ended = [first.use(), first.use()];
    ended[0]?.();
    ended[0]?.();
    const second = rendered(exporter, few);
    expect([...memoryOf(second)].filter((memory) => memoryOf(first).has(memory))).toEqual([]);
    ended[1]?.();
    const third = rendered(exporter, few);
    expect(memoryOf(third)).toEqual(memoryOf(first));
  });

  test('is not written over while somebody uses it', () => {
    const exporter = exporterOf();
    const first = rendered(exporter, few);
    first.use();
    const text = textOf(first);
    for (const attempts of [7, 8]) rendered(exporter, manyFlows(3000, attempts)).use()();
    expect(textOf(first)).toBe(text);
  });

  test('is kept for answers as long as the latest one, not for the longest ever', () => {
    const pages = new Pages();
    const take = (number: number) => Array.from({ length: number }, () => pages.take());
    const [long, short] = [take(10), take(2)];
    pages.give(long);
    pages.give(short);
    const known = new Set([...long, ...short]);
    expect(take(3).filter((page) => known.has(page)).length).toBe(2);
  });
});

function textOf({ pieces }: Body): string {
  return Buffer.concat(pieces).toString();
}
