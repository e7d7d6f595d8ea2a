/** What is read of a recorded /proc, and what is said where it cannot be read. */
import { constants } from 'node:fs';
import { expect, it } from 'vitest';
import type { FileStatus } from '../../src/alerts/proc.ts';
import { filesystemsOf, type InspectFacts, readFacts } from '../../src/inspect/facts.ts';
import { descriptors, FakeProc, type FakeFile, processFiles, RING_FDINFO } from '../alerts/evidence/fake-proc.ts';

const PID = 4711;
const MOUNTS =
  '25 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n' +
  '26 25 0:22 / /proc rw - proc proc rw\n' +
  '27 25 0:40 / /mnt/a\\040-\\040b rw shared:2 master:3 - nfs4 server:/ rw\n';
const on = (mount: number, flags = '0100000'): string => `pos:\t0\nflags:\t${flags}\nmnt_id:\t${String(mount)}\n`;

interface World {
  readonly open?: Parameters<typeof descriptors>[1];
  readonly files?: Readonly<Record<string, FakeFile>>;
  readonly stats?: Record<string, FileStatus>;
}

function world({ open = { 0: ['/dev/null', on(25)] }, files = {}, stats = {} }: World = {}): FakeProc {
  const opened = descriptors(PID, open);
  const basic = { comm: 'ng\u001b inx\n', mountinfo: MOUNTS, maps: '', ...files };
  const below = Object.fromEntries(
    Object.entries(stats).map(([name, status]) => [`/proc/${String(PID)}/${name}`, status]),
  );
  return new FakeProc({ ...processFiles(PID, basic), ...opened.files }, opened.links, below);
}

/** Of the last memfd nothing is told. */
const seals = (path: string): number => {
  const known = [
    [/\/fd\/5$/, 63],
    [/\/map_files\/7000-8000$/, 2],
  ] as const;
  const found = known.find(([pattern]) => pattern.test(path));
  if (found === undefined) throw Object.assign(new Error('denied'), { code: 'EACCES' });
  return found[1];
};
const read = (fs: FakeProc): Promise<InspectFacts> => readFacts(PID, fs, seals, new AbortController().signal);
const file = { mode: constants.S_IFREG | 0o644, uid: 33 };

it('who it is, its status and limits', async () => {
  const fs = world();
  expect(await read(fs)).toMatchObject({
    pid: PID,
    comm: 'ng\u001b inx',
    status: { SigQ: '2/96365', State: 'S (sleeping)', Seccomp: '2' },
    limits: { 'Max locked memory': { soft: 8388608, hard: 'unlimited' } },
    unread: null,
  });
  expect(fs.released).toBe(1);
});

it('descriptors: what each is, where, and how it is open', async () => {
  const fs = world({
    open: {
      10: ['/srv/log', on(25, '0102001')],
      2: ['socket:[1]', on(8, '04002')],
      3: ['pipe:[2]', on(9)],
      4: ['anon_inode:[io_uring]', RING_FDINFO],
      5: ['/memfd:x (deleted)', on(11)],
      6: ['/memfd:x (deleted)', on(25)],
      7: ['anon_inode:[eventfd]', on(17)],
      8: ['/mnt/a - b/c', on(27)],
      9: ['/dev/tty', on(25)],
      11: ['/proc/1/maps', on(26)],
      12: ['/srv/gone', { errno: 'ENOENT' }],
    },
    stats: { 'fd/10': file, 'fd/6': file, 'fd/9': { mode: constants.S_IFCHR, uid: 0 }, 'fd/11': file, 'fd/8': file },
  });
  const { descriptors: all } = await read(fs);
  expect(all.map(({ fd, type, filesystem }) => [fd, type, filesystem])).toEqual([
    [2, 'socket', ''],
    [3, 'pipe', ''],
    [4, 'io_uring', ''],
    [5, 'memfd', ''],
    [6, 'file', 'ext4'],
    [7, 'other', ''],
    [8, 'remote', 'nfs4'],
    [9, 'char device', 'ext4'],
    [10, 'file', 'ext4'],
    [11, 'file', 'proc'],
    [12, 'other', ''],
  ]);
  expect(all.find(({ fd }) => fd === 10)).toEqual({
    fd: 10,
    type: 'file',
    filesystem: 'ext4',
    name: '/srv/log',
    flags: ['O_WRONLY', 'O_APPEND'],
    position: 0,
    ring: null,
    seals: null,
  });
  const all6 = ['SEAL', 'SHRINK', 'GROW', 'WRITE', 'FUTURE_WRITE', 'EXEC'];
  expect(all.find(({ fd }) => fd === 5)?.seals).toEqual(all6.map((name) => `F_SEAL_${name}`));
  expect(all.find(({ fd }) => fd === 6)?.seals).toBeNull();
  expect(all[0]?.flags).toEqual(['O_RDWR', 'O_NONBLOCK']);
  expect(all[2]?.ring).toMatchObject({ fd: 4, SqHead: 3, CqOverflowList: 2 });
  expect(all.at(-1)).toMatchObject({ flags: { unavailable: 'ENOENT: closed meanwhile' }, position: null });
  // its server may never answer
  expect(fs.asked.filter((path) => path.endsWith('/fd/8'))).toHaveLength(1);
});

it('no more descriptors than can be looked at', async () => {
  const open = Object.fromEntries(Array.from({ length: 4097 }, (_, fd) => [fd, ['pipe:[1]', on(9)] as const]));
  const facts = await read(world({ open }));
  expect(facts.descriptors).toHaveLength(4096);
  expect(facts.unread).toBe('only 4096 were looked at');
});

it('a descriptor that is closed meanwhile is none, and a process that has ended has none', async () => {
  const fs = world({ open: { 3: ['/srv/a', on(25)], 4: ['/srv/b', on(25)] } });
  fs.links[`/proc/${String(PID)}/fd/3`] = { errno: 'ENOENT' };
  // listed in whatever order
  fs.links[`/proc/${String(PID)}/fd/1`] = 'pipe:[1]';
  expect((await read(fs)).descriptors.map(({ fd }) => fd)).toEqual([1, 4]);
  expect(await read(world({ open: {} }))).toMatchObject({ descriptors: [], unread: null });
});

it('mapped files with who may write them; devices are none', async () => {
  const line = (start: string, end: string, name: string) => `${start}-${end} r--s 00000000 08:01 ${start} ${name}\n`;
  const maps =
    line('1000', '4000', '/srv/a') +
    line('4000', '6000', '/dev/dri/card0') +
    line('6000', '7000', '/srv/b') +
    line('7000', '8000', '/memfd:x (deleted)') +
    line('8000', '9000', '/memfd:y (deleted)') +
    line('9000', 'a000', '/memfd:z');
  const stats = {
    'map_files/1000-4000': { mode: constants.S_IFREG | 0o4640, uid: 33 },
    'map_files/4000-6000': { mode: constants.S_IFCHR | 0o666, uid: 0 },
  };
  expect((await read(world({ files: { maps }, stats }))).mappings).toEqual([
    { name: '/srv/a', deleted: false, shared: true, bytes: 0x3000, owner: { mode: 0o4640, uid: 33 }, seals: null },
    { name: '/srv/b', deleted: false, shared: true, bytes: 0x1000, owner: null, seals: null },
    { name: '/memfd:x', deleted: true, shared: true, bytes: 0x1000, owner: null, seals: ['F_SEAL_SHRINK'] },
    {
      name: '/memfd:y',
      deleted: true,
      shared: true,
      bytes: 0x1000,
      owner: null,
      seals: { unavailable: expect.stringMatching(/^EACCES/) as string },
    },
    // a file of that name
    { name: '/memfd:z', deleted: false, shared: true, bytes: 0x1000, owner: null, seals: null },
  ]);
  const files = { maps: { errno: 'EACCES' } };
  expect((await read(world({ files }))).mappings).toMatchObject({
    unavailable: expect.stringMatching(/^EACCES/) as string,
  });
});

it.each([
  ['NO_SUCH_PROCESS', 'there is no process 4711', new FakeProc({})],
  ['NO_SUCH_PROCESS', 'there is no process 4711', world({ files: { status: { errno: 'ESRCH' } } })],
  ['NO_SUCH_PROCESS', 'thread of process 4700: spillway inspect 4700', world({ files: { status: 'Tgid:\t4700\n' } })],
  [
    'NO_PRIVILEGE',
    'may not look into process 4711: EACCES: needs CAP_SYS_PTRACE',
    world({ files: { fd: { errno: 'EACCES' } } }),
  ],
  ['NO_PRIVILEGE', 'EPERM: needs CAP_SYS_PTRACE', world({ files: { status: { errno: 'EPERM' } } })],
])('%s: %s', async (code, message, fs) => {
  await expect(read(fs)).rejects.toMatchObject({ code, message: expect.stringContaining(message) as string });
});

it('a link that may not be read is no descriptor that was closed', async () => {
  const fs = world();
  fs.links[`/proc/${String(PID)}/fd/0`] = { errno: 'EACCES' };
  await expect(read(fs)).rejects.toMatchObject({ code: 'NO_PRIVILEGE' });
});

it('types of filesystems by mount', () => {
  expect([...filesystemsOf(MOUNTS)]).toEqual([
    ['25', 'ext4'],
    ['26', 'proc'],
    ['27', 'nfs4'],
  ]);
});
