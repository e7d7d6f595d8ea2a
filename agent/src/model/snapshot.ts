/**
 * A Snapshot is the one thing that everything downstream reads: what the tables held at one moment, decoded once. It is plain
 * data and never changes. Tables are columns, not objects: a view makes objects of the rows that it shows.
 */
import type { Mechanism, Outcome, TableName } from '../abi/layout.ts';
import type { Counters } from './counters.ts';

export interface Snapshot {
  readonly time: {
    /** Milliseconds since the epoch, for people. */
    readonly unixMs: number;
    /** Seconds since boot, suspend included, for rates: never set back. */
    readonly boottime: number;
  };
  /** Everything that was counted, in whatever record it ended: live, retired, overflow, nobody's. Never decreases. */
  readonly totals: Counters;
  /** The part of `totals` for which no process could be found. */
  readonly unattributed: Counters;
  /** The part of `totals` that found the process table full. */
  readonly overflow: Counters;
  readonly processes: ProcessTable;
  /** Counters of retired processes, summed by workload: one entry for each. */
  readonly departed: readonly Departed[];
  readonly causes: readonly Cause[];
  /** IPv4 (and v4-mapped) flows, then IPv6 flows. */
  readonly flows: readonly [FlowTable, FlowTable];
  /** Attempts and bytes of retired flows and of those that found the table full: one `struct counts`. */
  readonly otherFlows: Float64Array;
  /** Of sockets that have no IP flow (unix, vsock, ...). */
  readonly nonIpFlows: Float64Array;
  /** Durations of system calls; empty unless `latency.enabled`. */
  readonly latencies: readonly Latency[];
  readonly tables: readonly TableUsage[];
  readonly programs: readonly ProgramStatus[];
  readonly lost: {
    /** Times a count went to an overflow record, over all tables. Nothing is missing from `totals` for it. */
    readonly overflow: number;
    /** Events that found the ring full: they delay the agent and change no count. */
    readonly events: number;
    /** Runs that the kernel skipped: attempts, enters or completions that nobody saw. */
    readonly missedRuns: number;
  };
  /** Runs that the kernel skipped too, but for calls that had been counted before. */
  readonly harmlessMissedRuns: number;
  readonly shards: ShardUsage;
}

/** What people deploy and are paged for: a program within a systemd unit or a container. */
export interface Workload {
  /** Systemd unit (`nginx.service`) or container (`docker:0123456789ab`); '' for neither. Untrusted text, valid Unicode. */
  readonly unit: string;
  /** Untrusted text, valid Unicode, at most 15 characters; '' where no process was found. */
  readonly comm: string;
}

export interface Departed extends Workload {
  readonly counters: Counters;
}

/** Live processes: row r is one run of one program in one process. */
export interface ProcessTable {
  readonly length: number;
  readonly pids: Uint32Array;
  /** Nanoseconds since boot. */
  readonly startTimes: Float64Array;
  /** Nanoseconds since boot; 0 while it lives. */
  readonly endedAt: Float64Array;
  /** Untrusted text, valid Unicode, at most 15 characters. */
  readonly comms: readonly string[];
  /** See Workload. */
  readonly units: readonly string[];
  /**
   * Bit m: mechanism m (index into MECHANISMS) fell back and has not moved bytes without a copy since. Bit FALLEN_RINGS: a ring
   * could not be set up, and none has been since. Silence never clears a bit.
   */
  readonly fallen: Uint32Array;
  /** When the latest of that happened: nanoseconds since boot, 0 for never. */
  readonly fellBackAt: Float64Array;
  /** COUNTER_COLUMNS doubles a row. */
  readonly counters: Float64Array;
}

/** Bit of `fallen` that stands for io_uring_setup (include bpf/spillway.h). */
export const FALLEN_RINGS = 31;

export type CauseKind = 'errno' | 'enter_errno' | 'setup_errno' | 'async_work' | 'copied' | 'refused';

/** How often attempts of one process ended for one reason. */
export interface Cause extends Workload {
  readonly kind: CauseKind;
  /** Index into MECHANISMS; 0 for enter_errno and setup_errno, which have none. */
  readonly mechanism: number;
  /** Positive errno; for `copied` index into COPY_REASONS, for `refused` into REFUSAL_REASONS; 0 for async_work. */
  readonly code: number;
  /** Row of `processes`; null for retired processes (then the workload is all that is known) and where none was found. */
  readonly process: number | null;
  readonly count: number;
  /** The file that explains it, as it was at the first of these attempts; null where none does, or it is not known yet. */
  readonly culprit: Culprit | null;
}

/** A file that is the cause of a copy or a refusal: the source if the reason is about the source, else the sink. */
export interface Culprit {
  readonly type: 'file' | 'directory' | 'block device' | 'character device' | 'pipe' | 'socket' | 'other';
  /** Name of the filesystem's type: `ext4`, `proc`, `sockfs`. */
  readonly filesystem: string;
  /**
   * Files: their path, from the root if it could be followed so far, else beginning with `…/`. Sockets: `tcp 10.0.0.1:80 -> 10.0.0.2:4711`,
   * `unix stream`, ... Pipes: `pipe`. Untrusted text, valid Unicode.
   */
  readonly name: string;
  /** Those of O_APPEND, O_DIRECT, O_NONBLOCK that are set. */
  readonly flags: readonly string[];
}

/** Durations of system calls of one mechanism that ended in one outcome. */
export interface Latency {
  readonly mechanism: Mechanism;
  readonly outcome: Outcome;
  /** buckets[b]: calls that took 2^b up to 2^(b+1) nanoseconds. */
  readonly buckets: Float64Array;
}

/** Live flows of one address family: columns by row. */
export interface FlowTable {
  readonly family: 4 | 6;
  readonly length: number;
  /** The kernel's key as little-endian words (3 for IPv4, 9 for IPv6) a row: addresses in network order, then protocol. */
  readonly keys: Uint32Array;
  /** COUNT_COLUMNS doubles a row: attempts by outcome, bytes by outcome. */
  readonly counts: Float64Array;
}

export interface TableUsage {
  readonly table: TableName;
  readonly entries: number;
  readonly capacity: number;
  /** Times a count found no slot. */
  readonly overflows: number;
}

/** Sets of lines for counts that many processors add to. */
export interface ShardUsage {
  /** In use. */
  readonly sets: number;
  /** 0 where there are none. */
  readonly capacity: number;
  /** How often counts were found that should have one, while none was free. */
  readonly lacking: number;
}

export interface ProgramStatus {
  readonly name: string;
  /** What it is attached to, e.g. `tp/syscalls/sys_exit_splice`; several as `tp/syscalls/sys_exit_{splice,tee}`. */
  readonly hook: string;
  readonly state: 'attached' | 'unavailable' | 'off';
  /** Why it is not attached; '' when it is. */
  readonly reason: string;
  readonly missedRuns: number;
  /** Both 0 unless kernel.bpf_stats_enabled is 1. */
  readonly runs: number;
  readonly runSeconds: number;
}
