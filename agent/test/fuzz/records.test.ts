/** Tables that hold any bytes: a snapshot of them, and all that is made of it, is bounded, valid, and keeps what can be kept. */
import fc from 'fast-check';
import { beforeEach, expect, it } from 'vitest';
import { LAYOUT, MECHANISMS, OUTCOMES, TABLES } from '../../src/abi/layout.ts';
import { defaultRules } from '../../src/alerts/default-rules.ts';
import { RuleEngine } from '../../src/alerts/engine.ts';
import { renderSummary } from '../../src/cli/render.ts';
import {
  causeList,
  flowTable,
  nonIpFlows,
  otherFlows,
  processTable,
  readCountersOf,
  readRows,
  tableUsage,
  totalCounters,
  WorkloadCache,
} from '../../src/kernel/collect.ts';
import { CulpritCache, decodeCulprit } from '../../src/kernel/culprit.ts';
import { DepartedTables } from '../../src/kernel/departed.ts';
import { shardLines } from '../../src/kernel/shards.ts';
import { mapTables, SLOT_NOBODY, SLOT_OVERFLOW, STATE } from '../../src/kernel/tables.ts';
import { Exporter } from '../../src/metrics/exporter.ts';
import { MAX_LABEL_LENGTH } from '../../src/metrics/text.ts';
import { attemptsOf, COUNTER_COLUMNS, totalAttempts } from '../../src/model/counters.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { summarize } from '../../src/model/summary.ts';
import { snapshotJson } from '../../src/web/snapshot-json.ts';
import { workloadUnit } from '../../src/enrich/workload-unit.ts';
import type { BpfObject } from '../../../native/lib/index.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { FakeMap } from '../support/memory.ts';
import { hostileText, runs, word } from './support.ts';

const SLOTS = 6;
const PLACES = SLOTS + LAYOUT.enums.reserved_slot.FIRST;
const SHARDS = { lines: 4, from: 0 };
const OPTIONS = { processes: SLOTS, flows: SLOTS, causes: SLOTS, shards: SHARDS } as Parameters<typeof mapTables>[1];
const { structs } = LAYOUT;
const RECORDS = {
  processes: 'process_record',
  flows: 'flow_record',
  flows6: 'flow6_record',
  causes: 'cause_record',
  departed: 'departed_record',
  departed_causes: 'cause_record',
} as const;

/** The maps behind the tables, all zero. */
function memoryOf(): Map<string, FakeMap> {
  const maps = new Map([['pools', new FakeMap(TABLES.length * structs.slot_pool.size)]]);
  for (const table of TABLES) {
    maps.set(table, new FakeMap(structs[RECORDS[table]].size * (SLOTS + LAYOUT.enums.reserved_slot.FIRST)));
  }
  const shards = new FakeMap(structs.shard.size * shardLines(SHARDS));
  for (let at = 0; at < shards.bytes.length; at += 8) shards.bytes[at] = 1;
  maps.set('shards', shards);
  maps.set('departed', new FakeMap(structs.departed_record.size * PLACES));
  maps.set('departed_causes', new FakeMap(structs.cause_record.size * PLACES));
  return maps;
}

/** Names as they stand in memory: cut at their room, which may leave half a character and no NUL. */
const nameBytes = (room: number) =>
  fc.oneof(
    hostileText.map((text) => Buffer.from(text).subarray(0, room)),
    fc.uint8Array({ maxLength: room }).map((bytes) => Buffer.from(bytes)),
  );

interface Fill {
  readonly table: (typeof TABLES)[number] | 'departed' | 'departed_causes';
  readonly slot: number;
  /** Bytes all over the record. */
  readonly words: readonly (readonly [at: number, value: number])[];
  readonly state: number;
  readonly names: readonly Buffer[];
}

const fill: fc.Arbitrary<Fill> = fc.record({
  table: fc.constantFrom(...TABLES, 'departed' as const, 'departed_causes' as const),
  slot: fc.nat(SLOTS + LAYOUT.enums.reserved_slot.FIRST - 1),
  words: fc.array(fc.tuple(fc.nat(4000), word), { maxLength: 40 }),
  state: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(STATE.LIVE, STATE.RETIRING) },
    { weight: 1, arbitrary: word },
  ),
  names: fc.array(nameBytes(56), { minLength: 4, maxLength: 4 }),
});

const STATE_AT = {
  processes: structs.process_record.fields['key.state'].offset,
  flows: structs.flow_record.fields.state.offset,
  flows6: structs.flow6_record.fields.state.offset,
  causes: structs.cause_record.fields.state.offset,
  departed: structs.departed_record.fields.state.offset,
  departed_causes: structs.cause_record.fields.state.offset,
} as const;
const KEY_AT = structs.cause_record.fields.key.offset;
const CULPRIT_AT = structs.cause_record.fields.culprit.offset;

function put(maps: ReadonlyMap<string, FakeMap>, { table, slot, words, state, names }: Fill): void {
  const { size } = structs[RECORDS[table]];
  const bytes = maps.get(table)?.bytes.subarray(slot * size, (slot + 1) * size) ?? Buffer.alloc(size);
  for (const [at, value] of words) bytes.writeUInt32LE(value, (at % (size / 4)) * 4);
  bytes.writeUInt32LE(state, STATE_AT[table]);
  const [comm, filesystem, ...path] = names;
  if (table === 'processes')
    comm?.copy(bytes, structs.process_record.fields.comm.offset, 0, structs.process_record.fields.comm.size);
  if (table === 'departed') {
    const { unit, comm: of } = structs.departed_record.fields;
    filesystem?.copy(bytes, unit.offset, 0, unit.size);
    comm?.copy(bytes, of.offset, 0, of.size);
  }
  if (table !== 'causes' && table !== 'departed_causes') return;
  // of a process that there is, more often than not
  const [[, kind] = [0, 0], [, process] = [0, 0], [, described] = [0, 0]] = words;
  bytes.writeUInt32LE(process % 10, KEY_AT + structs.cause_key.fields.process.offset);
  bytes.writeUInt8(kind % 9, KEY_AT + structs.cause_key.fields.kind.offset);
  const { fields } = structs.culprit;
  bytes.writeUInt32LE(described % 4, CULPRIT_AT + fields.described.offset);
  filesystem?.copy(bytes, CULPRIT_AT + fields.filesystem.offset, 0, fields.filesystem.size);
  path.forEach((name, i) => name.copy(bytes, CULPRIT_AT + fields.names.offset + 56 * i));
}

const pool = fc.record({ fresh: word, head: word, tail: word, overflows: word });

let caches: { workloads: WorkloadCache; culprits: CulpritCache };
beforeEach(() => newCaches());
function newCaches(): void {
  const units = ['nginx.service', '\u001b[2J.service', '…', '"\\\n.scope'];
  const workloads = new WorkloadCache((low) => workloadUnit([units[low % units.length] ?? '', 'system.slice']));
  caches = { workloads, culprits: new CulpritCache() };
}

/** As Kernel.snapshot() does it. */
function snapshotOf(maps: ReadonlyMap<string, FakeMap>, boottime: number): Snapshot {
  const object = { map: (name: string) => ({ mapRegion: () => maps.get(name) }) } as unknown as BpfObject;
  const tables = mapTables(object, OPTIONS);
  const departedTables = new DepartedTables(object);
  const departed = departedTables.processes();
  const processes = readRows(tables.processes);
  const names = processTable(tables.processes, processes, caches.workloads);
  const unattributed = readCountersOf(tables.processes, SLOT_NOBODY);
  const overflow = readCountersOf(tables.processes, SLOT_OVERFLOW);
  const usage = tableUsage(tables);
  return {
    time: { unixMs: 1_767_225_600_000 + boottime * 1000, boottime },
    totals: totalCounters(processes, departed, [unattributed, overflow]),
    unattributed,
    overflow,
    processes: names,
    departed,
    causes: causeList(
      tables.causes,
      readRows(tables.causes),
      caches.culprits,
      processes,
      names,
      departedTables.causes(),
    ),
    flows: [flowTable(tables.flows, readRows(tables.flows)), flowTable(tables.flows6, readRows(tables.flows6))],
    otherFlows: otherFlows(tables),
    nonIpFlows: nonIpFlows(tables),
    latencies: [],
    tables: usage,
    programs: [],
    lost: { overflow: 0, events: 0, missedRuns: 0 },
    harmlessMissedRuns: 0,
    shards: tables.processes.shards.usage,
  };
}

it('whatever is in the tables, what is shown of it is whole', () => {
  const seen = { rows: 0, causes: 0, culprits: 0 };
  fc.assert(
    fc.property(
      fc.array(fc.tuple(pool, fc.array(fill, { maxLength: 12 })), { minLength: 1, maxLength: 3 }),
      (rounds) => {
        newCaches();
        const maps = memoryOf();
        const exporter = new Exporter(
          { version: '1', revision: 'a', kernel: '6' },
          { flows: 3, workloads: 3, idleSeconds: 5 },
        );
        const engine = new RuleEngine(defaultRules().map((rule) => ({ ...rule, enabled: true })));
        rounds.forEach(([counts, fills], round) => {
          TABLES.forEach((_, i) => {
            const at = i * structs.slot_pool.size;
            for (const [name, value] of Object.entries(counts)) {
              const { offset } = structs.slot_pool.fields[name as keyof typeof counts];
              // mostly all slots are in use
              maps.get('pools')?.bytes.writeUInt32LE(name === 'fresh' && value > 4 ? 0xffffffff : value, at + offset);
            }
          });
          for (const one of fills) put(maps, one);
          const snapshot = snapshotOf(maps, 1000 + round * 10);
          seen.rows += snapshot.processes.length;
          seen.causes += snapshot.causes.length;
          seen.culprits += snapshot.causes.filter(({ culprit }) => culprit !== null).length;
          holds(snapshot, exporter, engine);
        });
      },
    ),
    runs(120),
  );
  expect(seen.rows).toBeGreaterThan(50);
  expect(seen.causes).toBeGreaterThan(30);
  expect(seen.culprits).toBeGreaterThan(5);
});

function holds(snapshot: Snapshot, exporter: Exporter, engine: RuleEngine): void {
  const { processes, totals, unattributed, overflow } = snapshot;
  expect(processes.length).toBeLessThanOrEqual(SLOTS);
  for (const text of [
    ...processes.comms,
    ...processes.units,
    ...snapshot.departed.flatMap(({ comm, unit }) => [comm, unit]),
    ...snapshot.causes.flatMap(({ culprit }) => [culprit?.name ?? '', culprit?.filesystem ?? '']),
  ]) {
    expect(text.isWellFormed()).toBe(true);
    expect(text.length).toBeLessThan(2000);
  }
  // each counter once: what doubles hold exactly, is exact
  const attempts = (row: number) =>
    totalAttempts(processes.counters.subarray(row * COUNTER_COLUMNS, (row + 1) * COUNTER_COLUMNS));
  const sum = Array.from({ length: processes.length }, (_, row) => attempts(row)).reduce((a, b) => a + b, 0);
  const departed = snapshot.departed.reduce((total, { counters }) => total + totalAttempts(counters), 0);
  const all = sum + departed + totalAttempts(unattributed) + totalAttempts(overflow);
  expect(all < 2 ** 53 ? totalAttempts(totals) : all).toBe(all);

  const summary = summarize(snapshot);
  for (const { errnos, reasons } of Object.values(summary.mechanisms)) {
    for (const count of Object.values({ ...errnos, ...reasons.copied, ...reasons.refused }))
      expect(count).toBeGreaterThanOrEqual(0);
  }
  const json = JSON.stringify(snapshotJson(snapshot));
  expect(json).not.toContain('null,null');
  expect(JSON.parse(json)).toEqual(snapshotJson(snapshot));
  for (const line of renderSummary(summary)) {
    expect(line).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
    expect(line).not.toMatch(/NaN|undefined|\[object/);
  }

  const text = exporter.render(snapshot, { seconds: 0.1, success: true });
  expect(text.length).toBeLessThan(200_000);
  const families = parseExposition(text);
  for (const family of families.values()) {
    seriesOf(families, family.name);
    for (const { labels, value } of family.samples) {
      expect(value).not.toBeNaN();
      for (const label of Object.values(labels)) {
        expect(label.isWellFormed() && label.length <= MAX_LABEL_LENGTH).toBe(true);
      }
    }
  }
  const series = families.get('spillway_attempts_total')?.samples ?? [];
  expect(series).toHaveLength(MECHANISMS.length * OUTCOMES.length);
  for (const { labels, value } of series) {
    expect(value).toBe(attemptsOf(totals, labels.mechanism as 'tee', labels.outcome as 'copied'));
  }
  for (const transition of engine.evaluate(snapshot)) expect(transition.rule.name).not.toBe('');
  for (const { value } of engine.statuses()) expect(value ?? 0).not.toBeNaN();
}

it('a culprit of any bytes is text, or nothing', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: structs.culprit.size, maxLength: structs.culprit.size }),
      nameBytes(56),
      (bytes, name) => {
        const memory = Buffer.from(bytes);
        name.copy(memory, structs.culprit.fields.names.offset);
        const culprit = decodeCulprit(memory);
        if (culprit === null) return;
        expect(culprit.name.isWellFormed() && culprit.filesystem.isWellFormed()).toBe(true);
        expect(culprit.name.length).toBeLessThan(structs.culprit.size + 100);
        expect(culprit.filesystem).not.toBe('');
      },
    ),
    runs(1000),
  );
});

it('a workload of any names is bounded valid text', () => {
  const part = fc.oneof(
    hostileText,
    fc.constantFrom(
      'docker',
      'pod0-1',
      'kubepods',
      'machine-x.scope',
      'a\\x2db.service',
      '_a.service',
      'lxc',
      `docker-${'0'.repeat(64)}.scope`,
    ),
  );
  fc.assert(
    fc.property(
      fc.array(
        fc.array(part, { maxLength: 3 }).map((parts) => parts.join('')),
        { maxLength: 6 },
      ),
      (names) => {
        const unit = workloadUnit(names);
        expect(unit.isWellFormed()).toBe(true);
        expect(unit.length).toBeLessThanOrEqual(128);
      },
    ),
    runs(1000),
  );
});
