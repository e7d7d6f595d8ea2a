/**
 * What earlier tables hold -> sums in the terms of this agent. Pure: the layout is the one that an agent has left beside its tables,
 * and names are what the two have in common.
 */
import type { Field, Layout } from '../abi/generate.ts';
import { LAYOUT, MECHANISMS, OUTCOMES, RESOLUTIONS, TABLES } from '../abi/layout.ts';
import {
  addRow,
  attemptsColumn,
  bytesColumn,
  COUNT_COLUMNS,
  COUNTER_COLUMNS,
  mechanismColumn,
  OUTCOMES_WITH_BYTES,
  presumePending,
  resolutionColumn,
} from '../model/counters.ts';
import type { CauseKind, Workload } from '../model/snapshot.ts';
import { withShards } from './carried-shards.ts';
import { CAUSE_KINDS, decodeText, LATENCY_RECORDS } from './collect.ts';

/** The values of the old maps, by name, and what is not in them. */
export interface OldTables {
  readonly layout: Layout;
  /** Lines of a set of shards; 0: there were none. */
  readonly shardLines: number;
  readonly maps: ReadonlyMap<string, Buffer>;
  /** See UnitOf; '' where that is no longer known. */
  readonly unitOf: (idLow: number, idHigh: number, hierarchy: number) => string;
}

export interface CarriedWorkload extends Workload {
  readonly counters: Float64Array;
}

export interface CarriedCause extends Workload {
  readonly kind: CauseKind;
  readonly mechanism: number;
  readonly code: number;
  count: number;
  /** As it stands in memory; null if it stands there differently, or nowhere. */
  culprit: Buffer | null;
}

/** Everything that the old tables had counted. */
export interface Carried {
  readonly workloads: readonly CarriedWorkload[];
  readonly overflow: Float64Array;
  readonly nobody: Float64Array;
  readonly flows: Float64Array;
  readonly nonIpFlows: Float64Array;
  readonly causes: readonly CarriedCause[];
  /** LATENCY_RECORDS rows of buckets. */
  readonly latencies: Float64Array;
  /** By table, how often no slot was found. */
  readonly overflows: ReadonlyMap<string, number>;
}

const CULPRIT = JSON.stringify(LAYOUT.structs.culprit);
const BUCKETS = LAYOUT.structs.latency.fields.buckets.elements;
/** Counters that have no name in common are kept apart, so that they can be told. */
const UNKNOWN = -1;

/**
 * The sums of all of these tables, the oldest first. Before anything departs from the records of tables, what earlier ones held is
 * carried into them: as long as there are earlier ones that may not have been done, so what departed is taken from the oldest alone.
 * @throws Error if a layout lacks what every layout has
 */
export function carry(tables: readonly OldTables[]): Carried {
  const sums = new Sums();
  tables.forEach((old, i) => {
    addTables(sums, old, i === 0);
  });
  return sums.carried();
}

class Sums {
  readonly overflow = new Float64Array(COUNTER_COLUMNS);
  readonly nobody = new Float64Array(COUNTER_COLUMNS);
  readonly flows = new Float64Array(COUNT_COLUMNS);
  readonly nonIpFlows = new Float64Array(COUNT_COLUMNS);
  readonly latencies = new Float64Array(LATENCY_RECORDS * BUCKETS);
  readonly overflows = new Map<string, number>();
  readonly #workloads = new Map<string, CarriedWorkload>();
  readonly #causes = new Map<string, CarriedCause>();

  addWorkload(workload: Workload, counters: Float64Array): void {
    const key = `${workload.comm}\0${workload.unit}`;
    const sum = this.#workloads.get(key) ?? { ...workload, counters: new Float64Array(COUNTER_COLUMNS) };
    addRow(sum.counters, counters);
    this.#workloads.set(key, sum);
  }

  addCause(cause: CarriedCause): void {
    const key = [cause.kind, cause.mechanism, cause.code, cause.comm, cause.unit].join('\0');
    const known = this.#causes.get(key);
    if (known === undefined) {
      this.#causes.set(key, cause);
    } else {
      known.count += cause.count;
      known.culprit ??= cause.culprit;
    }
  }

  carried(): Carried {
    const workloads = [...this.#workloads.values()];
    for (const counters of [this.overflow, this.nobody, ...workloads.map((sum) => sum.counters)])
      presumePending(counters);
    const { overflow, nobody, flows, nonIpFlows, latencies, overflows } = this;
    return { workloads, overflow, nobody, flows, nonIpFlows, causes: [...this.#causes.values()], latencies, overflows };
  }
}

function addTables(sums: Sums, old: OldTables, withDeparted: boolean): void {
  const states = enumOf(old.layout.enums, 'slot_state');
  const slots = enumOf(old.layout.enums, 'reserved_slot');
  const isInUse = (state: number) => state === states.LIVE || state === states.RETIRING;
  const reader = new Reader(withShards(old));
  const columns = reader.counterColumns();

  const workloadOfSlot = new Map<number, Workload>();
  reader.each('processes', 'process_record', (record, slot) => {
    const counters = reader.counters(record, 'process_record', columns);
    if (slot === slots.OVERFLOW) addRow(sums.overflow, counters);
    else if (slot === slots.NOBODY) addRow(sums.nobody, counters);
    else if (isInUse(reader.word(record, 'process_record', 'key.state'))) {
      const workload = reader.workload(record);
      workloadOfSlot.set(slot, workload);
      sums.addWorkload(workload, counters);
    }
  });
  const isSlot = (slot: number) => slot >= (slots.FIRST ?? 0);
  reader.each('causes', 'cause_record', (record) => {
    if (!isInUse(reader.word(record, 'cause_record', 'state'))) return;
    const process = reader.word(record, 'cause_record', 'key.process');
    const cause = reader.cause(record, workloadOfSlot.get(process) ?? { unit: '', comm: '' });
    if (cause !== null) sums.addCause(cause);
  });
  reader.each('flows', 'flow_record', (record, slot) => {
    const counts = reader.counts(record, 'flow_record');
    if (slot === slots.NOBODY) addRow(sums.nonIpFlows, counts);
    else if (slot === slots.OVERFLOW || (slot === slots.DEPARTED && withDeparted)) addRow(sums.flows, counts);
    else if (isSlot(slot) && isInUse(reader.word(record, 'flow_record', 'state'))) addRow(sums.flows, counts);
  });
  reader.each('flows6', 'flow6_record', (record, slot) => {
    const counts = reader.counts(record, 'flow6_record');
    // no probe uses it: what was carried over
    if (slot === slots.NOBODY && withDeparted) addRow(sums.nonIpFlows, counts);
    else if (slot === slots.OVERFLOW || (slot === slots.DEPARTED && withDeparted)) addRow(sums.flows, counts);
    else if (isSlot(slot) && isInUse(reader.word(record, 'flow6_record', 'state'))) addRow(sums.flows, counts);
  });
  addRow(sums.latencies, reader.latencies(withDeparted));
  for (const [table, overflows] of reader.overflows(withDeparted)) {
    sums.overflows.set(table, overflows + (sums.overflows.get(table) ?? 0));
  }
  if (withDeparted) addDeparted(sums, old, reader, columns);
}

function addDeparted(sums: Sums, old: OldTables, reader: Reader, columns: readonly number[]): void {
  const states = enumOf(old.layout.enums, 'slot_state');
  const places = enumOf(old.layout.enums, 'departed_place');
  const workloadOfPlace = new Map<number, Workload>();
  reader.each('departed', 'departed_record', (record, place) => {
    if (reader.word(record, 'departed_record', 'state') !== states.LIVE) return;
    const counters = reader.counters(record, 'departed_record', columns);
    if (place === places.OVERFLOW) addRow(sums.overflow, counters);
    else if (place === places.NOBODY) addRow(sums.nobody, counters);
    else {
      const unit = reader.text(record, 'departed_record', 'unit');
      const comm = reader.text(record, 'departed_record', 'comm');
      workloadOfPlace.set(place, { unit, comm });
      sums.addWorkload({ unit, comm }, counters);
    }
  });
  reader.each('departed_causes', 'cause_record', (record) => {
    if (reader.word(record, 'cause_record', 'state') !== states.LIVE) return;
    const workload = workloadOfPlace.get(reader.word(record, 'cause_record', 'key.process'));
    const cause = reader.cause(record, workload ?? { unit: '', comm: '' });
    if (cause !== null) sums.addCause(cause);
  });
}

type Enum = Readonly<Record<string, number>>;

function enumOf(enums: Layout['enums'], name: string): Enum {
  const found = enums[name];
  if (found === undefined) throw new Error(`the earlier layout has no enum ${name}`);
  return found;
}

/** Reads records of the old layout. */
class Reader {
  readonly #old: OldTables;

  constructor(old: OldTables) {
    this.#old = old;
  }

  each(map: string, struct: string, visit: (record: Buffer, index: number) => void): void {
    const values = this.#old.maps.get(map);
    if (values === undefined) return;
    const { size } = this.#struct(struct);
    for (let at = 0; at + size <= values.length; at += size) visit(values.subarray(at, at + size), at / size);
  }

  word(record: Buffer, struct: string, field: string): number {
    const { offset, size } = this.#field(struct, field);
    return record.readUIntLE(offset, Math.min(size, 4));
  }

  text(record: Buffer, struct: string, field: string): string {
    const { offset, size } = this.#field(struct, field);
    return decodeText(record.subarray(offset, offset + size));
  }

  workload(record: Buffer): Workload {
    const { offset } = this.#field('process_record', 'cgroup');
    const hierarchy = this.word(record, 'process_record', 'cgroup_hierarchy');
    return {
      comm: this.text(record, 'process_record', 'comm'),
      unit: this.#old.unitOf(record.readUInt32LE(offset), record.readUInt32LE(offset + 4), hierarchy),
    };
  }

  /** For each 64-bit word from `rings` on, the column that it is here. */
  counterColumns(): number[] {
    const columns: number[] = [];
    const set = (offset: number, column: number) => (columns[offset / 8] = column);
    const { fields } = this.#struct('process_record');
    const base = this.#field('process_record', 'rings').offset;
    for (const [name, field] of Object.entries(LAYOUT.structs.ring_counts.fields)) {
      const theirs = fields[`rings.${name}`];
      if (theirs !== undefined && name !== 'reserved') set(theirs.offset - base, field.offset / 8);
    }
    const resolutionSize = this.#struct('resolutions').size;
    const countsSize = this.#struct('counts').size;
    const bytesAt = this.#field('counts', 'bytes').offset;
    for (const [mechanism, m] of this.#names('mechanism', MECHANISMS)) {
      for (const [resolution, r] of this.#names('resolution', RESOLUTIONS)) {
        const at = this.#field('process_record', 'resolutions').offset + m * resolutionSize + 8 * r;
        set(at - base, resolutionColumn(mechanism, resolution));
      }
      for (const [outcome, o] of this.#names('outcome', OUTCOMES)) {
        const at = this.#field('process_record', 'mechanisms').offset + m * countsSize - base;
        set(at + 8 * o, mechanismColumn(mechanism) + attemptsColumn(outcome));
        if (OUTCOMES_WITH_BYTES.includes(outcome) && bytesAt + 8 * o < countsSize)
          set(at + bytesAt + 8 * o, mechanismColumn(mechanism) + bytesColumn(outcome));
      }
    }
    return columns;
  }

  counters(record: Buffer, struct: string, columns: readonly number[]): Float64Array {
    const row = new Float64Array(COUNTER_COLUMNS);
    const base = this.#field(struct, 'rings').offset;
    columns.forEach((column, i) => {
      if (base + 8 * i + 8 <= record.length) row[column] = Number(record.readBigUInt64LE(base + 8 * i));
    });
    return row;
  }

  counts(record: Buffer, struct: string): Float64Array {
    const row = new Float64Array(COUNT_COLUMNS);
    const base = this.#field(struct, 'counts').offset;
    const bytesAt = this.#field('counts', 'bytes').offset;
    for (const [outcome, o] of this.#names('outcome', OUTCOMES)) {
      row[attemptsColumn(outcome)] = Number(record.readBigUInt64LE(base + 8 * o));
      if (OUTCOMES_WITH_BYTES.includes(outcome))
        row[bytesColumn(outcome)] = Number(record.readBigUInt64LE(base + bytesAt + 8 * o));
    }
    return row;
  }

  /** Null for one that has no name in common. */
  cause(record: Buffer, workload: Workload): CarriedCause | null {
    const word = (field: string) => this.word(record, 'cause_record', `key.${field}`);
    const kind = CAUSE_KINDS[this.#translate('cause_kind', word('kind'))];
    const mechanism = this.#translate('mechanism', word('mechanism'));
    const reasons = { copied: 'copy_reason', refused: 'refusal_reason' } as const;
    const code = kind === 'copied' || kind === 'refused' ? this.#translate(reasons[kind], word('code')) : word('code');
    if (kind === undefined || mechanism === UNKNOWN || code === UNKNOWN) return null;
    const { offset, size } = this.#field('cause_record', 'culprit');
    const same = JSON.stringify(this.#old.layout.structs.culprit) === CULPRIT;
    const count = Number(record.readBigUInt64LE(this.#field('cause_record', 'count').offset));
    return { ...workload, kind, mechanism, code, count, culprit: same ? record.subarray(offset, offset + size) : null };
  }

  latencies(withCarried: boolean): Float64Array {
    const sums = new Float64Array(LATENCY_RECORDS * BUCKETS);
    const outcomes = Object.keys(enumOf(this.#old.layout.enums, 'outcome')).filter((name) => name !== 'COUNT').length;
    const mechanisms = Object.keys(enumOf(this.#old.layout.enums, 'mechanism')).filter(
      (name) => name !== 'COUNT',
    ).length;
    const values = this.#old.maps.get('latencies');
    const { size } = this.#struct('latency');
    if (values === undefined || size !== BUCKETS * 8) return sums;
    for (const [mechanism, m] of this.#names('mechanism', MECHANISMS)) {
      for (const [outcome, o] of this.#names('outcome', OUTCOMES)) {
        const to = (MECHANISMS.indexOf(mechanism) * OUTCOMES.length + OUTCOMES.indexOf(outcome)) * BUCKETS;
        const counted = m * outcomes + o;
        for (const from of withCarried ? [counted, mechanisms * outcomes + counted] : [counted]) {
          for (let bucket = 0; bucket < BUCKETS && (from + 1) * size <= values.length; bucket++)
            sums[to + bucket] = (sums[to + bucket] ?? 0) + Number(values.readBigUInt64LE(from * size + 8 * bucket));
        }
      }
    }
    return sums;
  }

  overflows(withCarried: boolean): ReadonlyMap<string, number> {
    const values = this.#old.maps.get('pools');
    const { size, fields } = this.#struct('slot_pool');
    const sums = new Map<string, number>();
    for (const [table, t] of this.#names('table', TABLES)) {
      const at = (field: Field | undefined) =>
        values === undefined || field === undefined ? 0 : Number(values.readBigUInt64LE(t * size + field.offset));
      sums.set(table, at(fields.overflows) + (withCarried ? at(fields.carried_overflows) : 0));
    }
    return sums;
  }

  /** Names that both layouts know, with their numbers in the old one. */
  #names<Name extends string>(of: string, ours: readonly Name[]): [Name, number][] {
    const theirs = enumOf(this.#old.layout.enums, of);
    return ours.flatMap((name) => {
      const number = theirs[name.toUpperCase()];
      return number === undefined ? [] : [[name, number] as [Name, number]];
    });
  }

  /** The number here of what has `number` there. */
  #translate(of: keyof typeof LAYOUT.enums, number: number): number {
    const name = Object.entries(enumOf(this.#old.layout.enums, of)).find(([, theirs]) => theirs === number)?.[0];
    const ours: Enum = LAYOUT.enums[of];
    return name === undefined ? UNKNOWN : (ours[name] ?? UNKNOWN);
  }

  #struct(name: string): Layout['structs'][string] {
    const struct = this.#old.layout.structs[name];
    if (struct === undefined) throw new Error(`the earlier layout has no struct ${name}`);
    return struct;
  }

  #field(struct: string, name: string): Field {
    const field = this.#struct(struct).fields[name];
    if (field === undefined) throw new Error(`the earlier layout has no ${struct}.${name}`);
    return field;
  }
}
