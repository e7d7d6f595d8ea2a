/** Reading /proc, sysctls and cgroup files without ever waiting for them for long, and what their texts mean. */
import { constants } from 'node:fs';
import { open, opendir, readlink, stat } from 'node:fs/promises';
import type { Json } from './incident.ts';

/** In place of what could not be read: the errno, and what it takes. */
export type Unavailable = { readonly unavailable: string };
export type Item<T extends Json> = T | Unavailable;

/** A process that cannot be mistaken for another: whatever is read below `path` is its own, or fails with ESRCH or ENOENT. */
export interface PinnedProcess {
  readonly path: string;
  release(): Promise<void>;
}

/** As much of a file system as evidence takes. All reject with an errno as `code`, and stop waiting when `signal` aborts. */
export interface ProcFs {
  /** The first bytes of a file, `limit` at most. Names of cgroups may be any bytes. */
  read(path: string | Buffer, limit: number, signal: AbortSignal): Promise<Buffer>;
  /** Names in a directory, `limit` at most. */
  list(path: string, limit: number, signal: AbortSignal): Promise<string[]>;
  /** Where a symbolic link leads to. */
  link(path: string, signal: AbortSignal): Promise<string>;
  /** Of a file; where the path is a link, of what it leads to. */
  stat(path: string, signal: AbortSignal): Promise<FileStatus>;
  pin(pid: number, signal: AbortSignal): Promise<PinnedProcess>;
}

/** Type and permission bits, and the owner. */
export interface FileStatus {
  readonly mode: number;
  readonly uid: number;
}

/** At most so many pieces of work at a time, in the order in which they were asked for. */
export class Turns {
  #free: number;
  readonly #waiting = new Set<() => void>();

  constructor(atATime: number) {
    this.#free = atATime;
  }

  /** Work that has begun keeps its turn until it ends, whoever still waits; work that waits when `signal` aborts never begins. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#take(signal);
    try {
      return await work();
    } finally {
      this.#give();
    }
  }

  #take(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#free > 0) {
      this.#free--;
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.delete(go);
        reject(signal.reason as Error);
      };
      const go = () => {
        signal.removeEventListener('abort', abort);
        resolve();
      };
      this.#waiting.add(go);
      signal.addEventListener('abort', abort, { once: true });
    });
  }

  /** To whoever waits longest. */
  #give(): void {
    const [next] = this.#waiting;
    if (next === undefined) {
      this.#free++;
    } else {
      this.#waiting.delete(next);
      next();
    }
  }
}

/** Node has four threads for files, and looks up host names on them: two stay free if the kernel never answers. */
const AT_A_TIME = 2;

/** The real one. One for the whole agent: the limit is on all that is under way. */
export class NodeProcFs implements ProcFs {
  readonly #turns = new Turns(AT_A_TIME);

  read(path: string | Buffer, limit: number, signal: AbortSignal): Promise<Buffer> {
    return this.#turns.run(signal, async () => {
      const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
      try {
        const bytes = Buffer.allocUnsafe(limit);
        let length = 0;
        // files of proc come in pieces, and have no size
        for (let got = -1; got !== 0 && length < limit; length += got) {
          got = (await file.read(bytes, length, limit - length)).bytesRead;
        }
        return bytes.subarray(0, length);
      } finally {
        await file.close();
      }
    });
  }

  list(path: string, limit: number, signal: AbortSignal): Promise<string[]> {
    return this.#turns.run(signal, async () => {
      const names: string[] = [];
      for await (const entry of await opendir(path, { bufferSize: 256 })) {
        names.push(entry.name);
        if (names.length === limit) break;
      }
      return names;
    });
  }

  link(path: string, signal: AbortSignal): Promise<string> {
    return this.#turns.run(signal, () => readlink(path));
  }

  stat(path: string, signal: AbortSignal): Promise<FileStatus> {
    return this.#turns.run(signal, () => stat(path));
  }

  /** An open directory of /proc belongs to one process for ever, whoever gets its pid. */
  pin(pid: number, signal: AbortSignal): Promise<PinnedProcess> {
    return this.#turns.run(signal, async () => {
      const directory = await open(`/proc/${String(pid)}`, constants.O_RDONLY | constants.O_DIRECTORY);
      // nobody waits for it any more
      if (signal.aborted) await directory.close();
      return { path: `/proc/self/fd/${String(directory.fd)}`, release: () => directory.close() };
    });
  }
}

/** The time for all of the evidence is over. */
class TimedOut extends Error {
  override readonly name = 'TimedOut';
}

/** No file is read further. */
export const READ_LIMIT = 64 * 1024;

/** A file system until the signal aborts: then every read that is under way, and every later one, ends at once. */
export class ProcReader {
  readonly #fs: ProcFs;
  readonly #signal: AbortSignal;
  readonly #over: Promise<never>;

  constructor(fs: ProcFs, signal: AbortSignal) {
    this.#fs = fs;
    this.#signal = signal;
    this.#over = new Promise((_, reject) => {
      const abort = () => reject(new TimedOut());
      if (signal.aborted) abort();
      else signal.addEventListener('abort', abort, { once: true });
    });
    this.#over.catch(() => undefined);
  }

  async text(path: string | Buffer, encoding: 'utf8' | 'latin1' = 'utf8', limit = READ_LIMIT): Promise<string> {
    const bytes = await this.#inTime(() => this.#fs.read(path, limit, this.#signal));
    return bytes.toString(encoding);
  }

  list(path: string, limit: number): Promise<string[]> {
    return this.#inTime(() => this.#fs.list(path, limit, this.#signal));
  }

  link(path: string): Promise<string> {
    return this.#inTime(() => this.#fs.link(path, this.#signal));
  }

  stat(path: string): Promise<FileStatus> {
    return this.#inTime(() => this.#fs.stat(path, this.#signal));
  }

  pin(pid: number): Promise<PinnedProcess> {
    return this.#inTime(() => this.#fs.pin(pid, this.#signal));
  }

  #inTime<T>(work: () => Promise<T>): Promise<T> {
    return this.#signal.aborted ? this.#over : Promise.race([work(), this.#over]);
  }
}

/** What an errno means where it was met, beyond what is true everywhere. */
export type Hints = Readonly<Record<string, string>>;

const HINTS: Hints = {
  EACCES: 'needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, or a security module forbids it',
  EPERM: 'needs CAP_SYS_PTRACE, or a security module forbids it',
  ENOENT: 'no such file',
  ESRCH: 'the process has ended',
};

/** The value, or why it could not be had. Never rejects. */
export async function item<T extends Json>(work: () => Promise<T>, hints: Hints = {}): Promise<Item<T>> {
  try {
    return await work();
  } catch (error) {
    return { unavailable: reasonOf(error, hints) };
  }
}

/** `EACCES: needs CAP_SYS_PTRACE ...` */
export function reasonOf(error: unknown, hints: Hints = {}): string {
  if (error instanceof TimedOut) return 'ETIMEDOUT: not read in the time for all of the evidence';
  const { code, message } = error as { code?: unknown; message?: unknown };
  const text = typeof message === 'string' ? message : String(error);
  if (typeof code !== 'string') return text.slice(0, 200);
  return `${code}: ${hints[code] ?? HINTS[code] ?? text.replace(`${code}: `, '').slice(0, 200)}`;
}

/** Lines `name: value` of /proc/PID/status and fdinfo; of a name that comes twice the first, for later ones may be file names. */
export function fieldsOf(text: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const [, name = '', value = ''] of text.matchAll(/^(\w+):[ \t]*(.*)$/gm)) {
    if (!fields.has(name)) fields.set(name, value.trim());
  }
  return fields;
}

/** Field 22 of /proc/PID/stat, in ticks since boot. The name in parentheses may hold anything. */
export function startTicksOf(stat: string): number {
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19]);
}

/** Numbers that doubles hold exactly; the rest (`max`, v1's limit of nobody) as the text that it is. */
export function numberOr(text: string): number | string {
  const value = text.trim();
  return /^-?\d+$/.test(value) && Number.isSafeInteger(Number(value)) ? Number(value) : value;
}

/** Soft and hard limit of a line of /proc/PID/limits; null if there is no such line. */
export function limitOf(text: string, name: string): { soft: number | string; hard: number | string } | null {
  const line = text.split('\n').find((candidate) => candidate.startsWith(`${name}  `));
  const [soft, hard] = line?.slice(name.length).trim().split(/ +/) ?? [];
  return soft === undefined || hard === undefined ? null : { soft: numberOr(soft), hard: numberOr(hard) };
}

/** memory.events: `name value` a line. */
export function pairsOf(text: string): { readonly [name: string]: number | string } {
  return Object.fromEntries(
    [...text.matchAll(/^(\w+) (\S+)$/gm)].map(([, name = '', value = '']) => [name, numberOr(value)]),
  );
}

/** /proc/pressure/memory: `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` a line; averages are percent of time, total microseconds. */
export function pressureOf(text: string): { readonly [kind: string]: { readonly [name: string]: number } } {
  return Object.fromEntries(
    [...text.matchAll(/^(some|full) (.*)$/gm)].map(([, kind = '', rest = '']) => [
      kind,
      Object.fromEntries([...rest.matchAll(/\b(\w+)=([\d.]+)/g)].map(([, name = '', value]) => [name, Number(value)])),
    ]),
  );
}

/** A ring as its fdinfo shows it; heads and tails count on for ever, modulo 2^32. */
export interface RingState {
  readonly [name: string]: number;
}

const RING_FIELDS = [
  ...['SqMask', 'SqHead', 'SqTail', 'CachedSqHead', 'CqMask', 'CqHead', 'CqTail', 'CachedCqTail'],
  ...['SqThread', 'SqThreadCpu', 'UserFiles', 'UserBufs'],
];

/**
 * Null if the kernel did not show the ring: newer ones show nothing of it while somebody works with it. `CqOverflowList` counts
 * the completions that wait for room; it is left out where the text does not come so far (older kernels, or it was cut).
 */
export function ringOf(text: string): RingState | null {
  const fields = fieldsOf(text);
  const ring: Record<string, number> = {};
  for (const name of RING_FIELDS) {
    const value = fields.get(name);
    if (value !== undefined) ring[name] = Number(value);
  }
  const list = /^CqOverflowList:\n((?: .*\n?)*)/m.exec(text);
  if (list !== null) ring.CqOverflowList = [...(list[1] ?? '').matchAll(/^ /gm)].length;
  return Object.keys(ring).length === 0 ? null : ring;
}

/** O_DIRECT differs between architectures: Node knows that of the running one. */
const FLAGS: readonly (readonly [string, number])[] = [
  ['O_APPEND', constants.O_APPEND],
  ['O_DIRECT', constants.O_DIRECT],
  ['O_NONBLOCK', constants.O_NONBLOCK],
];
const ACCESS = ['O_RDONLY', 'O_WRONLY', 'O_RDWR'];

/** The octal `flags` of an fdinfo: how it may be accessed, then those of O_APPEND, O_DIRECT, O_NONBLOCK that are set. */
export function openFlagsOf(octal: string): string[] {
  const bits = Number.parseInt(octal, 8);
  return [ACCESS[bits & 3] ?? 'O_PATH', ...FLAGS.filter(([, bit]) => (bits & bit) !== 0).map(([name]) => name)];
}

/** The cgroup that a process' memory is charged to. Its path is text in latin1: any bytes. */
export interface MemoryCgroup {
  readonly version: 'v1' | 'v2';
  readonly path: string;
}

/** From /proc/PID/cgroup in latin1: v1's controller where it is mounted (so in hybrid hosts), else v2; null for neither. */
export function memoryCgroupOf(text: string): MemoryCgroup | null {
  let unified: MemoryCgroup | null = null;
  for (const [, id, controllers = '', path = ''] of text.matchAll(/^(\d+):([^:]*):(.*)$/gm)) {
    if (controllers.split(',').includes('memory')) return { version: 'v1', path };
    if (id === '0' && controllers === '') unified = { version: 'v2', path };
  }
  return unified;
}

/** A hierarchy of cgroups, or a part of it (`root`), mounted somewhere. In latin1. */
export interface CgroupMount {
  readonly version: 'v1' | 'v2';
  readonly root: string;
  readonly point: string;
}

/** From /proc/self/mountinfo in latin1: those that may hold the memory controller. */
export function cgroupMountsOf(text: string): CgroupMount[] {
  const mounts: CgroupMount[] = [];
  for (const line of text.split('\n')) {
    const [own = '', rest = ''] = line.split(' - ');
    const [, , , root = '', point = ''] = own.split(' ').map(unescapeMount);
    const [type, , options = ''] = rest.split(' ');
    if (type === 'cgroup2') mounts.push({ version: 'v2', root, point });
    if (type === 'cgroup' && options.split(',').includes('memory')) mounts.push({ version: 'v1', root, point });
  }
  return mounts;
}

/** Blanks and backslashes stand in octal there. */
function unescapeMount(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)));
}

/** The directory of a cgroup, in latin1; null if no mount shows it (it lies outside of our cgroup namespace or container). */
export function cgroupDirectory(cgroup: MemoryCgroup, mounts: readonly CgroupMount[]): string | null {
  const names = partsOf(cgroup.path);
  for (const { version, root, point } of mounts) {
    const parts = partsOf(root);
    const below = names.slice(parts.length);
    const covers = version === cgroup.version && parts.every((part, i) => part === names[i]) && !below.includes('..');
    if (covers) return [point, ...below].join('/');
  }
  return null;
}

/** Names of a path, from the root. */
export function partsOf(path: string): string[] {
  return path.split('/').filter((name) => name !== '');
}
