/** The unit or container of a process: from real cgroups of every kind that this host has. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it, onTestFinished } from 'vitest';
import { type Daemon, program, type Report, run, scrape, SPILLWAY, startDaemon, sumOf } from './support/run.ts';

/** v1's controllers that the probes ask, in that order. */
const CONTROLLERS = ['pids', 'memory', 'cpu'] as const;
type Hierarchy = 'v2' | (typeof CONTROLLERS)[number];

/** Paths below the root of a hierarchy. Where none is given, the process is put into the root. */
type Places = Readonly<Partial<Record<Hierarchy, string | Buffer>>>;

/** Mounted at directories of our own: a second mount of a hierarchy shows the same cgroups. */
class Cgroups {
  readonly #mounts = new Map<Hierarchy, string>();
  #made: Buffer[] = [];

  constructor() {
    this.#mount('v2', ['-t', 'cgroup2']);
    // of v1 only what the host uses: a controller that it has given to v2 cannot be mounted
    for (const line of readFileSync('/proc/self/cgroup', 'utf8').trimEnd().split('\n')) {
      const [, number, list = ''] = /^(\d+):([^:]*):/.exec(line) ?? [];
      const controller = CONTROLLERS.find((name) => list.split(',').includes(name));
      if (number !== '0' && controller !== undefined) this.#mount(controller, ['-t', 'cgroup', '-o', list]);
    }
  }

  has(hierarchy: Hierarchy): boolean {
    return this.#mounts.has(hierarchy);
  }

  #mount(hierarchy: Hierarchy, how: readonly string[]): void {
    const directory = mkdtempSync(join(tmpdir(), 'spillway-cgroup-'));
    execFileSync('mount', [...how, 'cgroup', directory]);
    this.#mounts.set(hierarchy, directory);
  }

  /** Makes the cgroups and returns the files that take the pid of who goes there. */
  make(places: Places): Buffer[] {
    return [...this.#mounts].map(([hierarchy, root]) => {
      let path = Buffer.from(root);
      for (const name of split(places[hierarchy] ?? '')) {
        path = Buffer.concat([path, Buffer.from('/'), name]);
        try {
          mkdirSync(path);
          this.#made.push(path);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
        }
      }
      return Buffer.concat([path, Buffer.from('/cgroup.procs')]);
    });
  }

  move(pid: number, places: Places): void {
    for (const file of this.make(places)) writeFileSync(file, String(pid));
  }

  /** Runs a command there to its end, and removes the cgroups. */
  async run(places: Places, command: readonly string[]): Promise<void> {
    // Node's arguments are text: what is not UTF-8 goes through the shell's printf
    const files = this.make(places).map((file) => file.toString('latin1').replace(/[^\w./:@-]/g, octal));
    const script = `for file in ${files.map((file) => `'${file}'`).join(' ')}; do echo $$ >"$(printf "$file")" || exit 1; done; exec "$@"`;
    const { code, stderr } = await run(['sh', '-c', script, 'sh', ...command]);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr}`);
    this.remove();
  }

  remove(): void {
    for (const path of this.#made.reverse()) rmdirSync(path);
    this.#made = [];
  }

  close(): void {
    this.remove();
    for (const directory of this.#mounts.values()) {
      execFileSync('umount', [directory]);
      rmdirSync(directory);
    }
  }
}

const octal = (character: string): string => `\\${character.charCodeAt(0).toString(8).padStart(3, '0')}`;

function split(path: string | Buffer): Buffer[] {
  return Buffer.from(path)
    .toString('latin1')
    .split('/')
    .filter((name) => name !== '')
    .map((name) => Buffer.from(name, 'latin1'));
}

const ID = '0123456789abcdef'.repeat(4);
const OTHER_ID = 'fedcba9876543210'.repeat(4);
const cgroups = new Cgroups();
afterAll(() => cgroups.close());

/** On one CPU, whose memory all of them use: what one left there must not show up in the next. */
const PINNED = ['taskset', '-c', '0'];

/** Where a process is, and the unit that it is shown under. */
const CASES: readonly (readonly [Places, string])[] = [
  [{}, ''],
  [{ v2: 'spillway.slice/spillway-a.slice' }, ''],
  [{ v2: 'spillway.slice/spillway.service' }, 'spillway.service'],
  [{ v2: 'spillway.slice/spillway@a\\x2db.service/worker' }, 'spillway@a-b.service'],
  [{ v2: 'spillway.slice/user@4.service/app.slice/app-editor.service' }, 'app-editor.service'],
  // as many names as are kept, then one alone
  [{ v2: 'spillway.slice' }, ''],
  [{ v2: 'spillway.slice/user@4.service/init.scope' }, 'user@4.service'],
  [{ v2: `spillway.slice/docker-${ID}.scope/system.slice/inner.service` }, 'docker:0123456789ab'],
  [{ v2: `kubepods.slice/kubepods-pod1.slice/cri-containerd-${ID}.scope` }, 'containerd:0123456789ab'],
  // as deep as names are kept, and deeper
  [{ v2: 'spillway.slice/near.service/1/2/3' }, 'near.service'],
  [{ v2: 'spillway.slice/far.service/1/2/3/4' }, ''],
  // longer than names are kept; none of text's rules
  [{ v2: `spillway.slice/${'x'.repeat(200)}.service` }, `${'x'.repeat(95)}…`],
  [{ v2: Buffer.from('spillway.slice/"}\t\\\xff.service', 'latin1') }, '\\"}\t\\\\\ufffd.service'],
  [{ pids: `docker/${ID}` }, 'docker:0123456789ab'],
  [{ pids: `kubepods/burstable/pod01-ab/${OTHER_ID}` }, 'containerd:fedcba987654'],
  [{ pids: 'system.slice/nginx.service' }, 'nginx.service'],
  [{ pids: 'a', memory: 'system.slice/spillway-memory.service' }, 'spillway-memory.service'],
  [{ pids: `docker/${ID}`, memory: 'a/b', cpu: 'a/b' }, 'docker:0123456789ab'],
  [{ pids: 'a', cpu: 'system.slice/spillway-cpu.service' }, 'spillway-cpu.service'],
  // hybrid: v2, but for a container that only v1 knows
  [{ v2: 'spillway.slice/both.service', memory: `a/b/c/${ID.slice(1)}` }, 'both.service'],
  [{ v2: 'spillway.slice/manager.service', pids: `docker/${OTHER_ID}` }, 'docker:fedcba987654'],
];

/** Waits until a condition holds. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 100_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so after 100 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Of the processes whose records are not retired. */
async function liveComms(daemon: Daemon): Promise<string[]> {
  const { stdout } = await run([SPILLWAY, 'snapshot', '-a', daemon.url.replace('http://', ''), '-o', 'json']);
  return (JSON.parse(stdout) as Report).processes.map(({ comm }) => comm);
}

const attempts = async (daemon: Daemon, unit: string): Promise<number> =>
  sumOf(await scrape(daemon), 'workload_attempts_total', `unit="${unit}"`, 'comm="busy"');

it('is that of processes and cgroups that are gone, still so when their records are retired', async () => {
  const daemon = await startDaemon();
  const expected = new Map<string, number>();
  let count = 0;
  for (const [places, unit] of CASES) {
    if (!Object.keys(places).every((hierarchy) => cgroups.has(hierarchy as keyof Places))) continue;
    await cgroups.run(places, [...PINNED, program('busy'), '--count', String(++count)]);
    expected.set(unit, (expected.get(unit) ?? 0) + count);
  }
  const seen = async () => {
    const samples = await scrape(daemon);
    const units = [...expected.keys()];
    return new Map(
      units.map((unit) => [unit, sumOf(samples, 'workload_attempts_total', `unit="${unit}"`, 'comm="busy"')]),
    );
  };
  expect(await seen()).toEqual(expected);
  await until(async () => !(await liveComms(daemon)).includes('busy'));
  expect(await seen()).toEqual(expected);
  expect(sumOf(await scrape(daemon), 'workload_attempts_total', 'comm="busy"')).toBe((count * (count + 1)) / 2);
});

it('is that of the first attempt: a process that goes elsewhere keeps it', async () => {
  const daemon = await startDaemon();
  const child = spawn('sh', ['-c', 'read go; exec "$0" 60', program('busy')], { stdio: ['pipe', 'ignore', 'ignore'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    cgroups.remove();
  });
  const { pid = 0 } = child;
  cgroups.move(pid, { v2: 'spillway.slice/spillway-first.service' });
  child.stdin.write('\n');
  await until(async () => (await attempts(daemon, 'spillway-first.service')) > 0);
  cgroups.move(pid, { v2: 'spillway.slice/spillway-second.service' });
  const before = await attempts(daemon, 'spillway-first.service');
  await until(async () => (await attempts(daemon, 'spillway-first.service')) > before);
  expect(await attempts(daemon, 'spillway-second.service')).toBe(0);
});
