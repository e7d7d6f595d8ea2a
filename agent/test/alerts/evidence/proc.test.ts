/** What the texts of /proc mean, in every variant that kernels write. */
import { getEventListeners } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  cgroupDirectory,
  cgroupMountsOf,
  fieldsOf,
  item,
  limitOf,
  memoryCgroupOf,
  NodeProcFs,
  numberOr,
  openFlagsOf,
  pairsOf,
  pressureOf,
  ringOf,
  startTicksOf,
  Turns,
} from '../../../src/alerts/proc.ts';
import { RING_FDINFO } from './fake-proc.ts';

const signal = new AbortController().signal;

describe('numbers', () => {
  it.each([
    ['65536\n', 65536],
    ['-1\n', -1],
    ['max\n', 'max'],
    ['9007199254740991', 9007199254740991],
    // one more cannot be told from the next: it stays as the kernel wrote it
    ['9007199254740992', '9007199254740992'],
    ['9223372036854771712\n', '9223372036854771712'],
    ['', ''],
  ])('%j is %j', (text, value) => {
    expect(numberOr(text)).toBe(value);
  });
});

it('the start of a process is field 22, whatever its name', () => {
  expect(startTicksOf('7 (a) R 1) (x) S 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 1690337 23')).toBe(1690337);
});

it('fields are lines of their own, the first of a name counts', () => {
  const fields = fieldsOf('Name:\tnginx\nSigQ:\t2/96365\nVmLck:\t      64 kB\n    0: SigQ:\t9/9\nSigQ:\t1/1\n');
  expect([fields.get('SigQ'), fields.get('VmLck'), fields.get('VmPin')]).toEqual(['2/96365', '64 kB', undefined]);
});

it('limits have a soft and a hard value, unlimited is a word, and names are whole', () => {
  const text =
    'Limit                     Soft Limit           Hard Limit           Units     \n' +
    'Max locked memory         8388608              unlimited            bytes     \n' +
    'Max nice priority         0                    0                    \n';
  expect(limitOf(text, 'Max locked memory')).toEqual({ soft: 8388608, hard: 'unlimited' });
  expect(limitOf(text, 'Max nice priority')).toEqual({ soft: 0, hard: 0 });
  expect(limitOf(text, 'Max locked')).toBeNull();
  expect(limitOf(text, 'Max open files')).toBeNull();
});

it('events and pressure', () => {
  expect(pairsOf('low 0\nmax 4711\noom_kill 2\n')).toEqual({ low: 0, max: 4711, oom_kill: 2 });
  expect(
    pressureOf('some avg10=1.25 avg60=0.50 avg300=0.10 total=82180\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=4\n'),
  ).toEqual({
    some: { avg10: 1.25, avg60: 0.5, avg300: 0.1, total: 82180 },
    full: { avg10: 0, avg60: 0, avg300: 0, total: 4 },
  });
});

describe('rings', () => {
  it('of 6.18: masks in hex, heads and tails, and as many overflows as are listed', () => {
    expect(ringOf(RING_FDINFO)).toEqual({
      SqMask: 7,
      SqHead: 3,
      SqTail: 5,
      CachedSqHead: 3,
      CqMask: 15,
      CqHead: 1,
      CqTail: 17,
      CachedCqTail: 17,
      SqThread: -1,
      SqThreadCpu: -1,
      UserFiles: 1,
      UserBufs: 0,
      CqOverflowList: 2,
    });
  });

  it('none in the list is 0, no list is not', () => {
    expect(ringOf('SqHead:\t1\nCqOverflowList:\n')).toEqual({ SqHead: 1, CqOverflowList: 0 });
    expect(ringOf('SqHead:\t1\nPollList:\n')).toEqual({ SqHead: 1 });
    // as 5.10 writes it
    expect(ringOf('UserFiles:\t0\nUserBufs:\t0\nPollList:\n')).toEqual({ UserFiles: 0, UserBufs: 0 });
  });

  it('what is cut counts as far as it goes', () => {
    expect(ringOf('CqOverflowList:\n  user_data=7, res=0, flags=0\n  user_data=8, re')).toEqual({ CqOverflowList: 2 });
  });

  it('a kernel that shows nothing of it says nothing of it', () => {
    expect(ringOf('pos:\t0\nflags:\t02000002\nmnt_id:\t17\nino:\t3738252\n')).toBeNull();
  });
});

it.each([
  ['0100000', ['O_RDONLY']],
  [`0${(0o2001 | 0o2000).toString(8)}`, ['O_WRONLY', 'O_APPEND']],
  [`0${(2 | 0o4000).toString(8)}`, ['O_RDWR', 'O_NONBLOCK']],
])('flags %s are %j', (octal, flags) => {
  expect(openFlagsOf(octal)).toEqual(flags);
});

it('O_DIRECT is where this architecture has it', () => {
  const direct = { x64: 0o40000, arm64: 0o200000 }[process.arch as 'x64'];
  expect(openFlagsOf(direct.toString(8))).toEqual(['O_RDONLY', 'O_DIRECT']);
});

describe('the cgroup that memory is charged to', () => {
  const V1 = '9:name=systemd:/a\n4:memory:/docker/ab:c\n1:cpu,cpuacct:/\n';

  it.each([
    ['v2', '0::/system.slice/nginx.service\n', { version: 'v2', path: '/system.slice/nginx.service' }],
    ['v1', V1, { version: 'v1', path: '/docker/ab:c' }],
    ['hybrid: v1 has the controller', `${V1}0::/else\n`, { version: 'v1', path: '/docker/ab:c' }],
    ['hybrid: v2 has it', '1:name=systemd:/a\n0::/b\n', { version: 'v2', path: '/b' }],
    ['among others', '3:cpuset,memory,pids:/x\n', { version: 'v1', path: '/x' }],
    ['not one that is only called so', '3:name=memory:/x\n0::/y\n', { version: 'v2', path: '/y' }],
    ['nowhere', '1:name=systemd:/a\n', null],
  ])('%s', (_, text, cgroup) => {
    expect(memoryCgroupOf(text)).toEqual(cgroup);
  });

  const mounts = cgroupMountsOf(
    [
      '25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw',
      '31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755',
      '32 31 0:29 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu',
      '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory',
      '41 31 0:38 /part /mnt/a\\040b rw shared:3 master:4 - cgroup2 cgroup2 rw',
      '',
    ].join('\n'),
  );

  it('is found below the mounts of its hierarchy', () => {
    expect(mounts).toEqual([
      { version: 'v1', root: '/', point: '/sys/fs/cgroup/memory' },
      { version: 'v2', root: '/part', point: '/mnt/a b' },
    ]);
    expect(cgroupDirectory({ version: 'v1', path: '/' }, mounts)).toBe('/sys/fs/cgroup/memory');
    expect(cgroupDirectory({ version: 'v1', path: '/a/b' }, mounts)).toBe('/sys/fs/cgroup/memory/a/b');
    // a mount of a part shows what is below that part
    expect(cgroupDirectory({ version: 'v2', path: '/part/c' }, mounts)).toBe('/mnt/a b/c');
  });

  it.each([['/'], ['/other'], ['/partly/c'], ['/part/../secret'], ['/../outside']])('%s is not shown', (path) => {
    expect(cgroupDirectory({ version: 'v2', path }, mounts)).toBeNull();
  });
});

describe('what cannot be read', () => {
  const failing = (code: string, message: string) => () => Promise.reject(Object.assign(new Error(message), { code }));

  it('says which errno and what it takes', async () => {
    expect(await item(failing('EACCES', 'EACCES: permission denied, open'))).toEqual({
      unavailable: expect.stringMatching(/^EACCES: needs CAP_SYS_PTRACE/) as string,
    });
    expect(await item(failing('ENOENT', 'x'), { ENOENT: 'before 6.6' })).toEqual({ unavailable: 'ENOENT: before 6.6' });
    expect(await item(failing('EIO', 'EIO: i/o error, read'))).toEqual({ unavailable: 'EIO: i/o error, read' });
  });

  it('is text of bounded length, whatever was thrown', async () => {
    // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- others may throw anything
    expect(await item(() => Promise.reject('no error'))).toEqual({ unavailable: 'no error' });
    const { unavailable } = (await item(failing('EIO', 'x'.repeat(5000)))) as { unavailable: string };
    expect(unavailable.length).toBeLessThan(300);
  });
});

describe('turns', () => {
  const hanging = () => new Promise<never>(() => undefined);

  it('are given to so many at a time, in order', async () => {
    const turns = new Turns(2);
    const begun: number[] = [];
    const ends: (() => void)[] = [];
    const all = [0, 1, 2, 3].map((i) =>
      turns.run(signal, () => {
        begun.push(i);
        return new Promise<void>((resolve) => ends.push(resolve));
      }),
    );
    const settled = () => new Promise((resolve) => setImmediate(resolve));
    await settled();
    expect(begun).toEqual([0, 1]);
    ends[1]?.();
    await settled();
    expect(begun).toEqual([0, 1, 2]);
    ends[0]?.();
    ends[2]?.();
    await settled();
    ends[3]?.();
    await Promise.all(all);
    expect(begun).toEqual([0, 1, 2, 3]);
  });

  it('come back from work that fails', async () => {
    const turns = new Turns(1);
    for (let i = 0; i < 3; i++) {
      await expect(turns.run(signal, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    }
    expect(await turns.run(signal, () => Promise.resolve(5))).toBe(5);
  });

  it('are not waited for any longer than the signal says, and who gave up is not served', async () => {
    const turns = new Turns(1);
    const controller = new AbortController();
    let end: () => void = () => undefined;
    const first = turns.run(signal, () => new Promise<void>((resolve) => (end = resolve)));
    let begun = false;
    const second = turns.run(controller.signal, () => {
      begun = true;
      return Promise.resolve();
    });
    controller.abort();
    await expect(second).rejects.toThrow();
    await expect(turns.run(controller.signal, hanging)).rejects.toThrow();
    expect(getEventListeners(controller.signal, 'abort')).toEqual([]);
    const third = new AbortController();
    const served = turns.run(third.signal, () => Promise.resolve('served'));
    end();
    await first;
    expect(await served).toBe('served');
    expect(getEventListeners(third.signal, 'abort')).toEqual([]);
    expect(await turns.run(signal, () => Promise.resolve('free'))).toBe('free');
    expect(begun).toBe(false);
  });
});

describe('the file system of Node', () => {
  function directory(): string {
    const path = mkdtempSync(join(tmpdir(), 'spillway-'));
    onTestFinished(() => rmSync(path, { recursive: true }));
    return path;
  }

  it('reads no more than the limit, and files whose size is 0', async () => {
    const file = join(directory(), 'file');
    writeFileSync(file, 'x'.repeat(100_000));
    const fs = new NodeProcFs();
    expect((await fs.read(file, 65536, signal)).length).toBe(65536);
    expect((await fs.read(Buffer.from(file), 200_000, signal)).length).toBe(100_000);
    expect((await fs.read('/proc/self/stat', 65536, signal)).toString()).toMatch(
      new RegExp(`^${String(process.pid)} \\(`),
    );
  });

  it('lists no more than the limit, and follows links', async () => {
    const path = directory();
    for (let i = 0; i < 300; i++) mkdirSync(join(path, String(i)));
    const fs = new NodeProcFs();
    expect((await fs.list(path, 1000, signal)).length).toBe(300);
    expect((await fs.list(path, 7, signal)).length).toBe(7);
    symlinkSync('anon_inode:[io_uring]', join(path, 'link'));
    expect(await fs.link(join(path, 'link'), signal)).toBe('anon_inode:[io_uring]');
  });

  it('rejects with the errno', async () => {
    await expect(new NodeProcFs().read('/proc/self/nothing', 10, signal)).rejects.toMatchObject({ code: 'ENOENT' });
    await expect(new NodeProcFs().pin(0, signal)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('holds on to a process', async () => {
    const fs = new NodeProcFs();
    const pinned = await fs.pin(process.pid, signal);
    const stat = await fs.read(`${pinned.path}/stat`, 65536, signal);
    expect(stat.toString()).toMatch(new RegExp(`^${String(process.pid)} \\(`));
    await pinned.release();
    await expect(fs.read(`${pinned.path}/stat`, 65536, signal)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('lets go of a process that nobody waits for any more', async () => {
    const fs = new NodeProcFs();
    const controller = new AbortController();
    const pinning = fs.pin(process.pid, controller.signal);
    controller.abort();
    const { path } = await pinning;
    await expect(fs.read(`${path}/stat`, 65536, signal)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});
