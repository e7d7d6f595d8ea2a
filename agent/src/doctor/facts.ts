/** What this host is like, as far as observing it depends on that. Read only; what cannot be read is a fact too. */
import { closeSync, openSync, readdirSync, readFileSync, readlinkSync, readSync } from 'node:fs';
import { arch, release } from 'node:os';

/** A process whose calls the kernel shows to nobody: it makes those of a 32-bit program. */
export interface ForeignProcess {
  readonly pid: number;
  readonly comm: string;
}

export interface Facts {
  /** `os.arch()` and `os.release()`. */
  readonly architecture: string;
  readonly kernel: string;
  /** Text by path; null where there is no such file, or it cannot be read. */
  readonly texts: ReadonlyMap<string, string | null>;
  /** What /proc/self/ns/pid points to. */
  readonly pidNamespace: string;
  /** Whether directories can be listed. */
  readonly directories: ReadonlyMap<string, boolean>;
  /** Those of them that are there, or may be, and that this process may not look into. */
  readonly forbidden: ReadonlySet<string>;
  readonly foreign: readonly ForeignProcess[];
}

export const TEXTS = {
  status: '/proc/self/status',
  paranoid: '/proc/sys/kernel/perf_event_paranoid',
  mounts: '/proc/self/mounts',
  lockdown: '/sys/kernel/security/lockdown',
  /** `docker-default (enforce)`; not there without AppArmor. */
  appArmor: '/proc/self/attr/apparmor/current',
  ringsDisabled: '/proc/sys/kernel/io_uring_disabled',
  /** There wherever an x86 kernel runs 32-bit programs. */
  vsyscall32: '/proc/sys/abi/vsyscall32',
} as const;

export const DIRECTORIES = {
  /** One entry, for the file itself is large. */
  btf: '/sys/kernel/btf',
  tracing: '/sys/kernel/tracing/events/syscalls',
  debugTracing: '/sys/kernel/debug/tracing/events/syscalls',
} as const;

/** Looks at the host. */
export function readFacts(): Facts {
  return {
    architecture: arch(),
    kernel: release(),
    texts: new Map(Object.values(TEXTS).map((path) => [path, textOf(path)])),
    pidNamespace: linkOf('/proc/self/ns/pid'),
    directories: new Map(Object.values(DIRECTORIES).map((path) => [path, errorOf(path) === ''])),
    forbidden: new Set(Object.values(DIRECTORIES).filter((path) => errorOf(path) === 'EACCES')),
    foreign: foreignProcesses(),
  };
}

function textOf(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

/** Why a directory cannot be listed; '' if it can and holds something. */
function errorOf(path: string): string {
  try {
    return readdirSync(path).length > 0 ? '' : 'ENOENT';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'EIO';
  }
}

/** Bytes of an ELF file up to its class (include/uapi/linux/elf.h). */
const ELF_CLASS_AT = 4;
const ELFCLASS32 = 1;

function foreignProcesses(): ForeignProcess[] {
  const found: ForeignProcess[] = [];
  for (const name of readdirSync('/proc')) {
    if (!/^[1-9][0-9]*$/.test(name)) continue;
    // one that has ended meanwhile, a kernel thread, and one that we may not look into, have no class to tell
    if (elfClassOf(`/proc/${name}/exe`) !== ELFCLASS32) continue;
    found.push({ pid: Number(name), comm: textOf(`/proc/${name}/comm`)?.trimEnd() ?? '' });
  }
  return found;
}

function elfClassOf(path: string): number | null {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch {
    return null;
  }
  try {
    const head = Buffer.alloc(ELF_CLASS_AT + 1);
    readSync(fd, head, 0, head.length, 0);
    return head.readUInt8(ELF_CLASS_AT);
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}
