/** Snapshots for tests, from what a test wants to say: everything else is empty. */
import { constants } from 'node:os';
import {
  COPY_REASONS,
  type CopyReason,
  LAYOUT,
  MECHANISMS,
  type Mechanism,
  type Outcome,
  OUTCOMES,
  REFUSAL_REASONS,
  type RefusalReason,
  type Resolution,
  RESOLUTIONS,
  TABLES,
} from '../../src/abi/layout.ts';
import {
  addRow,
  attemptsColumn,
  bytesColumn,
  COUNT_COLUMNS,
  COUNTER_COLUMNS,
  type Counters,
  mechanismColumn,
  resolutionColumn,
  RING,
} from '../../src/model/counters.ts';
import {
  type Cause,
  FALLEN_RINGS,
  type FlowTable,
  type ProgramStatus,
  type Snapshot,
  type TableUsage,
} from '../../src/model/snapshot.ts';
import type { Denial, Fallible } from '../../src/model/summary.ts';

/** Attempts by outcome, and bytes that were moved without a copy and with one. */
export type Counts = Partial<Record<Outcome, number>> & { readonly bytes?: number; readonly copiedBytes?: number };

/** Those of a mechanism also by how its refusals ended; `refused` must be at least as many. */
export type MechanismCounts = Counts & Partial<Record<Resolution, number>>;

/** By mechanism, and the ring counters. */
export type CountersSpec = Partial<Record<Mechanism, MechanismCounts>> & Partial<Record<keyof typeof RING, number>>;

export interface ProcessSpec {
  readonly pid: number;
  readonly unit?: string;
  readonly comm: string;
  readonly counters: CountersSpec;
  readonly fallen?: readonly Fallible[];
  /** Nanoseconds since boot; alive unless said. */
  readonly endedAt?: number;
}

export interface DepartedSpec {
  readonly unit?: string;
  readonly comm: string;
  readonly counters: CountersSpec;
}

export interface LatencySpec {
  readonly mechanism: Mechanism;
  readonly outcome: Outcome;
  /** Calls by number of bucket. */
  readonly buckets: Readonly<Record<number, number>>;
}

export interface FlowSpec {
  /** Dotted for IPv4; eight groups without `::` for IPv6. */
  readonly src: string;
  readonly dst: string;
  /** IP protocol; 6 (TCP) unless said. */
  readonly proto?: number;
  readonly counts: Counts;
}

export interface SnapshotSpec {
  readonly boottime?: number;
  readonly processes?: readonly ProcessSpec[];
  /** By comm where units do not matter. */
  readonly departed?: Readonly<Record<string, CountersSpec>> | readonly DepartedSpec[];
  readonly unattributed?: CountersSpec;
  readonly overflow?: CountersSpec;
  readonly causes?: readonly CauseSpec[];
  readonly flows?: readonly FlowSpec[];
  readonly otherFlows?: Counts;
  readonly nonIpFlows?: Counts;
  readonly latencies?: readonly LatencySpec[];
  readonly tables?: readonly TableUsage[];
  readonly programs?: readonly ProgramStatus[];
  readonly lost?: Partial<Snapshot['lost']>;
}

/** Of a `process` its unit and comm are known. */
export interface CauseSpec extends Omit<Partial<Cause>, 'mechanism'> {
  readonly mechanism?: Mechanism;
  /** Stands for `kind` and `code`. */
  readonly copied?: CopyReason;
  readonly refused?: RefusalReason;
  readonly denied?: Denial;
}

/** A consistent snapshot: `totals` is the sum of its parts. */
export function snapshotOf(spec: SnapshotSpec = {}): Snapshot {
  const processes = spec.processes ?? [];
  const rows = processes.map(({ counters }) => countersOf(counters));
  const departed = departedOf(spec.departed ?? []).map(({ unit = '', comm, counters }) => ({
    unit,
    comm,
    counters: countersOf(counters),
  }));
  const unattributed = countersOf(spec.unattributed ?? {});
  const overflow = countersOf(spec.overflow ?? {});
  const totals = new Float64Array(COUNTER_COLUMNS);
  for (const row of [...rows, ...departed.map(({ counters }) => counters), unattributed, overflow]) addRow(totals, row);
  const flows = spec.flows ?? [];
  return {
    time: { unixMs: Date.UTC(2026, 0, 2, 3, 4, 5), boottime: spec.boottime ?? 1000 },
    totals,
    unattributed,
    overflow,
    processes: {
      length: processes.length,
      pids: Uint32Array.from(processes, ({ pid }) => pid),
      startTimes: new Float64Array(processes.length),
      endedAt: Float64Array.from(processes, ({ endedAt = 0 }) => endedAt),
      comms: processes.map(({ comm }) => comm),
      units: processes.map(({ unit = '' }) => unit),
      fallen: Uint32Array.from(processes, ({ fallen = [] }) => fallenBits(fallen)),
      fellBackAt: Float64Array.from(processes, ({ fallen = [] }) => (fallen.length === 0 ? 0 : 1e9)),
      counters: concat(rows),
    },
    departed,
    causes: (spec.causes ?? []).map((cause) => causeOf(cause, processes)),
    flows: [
      flowTableOf(
        4,
        flows.filter(({ src }) => !src.includes(':')),
      ),
      flowTableOf(
        6,
        flows.filter(({ src }) => src.includes(':')),
      ),
    ],
    otherFlows: countsOf(spec.otherFlows ?? {}),
    nonIpFlows: countsOf(spec.nonIpFlows ?? {}),
    latencies: (spec.latencies ?? []).map(({ mechanism, outcome, buckets }) => ({
      mechanism,
      outcome,
      buckets: Float64Array.from({ length: LAYOUT.structs.latency.fields.buckets.elements }, (_, b) => buckets[b] ?? 0),
    })),
    tables: spec.tables ?? TABLES.map((table) => ({ table, entries: 0, capacity: 1024, overflows: 0 })),
    programs: spec.programs ?? [],
    lost: { overflow: 0, events: 0, missedRuns: 0, ...spec.lost },
    harmlessMissedRuns: 0,
    shards: { sets: 0, capacity: 0, lacking: 0 },
  };
}

/** One program, attached unless said otherwise. */
export function programOf(status: Partial<ProgramStatus> = {}): ProgramStatus {
  return {
    name: 'splice_exit',
    hook: 'tp/syscalls/sys_exit_splice',
    state: 'attached',
    reason: '',
    missedRuns: 0,
    runs: 0,
    runSeconds: 0,
    ...status,
  };
}

function countersOf(spec: CountersSpec): Counters {
  const counters = new Float64Array(COUNTER_COLUMNS);
  for (const name of Object.keys(RING) as (keyof typeof RING)[]) counters[RING[name]] = spec[name] ?? 0;
  for (const mechanism of MECHANISMS) {
    const counts = spec[mechanism] ?? {};
    counters.set(countsOf(counts), mechanismColumn(mechanism));
    for (const resolution of RESOLUTIONS) {
      counters[resolutionColumn(mechanism, resolution)] = counts[resolution] ?? 0;
    }
  }
  return counters;
}

function departedOf(spec: NonNullable<SnapshotSpec['departed']>): readonly DepartedSpec[] {
  if (Symbol.iterator in spec) return spec;
  return Object.entries(spec).map(([comm, counters]) => ({ comm, counters }));
}

function fallenBits(fallen: readonly Fallible[]): number {
  return fallen.reduce(
    (bits, name) => bits | (1 << (name === 'io_uring_setup' ? FALLEN_RINGS : MECHANISMS.indexOf(name))),
    0,
  );
}

function countsOf({ bytes = 0, copiedBytes = 0, ...attempts }: Counts): Float64Array {
  const counts = new Float64Array(COUNT_COLUMNS);
  for (const outcome of OUTCOMES) counts[attemptsColumn(outcome)] = attempts[outcome] ?? 0;
  counts[bytesColumn('zerocopy')] = bytes;
  counts[bytesColumn('copied')] = copiedBytes;
  return counts;
}

function flowTableOf(family: 4 | 6, flows: readonly FlowSpec[]): FlowTable {
  const key = family === 4 ? LAYOUT.structs.FlowKey : LAYOUT.structs.Flow6Key;
  const bytes = Buffer.alloc(flows.length * key.size);
  flows.forEach(({ src, dst, proto = 6 }, row) => {
    bytes.set(addressBytes(src), row * key.size + key.fields.src_ip.offset);
    bytes.set(addressBytes(dst), row * key.size + key.fields.dst_ip.offset);
    bytes.writeUInt8(proto, row * key.size + key.fields.proto.offset);
  });
  const keys = Uint32Array.from({ length: bytes.length / 4 }, (_, i) => bytes.readUInt32LE(4 * i));
  return { family, length: flows.length, keys, counts: concat(flows.map(({ counts }) => countsOf(counts))) };
}

function addressBytes(address: string): number[] {
  if (!address.includes(':')) return address.split('.').map(Number);
  return address.split(':').flatMap((group) => [parseInt(group, 16) >> 8, parseInt(group, 16) & 0xff]);
}

function causeOf(
  { mechanism = 'sendfile', copied, refused, denied, ...cause }: CauseSpec,
  processes: readonly ProcessSpec[],
): Cause {
  const { unit = '', comm = '' } = processes[cause.process ?? -1] ?? {};
  return {
    kind: 'errno',
    code: 11,
    process: null,
    unit,
    comm,
    count: 1,
    culprit: null,
    ...(copied !== undefined && { kind: 'copied', code: COPY_REASONS.indexOf(copied) }),
    ...(refused !== undefined && { kind: 'refused', code: REFUSAL_REASONS.indexOf(refused) }),
    ...(denied !== undefined && { kind: 'errno', code: constants.errno[denied] }),
    ...cause,
    mechanism: MECHANISMS.indexOf(mechanism),
  };
}

function concat(rows: readonly Float64Array[]): Float64Array {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}
