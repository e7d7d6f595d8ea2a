/** What the agent says of itself: its tables, its programs, its collections and its build. Pure. */
import type { ProgramStatus, Snapshot } from '../model/snapshot.ts';
import { labelSet, type TextWriter } from './text.ts';

export interface Build {
  readonly version: string;
  /** Git commit, or `unknown`. */
  readonly revision: string;
  /** Release of the running kernel. */
  readonly kernel: string;
}

/** How reading the kernel went. */
export interface Collection {
  readonly seconds: number;
  readonly success: boolean;
}

export function writeTables(writer: TextWriter, { tables }: Snapshot): void {
  for (const { table, entries } of tables) writer.sample('table_entries', labelSet('table_entries', [table]), entries);
  for (const { table, capacity } of tables) {
    writer.sample('table_capacity', labelSet('table_capacity', [table]), capacity);
  }
  for (const { table, overflows } of tables) {
    writer.sample('table_overflow_total', labelSet('table_overflow_total', [table]), overflows);
  }
}

export function writeShards(writer: TextWriter, { shards }: Snapshot): void {
  writer.sample('shard_sets', '', shards.sets);
  writer.sample('shard_sets_lacking_total', '', shards.lacking);
}

export function writePrograms(writer: TextWriter, { programs, lost, harmlessMissedRuns }: Snapshot): void {
  const attached = programs.filter(({ state }) => state === 'attached');
  const write = (name: ProgramMetric, of: readonly ProgramStatus[], value: (program: ProgramStatus) => number) => {
    for (const program of of) writer.sample(name, labelSet(name, [program.name, program.hook]), value(program));
  };
  write(
    'program_attached',
    programs.filter(({ state }) => state !== 'off'),
    ({ state }) => Number(state === 'attached'),
  );
  // kernel.bpf_stats_enabled is off as a rule, and then the kernel counts none
  if (attached.some(({ runs }) => runs > 0)) {
    write('program_runs_total', attached, ({ runs }) => runs);
    write('program_run_seconds_total', attached, ({ runSeconds }) => runSeconds);
  }
  write('program_missed_runs_total', attached, ({ missedRuns }) => missedRuns);
  writer.sample('harmless_missed_runs_total', '', harmlessMissedRuns);
  writer.sample('events_lost_total', '', lost.events);
}

type ProgramMetric =
  'program_attached' | 'program_runs_total' | 'program_run_seconds_total' | 'program_missed_runs_total';

export function writeCollection(writer: TextWriter, { seconds, success }: Collection, build: Build): void {
  writer.sample('collection_duration_seconds', '', seconds);
  writer.sample('collection_success', '', Number(success));
  writer.sample('build_info', labelSet('build_info', [build.version, build.revision, build.kernel]), 1);
}
