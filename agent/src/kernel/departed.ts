/**
 * What retired records held: sums by workload, in tables of the kernel, because what is pinned outlives the agent. The agent chooses
 * the place of a workload and names it; programs add to it (see `struct fold`). Bounded, whatever names processes give themselves.
 */
import { LAYOUT } from '../abi/layout.ts';
import type { BpfObject, MappedRegion } from '../../../native/lib/index.ts';
import { COUNTER_COLUMNS } from '../model/counters.ts';
import type { Cause, Departed, Workload } from '../model/snapshot.ts';
import { CAUSE_KINDS, type CauseKey, causeKey, decodeText, hasCulprit } from './collect.ts';
import { CulpritCache } from './culprit.ts';
import { SHAPES, STATE } from './tables.ts';

const { departed_record: RECORD, cause_record: CAUSE } = LAYOUT.structs;
const { unit: UNIT, comm: COMM, state: RECORD_STATE, rings: COUNTERS } = RECORD.fields;
const { fields: CAUSE_KEY } = LAYOUT.structs.cause_key;

/** Workloads that are told apart, unless there are fewer slots for processes. */
const MOST_WORKLOADS = 4096;
/** Places for causes of the nameless workload: as many as there are kinds, mechanisms and errnos that occur together. */
const NAMELESS_CAUSES = 2048;

const { NAMELESS, OVERFLOW, NOBODY, FIRST } = LAYOUT.enums.departed_place;

/** Places for workloads, those with a meaning of their own included. */
export const workloadPlaces = (processes: number): number => Math.min(processes, MOST_WORKLOADS) + FIRST;
export const causePlaces = (causes: number): number => causes + NAMELESS_CAUSES;

/** A comm has no NUL in it. */
const keyOf = ({ unit, comm }: Workload): string => `${comm}\0${unit}`;
const causeKeyOf = ({ process, kind, mechanism, code }: CauseKey): string =>
  `${String(process)}:${kind}:${String(mechanism)}:${String(code)}`;

const KIND_CODES = new Map(Object.entries(CAUSE_KINDS).map(([code, kind]) => [kind, Number(code)]));

export class DepartedTables {
  readonly #records: MappedRegion;
  readonly #causeRecords: MappedRegion;
  readonly #workloads: Workload[] = [];
  readonly #places = new Map<string, number>();
  readonly #causes: CauseKey[] = [];
  readonly #causePlaces = new Map<string, number>();
  readonly #culprits = new CulpritCache();

  /** Goes on with what the tables hold already. */
  constructor(object: BpfObject) {
    this.#records = object.map('departed').mapRegion();
    this.#causeRecords = object.map('departed_causes').mapRegion();
    for (const at of taken(this.#records, RECORD.size, RECORD_STATE.offset)) {
      this.#addWorkload({
        unit: decodeText(this.#records.readBytes(at + UNIT.offset, UNIT.size)),
        comm: decodeText(this.#records.readBytes(at + COMM.offset, COMM.size)),
      });
    }
    for (const at of taken(this.#causeRecords, CAUSE.size, CAUSE.fields.state.offset)) {
      const words = new Uint32Array(SHAPES.causes.keyWords);
      this.#causeRecords.readU32(words, at + CAUSE.fields.key.offset, CAUSE.size, 1, words.length);
      this.#addCause(causeKey(words, 0));
    }
    while (this.#workloads.length < FIRST) this.#takePlace({ unit: '', comm: '' });
  }

  /** Where a workload's counts go. */
  placeOf(workload: Workload): number {
    const known = this.#places.get(keyOf(workload));
    if (known !== undefined) return known;
    const capacity = this.#records.size / RECORD.size;
    return this.#workloads.length < capacity ? this.#takePlace(workload) : NAMELESS;
  }

  /** Where the counts of a cause go; `process` is the workload's place. */
  causePlaceOf(cause: CauseKey): number {
    const known = this.#causePlaces.get(causeKeyOf(cause));
    if (known !== undefined) return known;
    const capacity = this.#causeRecords.size / CAUSE.size;
    const room = cause.process === NAMELESS ? capacity : capacity - NAMELESS_CAUSES;
    if (this.#causes.length < room) return this.#takeCausePlace(cause);
    if (cause.process === NAMELESS) throw new Error(`there is no place for more than ${String(capacity)} causes`);
    return this.causePlaceOf({ ...cause, process: NAMELESS });
  }

  /** By workload. */
  processes(): Departed[] {
    const counters = new Float64Array(this.#workloads.length * COUNTER_COLUMNS);
    this.#records.readU64(counters, COUNTERS.offset, RECORD.size, this.#workloads.length, COUNTER_COLUMNS);
    const sums = this.#workloads.map(({ unit, comm }, place) => ({
      unit,
      comm,
      counters: counters.subarray(place * COUNTER_COLUMNS, (place + 1) * COUNTER_COLUMNS),
    }));
    return sums.filter(
      ({ counters: sum }, place) => place >= FIRST || (place === NAMELESS && sum.some((count) => count > 0)),
    );
  }

  /** What reserved records of tables held that these took over from. */
  reserved(of: 'overflow' | 'nobody'): Float64Array {
    const counters = new Float64Array(COUNTER_COLUMNS);
    const place = of === 'overflow' ? OVERFLOW : NOBODY;
    this.#records.readU64(counters, place * RECORD.size + COUNTERS.offset, RECORD.size, 1, COUNTER_COLUMNS);
    return counters;
  }

  /** Sets what a workload had counted in other tables: before anything is folded into its place. */
  setCounters(place: number, counters: Float64Array): void {
    counters.forEach((count, column) => {
      this.#records.storeU64(place * RECORD.size + COUNTERS.offset + 8 * column, count);
    });
  }

  /** Likewise of a cause; `culprit` as it stands in memory, if it is known. */
  setCause(place: number, count: number, culprit: Buffer | null): void {
    const at = place * CAUSE.size;
    if (culprit !== null) this.#causeRecords.writeBytes(at + CAUSE.fields.culprit.offset, culprit);
    this.#causeRecords.storeU64(at + CAUSE.fields.count.offset, count);
  }

  causes(): Cause[] {
    const counts = new Float64Array(this.#causes.length);
    this.#causeRecords.readU64(counts, CAUSE.fields.count.offset, CAUSE.size, counts.length, 1);
    return this.#causes.map((cause, place) => {
      const { unit, comm } = this.#workloads[cause.process] ?? { unit: '', comm: '' };
      const culprit = hasCulprit(cause) ? this.#culprits.get(this.#causeRecords, place) : null;
      return { ...cause, unit, comm, process: null, count: counts[place] ?? 0, culprit };
    });
  }

  #takePlace(workload: Workload): number {
    const place = this.#addWorkload(workload);
    const at = place * RECORD.size;
    this.#records.writeBytes(at + UNIT.offset, encodeText(workload.unit, UNIT.size));
    this.#records.writeBytes(at + COMM.offset, encodeText(workload.comm, COMM.size));
    this.#records.storeU32(at + RECORD_STATE.offset, STATE.LIVE);
    return place;
  }

  #takeCausePlace(cause: CauseKey): number {
    const place = this.#addCause(cause);
    const at = place * CAUSE.size;
    const key = Buffer.alloc(CAUSE.fields.key.size);
    key.writeUInt32LE(cause.process, CAUSE_KEY.process.offset);
    key.writeUInt16LE(cause.code, CAUSE_KEY.code.offset);
    key.writeUInt8(KIND_CODES.get(cause.kind) ?? 0, CAUSE_KEY.kind.offset);
    key.writeUInt8(cause.mechanism, CAUSE_KEY.mechanism.offset);
    this.#causeRecords.writeBytes(at + CAUSE.fields.key.offset, key);
    this.#causeRecords.storeU32(at + CAUSE.fields.state.offset, STATE.LIVE);
    return place;
  }

  #addWorkload(workload: Workload): number {
    const place = this.#workloads.push(workload) - 1;
    if (place === NAMELESS || place >= FIRST) this.#places.set(keyOf(workload), place);
    return place;
  }

  #addCause(cause: CauseKey): number {
    const place = this.#causes.push(cause) - 1;
    this.#causePlaces.set(causeKeyOf(cause), place);
    return place;
  }
}

/** Records of one look: what is behind the last one in use is not touched, so that it takes no memory. */
const LOOK = 256;

/** Offsets of the records in use: they stand one behind the other from the first on. */
function taken(region: MappedRegion, size: number, state: number): number[] {
  const capacity = region.size / size;
  const offsets: number[] = [];
  for (let from = 0; from < capacity; from += LOOK) {
    const states = new Uint32Array(Math.min(LOOK, capacity - from));
    region.readU32(states, from * size + state, size, states.length, 1);
    for (const word of states) {
      if (word !== STATE.LIVE) return offsets;
      offsets.push(offsets.length * size);
    }
  }
  return offsets;
}

/** Text in a field that ends with a NUL unless it is full; what is too long is cut between characters. */
function encodeText(text: string, size: number): Buffer {
  const field = Buffer.alloc(size);
  field.write(text, 'utf8');
  return field;
}
