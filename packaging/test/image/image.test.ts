/** The image, run by the very lines of docs/operations.md: what it counts, what it may do, what it leaves. */
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { samplesOf, sumOf } from '../../../agent/test/live/support/run.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const operations = readFileSync(join(ROOT, 'docs/operations.md'), 'utf8');
/** Of this run alone, where the daemon is another one's: image, container and volume. */
const NAME = `spillway-test-${String(process.pid)}`;
/** Capabilities of docs/capabilities.md that are kept while running: bits of include/uapi/linux/capability.h. */
const KEPT = { DAC_READ_SEARCH: 2n, SYS_PTRACE: 19n, BPF: 39n };

const run = (file: string, ...args: string[]) => execFileSync(file, args, { encoding: 'utf8', stdio: 'pipe' });
const docker = (...args: string[]) => run('docker', ...args);

let directory = '';
let bpffs = '';
let address = '';

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const at = server.address();
      server.close(() => resolve(typeof at === 'object' && at !== null ? at.port : 0));
    });
  });

/** The words of a line of the documentation, with what would meddle with an agent of this host replaced. */
function words(pattern: RegExp): string[] {
  const [line] = pattern.exec(operations) ?? [];
  if (line === undefined) throw new Error(`docs/operations.md has no line like ${pattern.source}`);
  const [, ...args] = line.replaceAll('\\\n', ' ').trim().split(/\s+/);
  return args.map((word) =>
    word
      .replace(/^spillway$/, NAME)
      .replace(/^spillway:\d+\.\d+\.\d+$/, NAME)
      .replace(/^spillway:\//, `${NAME}:/`)
      .replace(/^\/sys\/fs\/bpf:/, `${bpffs}:`)
      .replace('127.0.0.1:10190', address),
  );
}
const START = /^docker run -d (?:.*\\\n)*.*/m;
const UNPIN = /^docker run --rm .* unpin\b/m;

/** `args` without an option and its value. */
const without = (args: readonly string[], option: string, value: string): string[] =>
  args.filter((word, i) => !(word === option && args[i + 1] === value) && !(args[i - 1] === option && word === value));

/** Starts it. An old daemon does not know two of the capabilities: what the documentation says of that is done. */
function start(args: string[]): string[] {
  const { status, stderr } = spawnSync('docker', args, { encoding: 'utf8' });
  if (status === 0) return args;
  if (!stderr.includes('unknown capability')) throw new Error(stderr);
  const fewer = ['BPF', 'PERFMON'].reduce((rest, name) => without(rest, '--cap-add', name), args);
  docker(...fewer);
  return fewer;
}

const get = async (path: string): Promise<string> => {
  const answer = await fetch(`http://${address}${path}`);
  return answer.ok ? answer.text() : '';
};
/** What it says itself is on its standard error. */
const logs = () => spawnSync('docker', ['logs', NAME], { encoding: 'utf8' }).stderr;
const ready = () =>
  vi.waitFor(
    async () => {
      const answer = await get('/-/ready').catch(() => '');
      expect(answer === '' ? logs() : answer.trim()).toBe('ready');
    },
    { timeout: 120_000, interval: 300 },
  );
const remove = () => spawnSync('docker', ['rm', '--force', NAME], { stdio: 'ignore' });
const attempts = async (...labels: string[]) =>
  sumOf(samplesOf(await get('/metrics')), 'workload_attempts_total', ...labels);

interface Finding {
  readonly name: string;
  readonly state: string;
}
/** What doctor says in the container is not so, by name; empty if this host can be observed in full. */
const complaints = (): string[] => {
  const { stdout } = spawnSync('docker', ['exec', NAME, 'spillway', 'doctor', '-o', 'json'], { encoding: 'utf8' });
  const { findings } = JSON.parse(stdout) as { findings: Finding[] };
  return findings.filter(({ state }) => state !== 'ok').map(({ name }) => name);
};

/** A program of that name that sends so much: perl is in every Debian, and in the image. */
const sends = (name: string, count: number): string[] => [
  '-e',
  `$0 = "${name}"; open A, "<", "/usr/bin/perl"; open B, ">", "/dev/null"; my $sent = 0;
   for (1..${String(count)}) { $sent++ if syscall(${process.arch === 'x64' ? '40' : '71'}, fileno(B), fileno(A), 0, 4096) > 0 }
   print $sent`,
];
const onHost = (name: string, count: number) => {
  expect(run('perl', ...sends(name, count))).toBe(String(count));
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'spillway-'));
  bpffs = join(directory, 'bpf');
  mkdirSync(bpffs);
  run('mount', '-t', 'bpf', 'bpf', bpffs);
  address = `127.0.0.1:${String(await freePort())}`;
  // packed quickly: how hard xz tries changes nothing else
  const env = { ...process.env, SPILLWAY_DEB_LEVEL: '0' };
  const architecture = process.arch === 'x64' ? 'amd64' : process.arch;
  execFileSync(join(ROOT, 'scripts/build-deb'), [architecture, join(directory, 'build')], { env, stdio: 'pipe' });
  const file = join(ROOT, 'packaging/Dockerfile');
  // of former builds: nothing that docker is to look at
  writeFileSync(join(directory, 'build/spillway_0.0.1_amd64.deb'), 'an older one');
  docker('build', '--network', 'none', '--tag', NAME, '--file', file, join(directory, 'build'));
  start(words(START));
  await ready();
});
afterAll(() => {
  remove();
  spawnSync('docker', ['volume', 'rm', NAME], { stdio: 'ignore' });
  spawnSync('docker', ['rmi', '--force', NAME], { stdio: 'ignore' });
  spawnSync('umount', [bpffs]);
  rmSync(directory, { recursive: true, force: true });
});

it('sees this host in full, and says so', () => {
  expect(complaints()).toEqual([]);
});

it('has no more privileges than docs/capabilities.md says, in every thread', () => {
  const given = Object.entries(KEPT).filter(([name]) =>
    docker('inspect', '--format', '{{.HostConfig.CapAdd}}', NAME).includes(name),
  );
  const kept = given
    .reduce((set, [, bit]) => set | (1n << bit), 0n)
    .toString(16)
    .padStart(16, '0');
  expect(given.length).toBeGreaterThanOrEqual(2);
  const pid = docker('inspect', '--format', '{{.State.Pid}}', NAME).trim();
  const threads = readdirSync(`/proc/${pid}/task`);
  expect(threads.length).toBeGreaterThan(3);
  for (const thread of threads) {
    const status = readFileSync(`/proc/${pid}/task/${thread}/status`, 'utf8');
    expect(status).toContain(`CapPrm:\t${kept}\nCapEff:\t${kept}\n`);
    expect(status).toMatch(/^NoNewPrivs:\t1$/m);
    expect(status).toMatch(/^Seccomp:\t2$/m);
  }
});

it('counts what programs do on the host and in other containers number for number, and tells them apart', async () => {
  onHost('sw-host', 700);
  const other = docker(
    'run',
    '--detach',
    '--network',
    'none',
    '--entrypoint',
    'perl',
    NAME,
    ...sends('sw-other', 300),
  ).trim();
  docker('wait', other);
  expect(docker('logs', other)).toBe('300');
  docker('rm', other);
  expect(await attempts('comm="sw-host"')).toBe(700);
  expect(await attempts('comm="sw-other"')).toBe(300);
  expect(await attempts('comm="sw-other"', `unit="docker:${other.slice(0, 12)}"`)).toBe(300);
});

it('looks into processes of the host', () => {
  const said = docker('exec', NAME, 'spillway', 'inspect', String(process.pid));
  expect(said).toContain(`(${String(process.pid)})`);
  expect(said).toContain(readFileSync('/proc/self/comm', 'utf8').trim());
});

it('writes nothing to the image, and can write its state', () => {
  const changed = docker('diff', NAME).trim().split('\n');
  expect(changed.filter((line) => !/^[AC] \/var(?:\/lib(?:\/spillway)?)?$/.test(line))).toEqual([]);
  expect(() => docker('exec', NAME, 'touch', '/usr/lib/spillway/mine')).toThrow('Read-only file system');
  docker('exec', NAME, 'touch', '/var/lib/spillway/mine');
  docker('exec', NAME, 'rm', '/var/lib/spillway/mine');
});

it('goes on with what was counted while there was no container', async () => {
  remove();
  onHost('sw-host', 30);
  start(words(START));
  await ready();
  expect(logs()).toContain('going on with the counts and probes');
  expect(await attempts('comm="sw-host"')).toBe(730);
});

it('counts all without --pid host too, and says what it lacks', async () => {
  remove();
  start(without(words(START), '--pid', 'host'));
  await ready();
  expect(complaints()).toEqual(['processes']);
  onHost('sw-host', 70);
  expect(await attempts('comm="sw-host"')).toBe(800);
});

it('says which capability is missing, and ends', () => {
  remove();
  const few = words(START).filter((word, i, all) => word !== '--cap-add' && all[i - 1] !== '--cap-add');
  // with nothing pinned, and once
  start(without(without(few, '-v', `${bpffs}:/sys/fs/bpf`), '--restart', 'unless-stopped'));
  expect(docker('wait', NAME).trim()).toBe('77');
  expect(logs()).toContain('CAP_BPF, CAP_PERFMON');
});

it('leaves nothing after the lines that remove it', () => {
  remove();
  expect(readdirSync(bpffs)).toContain('spillway');
  docker(...words(UNPIN));
  expect(readdirSync(bpffs)).not.toContain('spillway');
  docker(...words(/^docker volume rm \S+/m));
});
