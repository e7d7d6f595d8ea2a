/** The running kernel side: loaded, attached, read, kept tidy, and taken down again. */
import { closeSync } from 'node:fs';
import { LAYOUT } from '../abi/layout.ts';
import type { Binding, BpfError, BpfObject, MappedRegion, RingBuffer } from '../../../native/lib/index.ts';
import { WorkloadUnits } from '../enrich/workload-units.ts';
import { addRow } from '../model/counters.ts';
import { SpillwayError } from '../model/errors.ts';
import type { ProgramStatus, Snapshot } from '../model/snapshot.ts';
import { type Attachment, EVIDENCE_PROGRAM, hiddenRuns } from './attach.ts';
import {
  causeList,
  latencyList,
  flowTable,
  giveBack,
  noFlows,
  nonIpFlows,
  otherFlows,
  processTable,
  readCountersOf,
  readRows,
  tableUsage,
  totalCounters,
  WorkloadCache,
} from './collect.ts';
import { CulpritCache } from './culprit.ts';
import { DepartedTables } from './departed.ts';
import { readGlobal, readWord } from './globals.ts';
import type { Loaded } from './load.ts';
import type { KernelOptions } from './options.ts';
import { PinWatch } from './pin-watch.ts';
import { PinnedLink, type Pins } from './pins.ts';
import { startProbes } from './probes.ts';
import { Retirement, type RetiredProcess } from './retire.ts';
import { mapTables, SLOT_NOBODY, SLOT_OVERFLOW, type SlotTable, type Tables } from './tables.ts';
import { type Taken, TakeoverRun } from './takeover.ts';
import { Tidier } from './tidy.ts';
import { Watch } from './watch.ts';

export interface KernelEvents {
  /** A process' counts were folded: its row is gone from the snapshots that follow. */
  onRetiredProcess?(process: RetiredProcess): void;
  /** Tidying failed; counts stay exact, tables may fill up. */
  onError(error: unknown): void;
}

type ProcessFlag = Exclude<keyof typeof LAYOUT.enums.process_flag, never>;

/** include/uapi/linux/bpf.h: only if there is none. */
const BPF_NOEXIST = 1;

const EVENT = LAYOUT.structs.event;
const STATE_FIELDS = LAYOUT.structs.process_state;

export class Kernel {
  readonly #binding: Binding;
  readonly #object: BpfObject;
  readonly #attachments: readonly Attachment[];
  readonly #tables: Tables;
  readonly #globals: MappedRegion;
  readonly #skippedClaims: MappedRegion;
  /** Null unless attempts are timed. */
  readonly #latencies: MappedRegion | null;
  readonly #departed: DepartedTables;
  readonly #workloads: WorkloadCache;
  readonly #culprits = new CulpritCache();
  readonly #tidier: Tidier;
  readonly #watch: Watch;
  readonly #pinWatch: PinWatch | null;
  readonly #events: RingBuffer;

  /**
   * Loads the object, marks the agent itself as not to be counted, and attaches.
   * @throws SpillwayError with what is missing and what to do; nothing stays loaded then
   */
  static start(binding: Binding, elf: Buffer, options: KernelOptions, events: KernelEvents): Kernel {
    const mark = (object: BpfObject) => {
      markProcess(binding, object, process.pid, options.trackedOnly ? ['TRACKS_CHILDREN'] : ['IGNORED']);
    };
    const { loaded, attachments } = startProbes(binding, elf, options, mark);
    try {
      return new Kernel(binding, loaded, attachments, options, events, null);
    } catch (error) {
      loaded.object.close();
      throw error;
    }
  }

  /**
   * The same with tables and probes that outlive the agent, going on with those that one before has left.
   * @throws SpillwayError like start(); what was pinned stays pinned then
   */
  static async takeOver(
    binding: Binding,
    elf: Buffer,
    options: KernelOptions,
    events: KernelEvents,
    pins: Pins,
  ): Promise<{ readonly kernel: Kernel; readonly how: Taken['how'] }> {
    const prepare = (object: BpfObject) => {
      markProcess(binding, object, process.pid, ['IGNORED']);
    };
    const onWarning = (message: string) => {
      events.onError(new Error(message));
    };
    const takeover = new TakeoverRun(binding, elf, options, pins, prepare, onWarning);
    const { loaded, attachments, generation, how } = await takeover.run();
    try {
      return { kernel: new Kernel(binding, loaded, attachments, options, events, { pins, generation }), how };
    } catch (error) {
      loaded.object.close();
      throw error;
    }
  }

  private constructor(
    binding: Binding,
    loaded: Loaded,
    attachments: readonly Attachment[],
    options: KernelOptions,
    events: KernelEvents,
    kept: { readonly pins: Pins; readonly generation: number } | null,
  ) {
    this.#binding = binding;
    this.#object = loaded.object;
    this.#attachments = attachments;
    this.#tables = mapTables(this.#object, options);
    this.#departed = new DepartedTables(this.#object);
    this.#globals = this.#object.map('.bss').mapRegion();
    this.#skippedClaims = this.#object.map('skipped_claims').mapRegion();
    this.#latencies = options.latency ? this.#object.map('latencies').mapRegion() : null;
    const cgroups = this.#object.map('cgroups');
    const units = new WorkloadUnits((key) => cgroups.lookup(key), options.processes);
    this.#workloads = new WorkloadCache((low, high, hierarchy) => units.of(low, high, hierarchy));
    const onError = (error: unknown) => {
      events.onError(error);
    };
    const retirement = new Retirement(
      binding,
      this.#object,
      this.#tables,
      this.#departed,
      this.#workloads,
      this.#culprits,
      (process) => {
        events.onRetiredProcess?.(process);
      },
    );
    const isPending = () => this.#watch.pending > 0;
    this.#tidier = new Tidier(binding, this.#tables, retirement, options.retireIdle, isPending, onError);
    this.#events = this.#object.map('events').consume(EVENT.size, (records) => {
      this.#onEvents(records, onError);
    });
    this.#events.unref();
    this.#watch = new Watch(
      this.#object,
      this.#globals,
      options.confirm,
      loaded.refused.get(EVIDENCE_PROGRAM),
      kept === null ? null : new PinnedLink(kept.pins, kept.generation, EVIDENCE_PROGRAM),
      onError,
    );
    this.#pinWatch =
      kept === null
        ? null
        : new PinWatch(kept.pins, kept.generation, (message) => {
            onError(new Error(message));
          });
  }

  #onEvents(records: Buffer, onError: (error: unknown) => void): void {
    const kinds = new Set<number>();
    for (let at = EVENT.fields.kind.offset; at < records.length; at += EVENT.size) kinds.add(records.readUInt32LE(at));
    if (kinds.has(LAYOUT.enums.event_kind.PROCESS_ENDED)) this.#tidier.gather();
    if (!kinds.has(LAYOUT.enums.event_kind.REFUSAL)) return;
    try {
      this.#watch.look();
    } catch (error) {
      onError(error);
    }
  }

  /**
   * Says how a process (of this pid namespace) is to be treated. One that has its mark already, or has inherited it, keeps it: a
   * new one would take its slot away.
   * @throws SpillwayError NO_SUCH_PROCESS
   */
  mark(pid: number, flags: readonly ProcessFlag[]): void {
    markProcess(this.#binding, this.#object, pid, flags);
  }

  /** What the tables hold now. Without `flows` those are left out, which are most of it where tables are full. */
  snapshot({ flows: withFlows } = { flows: true }): Snapshot {
    const tables = this.#tables;
    // A probe counts an attempt first with its process, then its cause, then its flow: read the other way round no snapshot has
    // more of those than of attempts, however many come while it is taken.
    const flowsOf = (table: SlotTable, family: 4 | 6) =>
      withFlows ? flowTable(table, readRows(table)) : noFlows(family);
    const flows = [flowsOf(tables.flows, 4), flowsOf(tables.flows6, 6)] as const;
    const noFlow = { otherFlows: otherFlows(tables), nonIpFlows: nonIpFlows(tables) };
    const causes = readRows(tables.causes);
    const processes = readRows(tables.processes);
    const names = processTable(tables.processes, processes, this.#workloads);
    const unattributed = this.#reserved(SLOT_NOBODY, 'nobody');
    const overflow = this.#reserved(SLOT_OVERFLOW, 'overflow');
    const departed = this.#departed.processes();
    const usage = tableUsage(tables);
    const programs = this.programs();
    const harmlessMissedRuns = readWord(this.#skippedClaims);
    const named = causeList(tables.causes, causes, this.#culprits, processes, names, this.#departed.causes());
    giveBack(tables.causes, causes.counters);
    return {
      time: { unixMs: Date.now(), boottime: this.boottime() },
      totals: totalCounters(processes, departed, [unattributed, overflow]),
      unattributed,
      overflow,
      processes: names,
      departed,
      causes: named,
      flows,
      ...noFlow,
      latencies: this.#latencies === null ? [] : latencyList(this.#latencies),
      tables: usage,
      programs,
      lost: {
        overflow: usage.reduce((sum, table) => sum + table.overflows, 0),
        events: readGlobal(this.#globals, 'events_lost'),
        missedRuns: hiddenRuns(programs, harmlessMissedRuns),
      },
      harmlessMissedRuns,
      shards: tables.processes.shards.usage,
    };
  }

  /** Nobody looks at the flows of a snapshot any longer: the next one is read into their memory. Any number of times. */
  release({ flows: [flows, flows6] }: Snapshot): void {
    giveBack(this.#tables.flows, flows.counts);
    giveBack(this.#tables.flows6, flows6.counts);
  }

  /** Every program with its hook, its state and what the kernel counted of it. */
  programs(): ProgramStatus[] {
    const watch = { program: this.#watch.program, status: this.#watch.status };
    return [...this.#attachments, watch].map(({ program, status }) => {
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
    return readGlobal(this.#globals, 'forks_lost') + missed;
  }

  /** Seconds since boot, suspend included: the clock of snapshots. */
  boottime(): number {
    return this.#binding.bootTimeNs() / 1e9;
  }

  /** Detaches and frees everything. */
  close(): void {
    this.#tidier.close();
    this.#pinWatch?.close();
    this.#events.close();
    this.#watch.close();
    this.#object.close();
  }

  #reserved(slot: number, of: 'overflow' | 'nobody'): Float64Array {
    const counters = readCountersOf(this.#tables.processes, slot);
    addRow(counters, this.#departed.reserved(of));
    return counters;
  }
}

function markProcess(binding: Binding, object: BpfObject, pid: number, flags: readonly ProcessFlag[]): void {
  let fd: number;
  try {
    fd = binding.pidfdOpen(pid);
  } catch (error) {
    throw new SpillwayError('NO_SUCH_PROCESS', `there is no process ${String(pid)}`, { cause: error });
  }
  try {
    const key = Buffer.alloc(4);
    key.writeInt32LE(fd);
    const value = Buffer.alloc(STATE_FIELDS.size);
    const bits = flags.reduce((sum, flag) => sum | LAYOUT.enums.process_flag[flag], 0);
    value.writeUInt32LE(bits, STATE_FIELDS.fields.flags.offset);
    object.map('process_states').update(key, value, BPF_NOEXIST);
  } catch (error) {
    if ((error as BpfError).code !== 'EEXIST') throw error;
  } finally {
    closeSync(fd);
  }
}
