/** Snapshots for tests, from what a test wants to say: everything else is empty. */
import { LAYOUT, MECHANISMS, type Mechanism, type Outcome, TABLES } from '../../src/abi/layout.ts';
import {
  addRow,
  attemptsColumn,
  bytesColumn,
  COUNT_COLUMNS,
  COUNTER_COLUMNS,
  type Counters,
  mechanismColumn,
  OUTCOMES_WITH_BYTES,
  RING,
} from '../../src/model/counters.ts';
import type { Cause, FlowTable, ProgramStatus, Snapshot, TableUsage } from '../../src/model/snapshot.ts';

/** Attempts by outcome, and bytes that are counted as moved without a copy. */
export type Counts = Partial<Record<Outcome, number>> & { readonly bytes?: number };

/** By mechanism, and the ring counters. */
export type CountersSpec = Partial<Record<Mechanism, Counts>> & Partial<Record<keyof typeof RING, number>>;

export interface ProcessSpec {
  readonly pid: number;
  readonly comm: string;
  readonly counters: CountersSpec;
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
  readonly departed?: Readonly<Record<string, CountersSpec>>;
  readonly unattributed?: CountersSpec;
  readonly overflow?: CountersSpec;
  readonly causes?: readonly CauseSpec[];
  readonly flows?: readonly FlowSpec[];
  readonly otherFlows?: Counts;
  readonly nonIpFlows?: Counts;
  readonly tables?: readonly TableUsage[];
  readonly programs?: readonly ProgramStatus[];
  readonly lost?: Partial<Snapshot['lost']>;
}

export interface CauseSpec extends Omit<Partial<Cause>, 'mechanism'> {
  readonly mechanism?: Mechanism;
}

/** A consistent snapshot: `totals` is the sum of its parts. */
export function snapshotOf(spec: SnapshotSpec = {}): Snapshot {
  const processes = spec.processes ?? [];
  const rows = processes.map(({ counters }) => countersOf(counters));
  const departed = new Map(Object.entries(spec.departed ?? {}).map(([comm, counters]) => [comm, countersOf(counters)]));
  const unattributed = countersOf(spec.unattributed ?? {});
  const overflow = countersOf(spec.overflow ?? {});
  const totals = new Float64Array(COUNTER_COLUMNS);
  for (const row of [...rows, ...departed.values(), unattributed, overflow]) addRow(totals, row);
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
      endedAt: new Float64Array(processes.length),
      comms: processes.map(({ comm }) => comm),
      counters: concat(rows),
    },
    departed,
    causes: (spec.causes ?? []).map(causeOf),
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
    tables: spec.tables ?? TABLES.map((table) => ({ table, entries: 0, capacity: 1024, overflows: 0 })),
    programs: spec.programs ?? [],
    lost: { overflow: 0, events: 0, missedRuns: 0, ...spec.lost },
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
  for (const mechanism of MECHANISMS) counters.set(countsOf(spec[mechanism] ?? {}), mechanismColumn(mechanism));
  return counters;
}

function countsOf({ bytes = 0, ...attempts }: Counts): Float64Array {
  const counts = new Float64Array(COUNT_COLUMNS);
  for (const [outcome, count] of Object.entries(attempts) as [Outcome, number][])
    counts[attemptsColumn(outcome)] = count;
  counts[bytesColumn(OUTCOMES_WITH_BYTES[0] ?? 'zerocopy')] = bytes;
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

function causeOf({ mechanism = 'sendfile', ...cause }: CauseSpec): Cause {
  return {
    kind: 'errno',
    code: 11,
    process: null,
    comm: '',
    count: 1,
    ...cause,
    mechanism: MECHANISMS.indexOf(mechanism),
  };
}

function concat(rows: readonly Float64Array[]): Float64Array {
  return Float64Array.from(rows.flatMap((row) => [...row]));
}
