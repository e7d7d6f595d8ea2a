/** The BPF object: opened, checked against the layout that this agent was built with, sized and loaded. */
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import { release } from 'node:os';
import { LAYOUT, LAYOUT_HASH } from '../abi/layout.ts';
import { type Layout, layoutHash, layoutOf } from '../abi/generate.ts';
import type { Binding, BpfError, BpfObject } from '../../../native/lib/index.ts';
import { SpillwayError } from '../model/errors.ts';
import { LATENCY_RECORDS } from './collect.ts';
import { causePlaces, workloadPlaces } from './departed.ts';
import { readGlobal } from './globals.ts';
import { type HookKind, isFexit, leftOut } from './hooks.ts';
import type { KernelOptions } from './options.ts';
import { noPrivilege } from './privileges.ts';
import { BTF_REMEDY, KERNEL_REMEDY } from './remedies.ts';
import { shardLines } from './shards.ts';

/** A loaded object, and the programs that this kernel would not take. */
export interface Loaded {
  readonly object: BpfObject;
  /** Reason by program name. */
  readonly refused: ReadonlyMap<string, string>;
  /** Programs that these options do not need. */
  readonly off: ReadonlySet<string>;
  /** What it was loaded for. */
  readonly hooks: HookKind;
  /** The kernel preempts programs at the tracepoints of system calls: calls are to be counted before (bpf/claim.bpf.h). */
  readonly preempted: boolean;
}

const KERNEL_BTF = '/sys/kernel/btf/vmlinux';
/** They see attempts begin. */
const TIMING_PROGRAMS = ['time_call', 'time_request'] as const;
const RESERVED = LAYOUT.enums.reserved_slot.FIRST;

/** What else is done to an object before it is loaded: see Takeover. */
export interface Preparation {
  /** 0 for programs that nothing outlives. */
  readonly generation: number;
  /** Takes over maps of others. */
  maps(object: BpfObject): void;
}

const UNPINNED: Preparation = { generation: 0, maps: () => undefined };

/** Reads the object. @throws SpillwayError OBJECT_MISSING, OBJECT_CORRUPT or LAYOUT_MISMATCH */
export function readObject(file: string): Buffer {
  let elf: Buffer;
  try {
    elf = readFileSync(file);
  } catch (error) {
    throw new SpillwayError('OBJECT_MISSING', `cannot read the BPF object ${file}: build it with: make bpf`, {
      cause: error,
    });
  }
  let layout: Layout;
  try {
    layout = layoutOf(elf);
  } catch (error) {
    const why =
      error instanceof RangeError ? 'it is cut short' : error instanceof Error ? error.message : String(error);
    throw new SpillwayError(
      'OBJECT_CORRUPT',
      `${file} is not spillway's BPF object (${why}): rebuild it with: make bpf`,
      {
        cause: error,
      },
    );
  }
  if (layoutHash(layout) !== LAYOUT_HASH) {
    throw new SpillwayError(
      'LAYOUT_MISMATCH',
      `${file} and this agent disagree on the layout of the tables: rebuild both with: make build\n` +
        `object ${layoutHash(layout)}: ${JSON.stringify(layout)}\nagent  ${LAYOUT_HASH}: ${JSON.stringify(LAYOUT)}`,
    );
  }
  return elf;
}

/**
 * Loads the object, with the programs for these hooks. A program that this kernel refuses is left out and reported: it
 * never stops the others.
 * @throws SpillwayError NO_BTF, NO_PRIVILEGE or LOAD_FAILED
 */
export function load(
  binding: Binding,
  elf: Buffer,
  options: KernelOptions,
  hooks: HookKind,
  prepare = UNPINNED,
): Loaded {
  if (!existsSync(KERNEL_BTF)) {
    throw new SpillwayError(
      'NO_BTF',
      `this kernel does not show its types (${KERNEL_BTF} is missing), which programs are fitted to: ${BTF_REMEDY}`,
    );
  }
  const off = programsOff(options);
  const refused = new Map<string, string>();
  for (;;) {
    const object = binding.openObject(elf, 'spillway');
    try {
      size(object, options, prepare.generation);
      prepare.maps(object);
      for (const program of [...leftOut(hooks), ...off, ...refused.keys()]) object.setAutoload(program, false);
      object.load();
      learnSymbols(object);
      return { object, refused, off, hooks, preempted: programsArePreempted(object) };
    } catch (thrown) {
      object.close();
      const error = thrown as BpfError;
      const unprivileged = noPrivilege(error);
      if (unprivileged !== null) throw unprivileged;
      const culprit = refusedProgram(error.log);
      if (culprit === null || refused.has(culprit)) {
        const lacking = missingFeature(error.log);
        const why = lacking === null ? '' : `this kernel, Linux ${release()}, ${lacking}: ${KERNEL_REMEDY}\n`;
        throw new SpillwayError('LOAD_FAILED', `${why}${error.message}\n${lastLines(error.log, 20)}`, { cause: error });
      }
      // no doubt of the verifier's about this one program, that would be another error: so none of them
      if (error.code === 'EPERM' && isFexit(culprit)) {
        for (const program of leftOut('tracepoint')) refused.set(program, 'EPERM: this kernel takes no fexit programs');
        continue;
      }
      refused.set(culprit, `${error.code}: ${whyRefused(error.log)}`);
    }
  }
}

/** Programs that these options do not need. */
export function programsOff(options: KernelOptions): Set<string> {
  const off = new Set(options.trackedOnly ? [] : ['process_fork']);
  if (options.confirm === 'never') off.add('evidence_exit');
  if (!options.latency) for (const program of TIMING_PROGRAMS) off.add(program);
  return off;
}

/** Kernel functions by which the probes know a copy: read off a file that uses them, because their addresses may be hidden. */
function learnSymbols(object: BpfObject): void {
  const fd = openSync(KERNEL_BTF, 'r');
  try {
    const context = Buffer.alloc(4);
    context.writeInt32LE(fd);
    object.program('learn_symbols').run(context);
  } finally {
    closeSync(fd);
  }
}

/** What learn_symbols has found: also of an object whose variables are those of an agent before. */
export function programsArePreempted(object: BpfObject): boolean {
  const globals = object.map('.bss').mapRegion();
  try {
    return readGlobal(globals, 'programs_are_preempted') !== 0;
  } finally {
    globals.close();
  }
}

/** Sizes the tables, and sets what is constant to the programs. */
export function size(object: BpfObject, options: KernelOptions, generation: number): void {
  const { processes, flows, causes } = options;
  const tables = { processes, flows, flows6: flows, causes };
  for (const [table, capacity] of Object.entries(tables)) {
    object.setMaxEntries(table, capacity + RESERVED);
    object.setMaxEntries(`free_${table}`, capacity);
  }
  object.setMaxEntries('pools', Object.keys(tables).length);
  // one for each process at most: enough until the agent looks
  object.setMaxEntries('cgroups', processes);
  object.setMaxEntries('shards', shardLines(options.shards));
  object.setMaxEntries('departed', workloadPlaces(processes));
  object.setMaxEntries('departed_causes', causePlaces(causes));
  object.setMaxEntries('latencies', 2 * LATENCY_RECORDS);
  object.setMaxEntries('flow_index', flows);
  object.setMaxEntries('flow6_index', flows);
  object.setMaxEntries('cause_index', causes);
  const rodata = object.initialValue('.rodata');
  const { process_capacity, flow_capacity, flow6_capacity, cause_capacity, tracked_only, latency_enabled } =
    LAYOUT.variables;
  rodata.writeBigUInt64LE(BigInt(generation), LAYOUT.variables.generation.offset);
  rodata.writeUInt32LE(processes, process_capacity.offset);
  rodata.writeUInt32LE(flows, flow_capacity.offset);
  rodata.writeUInt32LE(flows, flow6_capacity.offset);
  rodata.writeUInt32LE(causes, cause_capacity.offset);
  rodata.writeUInt32LE(Math.max(0, options.shards.lines - 1), LAYOUT.variables.shard_mask.offset);
  rodata.writeUInt8(options.trackedOnly ? 1 : 0, tracked_only.offset);
  rodata.writeUInt8(options.latency ? 1 : 0, latency_enabled.offset);
  object.setInitialValue('.rodata', rodata);
}

/** Tables of the kind that older kernels have not: every probe needs them. */
const TASK_STORAGE = /map '(?:process_states|thread_states|call_starts)': failed to create: .*-EINVAL/;

/** What this kernel has not, if that is what stopped the load. */
export function missingFeature(log: string): string | null {
  if (!TASK_STORAGE.test(log)) return null;
  return 'has no task storage for tracing programs (BPF_MAP_TYPE_TASK_STORAGE, in Linux 5.11 and newer)';
}

/** libbpf names the program that stopped the load. */
function refusedProgram(log: string): string | null {
  return /prog '([^']+)': failed to (?:load|find kernel BTF|prepare)/.exec(log)?.[1] ?? null;
}

/** What libbpf says in the verifier's place of a type, or one of its members, that this kernel does not have. */
const LACKING_TYPE =
  /failed to resolve CO-RE relocation <\w+> \[\d+\] (?:struct trace_event_raw_(\w+)\.(\S+)|(\S+ \S+))/;

/** The verifier's last words before its statistics, or libbpf's complaint. */
export function whyRefused(log: string): string {
  const [, tracepoint, field = '', type] = LACKING_TYPE.exec(log) ?? [];
  if (tracepoint !== undefined) return `this kernel has no tracepoint ${tracepoint}, or one without ${field}`;
  if (type !== undefined) return `this kernel has no ${type}`;
  const lines = log
    .split('\n')
    .filter((line) => line !== '' && !/^(processed |-- |libbpf: (?:prog|failed))/.test(line));
  return lines.at(-1) ?? 'no reason given';
}

function lastLines(log: string, count: number): string {
  return log.trimEnd().split('\n').slice(-count).join('\n');
}
