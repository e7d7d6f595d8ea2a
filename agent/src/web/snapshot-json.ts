/** A Snapshot as the document of /api/v1/snapshot, which `spillway snapshot -o json` prints too. Pure. */
import type { ProgramStatus, Snapshot, TableUsage } from '../model/snapshot.ts';
import { summarize, type Summary } from '../model/summary.ts';
import { type WorkloadSummary, workloadSummaries } from '../model/workloads.ts';

export interface SnapshotJson extends Summary {
  readonly schema: 'spillway.snapshot/1';
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Seconds since boot, suspend included: what to divide by for a rate between two snapshots. */
  readonly boottime: number;
  /** Processes that have ended included. */
  readonly workloads: readonly WorkloadSummary[];
  readonly tables: readonly TableUsage[];
  readonly programs: readonly ProgramStatus[];
}

/** By name, what did not occur left out; processes and flows with the most attempts first. */
export function snapshotJson(snapshot: Snapshot): SnapshotJson {
  return {
    schema: 'spillway.snapshot/1',
    time: new Date(snapshot.time.unixMs).toISOString(),
    boottime: snapshot.time.boottime,
    ...summarize(snapshot),
    workloads: workloadSummaries(snapshot),
    tables: snapshot.tables,
    programs: snapshot.programs,
  };
}
