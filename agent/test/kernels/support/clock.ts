/**
 * Runs inside a machine, in the checkout: sets its clock and puts it to sleep while an agent counts. Leaves clock.json in /out, which
 * clock.test.ts reads.
 */
import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';

/** What the agent and the machine said at one moment. */
export interface Look {
  readonly after: string;
  /** By the machine's wall clock. */
  readonly unixMs: number;
  /** Seconds by CLOCK_MONOTONIC, which stands still while the machine sleeps, and by CLOCK_BOOTTIME. */
  readonly monotonic: number;
  readonly boottime: number;
  readonly snapshot: { readonly time: string; readonly boottime: number };
  readonly alerts: {
    readonly time: string;
    readonly boottime: number;
    readonly statuses: readonly { readonly rule: string; readonly state: string; readonly since: number }[];
    readonly firing: readonly { readonly rule: string; readonly firedAtMs: number }[];
  };
  readonly metrics: string;
}

/** One message of /api/v1/stream. */
export interface Update {
  readonly time: string;
  readonly boottime: number;
  /** All attempts of the host. */
  readonly attempts: number;
  readonly perSecond: Readonly<Record<string, number>> | null;
}

/** What was sent to the webhook. */
export interface Told {
  readonly status: string;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly unixMs: number;
}

export interface Found {
  readonly release: string;
  readonly looks: readonly Look[];
  readonly updates: readonly Update[];
  readonly told: readonly Told[];
  /** What the load says that it has attempted. */
  readonly made: number;
  readonly stderr: string;
}

const ADDRESS = '127.0.0.1:10190';
const AT = `http://${ADDRESS}`;
const DIRECTORY = '/tmp/clock';
const AGENT = `${process.cwd()}/bin/spillway`;
const DAY_S = 86_400;
/** Long enough for an emulated machine to fall asleep before it is to wake: one that is told to wake before sleeps for ever. */
const SLEEP_S = 120;

/** Is refused and falls back, a few times a second, for as long as it lives. */
const FALL_BACK = `
import os, socket, time
a, b = socket.socketpair()
f = os.open('/proc/self/status', os.O_RDONLY)
while True:
  for _ in range(20):
    try: os.sendfile(a.fileno(), f, 0, 100)
    except OSError: a.send(os.pread(f, 100, 0)); b.recv(200)
  time.sleep(0.1)
`;

const clocks = (): number[] =>
  execFileSync('python3', ['-c', 'import time; print(time.clock_gettime(1), time.clock_gettime(7))'], {
    encoding: 'utf8',
  })
    .split(' ')
    .map(Number);

let agent: ChildProcessByStdio<null, null, Readable>;

/** Asked again where the agent has just closed the connection, because nothing was asked for a while, or could not answer yet. */
async function ask<T>(path: string, read: (answer: Response) => Promise<T>): Promise<T> {
  for (;;) {
    try {
      const answer = await fetch(`${AT}${path}`);
      if (answer.ok) return await read(answer);
    } catch {
      // what it has ended of, if it has, stands in its standard error
    }
    if (agent.exitCode !== null) throw new Error(`the agent has ended with ${String(agent.exitCode)}`);
    await sleep(200);
  }
}

const json = <T>(path: string): Promise<T> => ask(path, async (answer) => (await answer.json()) as T);

async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await sleep(200);
}

async function look(after: string): Promise<Look> {
  const [snapshot, alerts] = [
    await json<Look['snapshot']>('/api/v1/snapshot'),
    await json<Look['alerts']>('/api/v1/alerts'),
  ];
  const metrics = await ask('/metrics', (answer) => answer.text());
  const [monotonic = 0, boottime = 0] = clocks();
  return {
    after,
    unixMs: Date.now(),
    monotonic,
    boottime,
    snapshot: { time: snapshot.time, boottime: snapshot.boottime },
    alerts,
    metrics,
  };
}

/** Notes what the stream says until the agent ends. */
async function watch(updates: Update[]): Promise<void> {
  const response = await ask('/api/v1/stream', (answer) => Promise.resolve(answer));
  let rest = '';
  for await (const part of (response.body ?? new ReadableStream()).pipeThrough(new TextDecoderStream())) {
    const messages = (rest + part).split('\n\n');
    rest = messages.pop() ?? '';
    for (const message of messages) {
      const data = /^data: (\{.*)$/m.exec(message)?.[1];
      if (data === undefined) continue;
      const { time, boottime, perSecond, mechanisms } = JSON.parse(data) as Omit<Update, 'attempts'> & {
        mechanisms: Record<string, { attempts: number }>;
      };
      const attempts = Object.values(mechanisms).reduce((sum, mechanism) => sum + mechanism.attempts, 0);
      updates.push({ time, boottime, attempts, perSecond });
    }
  }
}

const step = (seconds: number) => {
  execFileSync('date', ['-s', `@${String(Math.round(Date.now() / 1000) + seconds)}`]);
};

const CHANGES: readonly (readonly [name: string, change: () => void])[] = [
  ['nothing', () => undefined],
  ['a day ahead', () => step(DAY_S)],
  ['two days back', () => step(-2 * DAY_S)],
  [
    'a sleep',
    () => {
      writeFileSync('/sys/class/rtc/rtc0/wakealarm', '0');
      writeFileSync('/sys/class/rtc/rtc0/wakealarm', `+${String(SLEEP_S)}`);
      writeFileSync('/sys/power/state', 'mem');
    },
  ],
];

async function main(): Promise<void> {
  mkdirSync(DIRECTORY);
  const told: Told[] = [];
  const server = createServer((request, response) => {
    void text(request).then((body) => {
      const { status, alerts } = JSON.parse(body) as Told & { alerts: Pick<Told, 'startsAt' | 'endsAt'>[] };
      const { startsAt, endsAt } = alerts[0] ?? { startsAt: '', endsAt: '' };
      told.push({ status, startsAt, endsAt, unixMs: Date.now() });
      response.end();
    });
  });
  server.listen(10_191, '127.0.0.1');
  writeFileSync(
    `${DIRECTORY}/config.yaml`,
    `alerts:
  state_directory: ${DIRECTORY}/state
  rules:
    SendfileFallback: {window: 10s, for: 0s, scopes: [workload]}
receivers:
  webhook: {url: "http://127.0.0.1:10191/"}
`,
  );
  agent = spawn(AGENT, ['run', '--config', `${DIRECTORY}/config.yaml`, '--web.listen-address', ADDRESS], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stderr = text(agent.stderr);
  await until(async () => (await fetch(`${AT}/-/ready`).catch(() => null))?.ok === true);
  const updates: Update[] = [];
  const watched = watch(updates).catch(() => undefined);
  const busy = spawn('build/live/busy', ['3600', '--bytes', '512'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const witness = text(busy.stdout);
  const refused = spawn('python3', ['-c', FALL_BACK], { stdio: 'ignore' });
  await until(() => told.length > 0);

  const looks: Look[] = [];
  for (const [name, change] of CHANGES) {
    change();
    // windows and rates of both sides of the change
    for (let half = 0; half < 2; half++) {
      const { boottime } = await json<Look['snapshot']>('/api/v1/snapshot');
      await until(async () => (await json<Look['snapshot']>('/api/v1/snapshot')).boottime > boottime + 4);
      looks.push(await look(name));
    }
  }
  refused.kill();
  busy.kill('SIGTERM');
  const { mechanisms } = JSON.parse(await witness) as { mechanisms: Record<string, { attempts: number }> };
  await until(() => told.some(({ status }) => status === 'resolved'));
  looks.push(await look('all'));
  agent.kill('SIGTERM');
  await watched;
  server.close();
  const found: Found = {
    release: readFileSync('/proc/sys/kernel/osrelease', 'utf8').trim(),
    looks,
    updates,
    told,
    made: Object.values(mechanisms).reduce((sum, { attempts }) => sum + attempts, 0),
    stderr: await stderr,
  };
  writeFileSync('/out/clock.json', JSON.stringify(found));
}

await main();
