/** One collection, from a recorded /proc: what is in it, what it says where something is not, and its bounds in time and size. */
import { describe, expect, it } from 'vitest';
import { collectEvidence, type Evidence, type EvidenceInput, fit, type List } from '../../../src/alerts/evidence.ts';
import type { Json } from '../../../src/alerts/incident.ts';
import { isSameFile } from '../../../src/alerts/process-facts.ts';
import type { Culprit } from '../../../src/model/snapshot.ts';
import { type CauseSpec, type ProcessSpec, snapshotOf, type SnapshotSpec } from '../../support/snapshots.ts';
import {
  CGROUP_FILES,
  descriptors,
  FakeProc,
  type FakeFile,
  HOST,
  processFiles,
  RING_FDINFO,
  START_NS,
} from './fake-proc.ts';

const PID = 4711;
const NGINX: ProcessSpec = {
  pid: PID,
  comm: 'nginx',
  unit: 'nginx.service',
  counters: { sendfile: { zerocopy: 100, refused: 2, confirmed: 2 }, enters: 50 },
};

const FILE: Culprit = { type: 'file', filesystem: 'ext4', name: '/srv/big.iso', flags: ['O_APPEND'] };

interface Options extends Partial<Omit<EvidenceInput, 'snapshot'>> {
  readonly spec?: SnapshotSpec;
}

/** From a snapshot in which every process began at START_NS. */
function collect(fs: FakeProc, { spec = { processes: [NGINX] }, ...input }: Options = {}): Promise<Evidence> {
  const snapshot = snapshotOf(spec);
  snapshot.processes.startTimes.fill(START_NS);
  return collectEvidence({
    subject: null,
    mechanism: 'sendfile',
    snapshot,
    now: Date.UTC(2026, 0, 2, 3, 4, 5),
    fs,
    versions: { agent: '0.1.0', kernel: '6.18.44' },
    timeout: () => new AbortController().signal,
    ...input,
  });
}

const host = (files: Record<string, FakeFile> = {}, links: Record<string, FakeFile> = {}): FakeProc =>
  new FakeProc({ ...HOST, ...CGROUP_FILES, ...processFiles(PID), ...files }, links);

type Entry = Record<string, Json> & { readonly rings: List };
const processesOf = (evidence: Evidence): readonly Entry[] => evidence.processes.items as unknown as Entry[];
const unavailable = (reason: RegExp): unknown => ({ unavailable: expect.stringMatching(reason) as string });

describe('of the host', () => {
  it('what was asked for, and what explains more', async () => {
    expect(await collect(host())).toMatchObject({
      collectedAt: '2026-01-02T03:04:05.000Z',
      agent: '0.1.0',
      kernel: '6.18.44',
      mechanism: 'sendfile',
      workload: null,
      'fs.aio-nr': 1536,
      'fs.aio-max-nr': 65536,
      'fs.pipe-user-pages-soft': 16384,
      'kernel.io_uring_disabled': 1,
      'kernel.io_uring_group': -1,
      uptimeSeconds: 17604.19,
      memoryPressure: { some: { avg10: 1.25, total: 82180 }, full: { avg10: 0 } },
    });
  });

  it('what this kernel does not have, and why', async () => {
    const evidence = await collect(new FakeProc({ '/proc/pressure/memory': { errno: 'EOPNOTSUPP' } }));
    expect(evidence).toMatchObject({
      'fs.aio-nr': unavailable(/^ENOENT: .*CONFIG_AIO/),
      'kernel.io_uring_disabled': unavailable(/^ENOENT: .*6\.6/),
      'fs.pipe-user-pages-soft': unavailable(/^ENOENT/),
      uptimeSeconds: unavailable(/^ENOENT/),
      memoryPressure: unavailable(/^EOPNOTSUPP: .*psi=1/),
      processes: { items: [{ pid: PID, gone: expect.stringContaining('ended') as string }] },
    });
  });
});

describe('of a process', () => {
  it('SigQ, locked memory, limits, workers, cgroup', async () => {
    const fs = host();
    const [process] = processesOf(await collect(fs));
    expect(process).toMatchObject({
      pid: PID,
      comm: 'nginx',
      unit: 'nginx.service',
      attempts: 102,
      SigQ: '2/96365',
      State: 'S (sleeping)',
      Threads: '3',
      VmRSS: '13960 kB',
      VmLck: '64 kB',
      VmPin: '128 kB',
      Seccomp: '2',
      limits: {
        'Max locked memory': { soft: 8388608, hard: 'unlimited' },
        'Max open files': { soft: 1024, hard: 524288 },
        'Max processes': { soft: 96365, hard: 96365 },
        'Max pending signals': { soft: 96365, hard: 96365 },
      },
      workers: { 'iou-wrk': 1, 'iou-sqp': 1, threads: 3 },
      memoryCgroup: 'v2 /system.slice/nginx.service',
    });
    expect(fs.released).toBe(1);
  });

  it('errnos: of the mechanism, or of the calls of rings', async () => {
    const causes = [
      { kind: 'errno', code: 11, process: 0, count: 3 },
      { kind: 'errno', code: 5, process: 0, count: 4 },
      { kind: 'errno', code: 32, process: 0, count: 9, mechanism: 'splice' },
      { kind: 'enter_errno', code: 11, process: 0, count: 240 },
      { kind: 'setup_errno', code: 1, process: 0, count: 1 },
      { kind: 'errno', code: 12, process: 1, count: 8 },
      { kind: 'errno', code: 104, process: null, count: 8 },
    ] as const;
    const spec = { processes: [NGINX, { ...NGINX, pid: 4712, counters: { sendfile: { failed: 1 } } }], causes };
    const of = async (mechanism: EvidenceInput['mechanism']) =>
      processesOf(await collect(host(), { spec, mechanism }))[0];
    expect((await of('sendfile'))?.errnos).toEqual({ EIO: 4, EAGAIN: 3 });
    expect((await of('io_uring_enter'))?.errnos).toEqual({ EAGAIN: 240, 'io_uring_setup EPERM': 1 });
  });

  it('one that has ended says so, and the others are read', async () => {
    const spec = { processes: [NGINX, { ...NGINX, pid: 4712 }] };
    const [first, second] = processesOf(await collect(host(), { spec }));
    expect(first).toMatchObject({ pid: PID, SigQ: '2/96365' });
    expect(second).toEqual({
      pid: 4712,
      comm: 'nginx',
      unit: 'nginx.service',
      attempts: 102,
      errnos: {},
      gone: 'ended, or in a pid namespace that the agent does not see',
    });
  });

  it('another process with its pid is not taken for it', async () => {
    const stat = `${String(PID)} (nginx) S ${'0 '.repeat(18)}1690338 0\n`;
    const fs = host(processFiles(PID, { stat }));
    const [process] = processesOf(await collect(fs));
    expect(process?.gone).toMatch(/^ended: its pid belongs to another process/);
    expect(process).not.toHaveProperty('SigQ');
    expect(fs.released).toBe(1);
    expect(fs.asked).not.toContain(`/proc/${String(PID)}/status`);
  });

  it('one that ends meanwhile says so from there on', async () => {
    const fs = host(processFiles(PID, { limits: { errno: 'ESRCH' }, cgroup: { errno: 'ENOENT' } }));
    expect(processesOf(await collect(fs))[0]).toMatchObject({
      SigQ: '2/96365',
      limits: unavailable(/^ESRCH: the process has ended/),
      memoryCgroup: unavailable(/^ENOENT: the process has ended/),
    });
  });

  it('one whose files are not for us: each says so', async () => {
    const changes = { status: { errno: 'EACCES' }, limits: { errno: 'EPERM' }, fd: { errno: 'EACCES' } };
    const [process] = processesOf(await collect(host(processFiles(PID, changes))));
    expect(process).toMatchObject({
      SigQ: unavailable(/^EACCES: needs CAP_SYS_PTRACE/),
      VmLck: unavailable(/^EACCES/),
      limits: unavailable(/^EPERM: needs CAP_SYS_PTRACE/),
      descriptors: unavailable(/^EACCES/),
      rings: unavailable(/^EACCES/),
      workers: { threads: 3 },
    });
  });

  it('one without memory of its own (a zombie) has a SigQ all the same', async () => {
    const status = 'State:\tZ (zombie)\nThreads:\t1\nSigQ:\t0/96365\n';
    expect(processesOf(await collect(host(processFiles(PID, { status }))))[0]).toMatchObject({
      SigQ: '0/96365',
      VmLck: unavailable(/^not in its status/),
    });
  });

  it('ten at most: the others are counted, and not read', async () => {
    const processes = Array.from({ length: 13 }, (_, i) => ({ ...NGINX, pid: 100 + i }));
    const fs = new FakeProc({
      ...HOST,
      ...Object.fromEntries(processes.flatMap(({ pid }) => Object.entries(processFiles(pid)))),
    });
    const evidence = await collect(fs, { spec: { processes } });
    expect(processesOf(evidence).map(({ pid }) => pid)).toEqual(processes.slice(0, 10).map(({ pid }) => pid));
    expect(evidence.processes.leftOut).toBe(3);
    expect(fs.asked.some((path) => path.startsWith('/proc/110/'))).toBe(false);
    expect(fs.released).toBe(10);
  });

  it('of the workload that the alert is about', async () => {
    const spec = { processes: [NGINX, { ...NGINX, pid: 4712, unit: 'other.service' }] };
    const subject = { unit: 'nginx.service', comm: 'nginx' };
    const evidence = await collect(host(processFiles(4712)), { spec, subject });
    expect(evidence).toMatchObject({ workload: subject, processes: { items: [{ pid: PID }], leftOut: 0 } });
    expect(evidence.processes.items).toHaveLength(1);
  });
});

describe('rings', () => {
  const withRings = (open: Parameters<typeof descriptors>[1]): FakeProc => {
    const { files, links } = descriptors(PID, open);
    return host(files, links);
  };
  const RING = 'anon_inode:[io_uring]';

  it('as their fdinfo shows them; other descriptors are none', async () => {
    const fs = withRings({
      3: ['socket:[1]'],
      10: [RING, RING_FDINFO],
      5: ['anon_inode:[eventpoll]'],
      4: ['/srv/anon_inode:[io_uring]'],
    });
    expect(processesOf(await collect(fs))[0]).toMatchObject({
      descriptors: { looked: 4, unread: null },
      rings: {
        items: [{ fd: 10, SqMask: 7, SqHead: 3, SqTail: 5, CqHead: 1, CqTail: 17, CqOverflowList: 2 }],
        leftOut: 0,
      },
    });
  });

  it('one that the kernel does not show is asked for again, then said to be so', async () => {
    const fs = withRings({ 3: [RING, 'pos:\t0\nflags:\t02\n'], 4: [RING, { errno: 'ENOENT' }] });
    expect(processesOf(await collect(fs))[0]?.rings.items).toEqual([
      { fd: 3, ...(unavailable(/somebody works with it/) as object) },
      { fd: 4, ...(unavailable(/closed meanwhile/) as object) },
    ]);
    expect(fs.asked.filter((path) => path.endsWith('/fdinfo/3'))).toHaveLength(3);
  });

  it('sixteen at most, in the order of descriptors, and 64 KiB of each', async () => {
    const long = `SqHead:\t1\nCqOverflowList:\n${'  user_data=1, res=0, flags=0\n'.repeat(10_000)}`;
    const fs = withRings(
      Object.fromEntries(Array.from({ length: 20 }, (_, i) => [i, [RING, i === 0 ? long : RING_FDINFO]])),
    );
    const rings = processesOf(await collect(fs))[0]?.rings;
    expect(rings?.leftOut).toBe(4);
    expect(rings?.items.map((ring) => (ring as { fd: number }).fd)).toEqual(Array.from({ length: 16 }, (_, i) => i));
    expect(rings?.items[0]).toMatchObject({ cut: 'after 64 KiB' });
    expect(rings?.items[1]).not.toHaveProperty('cut');
    expect(Math.max(...fs.limits)).toBe(65536);
  });

  it('a descriptor that is closed meanwhile is none; one that cannot be followed ends the search, and it is said', async () => {
    const { files, links } = descriptors(PID, { 3: [RING, RING_FDINFO], 4: ['x'], 5: ['x'] });
    const path = `/proc/${String(PID)}/fd`;
    const closed = await collect(host(files, { ...links, [`${path}/4`]: { errno: 'ENOENT' } }));
    expect(processesOf(closed)[0]?.descriptors).toEqual({ looked: 2, unread: null });
    const cut = await collect(host(files, { ...links, [`${path}/4`]: { errno: 'EACCES' } }));
    expect(processesOf(cut)[0]).toMatchObject({
      descriptors: { looked: 1, unread: expect.stringMatching(/^EACCES/) as string },
      rings: { items: [{ fd: 3 }], leftOut: 0 },
    });
  });

  it('4096 descriptors and 1024 threads are looked at, and it is said that there are more', async () => {
    const { files, links } = descriptors(PID, Object.fromEntries(Array.from({ length: 4100 }, (_, i) => [i, ['x']])));
    const threads = Object.fromEntries(
      Array.from({ length: 1030 }, (_, i) => [`task/${String(1000 + i)}/comm`, 'iou-wrk-1\n']),
    );
    const [process] = processesOf(await collect(host({ ...files, ...processFiles(PID, threads) }, links)));
    expect(process).toMatchObject({
      descriptors: { looked: 4096, unread: expect.stringContaining('4096') as string },
      workers: { threads: 1024, more: 'threads that were not looked at' },
    });
  });
});

describe('memory of cgroups', () => {
  it('v2: its own, and those above that have a limit, each once', async () => {
    const spec = { processes: [NGINX, { ...NGINX, pid: 4712 }] };
    const slice = { '/sys/fs/cgroup/system.slice/memory.max': '67108864\n' };
    const fs = host({ ...processFiles(4712), ...slice });
    const { cgroups } = await collect(fs, { spec });
    expect(cgroups.items).toEqual([
      {
        cgroup: 'v2 /system.slice/nginx.service',
        'memory.max': 33554432,
        'memory.current': 33550336,
        'memory.events': { low: 0, high: 0, max: 4711, oom: 3, oom_kill: 0 },
        'memory.pressure': { some: { avg10: 9, avg60: 0, avg300: 0, total: 5 } },
      },
      expect.objectContaining({ cgroup: 'v2 /system.slice', 'memory.max': 67108864 }),
    ]);
    expect(fs.asked.filter((path) => path.endsWith('nginx.service/memory.max'))).toHaveLength(1);
    expect(fs.asked.filter((path) => path === '/proc/self/mountinfo')).toHaveLength(1);
  });

  it('v2: one above without a limit is left out, its own is not', async () => {
    const own = '/sys/fs/cgroup/system.slice/nginx.service/memory.max';
    const { cgroups } = await collect(host({ [own]: 'max\n' }));
    expect(cgroups.items).toEqual([
      expect.objectContaining({ cgroup: 'v2 /system.slice/nginx.service', 'memory.max': 'max' }),
    ]);
  });

  it('v2: one that a process is in is not only one above another', async () => {
    const spec = { processes: [NGINX, { ...NGINX, pid: 4712 }] };
    const { cgroups } = await collect(host(processFiles(4712, { cgroup: '0::/system.slice\n' })), { spec });
    const names = cgroups.items.map((level) => (level as { cgroup: string }).cgroup);
    expect(names).toEqual(['v2 /system.slice/nginx.service', 'v2 /system.slice']);
    const other = {
      processes: [
        { ...NGINX, pid: 4712 },
        { ...NGINX, counters: { sendfile: { failed: 1 } } },
      ],
    };
    const swapped = await collect(host(processFiles(4712, { cgroup: '0::/system.slice\n' })), { spec: other });
    expect(swapped.cgroups.items).toHaveLength(2);
  });

  const V1 = {
    '/proc/self/mountinfo': '35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n',
    ...processFiles(PID, { cgroup: '4:memory:/docker/abc\n1:name=systemd:/x\n0::/y\n' }),
    '/sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes': '33554432\n',
    '/sys/fs/cgroup/memory/docker/abc/memory.usage_in_bytes': '33000000\n',
    '/sys/fs/cgroup/memory/docker/abc/memory.failcnt': '99\n',
    '/sys/fs/cgroup/memory/docker/memory.limit_in_bytes': '9223372036854771712\n',
  };

  it('v1 and hybrid: limit and failures; the limit of nobody is no limit', async () => {
    const { cgroups } = await collect(host(V1));
    expect(cgroups.items).toEqual([
      {
        cgroup: 'v1 /docker/abc',
        'memory.limit_in_bytes': 33554432,
        'memory.usage_in_bytes': 33000000,
        'memory.failcnt': 99,
      },
    ]);
  });

  it('names of any bytes are found, and shown as text', async () => {
    const cgroup = Buffer.from('0::/b\xffd\x1b.slice\n', 'latin1');
    const files = { '/sys/fs/cgroup/b\xffd\x1b.slice/memory.max': '4096\n' };
    const evidence = await collect(host({ ...processFiles(PID, { cgroup }), ...files }));
    expect(evidence.cgroups.items).toEqual([
      expect.objectContaining({
        cgroup: 'v2 /b\ufffdd\\x1b.slice',
        'memory.max': 4096,
        'memory.events': unavailable(/^ENOENT: the memory controller/),
      }),
    ]);
  });

  it.each([
    ['outside of our namespace', '0::/../other\n', /no mount/],
    ['no hierarchy', '0:x:/\n', /memory controller is in no hierarchy/],
  ])('%s: said so', async (_, cgroup, reason) => {
    const evidence = await collect(host(processFiles(PID, { cgroup })));
    const said = JSON.stringify([evidence.cgroups, processesOf(evidence)[0]?.memoryCgroup]);
    expect(said).toMatch(reason);
  });

  it('mounts that cannot be read: said so', async () => {
    const { cgroups } = await collect(host({ '/proc/self/mountinfo': { errno: 'EIO' } }));
    expect(cgroups.items).toEqual([
      { cgroup: 'v2 /system.slice/nginx.service', unavailable: expect.stringMatching(/^EIO/) as string },
    ]);
  });
});

describe('files', () => {
  const cause = { mechanism: 'sendfile', refused: 'sink_append', process: 0, count: 7, culprit: FILE } as const;

  it('with the reason, and the descriptors that are open on them', async () => {
    const { files, links } = descriptors(PID, {
      3: ['/srv/big.iso', 'pos:\t4096\nflags:\t0102001\n'],
      4: ['/srv/other'],
      5: ['/srv/big.iso (deleted)', { errno: 'ENOENT' }],
    });
    const evidence = await collect(host(files, links), { spec: { processes: [NGINX], causes: [cause] } });
    expect(evidence.files).toEqual({
      items: [
        {
          pid: PID,
          comm: 'nginx',
          unit: 'nginx.service',
          cause: 'refused: sink_append',
          count: 7,
          type: 'file',
          filesystem: 'ext4',
          name: '/srv/big.iso',
          flags: ['O_APPEND'],
          open: [
            { fd: 3, path: '/srv/big.iso', flags: ['O_WRONLY', 'O_APPEND'], position: 4096 },
            { fd: 5, path: '/srv/big.iso (deleted)', unavailable: 'ENOENT: closed meanwhile' },
          ],
        },
      ],
      leftOut: 0,
    });
  });

  it('of the mechanism, and of retired processes of the workload too; the most frequent first', async () => {
    const named = (name: string): Culprit => ({ ...FILE, name });
    const retired = { unit: 'nginx.service', comm: 'nginx', process: null };
    const unexplained = { mechanism: 'sendfile', process: 0 } as const;
    const causes: CauseSpec[] = [
      { ...cause, count: 1, culprit: named('/few') },
      { ...unexplained, ...retired, count: 5, culprit: named('/retired'), copied: 'sink_regular_file' },
      { ...cause, ...retired, comm: 'cp', count: 100, culprit: named('/of-cp') },
      { ...cause, mechanism: 'splice', count: 100, culprit: named('/of-splice') },
      { ...unexplained, kind: 'enter_errno', code: 11, count: 100, culprit: named('/of-rings') },
      { ...cause, count: 100, culprit: null },
    ];
    const subject = { unit: 'nginx.service', comm: 'nginx' };
    const { files } = await collect(host(), { spec: { processes: [NGINX], causes }, subject });
    expect(files.items).toMatchObject([
      { name: '/retired', pid: null, cause: 'copied: sink_regular_file', open: unavailable(/not looked at/) },
      { name: '/few', pid: PID },
    ]);
    expect(files.items).toHaveLength(2);
  });

  it('of a process that has ended: the file is known, its descriptors are not', async () => {
    const { files } = await collect(new FakeProc({}), { spec: { processes: [NGINX], causes: [cause] } });
    expect(files.items).toMatchObject([{ name: '/srv/big.iso', open: unavailable(/^ended/) }]);
  });

  it('sockets and pipes cannot be told by their descriptors', async () => {
    const socket: Culprit = { type: 'socket', filesystem: 'sockfs', name: 'unix datagram', flags: ['O_NONBLOCK'] };
    const { links, files: infos } = descriptors(PID, { 3: ['socket:[5]'] });
    const { files } = await collect(host(infos, links), {
      spec: { processes: [NGINX], causes: [{ ...cause, culprit: socket }] },
    });
    expect(files.items).toMatchObject([{ flags: ['O_NONBLOCK'], open: unavailable(/do not tell/) }]);
  });

  it('32 at most, 8 descriptors of each', async () => {
    const causes = Array.from({ length: 40 }, (_, i) => ({
      ...cause,
      count: 100 - i,
      culprit: { ...FILE, name: `/f${String(i)}` },
    }));
    const { files, links } = descriptors(PID, Object.fromEntries(Array.from({ length: 12 }, (_, i) => [i, ['/f0']])));
    const evidence = await collect(host(files, links), { spec: { processes: [NGINX], causes } });
    expect(evidence.files.items).toHaveLength(32);
    expect(evidence.files.leftOut).toBe(8);
    expect((evidence.files.items[0] as { open: Json[] }).open).toHaveLength(8);
  });

  it.each<[string, Partial<Culprit>, string, boolean]>([
    ['the same path', {}, '/srv/big.iso', true],
    ['deleted', {}, '/srv/big.iso (deleted)', true],
    ['elsewhere', {}, '/mnt/srv/big.iso', false],
    ['a part of the path', { name: '…/a/b' }, '/x/y/a/b', true],
    ['a part of a name', { name: '…/a/b' }, '/x/y/aa/b', false],
    ['longer than the path', { name: '…/a/b' }, '/b', false],
    ['no name', { name: '' }, '/b', false],
    ['no path', { name: '…/b' }, 'pipe:[1]', false],
    ['a name that was cut', { name: `/${'x'.repeat(55)}` }, `/${'x'.repeat(80)}`, true],
    ['a name that was cut within a character', { name: `/${'x'.repeat(54)}\ufffd` }, `/${'x'.repeat(54)}ää`, true],
    ['a name that was not cut', { name: '/x' }, `/${'x'.repeat(80)}`, false],
    ['a character device', { type: 'character device', name: '/dev/zero' }, '/dev/zero', true],
    ['a socket with a name like a path', { type: 'socket', name: '/srv/big.iso' }, '/srv/big.iso', false],
  ])('%s', (_, culprit, link, same) => {
    expect(isSameFile({ ...FILE, ...culprit }, link)).toBe(same);
  });
});

describe('bounds', () => {
  it('a second for everything: what hangs says so, the rest is there', async () => {
    const spec = { processes: [NGINX, { ...NGINX, pid: 4712 }, { ...NGINX, pid: 4713 }] };
    const { files, links } = descriptors(PID, { 3: ['anon_inode:[io_uring]', null] });
    const fs = host(
      {
        ...files,
        ...processFiles(4712, { status: null }),
        ...processFiles(4713, { stat: null }),
        '/proc/pressure/memory': null,
        '/sys/fs/cgroup/system.slice/nginx.service/memory.events': null,
      },
      links,
    );
    const controller = new AbortController();
    const asked: number[] = [];
    const collecting = collect(fs, { spec, timeout: (ms) => (asked.push(ms), controller.signal) });
    let done = false;
    void collecting.then(() => (done = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(done).toBe(false);
    controller.abort();
    const evidence = await collecting;
    expect(asked).toEqual([1000]);
    expect(evidence).toMatchObject({ 'fs.aio-nr': 1536, memoryPressure: unavailable(/^ETIMEDOUT/) });
    expect(evidence.cgroups.items[0]).toMatchObject({
      'memory.max': 33554432,
      'memory.events': unavailable(/^ETIMEDOUT/),
    });
    const [first, second, third] = processesOf(evidence);
    expect(first).toMatchObject({
      SigQ: '2/96365',
      rings: { items: [{ fd: 3, ...(unavailable(/^ETIMEDOUT/) as object) }] },
    });
    expect(second).toMatchObject({ SigQ: unavailable(/^ETIMEDOUT/), rings: unavailable(/^ETIMEDOUT/) });
    expect(third).toMatchObject({ pid: 4713, ...(unavailable(/^ETIMEDOUT/) as object) });
    expect(fs.released).toBe(3);
  });

  it('rings that were found are read, even if the search for more comes to no end', async () => {
    const ring = 'anon_inode:[io_uring]';
    const { files, links } = descriptors(PID, { 2: [ring, null], 3: [ring, RING_FDINFO], 4: ['x'] });
    const controller = new AbortController();
    const fs = host(files, { ...links, [`/proc/${String(PID)}/fd/4`]: null });
    const collecting = collect(fs, { timeout: () => controller.signal });
    await new Promise((resolve) => setTimeout(resolve, 20));
    controller.abort();
    expect(processesOf(await collecting)[0]).toMatchObject({
      descriptors: { looked: 2, unread: expect.stringMatching(/^ETIMEDOUT/) as string },
      rings: {
        items: [
          { fd: 2, ...(unavailable(/^ETIMEDOUT/) as object) },
          { fd: 3, SqHead: 3 },
        ],
        leftOut: 0,
      },
    });
  });

  it('time that is over before it begins: nothing is asked', async () => {
    const fs = host();
    const evidence = await collect(fs, { timeout: () => AbortSignal.abort() });
    expect(fs.asked).toEqual([]);
    expect(evidence).toMatchObject({
      'fs.aio-nr': unavailable(/^ETIMEDOUT/),
      processes: { items: [unavailable(/^ETIMEDOUT/)] },
    });
  });

  it('names from others: valid Unicode, printable, bounded, whatever they are', async () => {
    const bad = `\x1b[31m\u202e\ud800${'ä'.repeat(3000)}`;
    const spec = {
      processes: [{ ...NGINX, comm: bad, unit: bad }],
      causes: [{ refused: 'sink_append' as const, process: 0, culprit: { ...FILE, filesystem: bad, name: `/${bad}` } }],
    };
    const { files, links } = descriptors(PID, { 3: [`/${bad}`] });
    const fs = host({ ...files, ...processFiles(PID, { cgroup: `0::/${bad}\n` }) }, links);
    const evidence = await collect(fs, {
      spec,
      subject: { unit: bad, comm: bad },
      versions: { agent: bad, kernel: bad },
    });
    expect(evidence.files.items).toMatchObject([{ open: [{ fd: 3 }] }]);
    const texts: string[] = [];
    JSON.stringify(evidence, (_, value: unknown) => {
      if (typeof value === 'string') texts.push(value);
      return value;
    });
    for (const text of texts) {
      expect(text.length).toBeLessThanOrEqual(512);
      expect(text.isWellFormed()).toBe(true);
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    }
  });

  it('64 KiB for everything, however much there is: SigQ of each process stays', async () => {
    const pids = Array.from({ length: 10 }, (_, i) => 4711 + i);
    const processes = pids.map((pid) => ({ ...NGINX, pid }));
    const files: Record<string, FakeFile> = {};
    const links: Record<string, FakeFile> = {};
    const name = `/${'n'.repeat(40)}/${'\u{4711}'.repeat(400)}`;
    const causes: CauseSpec[] = Array.from({ length: 32 }, (_, i) => ({
      refused: 'sink_append',
      process: i % 10,
      culprit: { ...FILE, name: i === 0 ? name : `${name}${String(i)}` },
    }));
    for (const pid of pids) {
      const rings = Array.from(
        { length: 16 },
        (_, i) => [100 + i, ['anon_inode:[io_uring]', RING_FDINFO]] as [number, [string, FakeFile]],
      );
      const same = Array.from({ length: 8 }, (_, i) => [i, [name, null]] as [number, [string, FakeFile]]);
      const all: [number, [string, FakeFile]][] = [...rings, ...same];
      const open = descriptors(pid, Object.fromEntries(all));
      Object.assign(files, processFiles(pid, { cgroup: `0::/${'c'.repeat(500)}/${String(pid)}/a/b\n` }), open.files);
      Object.assign(links, open.links);
    }
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 50);
    const evidence = await collect(host(files, links), {
      spec: { processes, causes },
      timeout: () => controller.signal,
    });
    const size = Buffer.byteLength(JSON.stringify(evidence));
    expect(size).toBeLessThanOrEqual(65536);
    // no more was cut than had to be
    expect(size).toBeGreaterThan(63_500);
    expect(processesOf(evidence).map(({ SigQ }) => SigQ)).toEqual(pids.map(() => '2/96365'));
    expect(evidence.files.items.length + evidence.files.leftOut).toBe(32);
    expect(evidence.files.leftOut).toBeGreaterThan(0);
  });
});

describe('fit', () => {
  const list = (items: Json[], leftOut = 0): Json => ({ items, leftOut });
  const size = (value: Json): number => Buffer.byteLength(JSON.stringify(value));

  it('changes nothing that fits, not even at the limit', () => {
    const value = { a: list([1, 2, 3]) };
    expect(fit(value, size(value))).toEqual(value);
  });

  it('cuts the largest list at its end, and counts', () => {
    const value = { a: list(['xxxxxxxxxx', 'yyyyyyyyyy', 'zzzzzzzzzz'], 2), b: list(['q']) };
    expect(fit(value, size(value) - 1)).toEqual({ a: list(['xxxxxxxxxx', 'yyyyyyyyyy'], 3), b: list(['q']) });
    expect(value.a).toEqual(list(['xxxxxxxxxx', 'yyyyyyyyyy', 'zzzzzzzzzz'], 2));
  });

  it('cuts inner lists before the ones around them', () => {
    const value = list([
      { SigQ: '1/2', rings: list(['r', 's']) },
      { SigQ: '3/4', rings: list(['t']) },
    ]);
    const bare = list([
      { SigQ: '1/2', rings: list([], 2) },
      { SigQ: '3/4', rings: list([], 1) },
    ]);
    expect(fit(value, size(bare))).toEqual(bare);
    expect(fit(value, size(bare) - 1)).toEqual(list([{ SigQ: '1/2', rings: list([], 2) }], 1));
    expect(fit(value, 30)).toEqual(list([], 2));
  });

  it('counts bytes, not characters', () => {
    const value = { a: list(['ä'.repeat(20), 'b']) };
    expect(fit(value, size(value) - 1)).toEqual({ a: list(['ä'.repeat(20)], 1) });
  });

  it('holds many lists of many items in little time', () => {
    const item = { path: 'p'.repeat(500) };
    const value = list(Array.from({ length: 10 }, () => ({ rings: list(Array.from({ length: 500 }, () => item)) })));
    const begun = performance.now();
    expect(size(fit(value, 65536))).toBeLessThanOrEqual(65536);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
