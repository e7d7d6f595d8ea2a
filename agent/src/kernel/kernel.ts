/** The running kernel side: loaded, attached, read, kept tidy, and taken down again. */
import { closeSync } from 'node:fs';
import { LAYOUT } from '../abi/layout.ts';
import type { Binding, BpfError, BpfObject, MappedRegion } from '../../../native/lib/index.ts';
import { SpillwayError } from '../model/errors.ts';
import type { ProgramStatus, Snapshot } from '../model/snapshot.ts';
import { Aggregates } from './aggregates.ts';
import { type Attachment, attachAll, counts } from './attach.ts';
import {
  causeList,
  CommCache,
  flowTable,
  nonIpFlows,
  otherFlows,
  processTable,
  readCountersOf,
  readRows,
  tableUsage,
  totalCounters,
} from './collect.ts';
import { load } from './load.ts';
import type { KernelOptions } from './options.ts';
import { Retirement, type RetiredProcess } from './retire.ts';
import { mapTables, SLOT_NOBODY, SLOT_OVERFLOW, type Tables } from './tables.ts';
import { Tidier } from './tidy.ts';

export interface KernelEvents {
  /** A process' counts were folded: its row is gone from the snapshots that follow. */
  onRetiredProcess?(process: RetiredProcess): void;
  /** Tidying failed; counts stay exact, tables may fill up. */
  onError(error: unknown): void;
}

type ProcessFlag = Exclude<keyof typeof LAYOUT.enums.process_flag, never>;

/** include/uapi/linux/bpf.h: only if there is none. */
const BPF_NOEXIST = 1;

const STATE_FIELDS = LAYOUT.structs.process_state;

export class Kernel {
  readonly #binding: Binding;
  readonly #object: BpfObject;
  readonly #attachments: readonly Attachment[];
  readonly #tables: Tables;
  readonly #globals: MappedRegion;
  readonly #aggregates = new Aggregates();
  readonly #comms = new CommCache();
  readonly #tidier: Tidier;

  /**
   * Loads the object, marks the agent itself as not to be counted, and attaches.
   * @throws SpillwayError with what is missing and what to do; nothing stays loaded then
   */
  static start(binding: Binding, elf: Buffer, options: KernelOptions, events: KernelEvents): Kernel {
    const loaded = load(binding, elf, options);
    try {
      return new Kernel(binding, loaded, options, events);
    } catch (error) {
      loaded.object.close();
      throw error;
    }
  }

  private constructor(binding: Binding, loaded: ReturnType<typeof load>, options: KernelOptions, events: KernelEvents) {
    this.#binding = binding;
    this.#object = loaded.object;
    this.#tables = mapTables(this.#object, options);
    this.#globals = this.#object.map('.bss').mapRegion();
    const retirement = new Retirement(binding, this.#object, this.#tables, this.#aggregates, this.#comms, (process) => {
      events.onRetiredProcess?.(process);
    });
    this.#tidier = new Tidier(binding, this.#object, this.#tables, retirement, options.retireIdle, (error) => {
      events.onError(error);
    });
    this.mark(process.pid, options.trackedOnly ? ['TRACKS_CHILDREN'] : ['IGNORED']);
    this.#attachments = attachAll(loaded);
  }

  /**
   * Says how a process (of this pid namespace) is to be treated. One that has its mark already, or has inherited it, keeps it: a
   * new one would take its slot away.
   * @throws SpillwayError NO_SUCH_PROCESS
   */
  mark(pid: number, flags: readonly ProcessFlag[]): void {
    let fd: number;
    try {
      fd = this.#binding.pidfdOpen(pid);
    } catch (error) {
      throw new SpillwayError('NO_SUCH_PROCESS', `there is no process ${String(pid)}`, { cause: error });
    }
    try {
      const key = Buffer.alloc(4);
      key.writeInt32LE(fd);
      const value = Buffer.alloc(STATE_FIELDS.size);
      const bits = flags.reduce((sum, flag) => sum | LAYOUT.enums.process_flag[flag], 0);
      value.writeUInt32LE(bits, STATE_FIELDS.fields.flags.offset);
      this.#object.map('process_states').update(key, value, BPF_NOEXIST);
    } catch (error) {
      if ((error as BpfError).code !== 'EEXIST') throw error;
    } finally {
      closeSync(fd);
    }
  }

  /** What the tables hold now. */
  snapshot(): Snapshot {
    const tables = this.#tables;
    const processes = readRows(tables.processes);
    const names = processTable(tables.processes, processes, this.#comms);
    const unattributed = readCountersOf(tables.processes, SLOT_NOBODY);
    const overflow = readCountersOf(tables.processes, SLOT_OVERFLOW);
    const usage = tableUsage(tables);
    const programs = this.programs();
    return {
      time: { unixMs: Date.now(), boottime: this.#binding.bootTimeNs() / 1e9 },
      totals: totalCounters(processes, this.#aggregates, [unattributed, overflow]),
      unattributed,
      overflow,
      processes: names,
      departed: new Map(Array.from(this.#aggregates.processes, ([comm, counters]) => [comm, counters.slice()])),
      causes: causeList(readRows(tables.causes), processes, names, this.#aggregates.causes),
      flows: [flowTable(tables.flows, readRows(tables.flows)), flowTable(tables.flows6, readRows(tables.flows6))],
      otherFlows: otherFlows(tables, this.#aggregates),
      nonIpFlows: nonIpFlows(tables),
      tables: usage,
      programs,
      lost: {
        overflow: usage.reduce((sum, table) => sum + table.overflows, 0),
        events: this.#global('events_lost'),
        missedRuns: programs.reduce((sum, { name, missedRuns }) => sum + (counts(name) ? missedRuns : 0), 0),
      },
    };
  }

  /** Every program with its hook, its state and what the kernel counted of it. */
  programs(): ProgramStatus[] {
    return this.#attachments.map(({ program, status }) => {
      if (status.state !== 'attached') return { ...status, missedRuns: 0, runs: 0, runSeconds: 0 };
      const info = program.info();
      return {
        ...status,
        missedRuns: info.recursionMisses,
        runs: info.runCount,
        runSeconds: info.runTimeNs / 1e9,
      };
    });
  }

  /** Forks that were not seen or could not be marked as tracked: what those processes did is not counted. */
  get lostForks(): number {
    const missed = this.programs().find(({ name }) => name === 'process_fork')?.missedRuns ?? 0;
    return this.#global('forks_lost') + missed;
  }

  /** Detaches and frees everything. */
  close(): void {
    this.#tidier.close();
    this.#object.close();
  }

  #global(name: 'events_lost' | 'forks_lost'): number {
    const value = new Float64Array(1);
    this.#globals.readU64(value, LAYOUT.variables[name].offset, 8, 1, 1);
    return value[0] ?? 0;
  }
}
