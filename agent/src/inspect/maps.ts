/** Which files a process has mapped, from /proc/PID/maps. Pure. */

/** All mappings of one file. */
export interface MappedFile {
  /** Untrusted text, as the kernel shows it. */
  readonly name: string;
  readonly deleted: boolean;
  /** Whether one of them is shared. Private ones end with SIGBUS just the same: what the process has written there is gone, too. */
  readonly shared: boolean;
  readonly bytes: number;
  /** Name of the first of them below /proc/PID/map_files. */
  readonly range: string;
}

/** A file of that name can lie in no directory that a process sees: `/memfd:` is what the kernel shows of memfds. */
export const isMemfd = ({ name, deleted }: Pick<MappedFile, 'name' | 'deleted'>): boolean =>
  deleted && name.startsWith('/memfd:');

const LINE = /^([0-9a-f]+)-([0-9a-f]+) ..(.)(.) [0-9a-f]+ ([0-9a-f]+:[0-9a-f]+) (\d+) +(\/.*)$/gm;
const DELETED = / \(deleted\)$/;
/** Memory that the kernel keeps in files of its own; nobody has a descriptor to truncate it by. */
const MEMORY = /^\/(?:SYSV[0-9a-f]{8}|dev\/zero|anon_hugepage|\[aio\]) \(deleted\)$/;

/** Files that are mapped and nowhere executable, so no programs and libraries; shared ones first, then the largest. */
export function mappedFilesOf(text: string): MappedFile[] {
  const files = new Map<string, MappedFile & { readonly executable: boolean }>();
  for (const [, start = '', end = '', x, sharing, device = '', inode = '', path = ''] of text.matchAll(LINE)) {
    if (MEMORY.test(path)) continue;
    const key = `${device} ${inode} ${path}`;
    const known = files.get(key);
    files.set(key, {
      name: path.replace(DELETED, ''),
      deleted: DELETED.test(path),
      shared: sharing === 's' || known?.shared === true,
      executable: x === 'x' || known?.executable === true,
      bytes: Number.parseInt(end, 16) - Number.parseInt(start, 16) + (known?.bytes ?? 0),
      range: known?.range ?? rangeOf(start, end),
    });
  }
  return [...files.values()]
    .filter(({ executable }) => !executable)
    .map(({ executable: _, ...file }) => file)
    .sort((a, b) => Number(b.shared) - Number(a.shared) || b.bytes - a.bytes);
}

/** There the addresses have no zeros in front. */
const rangeOf = (...addresses: readonly string[]): string =>
  addresses.map((address) => address.replace(/^0+(?=.)/, '')).join('-');
