import { describe, expect, it } from 'vitest';
import type { Layout } from '../../src/abi/generate.ts';
import { LAYOUT } from '../../src/abi/layout.ts';
import { carry, type OldTables } from '../../src/kernel/carry.ts';
import {
  attemptsOf,
  bytesOf,
  COUNTER_COLUMNS,
  pendingOf,
  resolvedOf,
  RING,
  totalAttempts,
} from '../../src/model/counters.ts';

const OURS = LAYOUT as Layout;

/**
 * What an agent of another version could have had: a mechanism less, enumerators in another order, an outcome that is gone since, and
 * records with fields elsewhere. Sizes follow from that.
 */
function otherLayout(): Layout {
  const layout = JSON.parse(JSON.stringify(OURS)) as {
    structs: Record<
      string,
      { size: number; fields: Record<string, { offset: number; size: number; elements: number | null }> }
    >;
    enums: Record<string, Record<string, number>>;
  } & Layout;
  layout.enums.mechanism = { SPLICE: 0, SENDFILE: 1, FORGOTTEN: 2, COUNT: 3 };
  layout.enums.outcome = { COPIED: 0, ZEROCOPY: 1, REFUSED: 2, RETRY: 3, DENIED: 4, FAILED: 5, COUNT: 6 };
  layout.enums.refusal_reason = { NONE: 0, SINK_APPEND: 1, GONE: 2 };
  const { process_record, departed_record } = layout.structs;
  if (process_record === undefined || departed_record === undefined) throw new Error('no such structs');
  // three mechanisms: rings, then the counts, then the resolutions
  for (const [struct, base] of [
    [process_record, 200],
    [departed_record, 480],
  ] as const) {
    struct.fields.rings = { offset: base, size: 64, elements: null };
    struct.fields['rings.enters'] = { offset: base + 8, size: 8, elements: null };
    struct.fields['rings.submitted'] = { offset: base, size: 8, elements: null };
    struct.fields.mechanisms = { offset: base + 64, size: 192, elements: 3 };
    struct.fields.resolutions = { offset: base + 256, size: 96, elements: 3 };
    struct.size = base + 352;
  }
  return layout;
}

/** Writes records of a layout. */
class Writer {
  readonly #layout: Layout;
  readonly maps = new Map<string, Buffer>();

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  record(map: string, struct: string, index: number, fields: Record<string, number | string | bigint>): void {
    const { size } = this.#layout.structs[struct] ?? { size: 0 };
    const before = this.maps.get(map) ?? Buffer.alloc(0);
    const values = Buffer.alloc(Math.max(before.length, (index + 1) * size));
    before.copy(values);
    for (const [name, value] of Object.entries(fields)) {
      const [field = '', plus = '0'] = name.split('+');
      const found = this.#layout.structs[struct]?.fields[field];
      if (found === undefined) throw new Error(`no field ${field}`);
      const at = index * size + found.offset + 8 * Number(plus);
      if (typeof value === 'string') values.write(value, at);
      else if (typeof value === 'bigint') values.writeBigUInt64LE(value, at);
      else if (found.size === 2) values.writeUInt16LE(value, at);
      else if (found.size === 1) values.writeUInt8(value, at);
      else values.writeUInt32LE(value, at);
    }
    this.maps.set(map, values);
  }

  tables(): OldTables {
    return {
      layout: this.#layout,
      shardLines: 2,
      maps: this.maps,
      unitOf: (low) => (low === 77 ? 'nginx.service' : ''),
    };
  }
}

const { LIVE, RETIRING, ORPHAN, FREE } = LAYOUT.enums.slot_state;
const { FIRST, OVERFLOW, NOBODY, DEPARTED } = LAYOUT.enums.reserved_slot;
const PLACE = LAYOUT.enums.departed_place;

describe('carry, from another layout', () => {
  const layout = otherLayout();
  const writer = new Writer(layout);
  // sendfile is the second mechanism there, zerocopy the second outcome
  const counters = (n: bigint) => ({
    'rings.enters': n,
    'rings.submitted': 2n * n,
    'mechanisms+8': 1n * n, // sendfile, copied
    'mechanisms+9': 10n * n, // sendfile, zerocopy
    'mechanisms+10': 5n * n, // sendfile, refused
    'mechanisms+14': 100n * n, // sendfile, bytes copied
    'mechanisms+15': 1000n * n, // sendfile, bytes of zerocopy
    'mechanisms+0': 3n * n, // splice, copied
    'mechanisms+17': 9n * n, // a mechanism that nobody knows any more
    'resolutions+5': 2n * n, // sendfile, confirmed
  });
  writer.record('processes', 'process_record', FIRST, {
    'key.state': LIVE,
    comm: 'nginx',
    cgroup: 77,
    ...counters(1n),
  });
  writer.record('processes', 'process_record', FIRST + 1, {
    'key.state': RETIRING,
    comm: 'nginx',
    cgroup: 77,
    ...counters(2n),
  });
  writer.record('processes', 'process_record', FIRST + 2, { 'key.state': ORPHAN, comm: 'cp', ...counters(50n) });
  writer.record('processes', 'process_record', FIRST + 3, { 'key.state': FREE, comm: 'cp', ...counters(50n) });
  writer.record('processes', 'process_record', OVERFLOW, counters(4n));
  writer.record('processes', 'process_record', NOBODY, counters(8n));
  writer.record('departed', 'departed_record', PLACE.NOBODY, { state: LIVE, ...counters(16n) });
  writer.record('departed', 'departed_record', PLACE.FIRST, {
    state: LIVE,
    comm: 'nginx',
    unit: 'nginx.service',
    ...counters(32n),
  });
  writer.record('departed', 'departed_record', PLACE.FIRST + 1, { state: FREE, comm: 'cp', ...counters(50n) });
  const { REFUSED, ERRNO } = LAYOUT.enums.cause_kind;
  const cause = { 'key.kind': REFUSED, 'key.mechanism': 1, 'key.process': FIRST, 'key.code': 1, state: LIVE };
  writer.record('causes', 'cause_record', FIRST, { ...cause, count: 7n, 'culprit.described': 1 });
  writer.record('causes', 'cause_record', FIRST + 1, { ...cause, 'key.code': 2, count: 100n });
  writer.record('causes', 'cause_record', FIRST + 2, { ...cause, state: ORPHAN, count: 100n });
  writer.record('departed_causes', 'cause_record', 0, { ...cause, 'key.process': PLACE.FIRST, count: 11n });
  writer.record('departed_causes', 'cause_record', 1, {
    ...cause,
    'key.kind': ERRNO,
    'key.process': PLACE.FIRST,
    'key.code': 22,
    count: 13n,
  });
  for (const [map, struct] of [
    ['flows', 'flow_record'],
    ['flows6', 'flow6_record'],
  ] as const) {
    writer.record(map, struct, FIRST, { state: LIVE, 'counts+1': 1n, 'counts+7': 10n });
    writer.record(map, struct, FIRST + 1, { state: FREE, 'counts+1': 1000n });
    writer.record(map, struct, OVERFLOW, { 'counts+1': 2n });
    writer.record(map, struct, DEPARTED, { 'counts+1': 4n });
    writer.record(map, struct, NOBODY, { 'counts+1': 8n });
  }
  writer.record('pools', 'slot_pool', 0, { overflows: 3n, carried_overflows: 4n });
  writer.record('pools', 'slot_pool', 3, {});
  const carried = carry([writer.tables()]);

  it('sums processes and what has departed by workload', () => {
    expect(carried.workloads.map(({ unit, comm }) => [unit, comm])).toEqual([['nginx.service', 'nginx']]);
    const sum = carried.workloads[0]?.counters ?? new Float64Array(COUNTER_COLUMNS);
    // 1 + 2 + 32
    expect(attemptsOf(sum, 'sendfile', 'zerocopy')).toBe(350);
    expect(attemptsOf(sum, 'sendfile', 'copied')).toBe(35);
    expect(attemptsOf(sum, 'splice', 'copied')).toBe(105);
    expect(bytesOf(sum, 'sendfile', 'zerocopy')).toBe(35_000);
    expect(bytesOf(sum, 'sendfile', 'copied')).toBe(3500);
    expect([sum[RING.enters], sum[RING.submitted]]).toEqual([35, 70]);
    expect(totalAttempts(sum)).toBe(350 + 35 + 175 + 105);
  });

  it('ends refusals that were pending: nobody has seen what became of them', () => {
    const sum = carried.workloads[0]?.counters ?? new Float64Array(COUNTER_COLUMNS);
    expect(resolvedOf(sum, 'sendfile', 'confirmed')).toBe(70);
    expect(resolvedOf(sum, 'sendfile', 'presumed')).toBe(105);
    expect(pendingOf(sum, 'sendfile')).toBe(0);
  });

  it('keeps what had no slot and no owner', () => {
    expect(attemptsOf(carried.overflow, 'sendfile', 'zerocopy')).toBe(40);
    expect(attemptsOf(carried.nobody, 'sendfile', 'zerocopy')).toBe(240);
    expect(carried.overflows.get('processes')).toBe(7);
  });

  it('sums flows, and those of no IP socket apart', () => {
    expect(Array.from(carried.flows)).toEqual([14, 0, 0, 0, 0, 0, 20, 0]);
    expect(Array.from(carried.nonIpFlows)).toEqual([16, 0, 0, 0, 0, 0, 0, 0]);
  });

  it('translates causes by name, and leaves out those without one', () => {
    const seen = carried.causes.map(({ kind, mechanism, code, comm, unit, count, culprit }) => [
      kind,
      mechanism,
      code,
      comm,
      unit,
      count,
      culprit === null,
    ]);
    const sinkAppend = LAYOUT.enums.refusal_reason.SINK_APPEND;
    expect(seen).toEqual([
      ['refused', LAYOUT.enums.mechanism.SENDFILE, sinkAppend, 'nginx', 'nginx.service', 18, false],
      ['errno', LAYOUT.enums.mechanism.SENDFILE, 22, 'nginx', 'nginx.service', 13, false],
    ]);
  });
});

describe('carry, from several tables', () => {
  const tablesOf = (n: bigint) => {
    const writer = new Writer(OURS);
    const counters = { 'mechanisms+0': n };
    writer.record('processes', 'process_record', FIRST, { 'key.state': LIVE, comm: 'cp', ...counters });
    writer.record('departed', 'departed_record', PLACE.FIRST, { state: LIVE, comm: 'cp', 'mechanisms+0': 100n * n });
    writer.record('flows', 'flow_record', FIRST, { state: LIVE, 'counts+0': n });
    writer.record('flows', 'flow_record', DEPARTED, { 'counts+0': 100n * n });
    writer.record('flows6', 'flow6_record', NOBODY, { 'counts+0': 100n * n });
    writer.record('departed_causes', 'cause_record', 0, {
      'key.kind': LAYOUT.enums.cause_kind.ERRNO,
      state: LIVE,
      count: 100n * n,
    });
    writer.record('pools', 'slot_pool', 0, { overflows: n, carried_overflows: 100n * n });
    writer.record('pools', 'slot_pool', 3, {});
    writer.record('latencies', 'latency', 0, { 'buckets+3': n });
    writer.record('latencies', 'latency', LAYOUT.enums.mechanism.COUNT * LAYOUT.enums.outcome.COUNT, {
      'buckets+3': 100n * n,
    });
    return writer.tables();
  };

  it('what was carried into the later ones is there already', () => {
    const carried = carry([tablesOf(1n), tablesOf(2n)]);
    expect(carried.workloads.map(({ counters }) => attemptsOf(counters, 'sendfile', 'zerocopy'))).toEqual([103]);
    expect(carried.flows[0]).toBe(103);
    expect(carried.nonIpFlows[0]).toBe(100);
    expect(carried.overflows.get('processes')).toBe(103);
    expect(carried.causes.map(({ count }) => count)).toEqual([100]);
    expect(carried.latencies[3]).toBe(103);
  });
});

it('a layout that lacks what all have is refused', () => {
  expect(() => carry([{ ...new Writer(OURS).tables(), layout: { ...OURS, enums: {} } }])).toThrow('no enum slot_state');
});
