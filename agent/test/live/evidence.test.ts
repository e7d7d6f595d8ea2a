/** Evidence of real processes on the real kernel, against what they and other tools read for themselves. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, rmdirSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, it, onTestFinished } from 'vitest';
import { collectEvidence, type Evidence } from '../../src/alerts/evidence.ts';
import type { Involving } from '../../src/alerts/involved.ts';
import { EvidenceStore } from '../../src/alerts/evidence-store.ts';
import type { Json } from '../../src/alerts/incident.ts';
import { NodeProcFs } from '../../src/alerts/proc.ts';
import { startKernel } from '../../src/cli/context.ts';
import { DEFAULT_OPTIONS } from '../../src/kernel/options.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type ProcessSpec, snapshotOf } from '../support/snapshots.ts';
import { expectNothingLeft } from './support/kernel.ts';
import { ROOT, run, temporaryDirectory } from './support/run.ts';

afterEach(expectNothingLeft);

/** A user of its own: nobody else's signals count in its SigQ. */
const USER = 54321;

/** What the programs below share: a ring, as the kernel lays it out in memory. */
const RING = `
import ctypes, fcntl, json, mmap, os, resource, signal, socket, struct, sys
libc = ctypes.CDLL(None, use_errno=True)
libc.mmap.restype = ctypes.c_void_p
libc.mmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]

def syscall(*arguments):
    result = libc.syscall(*(ctypes.c_long(argument) for argument in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result

class Ring:
    def __init__(self, entries, flags=0, cq_entries=0):
        parameters = (ctypes.c_uint32 * 30)(0, cq_entries, flags, 0, 600_000)
        self.fd = syscall(425, entries, ctypes.addressof(parameters))
        self.sq, self.cq = parameters[10:17], parameters[20:26]
        size = max(self.sq[6] + parameters[0] * 4, self.cq[5] + parameters[1] * 16)
        self.memory = libc.mmap(None, size, 3, 1, self.fd, 0)
        self.entries = libc.mmap(None, parameters[0] * 64, 3, 1, self.fd, 0x10000000)
    def word(self, offset):
        return ctypes.c_uint32.from_address(self.memory + offset)
    def queue(self, opcode=0, flags=0, out=-1, source=0):
        tail = self.word(self.sq[1])
        at = tail.value & self.word(self.sq[2]).value
        entry = struct.pack('<BBHiqqIIQHHi16x', opcode, flags, 0, out, -1, -1, 1, 0, 7, 0, 0, source)
        ctypes.memmove(self.entries + at * 64, entry, 64)
        self.word(self.sq[6] + at * 4).value = at
        tail.value += 1
    def enter(self, count):
        return syscall(426, self.fd, count, 0, 0, 0, 0)
    def state(self):
        names = ['SqHead', 'SqTail', 'SqMask'], ['CqHead', 'CqTail', 'CqMask']
        offsets = zip(names[0] + names[1], self.sq[:3] + self.cq[:3])
        return {'fd': self.fd, **{name: self.word(offset).value for name, offset in offsets}}

def tell(**facts):
    print(json.dumps(facts), flush=True)
    sys.stdin.readline()
`;

/** Everything that evidence is about, in one process. Its arguments: a directory of its own. */
const BUSY = `${RING}
directory = sys.argv[1]
sys.stdin.readline()
# page cache beyond the limit of the cgroup
with open(directory + '/cache', 'wb') as file:
    for _ in range(48):
        file.write(bytes(1 << 20))
log = os.open(directory + '/log', os.O_WRONLY | os.O_CREAT | os.O_APPEND)
source = os.open('/bin/sh', os.O_RDONLY)
os.setuid(${String(USER)})
aio = ctypes.c_ulong(0)
syscall(206 if os.uname().machine == 'x86_64' else 0, 100, ctypes.addressof(aio))
resource.setrlimit(resource.RLIMIT_MEMLOCK, (1 << 20, 2 << 20))
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGRTMIN])
for _ in range(3):
    os.kill(os.getpid(), signal.SIGRTMIN)
locked = libc.mmap(None, 65536, 3, 0x22, -1, 0)
assert libc.mlock(ctypes.c_void_p(locked), 65536) == 0
# three completions, one of them taken; two requests that nobody has submitted
plain = Ring(8)
for _ in range(3):
    plain.queue()
plain.enter(3)
plain.word(plain.cq[0]).value = 1
plain.queue()
plain.queue()
buffer = (ctypes.c_ulong * 2)(libc.mmap(None, 131072, 3, 0x22, -1, 0), 131072)
syscall(427, plain.fd, 0, ctypes.addressof(buffer), 1)
# seven completions in a queue for four
small = Ring(2, 1 << 3, 4)
for _ in range(7):
    small.queue()
    small.enter(1)
poller = Ring(2, 1 << 1)
# a worker that waits for ever: from an empty pipe to another
waiting = Ring(2)
empty, other = os.pipe(), os.pipe()
waiting.queue(30, 0, other[1], empty[0])
waiting.enter(1)
try:
    os.sendfile(log, source, 0, 4096)
except OSError:
    os.write(log, os.read(source, 4096))
tell(rings=[ring.state() for ring in (plain, small, poller, waiting)], sigpending=resource.getrlimit(resource.RLIMIT_SIGPENDING)[0],
     log=log, append=bool(fcntl.fcntl(log, fcntl.F_GETFL) & os.O_APPEND))
`;

interface Facts {
  readonly rings: readonly { readonly fd: number }[];
  readonly sigpending: number;
  readonly log: number;
  readonly append: boolean;
}

/** A program in Python that waits on its standard input; what it says is a line of JSON. */
function python(source: string, args: readonly string[] = []): ChildProcess {
  const child = spawn('python3', ['-c', source, ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return child;
}

async function nextLine<T>(child: ChildProcess): Promise<T> {
  if (child.stdout === null) throw new Error('no output');
  for await (const line of createInterface({ input: child.stdout })) return JSON.parse(line) as T;
  throw new Error('it ended without a word');
}

const read = (path: string): string => readFileSync(path, 'latin1');
const startTicks = (pid: number): number =>
  Number(
    read(`/proc/${String(pid)}/stat`)
      .replace(/^.*\) /s, '')
      .split(' ')[19],
  );

/** A snapshot that knows these processes and nothing else. */
function snapshotWith(pids: readonly number[]): Snapshot {
  const processes: ProcessSpec[] = pids.map((pid) => ({ pid, comm: 'python3', counters: { enters: 1 } }));
  const snapshot = snapshotOf({ processes });
  snapshot.processes.startTimes.set(pids.map((pid) => startTicks(pid) * 1e7 + 9_999_999));
  return snapshot;
}

const collect = (snapshot: Snapshot, mechanism: Involving = 'io_uring_enter'): Promise<Evidence> =>
  collectEvidence({
    subject: null,
    mechanism,
    snapshot,
    now: Date.now(),
    fs: new NodeProcFs(),
    versions: { agent: '0', kernel: '0' },
    timeout: (ms) => AbortSignal.timeout(ms),
  });

type Entry = Record<string, Json>;
const processOf = (evidence: Evidence, pid: number): Entry | undefined =>
  (evidence.processes.items as unknown as Entry[]).find((process) => process.pid === pid);

interface MemoryCgroup {
  readonly directory: string;
  readonly name: string;
}

/** A cgroup of 32 MiB in the hierarchy that has the memory controller on this host. */
function memoryCgroup(): MemoryCgroup {
  const name = 'spillway-evidence';
  const mounts = execFileSync('findmnt', ['-rno', 'TARGET,FSTYPE,OPTIONS', '-t', 'cgroup,cgroup2'], {
    encoding: 'utf8',
  });
  const targetOf = (line: RegExp) => line.exec(mounts)?.[1];
  const v1 = targetOf(/^(\S+) cgroup \S*\bmemory\b/m);
  const v2 = targetOf(/^(\S+) cgroup2 /m);
  const root = v1 ?? v2 ?? '';
  if (v1 === undefined) writeFileSync(join(root, 'cgroup.subtree_control'), '+memory');
  const directory = join(root, name);
  mkdirSync(directory);
  onTestFinished(() => rmdirSync(directory));
  writeFileSync(join(directory, v1 === undefined ? 'memory.max' : 'memory.limit_in_bytes'), String(32 << 20));
  return { directory, name: `${v1 === undefined ? 'v2' : 'v1'} /${name}` };
}

/** What a program says, and what the kernel has counted of it since. */
async function watched(child: ChildProcess): Promise<{ facts: Facts; snapshot: Snapshot }> {
  const kernel = startKernel({ ...DEFAULT_OPTIONS, trackedOnly: true, confirm: 'always' });
  try {
    kernel.mark(child.pid ?? 0, ['TRACKED']);
    child.stdin?.write('\n');
    return { facts: await nextLine<Facts>(child), snapshot: kernel.snapshot() };
  } finally {
    kernel.close();
  }
}

it('is what the process, its rings and its cgroup say themselves', async () => {
  const aioBefore = Number(read('/proc/sys/fs/aio-nr'));
  const cgroup = memoryCgroup();
  const directory = temporaryDirectory('/var/tmp');
  const child = python(BUSY, [directory]);
  const { pid = 0 } = child;
  writeFileSync(join(cgroup.directory, 'cgroup.procs'), String(pid));
  const { facts, snapshot } = await watched(child);

  const evidence = await collect(snapshot);
  expect(evidence).toMatchObject({
    'fs.aio-nr': aioBefore + 100,
    'fs.aio-max-nr': Number(read('/proc/sys/fs/aio-max-nr')),
    'fs.pipe-user-pages-soft': Number(read('/proc/sys/fs/pipe-user-pages-soft')),
    processes: { leftOut: 0 },
  });
  expect(evidence.processes.items).toHaveLength(1);
  const process = processOf(evidence, pid);
  expect(process).toMatchObject({
    comm: 'python3',
    SigQ: `3/${String(facts.sigpending)}`,
    VmLck: '64 kB',
    VmPin: '128 kB',
    limits: {
      'Max locked memory': { soft: 1 << 20, hard: 2 << 20 },
      'Max pending signals': { soft: facts.sigpending },
    },
    descriptors: { looked: readdirSync(`/proc/${String(pid)}/fd`).length, unread: null },
    rings: {
      items: facts.rings.map((ring, i) => ({ ...ring, CqOverflowList: i === 1 ? 3 : 0, UserBufs: i === 0 ? 1 : 0 })),
      leftOut: 0,
    },
    memoryCgroup: cgroup.name,
  });
  // what the program did, so that its reading of the rings is one
  expect(facts.rings).toMatchObject([
    { SqHead: 3, SqTail: 5, SqMask: 7, CqHead: 1, CqTail: 3 },
    { CqHead: 0, CqTail: 4, CqMask: 3 },
    {},
    { SqHead: 1, CqTail: 0 },
  ]);

  const threads = execFileSync('ps', ['-L', '-o', 'comm=', '-p', String(pid)], { encoding: 'utf8' })
    .trim()
    .split('\n');
  const named = (start: string) => threads.filter((name) => name.startsWith(start)).length;
  expect(process?.workers).toEqual({ 'iou-wrk': named('iou-wrk'), 'iou-sqp': 1, threads: threads.length });
  expect(named('iou-wrk')).toBeGreaterThan(0);

  const [memory] = evidence.cgroups.items as unknown as Entry[];
  const inCgroup = (file: string) => read(join(cgroup.directory, file)).trim();
  if (cgroup.name.startsWith('v1')) {
    expect(memory).toMatchObject({
      'memory.limit_in_bytes': 32 << 20,
      'memory.failcnt': Number(inCgroup('memory.failcnt')),
    });
    expect(memory?.['memory.failcnt']).toBeGreaterThan(0);
  } else {
    const max = Number(/^max (\d+)$/m.exec(inCgroup('memory.events'))?.[1]);
    expect(memory).toMatchObject({ 'memory.max': 32 << 20, 'memory.events': { max } });
    expect(max).toBeGreaterThan(0);
  }

  // the start times are the kernel's own: had they not fit, the process would be said to be another
  const files = await collect(snapshot, 'sendfile');
  expect(processOf(files, pid)).toMatchObject({ attempts: 1, errnos: { EINVAL: 1 } });
  expect(facts.append).toBe(true);
  expect(files.files.items).toMatchObject([
    {
      pid,
      cause: 'refused: sink_append',
      count: 1,
      type: 'file',
      flags: ['O_APPEND'],
      name: expect.stringContaining('/log') as string,
      open: [{ fd: facts.log, path: join(directory, 'log'), flags: ['O_WRONLY', 'O_APPEND'], position: 4096 }],
    },
  ]);

  const file = await new EvidenceStore(join(directory, 'evidence')).save('spillway:Test:x', Date.now(), files);
  expect(JSON.parse(read(file))).toEqual(files);
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(readdirSync(join(directory, 'evidence'))).toEqual([basename(file)]);
});

it('of a process that has ended is that it has ended', async () => {
  const child = python(`${RING}\ntell()`);
  await nextLine(child);
  const { pid = 0 } = child;
  const snapshot = snapshotWith([pid]);
  expect(processOf(await collect(snapshot), pid)).toMatchObject({ State: 'S (sleeping)' });
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect(processOf(await collect(snapshot), pid)?.gone).toMatch(/^ended/);
});

/** Two processes with one pid, one after the other: clone3 takes the pid that it is told. */
const REUSE = `${RING}
def fork_as(pid):
    wanted = ctypes.c_int(pid)
    # of struct clone_args: exit_signal, set_tid, set_tid_size
    arguments = (ctypes.c_uint64 * 11)(0, 0, 0, 0, signal.SIGCHLD, 0, 0, 0, ctypes.addressof(wanted), 1, 0)
    return syscall(435, ctypes.addressof(arguments), ctypes.sizeof(arguments))
pid = os.fork()
if pid == 0:
    signal.pause()
tell(pid=pid)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
if fork_as(pid) == 0:
    signal.pause()
tell(pid=pid)
os.kill(pid, signal.SIGKILL)
os.waitpid(pid, 0)
tell()
`;

it('is never that of another process with the same pid, not even when it takes it while files are read', async () => {
  const parent = python(REUSE);
  if (parent.stdout === null) throw new Error('no output');
  const lines = createInterface({ input: parent.stdout })[Symbol.asyncIterator]();
  const go = () => {
    parent.stdin?.write('\n');
    return lines.next();
  };
  const { pid } = JSON.parse(String((await lines.next()).value)) as { pid: number };
  const snapshot = snapshotWith([pid]);
  const fs = new NodeProcFs();
  const { signal } = new AbortController();
  const pinned = await fs.pin(pid, signal);
  expect((await fs.read(`${pinned.path}/status`, 65536, signal)).toString()).toContain(`\nPid:\t${String(pid)}\n`);
  // a tick, so that they do not begin in the same one
  await new Promise((resolve) => setTimeout(resolve, 30));
  await go();
  expect(read(`/proc/${String(pid)}/status`)).toContain(`\nPid:\t${String(pid)}\n`);
  await expect(fs.read(`${pinned.path}/status`, 65536, signal)).rejects.toMatchObject({
    code: expect.stringMatching(/^(ENOENT|ESRCH)$/) as string,
  });
  await pinned.release();
  expect(processOf(await collect(snapshot), pid)).toMatchObject({
    gone: 'ended: its pid belongs to another process now',
  });
  await go();
});

it('says what it takes where it may not look', async () => {
  const child = python(`${RING}\nos.setuid(${String(USER)})\nring = Ring(2)\ntell()`);
  await nextLine(child);
  const { pid = 0 } = child;
  const source = (name: string) => JSON.stringify(join(ROOT, 'agent', name));
  const script = `
    import { collectEvidence } from ${source('src/alerts/evidence.ts')};
    import { NodeProcFs } from ${source('src/alerts/proc.ts')};
    import { snapshotOf } from ${source('test/support/snapshots.ts')};
    const snapshot = snapshotOf({ processes: [{ pid: ${String(pid)}, comm: 'python3', counters: { enters: 1 } }] });
    snapshot.processes.startTimes[0] = ${String(startTicks(pid) * 1e7)};
    const evidence = await collectEvidence({ subject: null, mechanism: 'io_uring_enter', snapshot, now: 0, fs: new NodeProcFs(),
      versions: { agent: '', kernel: '' }, timeout: (ms) => AbortSignal.timeout(ms) });
    process.stdout.write(JSON.stringify(evidence));`;
  const node = [process.execPath, '--input-type=module', '-e', script];
  const { stdout, stderr } = await run(['setpriv', '--bounding-set=-all', '--inh-caps=-all', ...node]);
  expect(stderr).toBe('');
  expect(processOf(JSON.parse(stdout) as Evidence, pid)).toMatchObject({
    SigQ: expect.stringMatching(/^\d+\/\d+$/) as string,
    limits: { 'Max locked memory': { soft: expect.any(Number) as number } },
    descriptors: { unavailable: expect.stringMatching(/^EACCES: needs CAP_SYS_PTRACE/) as string },
    rings: { unavailable: expect.stringMatching(/^EACCES/) as string },
  });
  // and with them there is one
  expect(processOf(await collect(snapshotWith([pid])), pid)).toMatchObject({ rings: { items: [{ SqMask: 1 }] } });
});

it('of ten processes with thousands of descriptors each keeps its time and its size, and SigQ of each', async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on('warning', onWarning);
  onTestFinished(() => void process.off('warning', onWarning));
  const source = `${RING}
resource.setrlimit(resource.RLIMIT_NOFILE, (5000, 5000))
rings = [Ring(2) for _ in range(20)]
copies = [os.dup(0) for _ in range(4500)]
tell()`;
  const children = Array.from({ length: 10 }, () => python(source));
  await Promise.all(children.map((child) => nextLine(child)));
  const pids = children.map(({ pid = 0 }) => pid);
  const snapshot = snapshotWith(pids);
  const begun = performance.now();
  const evidence = await collect(snapshot);
  expect(performance.now() - begun).toBeLessThan(1500);
  expect(Buffer.byteLength(JSON.stringify(evidence))).toBeLessThanOrEqual(65536);
  for (const pid of pids) {
    expect(processOf(evidence, pid)).toMatchObject({
      SigQ: expect.stringMatching(/^\d+\/\d+$/) as string,
      limits: { 'Max open files': { soft: 5000, hard: 5000 } },
      descriptors: { unread: expect.any(String) as string },
      rings: { leftOut: expect.any(Number) as number },
    });
  }
  expect(warnings).toEqual([]);
});
