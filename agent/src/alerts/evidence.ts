/**
 * What is collected the moment a rule fires, before the processes vanish: what was asked for (aio-nr, SigQ), and what explains more
 * (memory of the cgroup, rings, limits, the files). docs/alerts.md tells how to read it.
 */
import { COPY_REASONS, MECHANISMS, REFUSAL_REASONS } from '../abi/layout.ts';
import { errnoName } from '../model/errno.ts';
import type { Cause, Culprit, Snapshot } from '../model/snapshot.ts';
import { Cgroups, cgroupName } from './cgroup-memory.ts';
import type { Json } from './incident.ts';
import { concerns, type Involved, involvedProcesses, type Involving } from './involved.ts';
import {
  fieldsOf,
  type Hints,
  type Item,
  item,
  memoryCgroupOf,
  numberOr,
  pressureOf,
  type ProcFs,
  ProcReader,
  reasonOf,
  startTicksOf,
  type Unavailable,
} from './proc.ts';
import { clean, ENDED, isSameFile, readLimits, readOpenFile, readRing, statusOf, unlessGone } from './process-facts.ts';
import type { Subject } from './rule.ts';

/** A list that may have been cut. */
export type List = { readonly items: readonly Json[]; readonly leftOut: number };

/** Plain JSON, at most 64 KiB; names from others are printable and of bounded length. */
export type Evidence = {
  readonly [key: string]: Json;
  readonly collectedAt: string;
  readonly processes: List;
  readonly cgroups: List;
  readonly files: List;
};

export interface EvidenceInput {
  /** What the alert is about. */
  readonly subject: Subject;
  readonly mechanism: Involving;
  readonly snapshot: Snapshot;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly fs: ProcFs;
  /** Version of the agent, release of the kernel. */
  readonly versions: { readonly agent: string; readonly kernel: string };
  /** A signal that aborts after so many milliseconds: AbortSignal.timeout. */
  readonly timeout: (ms: number) => AbortSignal;
}

const TIME_LIMIT_MS = 1000;
const SIZE_LIMIT = 64 * 1024;
const PROCESS_LIMIT = 10;
const RING_LIMIT = 16;
const FILE_LIMIT = 32;
const OPEN_LIMIT = 8;
/** Of one process: descriptors and threads are looked at one by one. */
const DESCRIPTOR_LIMIT = 4096;
const THREAD_LIMIT = 1024;
const COMM_LIMIT = 64;

/** Collects what can be read within a second. Never rejects: what could not be read says why, in its place. */
export async function collectEvidence(input: EvidenceInput): Promise<Evidence> {
  const { subject, mechanism, snapshot, versions } = input;
  const reader = new ProcReader(input.fs, input.timeout(TIME_LIMIT_MS));
  const all = involvedProcesses(snapshot, subject, mechanism, Infinity);
  const involved = all.slice(0, PROCESS_LIMIT);
  const cgroups = new Cgroups(reader);
  // begun in the order of importance: that is the order in which they are read
  const host = hostFacts(reader);
  const reading = involved.map((process) =>
    readProcess(reader, cgroups, process, causesOf(snapshot, mechanism, process.row)),
  );
  const [facts, results] = await Promise.all([host, Promise.all(reading)]);
  const opened = new Map(involved.map(({ row }, i) => [row, results[i]?.open ?? { unavailable: '' }]));
  return fit({
    collectedAt: new Date(input.now).toISOString(),
    agent: clean(versions.agent),
    kernel: clean(versions.kernel),
    mechanism,
    workload: subject === null ? null : { unit: clean(subject.unit), comm: clean(subject.comm) },
    ...facts,
    processes: { items: results.map(({ process }) => process), leftOut: all.length - involved.length },
    cgroups: { items: await cgroups.read(), leftOut: 0 },
    files: filesOf(snapshot, subject, mechanism, opened),
  });
}

async function hostFacts(reader: ProcReader): Promise<{ [name: string]: Json }> {
  const sysctl = (path: string, hints: Hints = {}) =>
    item(async () => numberOr(await reader.text(`/proc/sys/${path}`)), hints);
  const aio = { ENOENT: 'this kernel is built without CONFIG_AIO' };
  const since = { ENOENT: 'this kernel has no such sysctl (6.6 and newer have)' };
  const facts = {
    'fs.aio-nr': sysctl('fs/aio-nr', aio),
    'fs.aio-max-nr': sysctl('fs/aio-max-nr', aio),
    'kernel.io_uring_disabled': sysctl('kernel/io_uring_disabled', since),
    'kernel.io_uring_group': sysctl('kernel/io_uring_group', since),
    'fs.pipe-user-pages-soft': sysctl('fs/pipe-user-pages-soft'),
    uptimeSeconds: item(async () => Number.parseFloat(await reader.text('/proc/uptime'))),
    memoryPressure: item(async () => pressureOf(await reader.text('/proc/pressure/memory')), {
      ENOENT: 'this kernel is built without CONFIG_PSI',
      EOPNOTSUPP: 'switched off: boot with psi=1',
    }),
  };
  const values = await Promise.all(Object.entries(facts).map(async ([name, fact]) => [name, await fact] as const));
  return Object.fromEntries(values);
}

interface ProcessResult {
  readonly process: Json;
  /** Descriptors by name of the file that explains a cause. */
  readonly open: ReadonlyMap<string, readonly Json[]> | Unavailable;
}

async function readProcess(
  reader: ProcReader,
  cgroups: Cgroups,
  { pid, startTime, comm, unit, attempts }: Involved,
  causes: readonly Cause[],
): Promise<ProcessResult> {
  const known = { pid, comm: clean(comm), unit: clean(unit), attempts, errnos: errnosOf(causes) };
  const without = (gone: string): ProcessResult => ({ process: { ...known, gone }, open: { unavailable: gone } });
  let pinned;
  try {
    pinned = await reader.pin(pid);
    const ticks = startTicksOf(await reader.text(`${pinned.path}/stat`));
    if (ticks !== Math.floor(startTime / TICK_NS)) return without('ended: its pid belongs to another process now');
    return await readPinned(reader, cgroups, pinned.path, known, causes);
  } catch (error) {
    const reason = reasonOf(error);
    if (/^(?:ENOENT|ESRCH)/.test(reason)) return without('ended, or in a pid namespace that the agent does not see');
    return { process: { ...known, unavailable: reason }, open: { unavailable: reason } };
  } finally {
    // nothing waits for it: files may still be hanging
    pinned?.release().catch(() => undefined);
  }
}

/** Clock ticks a second in /proc (USER_HZ): 100 on every architecture that we run on. */
const TICK_NS = 1e7;

/** What is under /proc/PID: `path`. */
async function readPinned(
  reader: ProcReader,
  cgroups: Cgroups,
  path: string,
  known: { readonly [name: string]: Json },
  causes: readonly Cause[],
): Promise<ProcessResult> {
  const status = await item(async () => Object.fromEntries(fieldsOf(await reader.text(`${path}/status`))), ENDED);
  const limits = await readLimits(reader, path);
  const memoryCgroup = await item(async () => {
    const cgroup = memoryCgroupOf(await reader.text(`${path}/cgroup`, 'latin1'));
    if (cgroup === null) throw new Error('the memory controller is in no hierarchy');
    cgroups.add(cgroup);
    return cgroupName(cgroup);
  }, ENDED);
  const [workers, { descriptors, rings, open }] = await Promise.all([
    item(() => workersOf(reader, path), ENDED),
    descriptorsOf(reader, path, causes),
  ]);
  const process = { ...known, ...statusOf(status), limits, memoryCgroup, workers, descriptors, rings };
  return { process, open };
}

/** Threads of the kernel that work for the rings of a process; before 5.12 they belonged to no process. */
async function workersOf(reader: ProcReader, path: string): Promise<Json> {
  const threads = await reader.list(`${path}/task`, THREAD_LIMIT + 1);
  const counts = { 'iou-wrk': 0, 'iou-sqp': 0, threads: Math.min(threads.length, THREAD_LIMIT) };
  for (const thread of threads.slice(0, THREAD_LIMIT)) {
    // a thread that has ended meanwhile is none
    const comm = await reader.text(`${path}/task/${thread}/comm`, 'utf8', COMM_LIMIT).catch(unlessGone(''));
    if (comm.startsWith('iou-wrk-')) counts['iou-wrk']++;
    if (comm.startsWith('iou-sqp-')) counts['iou-sqp']++;
  }
  return threads.length > THREAD_LIMIT ? { ...counts, more: 'threads that were not looked at' } : counts;
}

interface Descriptors extends Pick<ProcessResult, 'open'> {
  readonly descriptors: Json;
  readonly rings: Json;
}

/** Looks at the descriptors of a process for rings, and for files that explain a cause. */
async function descriptorsOf(reader: ProcReader, path: string, causes: readonly Cause[]): Promise<Descriptors> {
  const links: [string, string][] = [];
  const rings: Promise<Json>[] = [];
  let leftOut = 0;
  let unread: string | null = null;
  try {
    const names = await reader.list(`${path}/fd`, DESCRIPTOR_LIMIT + 1);
    if (names.length > DESCRIPTOR_LIMIT) unread = `only the first ${String(DESCRIPTOR_LIMIT)} were looked at`;
    const fds = names.slice(0, DESCRIPTOR_LIMIT).sort((a, b) => Number(a) - Number(b));
    for (const fd of fds) {
      const link = await reader.link(`${path}/fd/${fd}`).catch(unlessGone(null));
      if (link === null) continue;
      links.push([fd, link]);
      if (link !== 'anon_inode:[io_uring]') continue;
      // at once: there may be no time left once all descriptors have been looked at
      if (rings.length < RING_LIMIT) rings.push(readRing(reader, path, fd));
      else leftOut++;
    }
  } catch (error) {
    unread = reasonOf(error, ENDED);
    // where nothing could be read, nothing is known: an empty list would say that there is none
    if (links.length === 0)
      return { descriptors: { unavailable: unread }, rings: { unavailable: unread }, open: { unavailable: unread } };
  }
  return {
    descriptors: { looked: links.length, unread },
    rings: { items: await Promise.all(rings), leftOut },
    open: await openFiles(reader, path, links, causes),
  };
}

/** The descriptors that are open on the files that explain causes, by the name of the file. */
async function openFiles(
  reader: ProcReader,
  path: string,
  links: readonly (readonly [string, string])[],
  causes: readonly Cause[],
): Promise<ReadonlyMap<string, readonly Json[]>> {
  const open = new Map<string, Json[]>();
  for (const { culprit } of causes) {
    if (culprit === null || open.has(culprit.name)) continue;
    const same = links.filter(([, link]) => isSameFile(culprit, link)).slice(0, OPEN_LIMIT);
    open.set(
      culprit.name,
      await Promise.all(
        same.map(async ([fd, link]) => {
          const info = await readOpenFile(reader, path, fd);
          const how = 'unavailable' in info ? info : { flags: info.flags, position: info.position };
          return { fd: Number(fd), path: clean(link), ...how };
        }),
      ),
    );
  }
  return open;
}

/** Causes of one mechanism; those of one process, or of none (`row` null: processes that have been retired). */
function causesOf({ causes }: Snapshot, mechanism: Involving, row: number | null): Cause[] {
  return causes.filter((cause) => cause.process === row && isOf(mechanism, cause));
}

/** What has no mechanism belongs to rings. */
function isOf(mechanism: Involving, cause: Cause): boolean {
  const ofRing = cause.kind === 'enter_errno' || cause.kind === 'setup_errno';
  return mechanism === 'io_uring_enter' ? ofRing : !ofRing && MECHANISMS[cause.mechanism] === mechanism;
}

/** The most frequent first: `{"EAGAIN": 240, "io_uring_setup EPERM": 1}`. */
function errnosOf(causes: readonly Cause[]): { readonly [name: string]: number } {
  const named = causes.filter(({ kind }) => kind === 'errno' || kind === 'enter_errno' || kind === 'setup_errno');
  const sorted = named.toSorted((a, b) => b.count - a.count).slice(0, ERRNO_LIMIT);
  return Object.fromEntries(
    sorted.map(({ kind, code, count }) => [
      `${kind === 'setup_errno' ? 'io_uring_setup ' : ''}${errnoName(code)}`,
      count,
    ]),
  );
}

const ERRNO_LIMIT = 8;

/** The files that explain the causes, the most frequent first, and the descriptors that are open on them. */
function filesOf(
  snapshot: Snapshot,
  subject: Subject,
  mechanism: Involving,
  opened: ReadonlyMap<number, ProcessResult['open']>,
): List {
  const causes = snapshot.causes.filter(
    (cause) => cause.culprit !== null && isOf(mechanism, cause) && concerns(subject, cause),
  );
  causes.sort((a, b) => b.count - a.count);
  const items = causes.slice(0, FILE_LIMIT).map((cause) => {
    const { culprit, process, count, unit, comm } = cause;
    return {
      pid: process === null ? null : (snapshot.processes.pids[process] ?? null),
      comm: clean(comm),
      unit: clean(unit),
      cause: causeName(cause),
      count,
      type: culprit?.type ?? null,
      filesystem: clean(culprit?.filesystem ?? ''),
      name: clean(culprit?.name ?? ''),
      flags: culprit?.flags ?? [],
      open: openOn(culprit, process === null ? undefined : opened.get(process)),
    };
  });
  return { items, leftOut: causes.length - items.length };
}

function openOn(culprit: Culprit | null, opened: ProcessResult['open'] | undefined): Item<readonly Json[]> {
  if (opened === undefined) return { unavailable: 'its process was not looked at' };
  if ('unavailable' in opened) return opened;
  if (culprit?.type === 'socket' || culprit?.type === 'pipe')
    return { unavailable: 'descriptors do not tell which one' };
  return opened.get(culprit?.name ?? '') ?? [];
}

function causeName({ kind, code }: Cause): string {
  switch (kind) {
    case 'copied':
      return `copied: ${COPY_REASONS[code] ?? String(code)}`;
    case 'refused':
      return `refused: ${REFUSAL_REASONS[code] ?? String(code)}`;
    case 'async_work':
      return 'handed to a worker';
    case 'errno':
    case 'enter_errno':
    case 'setup_errno':
      return errnoName(code);
  }
}

const sizeOf = (value: Json): number => Buffer.byteLength(JSON.stringify(value));

interface MutableList {
  items: Json[];
  leftOut: number;
}

/**
 * The same within `limit` bytes of JSON: as long as it is too large, the largest of the lists that hold no other list loses its last
 * item. So what each process has beside lists (SigQ) goes last.
 */
export function fit<T extends Json>(evidence: T, limit = SIZE_LIMIT): T {
  const copy = structuredClone(evidence);
  for (let excess = sizeOf(copy) - limit; excess > 0; excess = sizeOf(copy) - limit) {
    const lists = innermostLists(copy).map((list) => ({ list, size: sizeOf(list.items) }));
    if (lists.length === 0) break;
    // until one is empty: then the list around it may hold no other any more
    for (let emptied = false; excess > 0 && !emptied;) {
      const largest = lists.reduce((best, one) => (one.size > best.size ? one : best));
      const freed = sizeOf(largest.list.items.pop() ?? null) + 1;
      largest.list.leftOut++;
      largest.size -= freed;
      excess -= freed;
      emptied = largest.list.items.length === 0;
    }
  }
  return copy;
}

/** Lists with items, none of which holds another such list. */
function innermostLists(value: Json): MutableList[] {
  if (typeof value !== 'object' || value === null) return [];
  const parts = Object.values<Json>(value);
  const within = parts.flatMap(innermostLists);
  if (within.length > 0 || !isList(value)) return within;
  return value.items.length > 0 ? [value] : [];
}

function isList(value: object): value is MutableList {
  return 'items' in value && Array.isArray(value.items) && 'leftOut' in value;
}
