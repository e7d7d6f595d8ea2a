import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FLOW_LABELS_BYTES, outcomeBytes, putFlowLabels } from '../../src/metrics/flow-labels.ts';
import { labelSet } from '../../src/metrics/text.ts';
import { flowName } from '../../src/model/flow.ts';

/** Groups of an address, zeros among them often. */
const word = fc.oneof(fc.constant(0), fc.constant(0xffff), fc.constant(0x100), fc.nat(2 ** 32 - 1));
const keys = (words: number) => fc.array(word, { minLength: words, maxLength: words });

test('are what the name of the flow is as text, for every key', () => {
  fc.assert(
    fc.property(fc.oneof(keys(3), keys(9)), fc.nat(3), fc.nat(5), (key, row, at) => {
      const family = key.length === 3 ? 4 : 6;
      const rows = new Uint32Array((row + 1) * key.length);
      rows.set(key, row * key.length);
      const { src, dst, proto } = flowName({ family, length: row + 1, keys: rows, counts: new Float64Array(0) }, row);
      const page = Buffer.alloc(FLOW_LABELS_BYTES + at);
      const end = putFlowLabels(page, at, family, rows, row * key.length, outcomeBytes('zerocopy'));
      expect(page.toString('latin1', at, end)).toBe(labelSet('flow_attempts_total', [src, dst, proto, 'zerocopy']));
    }),
    { numRuns: 2000 },
  );
});

test('the longest have room', () => {
  const longest = new Uint32Array(9).fill(0xffffffff);
  const page = Buffer.alloc(1024);
  for (const outcome of ['zerocopy', 'refused'] as const) {
    expect(putFlowLabels(page, 0, 6, longest, 0, outcomeBytes(outcome))).toBeLessThanOrEqual(FLOW_LABELS_BYTES);
  }
});
