/** A /proc from a record of its files. What is not in it does not exist. */
import type { FileStatus, PinnedProcess, ProcFs } from '../../../src/alerts/proc.ts';

/** Text, bytes, or the errno that reading it ends with; null: it never ends. */
export type FakeFile = string | Buffer | { readonly errno: string } | null;

const failure = (errno: string, path: string): Error =>
  Object.assign(new Error(`${errno}: something went wrong, open '${path}'`), { code: errno });

const never = <T>(): Promise<T> => new Promise(() => undefined);

export class FakeProc implements ProcFs {
  /** Paths that were read, listed or followed, in that order. */
  readonly asked: string[] = [];
  readonly limits = new Set<number>();
  released = 0;
  readonly files: Record<string, FakeFile>;
  /** Symbolic links, likewise. */
  readonly links: Record<string, FakeFile>;

  readonly stats: Record<string, FileStatus>;

  constructor(
    files: Record<string, FakeFile>,
    links: Record<string, FakeFile> = {},
    stats: Record<string, FileStatus> = {},
  ) {
    this.files = files;
    this.links = links;
    this.stats = stats;
  }

  async read(path: string | Buffer, limit: number): Promise<Buffer> {
    const name = path.toString('latin1');
    this.limits.add(limit);
    const file = await this.#at(this.files, name);
    return Buffer.from(file).subarray(0, limit);
  }

  async list(path: string, limit: number): Promise<string[]> {
    const whole = this.files[path];
    if (whole !== undefined) await this.#at(this.files, path);
    else this.asked.push(path);
    const below = [...Object.keys(this.files), ...Object.keys(this.links)].filter((name) =>
      name.startsWith(`${path}/`),
    );
    if (below.length === 0) throw failure('ENOENT', path);
    const names = new Set(below.map((name) => name.slice(path.length + 1).split('/')[0] ?? ''));
    return [...names].slice(0, limit);
  }

  async link(path: string): Promise<string> {
    return (await this.#at(this.links, path)).toString();
  }

  stat(path: string): Promise<FileStatus> {
    this.asked.push(path);
    const status = this.stats[path];
    return status === undefined ? Promise.reject(failure('ENOENT', path)) : Promise.resolve(status);
  }

  async pin(pid: number): Promise<PinnedProcess> {
    const path = `/proc/${String(pid)}`;
    await this.list(path, 1);
    return {
      path,
      release: () => {
        this.released++;
        return Promise.resolve();
      },
    };
  }

  #at(record: Record<string, FakeFile>, path: string): Promise<string | Buffer> {
    this.asked.push(path);
    const file = record[path];
    if (file === null) return never();
    if (file === undefined) return Promise.reject(failure('ENOENT', path));
    if (typeof file === 'object' && 'errno' in file) return Promise.reject(failure(file.errno, path));
    return Promise.resolve(file);
  }
}

/** Of a host with cgroup v2, as systemd sets it up. */
export const HOST: Readonly<Record<string, string>> = {
  '/proc/sys/fs/aio-nr': '1536\n',
  '/proc/sys/fs/aio-max-nr': '65536\n',
  '/proc/sys/fs/pipe-user-pages-soft': '16384\n',
  '/proc/sys/kernel/io_uring_disabled': '1\n',
  '/proc/sys/kernel/io_uring_group': '-1\n',
  '/proc/uptime': '17604.19 68211.50\n',
  '/proc/pressure/memory':
    'some avg10=1.25 avg60=0.50 avg300=0.10 total=82180\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=40914\n',
  '/proc/self/mountinfo':
    '25 1 8:1 / / rw - ext4 /dev/sda1 rw\n30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n',
};

/** As a 6.18 kernel shows it. */
export const RING_FDINFO = `pos:\t0
flags:\t02000002
mnt_id:\t17
ino:\t3738252
SqMask:\t0x7
SqHead:\t3
SqTail:\t5
CachedSqHead:\t3
CqMask:\t0xf
CqHead:\t1
CqTail:\t17
CachedCqTail:\t17
SQEs:\t2
    3: opcode:NOP, fd:0, flags:0, off:0, addr:0x0, rw_flags:0x0, buf_index:0 user_data:0
    4: opcode:NOP, fd:0, flags:0, off:0, addr:0x0, rw_flags:0x0, buf_index:0 user_data:0
CQEs:\t0
SqThread:\t-1
SqThreadCpu:\t-1
SqTotalTime:\t0
SqWorkTime:\t0
UserFiles:\t1
    0: /srv/CqOverflowList:
UserBufs:\t0
PollList:
CqOverflowList:
  user_data=7, res=0, flags=0
  user_data=8, res=-11, flags=0
NAPI:\tdisabled
`;

/** Ticks since boot at which the processes of these tests began, and the same in nanoseconds (and a bit). */
const START_TICKS = 1690337;
export const START_NS = START_TICKS * 1e7 + 1234567;

/** /proc/PID of a process. Its name is as bad as names can be. */
export function processFiles(pid: number, changes: Readonly<Record<string, FakeFile>> = {}): Record<string, FakeFile> {
  const files: Record<string, FakeFile> = {
    stat: `${String(pid)} (a) R 1 (b) S 1 1 1 0 -1 4194304 101 0 0 0 0 0 0 0 20 0 1 0 ${String(START_TICKS)} 3133440 408 1844\n`,
    status:
      'Name:\tnginx\nState:\tS (sleeping)\nVmLck:\t      64 kB\nVmPin:\t     128 kB\nVmRSS:\t   13960 kB\nThreads:\t3\nSigQ:\t2/96365\nSeccomp:\t2\n',
    limits:
      'Limit                     Soft Limit           Hard Limit           Units     \n' +
      'Max processes             96365                96365                processes \n' +
      'Max open files            1024                 524288               files     \n' +
      'Max locked memory         8388608              unlimited            bytes     \n' +
      'Max pending signals       96365                96365                signals   \n',
    cgroup: '0::/system.slice/nginx.service\n',
    [`task/${String(pid)}/comm`]: 'nginx\n',
    'task/901/comm': `iou-wrk-${String(pid)}\n`,
    'task/902/comm': `iou-sqp-${String(pid)}\n`,
    ...changes,
  };
  return Object.fromEntries(Object.entries(files).map(([name, file]) => [`/proc/${String(pid)}/${name}`, file]));
}

/** Links and fdinfos of open descriptors. */
export function descriptors(
  pid: number,
  open: Readonly<Record<number, readonly [link: string, fdinfo?: FakeFile]>>,
): { links: Record<string, string>; files: Record<string, FakeFile> } {
  const entries = Object.entries(open);
  return {
    links: Object.fromEntries(entries.map(([fd, [link]]) => [`/proc/${String(pid)}/fd/${fd}`, link])),
    files: Object.fromEntries(
      entries.map(([fd, [, info = 'pos:\t0\nflags:\t0100000\n']]) => [`/proc/${String(pid)}/fdinfo/${fd}`, info]),
    ),
  };
}

/** The memory cgroup of `processFiles`. */
export const CGROUP_FILES: Readonly<Record<string, string>> = {
  '/sys/fs/cgroup/system.slice/nginx.service/memory.max': '33554432\n',
  '/sys/fs/cgroup/system.slice/nginx.service/memory.current': '33550336\n',
  '/sys/fs/cgroup/system.slice/nginx.service/memory.events': 'low 0\nhigh 0\nmax 4711\noom 3\noom_kill 0\n',
  '/sys/fs/cgroup/system.slice/nginx.service/memory.pressure': 'some avg10=9.00 avg60=0.00 avg300=0.00 total=5\n',
  '/sys/fs/cgroup/system.slice/memory.max': 'max\n',
  '/sys/fs/cgroup/system.slice/memory.current': '1\n',
  '/sys/fs/cgroup/system.slice/memory.events': 'low 0\n',
  '/sys/fs/cgroup/system.slice/memory.pressure': 'some avg10=0.00 avg60=0.00 avg300=0.00 total=0\n',
};
