/** `spillway inspect` of a process that has one of everything, and of those that may not be looked into. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { expect, it, onTestFinished } from 'vitest';
import type { Json } from '../../src/alerts/incident.ts';
import type { InspectReport } from '../../src/inspect/report.ts';
import { until } from './support/kernel.ts';
import { run, SPILLWAY, startDaemon, temporaryDirectory } from './support/run.ts';

/** Nothing serves there. */
const NOBODY = '127.0.0.1:1';
const ATTEMPTS = 20;

/** Its argument: a directory of its own, on a disk. It begins to send when it is told to. */
const PROGRAM = `
import ctypes, fcntl, json, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
directory = sys.argv[1]
path = lambda name: directory + '/' + name
fds = {}
fds['append'] = os.open(path('append'), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
fds['direct'] = os.open(path('direct'), os.O_RDWR | os.O_CREAT | os.O_DIRECT)
fds['read'], fds['write'] = os.pipe2(os.O_NONBLOCK)
fds['memfd'] = os.memfd_create('secret', os.MFD_ALLOW_SEALING)
fds['eventfd'] = os.eventfd(0)
fds['proc'] = os.open('/proc/self/environ', os.O_RDONLY)
fds['null'] = os.open('/dev/null', os.O_RDWR)
fds['directory'] = os.open(directory, os.O_RDONLY)
parameters = (ctypes.c_uint32 * 30)()
fds['ring'] = libc.syscall(425, 8, parameters)
assert fds['ring'] > 0
fds['hostile'] = os.open(path('a\\x1b[2J\\nb'), os.O_WRONLY | os.O_CREAT)
os.ftruncate(fds['direct'], 12288)
os.chmod(path('direct'), 0o666)
shared = mmap.mmap(fds['direct'], 12288)
os.ftruncate(fds['memfd'], 4096)
memory = mmap.mmap(fds['memfd'], 4096)
fcntl.fcntl(fds['memfd'], 1033, 2 | 4)
fds['loose'] = os.memfd_create('loose', os.MFD_ALLOW_SEALING)
fds['plain'] = os.memfd_create('plain')
os.ftruncate(fds['loose'], 8192)
loose = mmap.mmap(fds['loose'], 8192)
print(json.dumps(fds), flush=True)
sys.stdin.readline()
target = os.open(path('target'), os.O_WRONLY | os.O_CREAT)
for _ in range(${String(ATTEMPTS)}):
    try:
        os.sendfile(target, fds['proc'], 0, 64)
    except OSError:
        os.write(target, os.pread(fds['proc'], 64, 0))
# nothing to submit; flags that do not exist; a ring without room
for flags in [0, 0, 0, 1 << 30, 1 << 30]:
    libc.syscall(426, fds['ring'], 0, 0, flags, None, 0)
libc.syscall(425, 0, parameters)
libc.syscall(425, 8, parameters)
print(json.dumps(fds), flush=True)
sys.stdin.readline()
`;

interface Busy {
  readonly pid: number;
  readonly fds: Readonly<Record<string, number>>;
  readonly directory: string;
  /** Has it send, and waits until it has. */
  readonly send: () => Promise<void>;
}

async function busy(): Promise<Busy> {
  const directory = temporaryDirectory('/var/tmp');
  const child: ChildProcess = spawn('python3', ['-c', PROGRAM, directory], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  if (child.stdout === null || child.stdin === null) throw new Error('no pipes');
  const { stdin } = child;
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async () => JSON.parse((await lines.next()).value as string) as Busy['fds'];
  return {
    pid: child.pid ?? 0,
    fds: await next(),
    directory,
    send: async () => {
      stdin.write('\n');
      await next();
    },
  };
}

async function inspect(pid: number, address: string): Promise<InspectReport> {
  const { code, stdout, stderr } = await run([SPILLWAY, 'inspect', String(pid), '-o', 'json', '-a', address]);
  expect({ code, told: stderr.includes('no agent answers') }).toEqual({ code: 0, told: address === NOBODY });
  return JSON.parse(stdout) as InspectReport;
}

it('each descriptor as it was opened, mapped files, and the rest without a daemon', async () => {
  const { pid, fds, directory } = await busy();
  const report = await inspect(pid, NOBODY);
  expect(report).toMatchObject({ schema: 'spillway.inspect/1', pid, comm: 'python3', attempts: null, unread: null });
  const of = (name: string) => report.descriptors.find(({ fd }) => fd === fds[name]);
  expect(of('append')).toMatchObject({ type: 'file', name: `${directory}/append`, flags: ['O_WRONLY', 'O_APPEND'] });
  expect(of('append')?.note).toMatch(/^O_APPEND/);
  expect(of('direct')).toMatchObject({ type: 'file', flags: ['O_RDWR', 'O_DIRECT'] });
  expect(of('read')).toMatchObject({ type: 'pipe', flags: ['O_RDONLY', 'O_NONBLOCK'], note: '' });
  expect(of('write')).toMatchObject({ type: 'pipe', flags: ['O_WRONLY', 'O_NONBLOCK'], name: of('read')?.name });
  expect(of('memfd')).toMatchObject({
    type: 'memfd',
    name: '/memfd:secret (deleted)',
    filesystem: '',
    seals: ['F_SEAL_SHRINK', 'F_SEAL_GROW'],
    note: 'memfd with F_SEAL_SHRINK, F_SEAL_GROW: safe, nobody can truncate it',
  });
  expect(of('loose')).toMatchObject({
    type: 'memfd',
    seals: [],
    note: expect.stringMatching(/^memfd without F_SEAL_SHRINK/) as string,
  });
  expect(of('plain')).toMatchObject({ type: 'memfd', seals: ['F_SEAL_SEAL'] });
  expect(of('append')?.seals).toBeNull();
  expect(of('eventfd')).toMatchObject({ type: 'other', name: 'anon_inode:[eventfd]' });
  expect(of('proc')).toMatchObject({ type: 'file', filesystem: 'proc', flags: ['O_RDONLY'] });
  expect(of('null')).toMatchObject({ type: 'char device', name: '/dev/null' });
  expect(of('directory')).toMatchObject({ type: 'directory', name: directory });
  expect(of('ring')).toMatchObject({ type: 'io_uring', ring: { SqMask: 7, SqHead: 0, SqTail: 0, CqMask: 15 } });
  expect(of('hostile')?.name).toBe(`${directory}/a\u001b[2J\nb`);

  const mapped = report.mappings as unknown as readonly Record<string, Json>[];
  expect(mapped).toContainEqual({
    name: `${directory}/direct`,
    deleted: false,
    shared: true,
    bytes: 12288,
    owner: { mode: 0o666, uid: 0 },
    seals: null,
  });
  expect(mapped).toContainEqual(
    expect.objectContaining({
      name: '/memfd:secret',
      deleted: true,
      bytes: 4096,
      seals: ['F_SEAL_SHRINK', 'F_SEAL_GROW'],
    }),
  );
  expect(mapped).toContainEqual(
    expect.objectContaining({ name: '/memfd:loose', deleted: true, bytes: 8192, seals: [] }),
  );
  expect(mapped.filter(({ name }) => typeof name !== 'string' || name.includes('libc.so'))).toEqual([]);
  expect(report.verdict.map(({ text }) => text).join('\n')).toMatch(
    // `direct` and `loose`, not `secret`
    /^2 mapped files may be truncated by others than root/m,
  );
});

it('what it attempted, that it fell back, because of which file, and that in 80 columns', async () => {
  const daemon = await startDaemon(['--confirm', 'always']);
  const address = new URL(daemon.url).host;
  const { pid, fds, send } = await busy();
  expect((await inspect(pid, address)).verdict[0]?.text).toBe('makes no zero-copy attempts since the daemon started');
  await send();
  await until(async () => (await inspect(pid, address)).attempts?.fallbacks === ATTEMPTS);

  const { attempts, verdict } = await inspect(pid, address);
  expect(attempts).toMatchObject({
    fallen: ['sendfile'],
    mechanisms: [
      {
        mechanism: 'sendfile',
        attempts: ATTEMPTS,
        refused: ATTEMPTS,
        copied: 0,
        denied: 0,
        errnos: { EINVAL: ATTEMPTS },
        reasons: [
          {
            outcome: 'refused',
            reason: 'source_cannot_splice',
            count: ATTEMPTS,
            culprit: { type: 'file', filesystem: 'proc' },
            fds: [fds.proc],
          },
        ],
      },
    ],
  });
  expect(attempts?.rings).toEqual({
    setups: { ok: 2, errnos: { EINVAL: 1 } },
    enters: { calls: 5, submitted: 0, errnos: { EINVAL: 2 } },
    queuedAsync: 0,
    asyncWork: {},
    cqOverflows: 0,
  });
  expect(verdict[0]?.text).toBe('sendfile fell back to read/write 20 of 20 times');
  expect(verdict[1]?.text).toMatch(/^sendfile was refused 20 of 20 times: source_cannot_splice, because of \/proc\//);

  const { code, stdout, stderr } = await run([SPILLWAY, 'inspect', String(pid), '-a', address]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  expect(stdout).toContain('sendfile fell back to read/write 20 of 20 times\n');
  expect(stdout).toContain('  EINVAL 20\n');
  expect(stdout).toContain('2 rings set up (failed: EINVAL 1), 5 enters (failed: EINVAL 2), 0\n');
  expect(stdout).toContain('\\x1b[2J\\x0ab');
  for (const line of stdout.split('\n')) expect(line.length).toBeLessThanOrEqual(80);
});

it('a process that is not there, one of its threads, and one that may not be looked into', async () => {
  const gone = await run([SPILLWAY, 'inspect', '99999999', '-a', NOBODY]);
  expect(gone).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('no process 99999999') as string });
  const usage = await run([SPILLWAY, 'inspect', 'nginx']);
  expect(usage.code).toBe(2);
  // of ours
  const thread = readdirSync('/proc/self/task').find((id) => Number(id) !== process.pid) ?? '';
  const ofThread = await run([SPILLWAY, 'inspect', thread, '-a', NOBODY]);
  expect(ofThread.code).toBe(1);
  expect(ofThread.stderr).toContain(`${thread} is a thread of process ${String(process.pid)}`);
  const { pid } = await busy();
  const unprivileged = ['setpriv', '--reuid=54321', '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'];
  const denied = await run([...unprivileged, SPILLWAY, 'inspect', String(pid), '-a', NOBODY]);
  expect(denied).toMatchObject({ code: 77, stdout: '', stderr: expect.stringContaining('CAP_SYS_PTRACE') as string });
});
