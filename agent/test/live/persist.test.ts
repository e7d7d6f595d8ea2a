/** Counts and probes that outlive the agent: whatever becomes of it, what a program has done is counted once. */
import { spawn } from 'node:child_process';
import { copyFileSync, existsSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeEach, expect, it, onTestFinished } from 'vitest';
import { DEFAULT_OPTIONS } from '../../src/kernel/options.ts';
import { Pins } from '../../src/kernel/pins.ts';
import { type Taken, TakeoverRun } from '../../src/kernel/takeover.ts';
import { loadBinding } from '../../../native/lib/index.ts';
import { until } from './support/kernel.ts';
import {
  type Daemon,
  program,
  type Report,
  ROOT,
  run,
  scrape,
  smaller,
  SPILLWAY,
  startDaemon,
  sumOf,
  temporaryDirectory,
} from './support/run.ts';

const OBJECTS = {
  ours: join(ROOT, 'build/bpf/spillway.bpf.o'),
  /** Other programs for the same tables. */
  other: join(ROOT, 'build/bpf/spillway-bpftool.bpf.o'),
};

/** How many agents follow each other under load. */
const TAKEOVERS = 4;

let counter = 0;
let pins = '';

beforeEach(() => {
  pins = `/sys/fs/bpf/spillway-test-${String(process.pid)}-${String(counter++)}`;
  onTestFinished(async () => {
    await run([SPILLWAY, 'unpin'], { env: { SPILLWAY_PINS: pins } });
    expect(existsSync(pins)).toBe(false);
  });
});

const start = (flags: readonly string[] = [], object = OBJECTS.ours): Promise<Daemon> =>
  startDaemon(['--persist', ...flags], { SPILLWAY_PINS: pins, SPILLWAY_OBJECT: object });

/** A program under a name of its own, so that others on this host are told from it. */
function named(name: string): { readonly path: string; readonly comm: string } {
  const comm = `${name}-${String(process.pid % 1000)}-${String(counter)}`;
  const path = join(temporaryDirectory(), comm);
  copyFileSync(program(name), path);
  return { path, comm };
}

const attemptsOf = async (daemon: Daemon, comm: string): Promise<number> =>
  sumOf(await scrape(daemon), 'workload_attempts_total', `comm="${comm}"`);

/** To how many hooks the agent says that it is attached, without the one that comes and goes; several are told as `a{b,c}`. */
const hooksOf = async (daemon: Daemon): Promise<number> =>
  [...(await scrape(daemon))]
    .filter(([series, value]) => series.startsWith('spillway_program_attached{') && value === 1)
    .filter(([series]) => !series.includes('"evidence_exit"'))
    .reduce((sum, [series]) => sum + (/hook="[^"]*\{(.*)\}"/.exec(series)?.[1]?.split(',').length ?? 1), 0);

const attempts = ({ mechanisms }: Report): number =>
  Object.values(mechanisms).reduce((sum, mechanism) => sum + mechanism.attempts, 0);

/** Attempts by two threads, without a pause until it is stopped, however long agents take to come and go; gives how many. */
function startLoad({ path }: { readonly path: string }): () => Promise<number> {
  const load = spawn(path, ['3600', '--threads', '2'], { stdio: ['ignore', 'pipe', 'ignore'] });
  onTestFinished(() => void load.kill('SIGKILL'));
  const witness = text(load.stdout);
  return async () => {
    load.kill('SIGTERM');
    return attempts(JSON.parse(await witness) as Report);
  };
}

it('what is done while no agent runs is counted, and the next one goes on with it', async () => {
  const busy = named('busy');
  const first = await start();
  await run([busy.path, '60', '--count', '1000']);
  await first.stop('SIGKILL');
  await run([busy.path, '60', '--count', '300']);
  const second = await start();
  expect(second.stderr()).toContain('going on with the counts and probes');
  expect(await attemptsOf(second, busy.comm)).toBe(1300);
  await run([busy.path, '60', '--count', '20']);
  expect(await second.stop()).toBe(0);
  await run([busy.path, '60', '--count', '4']);
  const third = await start();
  expect(await attemptsOf(third, busy.comm)).toBe(1324);
  // those that ended meanwhile are folded, and counted once all the same
  await sleep(2500);
  expect(await attemptsOf(third, busy.comm)).toBe(1324);
});

const CHANGES = [
  { change: 'nothing', flags: [[]], objects: [OBJECTS.ours], says: 'going on with the counts and probes' },
  { change: 'the programs', flags: [[]], objects: [OBJECTS.ours, OBJECTS.other], says: 'with new probes' },
  {
    change: 'the tables',
    flags: [
      ['--flows', '1000'],
      ['--flows', '900'],
    ],
    objects: [OBJECTS.ours],
    says: 'carried over',
  },
];

it.each(CHANGES)(
  'no attempt is missed or counted twice when $change changes under load',
  async ({ flags, objects, says }) => {
    const busy = named('busy');
    let daemon = await start(flags[0], objects[0]);
    const stopLoad = startLoad(busy);
    let before = 0;
    for (let takeovers = 1; takeovers <= TAKEOVERS; takeovers++) {
      await daemon.stop(takeovers % 2 === 1 ? 'SIGKILL' : 'SIGTERM');
      daemon = await start(flags[takeovers % flags.length], objects[takeovers % objects.length]);
      expect(daemon.stderr()).toContain(says);
      const now = await attemptsOf(daemon, busy.comm);
      expect(now).toBeGreaterThanOrEqual(before);
      before = now;
    }
    const made = await stopLoad();
    expect(await attemptsOf(daemon, busy.comm)).toBe(made);
    await sleep(1500);
    expect(await attemptsOf(daemon, busy.comm)).toBe(made);
  },
);

it('an agent that is killed at any moment of a takeover leaves what the next one completes', async () => {
  const busy = named('busy');
  const begun = performance.now();
  const first = await start(['--flows', '1000']);
  const kills = smaller(40);
  // the last ones late enough for a whole takeover, however slow the machine is
  const step = Math.max(1, (2 * (performance.now() - begun)) / 1000) / kills;
  const stopLoad = startLoad(busy);
  await first.stop('SIGKILL');
  for (let i = 0; i < kills; i++) {
    const agent = run(
      [
        'timeout',
        '-s',
        'KILL',
        String(0.05 + step * i),
        SPILLWAY,
        'run',
        '--persist',
        '--web.listen-address',
        '127.0.0.1:0',
        '--flows',
        i % 3 === 0 ? '1000' : '900',
      ],
      { env: { SPILLWAY_PINS: pins, SPILLWAY_OBJECT: i % 2 === 0 ? OBJECTS.ours : OBJECTS.other } },
    );
    await agent;
  }
  const last = await start(['--flows', '1000']);
  const made = await stopLoad();
  expect(await attemptsOf(last, busy.comm)).toBe(made);
  expect(last.stderr()).not.toContain('lost');
  // of all that was begun, one generation is left
  expect(readdirSync(pins).filter((name) => !name.startsWith('turn'))).toHaveLength(1);
  // the slower agents begin here, the later the kills
}, 1_800_000);

it('of two generations that are attached while one takes over, exactly one counts each attempt', async () => {
  const busy = named('busy');
  const binding = loadBinding(join(ROOT, 'build/native/spillway.node'));
  const files = new Pins(binding, pins);
  const elves = [readFileSync(OBJECTS.ours), readFileSync(OBJECTS.other)] as const;
  const fail = (message: string) => expect.unreachable(message);
  const takeOver = (elf: Buffer): Promise<Taken> =>
    new TakeoverRun(binding, elf, DEFAULT_OPTIONS, files, () => undefined, fail).run();
  let taken = await takeOver(elves[0]);
  const stopLoad = startLoad(busy);
  for (let i = 1; i < smaller(60); i++) {
    const next = await takeOver(elves[i % 2 === 0 ? 0 : 1]);
    taken.loaded.object.close();
    taken = next;
  }
  const made = await stopLoad();
  taken.loaded.object.close();
  files.close();
  const daemon = await start([], OBJECTS.other);
  expect(await attemptsOf(daemon, busy.comm)).toBe(made);
});

it.each([
  { signal: 'SIGKILL', next: 'ours' },
  { signal: 'SIGTERM', next: 'ours' },
  { signal: 'SIGKILL', next: 'other' },
] as const)(
  'what becomes of a refusal is seen while no agent runs ($signal, then $next programs)',
  async ({ signal, next }) => {
    const directory = temporaryDirectory();
    const comm = `refused-${String(counter)}`;
    symlinkSync('/usr/bin/python3', join(directory, comm));
    // each line that it reads is one step
    const script = `import os, socket, sys
a, b = socket.socketpair()
f = os.open('/proc/self/status', os.O_RDONLY)
try: os.sendfile(a.fileno(), f, None, 100)
except OSError as e: print(e.errno, flush=True)
sys.stdin.readline()
a.send(os.read(f, 100))
print('copied', flush=True)
sys.stdin.readline()
`;
    const first = await start();
    const refused = spawn(join(directory, comm), ['-c', script], { stdio: ['pipe', 'pipe', 'inherit'] });
    const lines = createInterface(refused.stdout)[Symbol.asyncIterator]();
    expect(await lines.next()).toMatchObject({ value: '22' });
    // well within the half second that a refusal may be pending
    await until(() => existsSync(join(pins, '1/links/evidence_exit')));
    await first.stop(signal);
    refused.stdin.write('read\n');
    expect(await lines.next()).toMatchObject({ value: 'copied' });
    const second = await start([], OBJECTS[next]);
    const fallbacks = async (evidence: string) =>
      sumOf(await scrape(second), 'workload_fallbacks_total', `comm="${comm}"`, `evidence="${evidence}"`);
    expect([await fallbacks('confirmed'), await fallbacks('presumed')]).toEqual([1, 0]);
    refused.stdin.end('end\n');
  },
);

it('a second agent on the same pins says so and changes nothing', async () => {
  const first = await start();
  const second = await run([SPILLWAY, 'run', '--persist', '--web.listen-address', '127.0.0.1:0'], {
    env: { SPILLWAY_PINS: pins },
  });
  expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining('another agent counts under') as string });
  expect(await run([SPILLWAY, 'unpin'], { env: { SPILLWAY_PINS: pins } })).toMatchObject({ code: 1 });
  // how many there are depends on the kernel
  const hooks = await hooksOf(first);
  expect(hooks).toBeGreaterThan(10);
  await first.stop();
  const pending = existsSync(join(pins, '1/links/evidence_exit')) ? 1 : 0;
  expect(await run([SPILLWAY, 'unpin'], { env: { SPILLWAY_PINS: pins } })).toMatchObject({
    code: 0,
    stdout: `${String(hooks + pending)} probes removed, and what they had counted\n`,
  });
  expect(await run([SPILLWAY, 'unpin'], { env: { SPILLWAY_PINS: pins } })).toMatchObject({
    stdout: 'nothing was pinned\n',
  });
});

it('an agent that may not open what is pinned says which capability it lacks', async () => {
  await (await start()).stop();
  const none = ['setpriv', '--inh-caps', '-all', '--bounding-set', '-all'];
  const { code, stderr } = await run([...none, SPILLWAY, 'run', '--persist', '--web.listen-address', '127.0.0.1:0'], {
    env: { SPILLWAY_PINS: pins },
  });
  // and not that what was left is not whole
  expect(stderr).toMatch(/^spillway: error: .*EPERM .*: this process lacks CAP_BPF, CAP_PERFMON/);
  expect(code).toBe(77);
});

it('without a bpffs the agent says so and counts without pins', async () => {
  pins = join(temporaryDirectory(), 'no-bpffs');
  const daemon = await start();
  expect(daemon.stderr()).toMatch(/warning: counts end with this agent: .*mount -t bpf bpf \/sys\/fs\/bpf/);
  const busy = named('busy');
  await run([busy.path, '60', '--count', '10']);
  expect(await attemptsOf(daemon, busy.comm)).toBe(10);
});

it('probes that somebody has taken away are attached anew, and the counts stay', async () => {
  const busy = named('busy');
  const first = await start();
  await run([busy.path, '60', '--count', '10']);
  await first.stop('SIGKILL');
  await run(['sh', '-c', `rm ${pins}/1/links/*sendfile*`]);
  await run([busy.path, '60', '--count', '1000']);
  const second = await start();
  expect(second.stderr()).toContain('a probe of the agent before is gone');
  await run([busy.path, '60', '--count', '5']);
  expect(await attemptsOf(second, busy.comm)).toBe(15);
});
