/** What the host takes away from a running agent, and gives back or does not. */
import { execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import { Agent, get, type IncomingMessage } from 'node:http';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import { until } from './support/kernel.ts';
import { attemptsOf, configuration, named, pinsOfTest, startPinned } from './support/pinned.ts';
import { type Daemon, program, run, scrape, SPILLWAY, sumOf, temporaryDirectory } from './support/run.ts';

let port = 21_500;

/** Is refused by sendfile, gives the agent time to attach its probe, and copies by itself. */
const REFUSED_THEN_READ = `
import os, socket, time
a, b = socket.socketpair()
f = os.open('/proc/self/status', os.O_RDONLY)
try: os.sendfile(a.fileno(), f, None, 100)
except OSError: time.sleep(0.3)
a.send(os.read(f, 100))
`;

/** Starts `spillway run --persist` behind the words `before`, which exec it; the log goes to `log` if there is one. */
async function startBehind(
  before: readonly string[],
  {
    flags = [],
    env = {},
    log = 'pipe',
    config = configuration(),
  }: { flags?: readonly string[]; env?: NodeJS.ProcessEnv; log?: number | 'pipe'; config?: string } = {},
): Promise<Daemon> {
  const address = `127.0.0.1:${String(port++)}`;
  const args = ['run', '--config', config, '--web.listen-address', address, ...flags];
  const [command = '', ...rest] = [...before, SPILLWAY, ...args];
  const child = spawn(command, rest, { stdio: ['ignore', 'ignore', log], env: { ...process.env, ...env } });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve));
  const stop = (signal: NodeJS.Signals = 'SIGTERM') => {
    child.kill(signal);
    return exited;
  };
  onTestFinished(async () => {
    await stop('SIGKILL');
  });
  const url = `http://${address}`;
  await until(async () => {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error(`the agent has ended: ${stderr}`);
    return (await fetch(`${url}/-/ready`).catch(() => null))?.status === 200;
  });
  return { url, child, stderr: () => stderr, stop };
}

/** A process in the mount namespace of an agent, by which it can be entered when the agent is gone. */
async function keepNamespace(daemon: Daemon): Promise<string> {
  const keeper = spawn('nsenter', ['--target', pidOf(daemon), '--mount', 'sleep', '60'], { stdio: 'ignore' });
  onTestFinished(() => void keeper.kill('SIGKILL'));
  const namespace = (pid: string) => readlinkSync(`/proc/${pid}/ns/mnt`);
  const pid = String(keeper.pid);
  await until(() => namespace(pid) === namespace(pidOf(daemon)));
  return pid;
}

const busyFor = (path: string, count: number) => run([path, '60', '--count', String(count)]);
const pidOf = ({ child }: Daemon) => String(child.pid);
const confirmed = async (daemon: Daemon, comm: string): Promise<number> =>
  sumOf(await scrape(daemon), 'workload_fallbacks_total', `comm="${comm}"`, 'evidence="confirmed"');

it('a log on a full disk: the agent goes on, and says what is missing when there is room', async () => {
  const directory = temporaryDirectory();
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'none', directory]);
  onTestFinished(() => void execFileSync('umount', ['--lazy', directory]));
  const log = join(directory, 'log');
  const config = configuration();
  const reload = (flows: number) => {
    appendFileSync(config, `# ${String(flows)}\n`);
    return fetch(`${daemon.url}/-/reload`, { method: 'POST' });
  };
  const daemon = await startBehind([], { log: openSync(log, 'a'), config });
  await run(['dd', 'if=/dev/zero', `of=${join(directory, 'rest')}`, 'bs=4k']);
  // what is left of the last page of the log
  appendFileSync(log, Buffer.alloc(4096 - (readFileSync(log).length % 4096), '\n'));
  const busy = named('busy');
  await reload(1);
  writeFileSync(config, 'nonsense: 1\n');
  await reload(2);
  await busyFor(busy.path, 100);
  expect(await attemptsOf(daemon, busy.comm)).toBe(100);
  expect(readFileSync(log, 'utf8')).not.toContain('reload');
  rmSync(join(directory, 'rest'));
  writeFileSync(config, 'confirm: never\n');
  await reload(3);
  await until(() => readFileSync(log, 'utf8').includes('reload'));
  expect(readFileSync(log, 'utf8')).toContain('2 messages could not be written here');
  expect(daemon.child.exitCode).toBeNull();
});

it('out of descriptors: collection goes on, and all is served again when there are some', async () => {
  const daemon = await startBehind([]);
  const busy = named('busy');
  await busyFor(busy.path, 10);
  expect(await attemptsOf(daemon, busy.comm)).toBe(10);
  // as Prometheus asks: on one connection, which it keeps
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const asked = async (path: string) => {
    const [response] = (await once(get(`${daemon.url}${path}`, { agent }), 'response')) as [IncomingMessage];
    return { status: response.statusCode, text: Buffer.concat(await response.toArray()).toString() };
  };
  expect((await asked('/metrics')).text).toMatch(/^process_resident_memory_bytes \d+$/m);
  execFileSync('prlimit', ['--pid', pidOf(daemon), '--nofile=8:']);
  const { status, text } = await asked('/metrics');
  expect(status).toBe(200);
  // all but what stands in files of /proc
  expect(text).toMatch(/^spillway_collection_success 1$/m);
  expect(text).toMatch(/^process_cpu_seconds_total \d/m);
  expect(text).toMatch(/^spillway_process_read_errors_total [1-9]/m);
  expect(text).not.toMatch(/^process_(?:resident_memory_bytes|open_fds|max_fds) /m);
  expect(text).toContain(`comm="${busy.comm}"`);
  for (const path of ['/', '/api/v1/snapshot', '/api/v1/alerts']) expect((await asked(path)).status).toBe(200);
  // others wait
  const anew = get(`${daemon.url}/-/healthy`, { agent: false, signal: AbortSignal.timeout(1000) });
  await expect(once(anew, 'response')).rejects.toThrow();
  await busyFor(busy.path, 1000);
  await run([program('sequence'), 'sendfile', '--dir', temporaryDirectory()]);
  // the agent tries four times a second to see what became of refusals, and says it once
  await sleep(1500);
  expect(daemon.child.exitCode).toBeNull();
  const complaints = daemon
    .stderr()
    .split('\n')
    .filter((line) => line.includes('EMFILE'));
  expect(complaints.length).toBeGreaterThan(0);
  expect(complaints.length).toBeLessThan(5);
  execFileSync('prlimit', ['--pid', pidOf(daemon), '--nofile=1024:']);
  await until(
    async () =>
      (await fetch(`${daemon.url}/-/ready`, { signal: AbortSignal.timeout(1000) }).catch(() => null))?.ok === true,
  );
  expect(await attemptsOf(daemon, busy.comm)).toBe(1010);
});

it('out of memory: the kernel kills the agent, the next one goes on exactly', async () => {
  const group = `/sys/fs/cgroup/memory/spillway-test-${String(process.pid)}`;
  mkdirSync(group);
  onTestFinished(async () => {
    await until(() => {
      try {
        rmdirSync(group);
      } catch {
        return !existsSync(group);
      }
      return true;
    });
  });
  const pins = pinsOfTest();
  const busy = named('busy');
  const first = await startBehind(['sh', '-c', `echo $$ > ${group}/cgroup.procs; exec "$0" "$@"`], {
    flags: ['--persist'],
    env: { SPILLWAY_PINS: pins },
  });
  const load = busyFor(busy.path, 300_000);
  const usage = Number(readFileSync(`${group}/memory.usage_in_bytes`, 'utf8'));
  writeFileSync(`${group}/memory.limit_in_bytes`, String(usage + 2 ** 20));
  const killed = new Promise((resolve) => first.child.once('exit', (_, signal) => resolve(signal)));
  const ended = () => first.child.signalCode !== null;
  while (!ended())
    await fetch(`${first.url}/metrics`)
      .then((answer) => answer.text())
      .catch(() => null);
  expect(await killed).toBe('SIGKILL');
  expect(readFileSync(`${group}/memory.oom_control`, 'utf8')).toMatch(/^oom_kill 1$/m);
  await load;
  const second = await startPinned(pins);
  expect(second.stderr()).toContain('going on with the counts and probes');
  expect(await attemptsOf(second, busy.comm)).toBe(300_000);
});

it('tracefs unmounted while it runs: nothing changes, and the next agent goes on without it', async () => {
  const pins = pinsOfTest();
  const busy = named('busy');
  const first = await startBehind(['unshare', '--mount'], { flags: ['--persist'], env: { SPILLWAY_PINS: pins } });
  const inside = ['nsenter', '--target', pidOf(first), '--mount'];
  // debugfs first: it mounts tracefs again when somebody looks there
  const umount =
    'for i in 1 2 3; do umount -l /sys/kernel/debug/tracing /sys/kernel/debug /sys/kernel/tracing; done 2>/dev/null';
  await run([...inside, 'sh', '-c', umount]);
  for (const place of ['/sys/kernel/tracing/events', '/sys/kernel/debug/tracing/events']) {
    expect(await run([...inside, 'test', '-e', place])).toMatchObject({ code: 1 });
  }
  await busyFor(busy.path, 1000);
  expect(await attemptsOf(first, busy.comm)).toBe(1000);
  const keeper = await keepNamespace(first);
  await first.stop('SIGKILL');
  await busyFor(busy.path, 100);
  const second = await startBehind(['nsenter', '--target', keeper, '--mount'], {
    flags: ['--persist'],
    env: { SPILLWAY_PINS: pins },
  });
  expect(second.stderr()).toContain('going on with the counts and probes');
  expect(await attemptsOf(second, busy.comm)).toBe(1100);
});

it.each([
  { what: 'bpffs unmounted', take: 'umount -l /sys/fs/bpf' },
  { what: 'pins deleted', take: 'rm -r /sys/fs/bpf/spillway' },
])('$what while it runs: it counts and watches on; the next one begins anew and counts too', async ({ take }) => {
  const busy = named('busy');
  const first = await startBehind(
    ['unshare', '--mount', 'sh', '-c', 'umount -l /sys/fs/bpf; mount -t bpf bpf /sys/fs/bpf; exec "$0" "$@"'],
    {
      flags: ['--persist'],
    },
  );
  expect(first.stderr()).toContain('counts are kept in the kernel');
  await busyFor(busy.path, 100);
  const inside = ['nsenter', '--target', pidOf(first), '--mount'];
  expect(await run([...inside, 'sh', '-c', take])).toMatchObject({ code: 0 });
  await busyFor(busy.path, 1000);
  expect(await attemptsOf(first, busy.comm)).toBe(1100);
  // it is seen without any occasion
  const complaints = () => first.stderr().match(/warning: the tables: .*/g) ?? [];
  await until(() => complaints().length > 0);
  // what becomes of refusals is seen although its probe cannot be pinned
  const patient = join(temporaryDirectory(), `patient-${String(port)}`);
  symlinkSync('/usr/bin/python3', patient);
  expect(await run([patient, '-c', REFUSED_THEN_READ])).toMatchObject({ code: 0, stderr: '' });
  expect(await confirmed(first, basename(patient))).toBe(1);
  expect(complaints()).toEqual([
    expect.stringMatching(/what was kept under \/sys\/fs\/bpf\/spillway is gone: .*start the agent again/),
  ]);
  const keeper = await keepNamespace(first);
  await first.stop('SIGKILL');
  const second = await startBehind(
    [
      'nsenter',
      '--target',
      keeper,
      '--mount',
      'sh',
      '-c',
      'mountpoint -q /sys/fs/bpf || mount -t bpf bpf /sys/fs/bpf; exec "$0" "$@"',
    ],
    { flags: ['--persist'] },
  );
  expect(second.stderr()).toContain('counts are kept in the kernel');
  await busyFor(busy.path, 10);
  expect(await attemptsOf(second, busy.comm)).toBe(10);
});

it('another tool cannot detach our links, and without their pins they stay for as long as the agent runs', async () => {
  const pins = pinsOfTest();
  const busy = named('busy');
  const daemon = await startPinned(pins);
  const links = readdirSync(`${pins}/1/links`);
  expect(links.length).toBeGreaterThan(8);
  for (const link of links) {
    const { code, stderr } = await run(['bpftool', 'link', 'detach', 'pinned', `${pins}/1/links/${link}`]);
    expect({ link, code, stderr }).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('not supported') as string,
    });
    rmSync(`${pins}/1/links/${link}`);
  }
  await busyFor(busy.path, 1000);
  expect(await attemptsOf(daemon, busy.comm)).toBe(1000);
  const complaints = () => daemon.stderr().match(/some of what was kept under .* is gone .*/g) ?? [];
  await until(() => complaints().length > 0);
  await sleep(2500);
  expect(complaints()).toEqual([expect.stringMatching(/\(links\/.*, links\/.* and \d+ more\): .*Start it again now/)]);
  // then nothing holds them, and the next agent says so
  await daemon.stop('SIGKILL');
  const second = await startPinned(pins);
  expect(second.stderr()).toContain('what the agent before has left is not whole, probes are attached anew');
  await busyFor(busy.path, 10);
  expect(await attemptsOf(second, busy.comm)).toBe(1010);
});

it('a host that was suspended for a day between two agents: the clock of one is a day ahead, counts go on', async () => {
  const pins = pinsOfTest();
  const [busy, children] = [named('busy'), named('children')];
  const first = await startPinned(pins);
  await busyFor(busy.path, 100);
  await first.stop('SIGKILL');
  const second = await startBehind(['unshare', '--time', '--boottime', '86400', '--fork', '--kill-child'], {
    flags: ['--persist'],
    env: { SPILLWAY_PINS: pins },
  });
  await busyFor(busy.path, 1000);
  await run([children.path, '30', '--kind', 'plain', '--attempts', '2']);
  for (let look = 0; look < 2; look++) {
    expect(await attemptsOf(second, busy.comm)).toBe(1100);
    expect(await attemptsOf(second, children.comm)).toBe(60);
    await sleep(1500);
  }
});

it('wall clock a day ahead, then a day back: nothing that is counted follows it', async () => {
  const directory = temporaryDirectory();
  const [shift, preload] = [join(directory, 'shift'), join(directory, 'clock.mjs')];
  writeFileSync(shift, '0');
  // the agent has no other wall clock than this
  writeFileSync(
    preload,
    `import { readFileSync } from 'node:fs';
const now = Date.now.bind(Date);
Date.now = () => now() + Number(readFileSync(${JSON.stringify(shift)}, 'utf8'));
`,
  );
  const daemon = await startBehind([], { env: { NODE_OPTIONS: `--import=${preload}` } });
  const busy = named('busy');
  let made = 0;
  for (const step of [0, 86_400_000, -86_400_000, 5000, 0]) {
    writeFileSync(shift, String(step));
    await busyFor(busy.path, 100);
    made += 100;
    expect(await attemptsOf(daemon, busy.comm)).toBe(made);
    const { time } = (await (await fetch(`${daemon.url}/api/v1/snapshot`)).json()) as { time: string };
    expect(Math.abs(Date.parse(time) - Date.now() - step)).toBeLessThan(5000);
    await sleep(1100);
  }
  expect(daemon.stderr()).not.toMatch(/error|warning/);
});
