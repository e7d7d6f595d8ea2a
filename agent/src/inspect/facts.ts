/** What /proc shows of one process. Read only: no file of the process is opened. */
import { constants } from 'node:fs';
import { ENDED, readLimits, readOpenFile, readRing, statusOf, unlessGone } from '../alerts/process-facts.ts';
import type { Json } from '../alerts/incident.ts';
import { fieldsOf, type Item, type PinnedProcess, type ProcFs, ProcReader, reasonOf } from '../alerts/proc.ts';
import { SpillwayError } from '../model/errors.ts';
import { isMemfd, type MappedFile, mappedFilesOf } from './maps.ts';

export interface InspectFacts {
  readonly pid: number;
  /** Untrusted text. */
  readonly comm: string;
  /** SigQ, State and others of /proc/PID/status. */
  readonly status: { readonly [name: string]: Json };
  readonly limits: Item<{ readonly [name: string]: Json }>;
  readonly descriptors: readonly Descriptor[];
  /** Why there may be more descriptors; null if these are all. */
  readonly unread: string | null;
  readonly mappings: readonly Mapping[] | { readonly unavailable: string };
}

export type DescriptorType =
  | 'file'
  | 'directory'
  | 'block device'
  | 'char device'
  | 'pipe'
  | 'socket'
  | 'memfd'
  | 'io_uring'
  | 'other'
  /** Not asked: its server may never answer. */
  | 'remote';

export interface Descriptor {
  readonly fd: number;
  readonly type: DescriptorType;
  /** Name of the filesystem's type; '' where no mount of the process has it, as for pipes and sockets. */
  readonly filesystem: string;
  /** Where its link leads to: a path, or `socket:[4711]`. Untrusted text. */
  readonly name: string;
  /** How it is open: O_RDONLY, O_WRONLY, O_RDWR or O_PATH, and those of O_APPEND, O_DIRECT, O_NONBLOCK that are set. */
  readonly flags: Item<readonly string[]>;
  readonly position: number | string | null;
  /** Heads and tails of its queues, if it is a ring. */
  readonly ring: Json;
  /** Of a memfd; null for others. */
  readonly seals: Item<readonly string[]> | null;
}

export interface Mapping extends Omit<MappedFile, 'range'> {
  /** Permission bits and owner; null where they could not be read. */
  readonly owner: { readonly mode: number; readonly uid: number } | null;
  /** Of a memfd; null for others. */
  readonly seals: Item<readonly string[]> | null;
}

/** Of one process. */
const DESCRIPTOR_LIMIT = 4096;
const MAPPING_LIMIT = 64;
const MAPS_LIMIT = 8 << 20;
const MOUNTS_LIMIT = 1 << 20;

/** F_GET_SEALS of a memfd, given its link in /proc. Throws an errno as `code`. */
export type SealsOf = (path: string) => number;

/** @throws SpillwayError NO_SUCH_PROCESS, or NO_PRIVILEGE if it may not be looked into */
export async function readFacts(pid: number, fs: ProcFs, sealsOf: SealsOf, signal: AbortSignal): Promise<InspectFacts> {
  const reader = new ProcReader(fs, signal);
  let pinned: PinnedProcess | undefined;
  try {
    pinned = await reader.pin(pid);
    return await readPinned(reader, pinned.path, pid, sealsOf);
  } catch (error) {
    throw errorOf(pid, error);
  } finally {
    // nothing waits for it: files may still be hanging
    pinned?.release().catch(() => undefined);
  }
}

function errorOf(pid: number, error: unknown): unknown {
  const { code } = error as { code?: unknown };
  if (code === 'ENOENT' || code === 'ESRCH') {
    return new SpillwayError('NO_SUCH_PROCESS', `there is no process ${String(pid)}`, { cause: error });
  }
  if (code !== 'EACCES' && code !== 'EPERM') return error;
  const message = `may not look into process ${String(pid)}: ${reasonOf(error)}: run as root, e.g. with sudo`;
  return new SpillwayError('NO_PRIVILEGE', message, { cause: error });
}

/** Rejects if it is gone, or may not be looked into. */
async function readPinned(reader: ProcReader, path: string, pid: number, sealsOf: SealsOf): Promise<InspectFacts> {
  const fields = fieldsOf(await reader.text(`${path}/status`));
  const leader = Number(fields.get('Tgid') ?? pid);
  if (leader !== pid) {
    const message = `${String(pid)} is a thread of process ${String(leader)}: spillway inspect ${String(leader)}`;
    throw new SpillwayError('NO_SUCH_PROCESS', message);
  }
  const comm = (await reader.text(`${path}/comm`)).replace(/\n$/, '');
  const limits = await readLimits(reader, path);
  const mounts = await reader.text(`${path}/mountinfo`, 'utf8', MOUNTS_LIMIT).catch(unlessGone(''));
  const { descriptors, unread } = await readDescriptors(reader, path, filesystemsOf(mounts), sealsOf);
  return {
    pid,
    comm,
    status: statusOf(Object.fromEntries(fields)),
    limits,
    descriptors,
    unread,
    mappings: await readMappings(reader, path, sealsOf),
  };
}

async function readDescriptors(
  reader: ProcReader,
  path: string,
  filesystems: ReadonlyMap<string, string>,
  sealsOf: SealsOf,
): Promise<Pick<InspectFacts, 'descriptors' | 'unread'>> {
  // one that has ended, and whose parent has not asked for its status yet, has none
  const names = await reader.list(`${path}/fd`, DESCRIPTOR_LIMIT + 1).catch(unlessGone([]));
  const descriptors: Descriptor[] = [];
  const fds = names.slice(0, DESCRIPTOR_LIMIT).map(Number);
  for (const fd of fds.sort((a, b) => a - b)) {
    const link = await reader.link(`${path}/fd/${String(fd)}`).catch(unlessGone(null));
    if (link !== null) descriptors.push(await readDescriptor(reader, path, fd, link, filesystems, sealsOf));
  }
  const all = names.length <= DESCRIPTOR_LIMIT;
  return { descriptors, unread: all ? null : `only ${String(DESCRIPTOR_LIMIT)} were looked at` };
}

async function readDescriptor(
  reader: ProcReader,
  path: string,
  fd: number,
  name: string,
  filesystems: ReadonlyMap<string, string>,
  sealsOf: SealsOf,
): Promise<Descriptor> {
  const info = await readOpenFile(reader, path, String(fd));
  const known = 'unavailable' in info ? { flags: info, position: null, mount: '' } : info;
  const filesystem = filesystems.get(known.mount) ?? '';
  const type = await typeOf(reader, `${path}/fd/${String(fd)}`, name, filesystem);
  return {
    fd,
    type,
    filesystem,
    name,
    flags: known.flags,
    position: known.position,
    ring: type === 'io_uring' ? await readRing(reader, path, String(fd)) : null,
    seals: type === 'memfd' ? sealNames(`${path}/fd/${String(fd)}`, sealsOf) : null,
  };
}

/** Numbers of linux/fcntl.h. */
const SEALS = { SEAL: 1, SHRINK: 2, GROW: 4, WRITE: 8, FUTURE_WRITE: 16, EXEC: 32 } as const;

function sealNames(path: string, sealsOf: SealsOf): Item<readonly string[]> {
  try {
    const seals = sealsOf(path);
    return Object.entries(SEALS).flatMap(([name, bit]) => ((seals & bit) === 0 ? [] : [`F_SEAL_${name}`]));
  } catch (error) {
    return { unavailable: reasonOf(error, ENDED) };
  }
}

/** Those whose files a server has. */
const REMOTE = /^(?:nfs|cifs|smb|ceph|fuse|9p|afs|lustre|gfs|ocfs|glusterfs|beegfs)/;

async function typeOf(reader: ProcReader, path: string, link: string, filesystem: string): Promise<DescriptorType> {
  if (link.startsWith('socket:')) return 'socket';
  if (link.startsWith('pipe:')) return 'pipe';
  if (link === 'anon_inode:[io_uring]') return 'io_uring';
  if (!link.startsWith('/')) return 'other';
  // the kernel's own mount, which no process sees
  if (filesystem === '' && /^\/memfd:.* \(deleted\)$/s.test(link)) return 'memfd';
  if (REMOTE.test(filesystem)) return 'remote';
  const status = await reader.stat(path).catch(() => null);
  return status === null ? 'other' : (TYPES.get(status.mode & constants.S_IFMT) ?? 'other');
}

const TYPES: ReadonlyMap<number, DescriptorType> = new Map([
  [constants.S_IFREG, 'file'],
  [constants.S_IFDIR, 'directory'],
  [constants.S_IFBLK, 'block device'],
  [constants.S_IFCHR, 'char device'],
  [constants.S_IFIFO, 'pipe'],
  [constants.S_IFSOCK, 'socket'],
]);

/** From /proc/PID/mountinfo: types of filesystems by the number of the mount, as fdinfo has it. */
export function filesystemsOf(mountinfo: string): ReadonlyMap<string, string> {
  return new Map([...mountinfo.matchAll(/^(\d+) .*? - (\S+) /gm)].map(([, id = '', type = '']) => [id, type]));
}

async function readMappings(reader: ProcReader, path: string, sealsOf: SealsOf): Promise<InspectFacts['mappings']> {
  try {
    const files = mappedFilesOf(await reader.text(`${path}/maps`, 'utf8', MAPS_LIMIT));
    const mappings: Mapping[] = [];
    for (const { range, ...file } of files.slice(0, MAPPING_LIMIT)) {
      const status = await reader.stat(`${path}/map_files/${range}`).catch(() => null);
      // devices do not shrink
      if (status !== null && (status.mode & constants.S_IFMT) !== constants.S_IFREG) continue;
      mappings.push({
        ...file,
        owner: status === null ? null : { mode: status.mode & 0o7777, uid: status.uid },
        seals: isMemfd(file) ? sealNames(`${path}/map_files/${range}`, sealsOf) : null,
      });
    }
    return mappings;
  } catch (error) {
    return { unavailable: reasonOf(error, ENDED) };
  }
}
