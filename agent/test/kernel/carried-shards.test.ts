import { expect, test } from 'vitest';
import { LAYOUT } from '../../src/abi/layout.ts';
import { withShards } from '../../src/kernel/carried-shards.ts';

const { process_record: PROCESS, flow_record: FLOW, shard: SHARD } = LAYOUT.structs;

/** One process and one flow, each with sets of two lines. */
function oldTables(shardLines: number) {
  const processes = Buffer.alloc(2 * PROCESS.size);
  const flows = Buffer.alloc(FLOW.size);
  const shards = Buffer.alloc(6 * SHARD.size);
  const ofMechanism = PROCESS.size + PROCESS.fields.mechanisms.offset + 3 * LAYOUT.structs.counts.size;
  processes.writeBigUInt64LE(5n, ofMechanism + 8);
  processes.writeUInt32LE(2, PROCESS.size + PROCESS.fields.shards.offset + 4 * 3);
  processes.writeUInt32LE(1, PROCESS.size + PROCESS.fields.ring_shards.offset);
  flows.writeUInt32LE(3, FLOW.fields.shards.offset);
  for (let line = 0; line < 6; line++) shards.writeBigUInt64LE(10n ** BigInt(line + 1), line * SHARD.size + 8);
  const maps = new Map([
    ['processes', processes],
    ['flows', flows],
    ['shards', shards],
  ]);
  return { layout: LAYOUT, shardLines, maps, unitOf: () => '', ofMechanism };
}

test('what stands in all lines of a set is counted with its record, once', () => {
  const old = oldTables(2);
  for (let again = 0; again < 2; again++) {
    const { maps } = withShards(old);
    const processes = maps.get('processes');
    expect(processes?.readBigUInt64LE(old.ofMechanism + 8)).toBe(11005n);
    expect(processes?.readBigUInt64LE(PROCESS.size + PROCESS.fields.rings.offset + 8)).toBe(110n);
    expect(processes?.readBigUInt64LE(PROCESS.fields.rings.offset + 8)).toBe(0n);
    expect(maps.get('flows')?.readBigUInt64LE(FLOW.fields.counts.offset + 8)).toBe(1_100_000n);
  }
});

test('tables without sets are what they are', () => {
  const old = oldTables(0);
  expect(withShards(old)).toBe(old);
  const layout = { ...LAYOUT, structs: { process_record: PROCESS } };
  expect(
    withShards({ ...oldTables(2), layout })
      .maps.get('flows')
      ?.readBigUInt64LE(8),
  ).toBe(0n);
});
