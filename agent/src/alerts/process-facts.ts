/** What /proc shows of one process, as evidence and `inspect` tell it. `path` is that of the process: /proc/PID. */
import type { Culprit } from '../model/snapshot.ts';
import { printable } from '../model/text.ts';
import type { Json } from './incident.ts';
import {
  fieldsOf,
  type Hints,
  type Item,
  item,
  limitOf,
  numberOr,
  openFlagsOf,
  partsOf,
  type ProcReader,
  READ_LIMIT,
  ringOf,
} from './proc.ts';

/** For files below /proc/PID. */
export const ENDED: Hints = { ENOENT: 'the process has ended' };

/** As the kernel writes them; SigQ is signals queued for the user / the limit of it. */
const STATUS = ['SigQ', 'State', 'Threads', 'VmRSS', 'VmLck', 'VmPin', 'Seccomp'];
/** Lines of /proc/PID/limits. */
const LIMITS = ['Max locked memory', 'Max pending signals', 'Max processes', 'Max open files'];

/** The fields of /proc/PID/status that explain something. */
export function statusOf(status: Item<{ readonly [name: string]: string }>): { readonly [name: string]: Json } {
  const missing = { unavailable: 'not in its status: it has no memory of its own (any more)' };
  const valueOf = (name: string) => ('unavailable' in status ? status : (status[name] ?? missing));
  return Object.fromEntries(STATUS.map((name) => [name, valueOf(name)]));
}

/** Soft and hard limits of a process. */
export function readLimits(reader: ProcReader, path: string): Promise<Item<{ readonly [name: string]: Json }>> {
  return item(async () => {
    const text = await reader.text(`${path}/limits`);
    return Object.fromEntries(LIMITS.map((name) => [name, limitOf(text, name) ?? { unavailable: 'no such line' }]));
  }, ENDED);
}

/** For one thing of many: it may go while the others are read. */
export const unlessGone =
  <T>(value: T) =>
  (error: unknown): T => {
    const { code } = error as { code?: unknown };
    if (code === 'ENOENT' || code === 'ESRCH') return value;
    throw error;
  };

/** How a descriptor is open: its flags, where it stands in its file, and the number of the mount that the file is on. */
export function readOpenFile(
  reader: ProcReader,
  path: string,
  fd: string,
): Promise<Item<{ readonly flags: readonly string[]; readonly position: number | string; readonly mount: string }>> {
  return item(
    async () => {
      const fields = fieldsOf(await reader.text(`${path}/fdinfo/${fd}`));
      return {
        flags: openFlagsOf(fields.get('flags') ?? ''),
        position: numberOr(fields.get('pos') ?? ''),
        mount: fields.get('mnt_id') ?? '',
      };
    },
    { ENOENT: 'closed meanwhile' },
  );
}

/** The kernel shows nothing of a ring while somebody holds its lock: that is over soon. */
const RING_TRIES = 3;

/** The queues of the ring behind a descriptor; `path` is /proc/PID. */
export async function readRing(reader: ProcReader, path: string, fd: string): Promise<Json> {
  const state = await item<{ readonly [name: string]: Json }>(
    async () => {
      for (let tries = 0; tries < RING_TRIES; tries++) {
        const text = await reader.text(`${path}/fdinfo/${fd}`);
        const ring = ringOf(text);
        if (ring !== null) return Buffer.byteLength(text) < READ_LIMIT ? ring : { ...ring, cut: 'after 64 KiB' };
      }
      throw new Error('the kernel does not show it: somebody works with it');
    },
    { ENOENT: 'closed meanwhile' },
  );
  return { fd: Number(fd), ...state };
}

/** Bytes of a name that the probes keep (CULPRIT_NAME_SIZE in bpf/spillway.h, less its end). */
const NAME_KEPT = 55;
/** The last character may have been cut in two. */
const isCutOf = (part: string, whole: string): boolean =>
  Buffer.byteLength(whole) > NAME_KEPT &&
  Buffer.byteLength(part) >= NAME_KEPT &&
  whole.startsWith(part.replace(/\ufffd+$/, ''));

/** Does a descriptor's link lead to the file? A culprit knows four names at most, each cut to what the probes keep. */
export function isSameFile({ type, name }: Culprit, link: string): boolean {
  if (type === 'socket' || type === 'pipe' || !link.startsWith('/')) return false;
  const names = partsOf(name.replace(/^\u2026/, ''));
  const others = partsOf(link.replace(/ \(deleted\)$/, ''));
  if (names.length === 0 || names.length > others.length) return false;
  if (!name.startsWith('…') && names.length !== others.length) return false;
  const end = others.slice(-names.length);
  return names.every((part, i) => part === end[i] || isCutOf(part, end[i] ?? ''));
}

const NAME_LENGTH = 512;

/** Text that others chose: printable, valid Unicode, bounded. */
export function clean(text: string): string {
  const shown = printable(text);
  return shown.length <= NAME_LENGTH ? shown : `${shown.slice(0, NAME_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}
