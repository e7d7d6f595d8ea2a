/** The workload of each process, from the cgroup in its record: looked up once for each cgroup, then remembered. */
import { LAYOUT } from '../abi/layout.ts';
import { workloadUnit } from './workload-unit.ts';

const KEY = LAYOUT.structs.cgroup_key;
const { names: NAMES } = LAYOUT.structs.cgroup_names.fields;
/** Include bpf/spillway.h. */
const CGROUP_NAMES = 4;
const NAME_SIZE = NAMES.size / CGROUP_NAMES;

/** As many as the process table has slots, unless it was made larger. */
const DEFAULT_SIZE = 4096;

/** Reads one entry of the map `cgroups`; null where there is none. */
export type LookupCgroup = (key: Buffer) => Buffer | null;

export class WorkloadUnits {
  readonly #lookup: LookupCgroup;
  readonly #size: number;
  /** Units of the cgroups asked about of late; once there are `size` of them they become the ones before. */
  #recent = new Map<string, string>();
  #before = new Map<string, string>();

  /** `size`: the cgroups that are remembered, at least. Should be no less than the processes that are asked for in one go. */
  constructor(lookup: LookupCgroup, size = DEFAULT_SIZE) {
    this.#lookup = lookup;
    this.#size = size;
  }

  /**
   * See Workload.unit. `low` and `high` are the two words of process_record.cgroup. '' for none, and for a cgroup that the map
   * has lost (it keeps those used last): nothing else that could be read by now is sure to be about the same cgroup.
   */
  of(low: number, high: number, hierarchy: number): string {
    // kernfs numbers from 1: the process was in no cgroup but roots
    if (low === 0 && high === 0) return '';
    const cgroup = `${String(hierarchy)}:${String(high)}:${String(low)}`;
    const recent = this.#recent.get(cgroup);
    if (recent !== undefined) return recent;
    const unit = this.#before.get(cgroup) ?? this.#read(low, high, hierarchy);
    // not remembered: the next process of that cgroup brings the names back
    if (unit === null) return '';
    if (this.#recent.size >= this.#size) {
      this.#before = this.#recent;
      this.#recent = new Map();
    }
    this.#recent.set(cgroup, unit);
    return unit;
  }

  #read(low: number, high: number, hierarchy: number): string | null {
    const names = this.#lookup(keyOf(low, high, hierarchy));
    return names === null ? null : workloadUnit(decodeNames(names));
  }
}

function keyOf(low: number, high: number, hierarchy: number): Buffer {
  const key = Buffer.alloc(KEY.size);
  key.writeUInt32LE(low, KEY.fields.id.offset);
  key.writeUInt32LE(high, KEY.fields.id.offset + 4);
  key.writeUInt32LE(hierarchy, KEY.fields.hierarchy.offset);
  return key;
}

/** A `struct cgroup_names` as text. A name that fills its place was cut, and gets a `…`. */
function decodeNames(value: Buffer): string[] {
  const names: string[] = [];
  for (let at = NAMES.offset; at < NAMES.offset + NAMES.size; at += NAME_SIZE) {
    const place = value.subarray(at, at + NAME_SIZE);
    const end = place.indexOf(0);
    names.push(place.toString('utf8', 0, end) + (end === NAME_SIZE - 1 ? '…' : ''));
  }
  return names;
}
