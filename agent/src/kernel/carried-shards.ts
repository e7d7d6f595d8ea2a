/** Counts of earlier tables that were spread over lines of their own for each processor, together again. Pure. */
import type { Field } from '../abi/generate.ts';
import type { OldTables } from './carry.ts';

/** Struct of each table whose records can have sets, and the fields of their lines and of the numbers of those lines' sets. */
const SPREAD = [
  { map: 'processes', struct: 'process_record', lines: 'rings', line: 'ring_counts', sets: 'ring_shards' },
  { map: 'processes', struct: 'process_record', lines: 'mechanisms', line: 'counts', sets: 'shards' },
  { map: 'flows', struct: 'flow_record', lines: 'counts', line: 'counts', sets: 'shards' },
  { map: 'flows6', struct: 'flow6_record', lines: 'counts', line: 'counts', sets: 'shards' },
] as const;

/** The same tables, with all that was counted in the records themselves. A layout without shards has none. */
export function withShards(old: OldTables): OldTables {
  const { layout, shardLines } = old;
  const shards = old.maps.get('shards');
  const shard = layout.structs.shard;
  if (shardLines === 0 || shards === undefined || shard === undefined) return old;
  const maps = new Map(old.maps);
  for (const map of new Set(SPREAD.map(({ map: name }) => name))) {
    const values = maps.get(map);
    if (values !== undefined) maps.set(map, Buffer.from(values));
  }
  for (const { map, struct, lines, line, sets } of SPREAD) {
    const records = maps.get(map);
    const { size = 0, fields = {} } = layout.structs[struct] ?? {};
    const lineSize = layout.structs[line]?.size ?? 0;
    const [from, numbers]: (Field | undefined)[] = [fields[lines], fields[sets]];
    if (records === undefined || from === undefined || numbers === undefined) continue;
    for (let record = 0; record + size <= records.length; record += size) {
      for (let i = 0; 4 * i < numbers.size; i++) {
        const set = records.readUInt32LE(record + numbers.offset + 4 * i);
        if (set === 0) continue;
        const own = records.subarray(record + from.offset + lineSize * i, record + from.offset + lineSize * (i + 1));
        addLines(own, shards.subarray((set - 1) * shardLines * shard.size, set * shardLines * shard.size), shard.size);
      }
    }
  }
  return { ...old, maps };
}

/** Adds 64-bit words of lines that stand one behind the other. */
function addLines(own: Buffer, lines: Buffer, size: number): void {
  for (let at = 0; at < lines.length; at += 8) {
    const to = at % size;
    own.writeBigUInt64LE(own.readBigUInt64LE(to) + lines.readBigUInt64LE(at), to);
  }
}
