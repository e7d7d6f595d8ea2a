/**
 * A day of operation, as fast as the work gets done (see support/fast-clock.ts): the agent collects and judges once in each of its
 * 86,400 seconds, while processes and flows come and go, alerts fire and resolve, and its configuration changes. Nothing that it
 * holds grows.
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it, onTestFinished } from 'vitest';
import type { WebhookBody } from '../../src/alerts/webhook.ts';
import { FakeServer } from '../alerts/delivery/servers.ts';
import type { Holding } from './support/fast-clock.ts';
import { TIDY } from './support/observed.ts';
import { attempts, named, tell, witnessOf } from './support/pinned.ts';
import { type Daemon, run, scrape, startDaemon, sumOf, temporaryDirectory } from './support/run.ts';

/** Days of the agent's clock. */
const DAYS = Number(process.env.SOAK_DAYS ?? 1);
/** Files that the store of evidence keeps. */
const MOST_EVIDENCE = 100;
/** However slow the machine is, a run of the suite comes to an end; 0: when all days are over. */
const MOST_S = Number(process.env.SOAK_MOST_S ?? 100);

const FAST_CLOCK = fileURLToPath(new URL('./support/fast-clock.ts', import.meta.url));
const DAY_S = 86_400;
/** Seconds of its clock between two lines of what the agent holds: on a slow machine too there are some in each third. */
const LOG_S = 100;
/** Lines from its start, while it compiles what it uses. */
const STARTING_LINES = 5;

/** Each is refused, then read and written. */
const FALL_BACK = `
import os, socket
a, b = socket.socketpair()
f = os.open('/proc/self/status', os.O_RDONLY)
for _ in range(600):
    try: os.sendfile(a.fileno(), f, 0, 100)
    except OSError: a.send(os.pread(f, 100, 0)); b.recv(200)
`;

/**
 * Counts what is sent to a webhook, by status; and of what fires which file has its evidence, or that the reason is told why there is none:
 * by this clock a slow disk takes minutes, and evidence of so long ago is none.
 */
async function webhook() {
  const told: Record<string, number> = {};
  const evidence = new Set<string>();
  let late = 0;
  const server = new FakeServer([
    (response, _socket, { body }) => {
      const { status, commonAnnotations } = JSON.parse(body) as WebhookBody;
      told[status] = (told[status] ?? 0) + 1;
      const { details = '' } = commonAnnotations;
      const file = /"evidence_file":"([^"]+)"/.exec(details)?.[1];
      if (file !== undefined) evidence.add(file);
      if (details.includes('"evidence_error":')) late++;
      response.end();
    },
  ]);
  await server.listen();
  onTestFinished(() => server.close());
  return { url: server.url, told, evidence, late: () => late };
}

/** The agent's configuration, another one each time. */
const configurationOf = (directory: string, url: string, version: number): string =>
  `alerts:
  state_directory: ${directory}/state
  rules:
    SendfileFallback: {window: 60s, for: 0s, repeat: ${String(1 + (version % 5))}h, scopes: [host]}
receivers:
  webhook: {url: "${url}"}
`;

const holdingsOf = (log: string): Holding[] => {
  let text = '';
  try {
    text = readFileSync(log, 'utf8');
  } catch {
    // it has not said anything yet
  }
  return text
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as Holding);
};

const least = (list: readonly Holding[], of: (holding: Holding) => number): number => Math.min(...list.map(of));
const most = (list: readonly Holding[], of: (holding: Holding) => number): number => Math.max(...list.map(of));

/** Of memory the least: what is being answered or written at a moment is not held. Of the rest, which is in use or is not, the most. */
const figuresOf = (list: readonly Holding[]) => ({
  heapKiB: Math.round(least(list, ({ heapUsed }) => heapUsed) / 1024),
  externalKiB: Math.round(least(list, ({ external }) => external) / 1024),
  anonymousKiB: Math.round(least(list, ({ anonymous }) => anonymous) / 1024),
  descriptors: most(list, ({ descriptors }) => descriptors),
  mappings: most(list, ({ mappings }) => mappings),
  timers: most(list, ({ timers }) => timers),
  resources: most(list, ({ resources }) => Object.values(resources).reduce((sum, n) => sum + n, 0)),
});

/**
 * How much more there may be in the last third than in the first. Thousands of collections lie between the two even on a slow machine:
 * a kilobyte that is kept of each is above these bounds there, and in a whole day (`make soak`) some fifty bytes are.
 */
const GROWTH: Readonly<Record<keyof ReturnType<typeof figuresOf>, number>> = {
  // names of slots and labels of flows, of which so many are kept and no more; what V8 learns and compiles, and forgets again
  heapKiB: 8 * 1024,
  // buffers that are in use even at the quietest moment
  externalKiB: 4 * 1024,
  // pages of V8's and of malloc's that are not given back: they become more until some three thousand scrapes have been answered, and a
  // thousand after that add four kilobytes; a day that goes as fast as it can has a few hundred
  anonymousKiB: 32 * 1024,
  // a scrape, a post to the webhook and a file of the state at the same moment
  descriptors: 6,
  // blocks of malloc's and V8's
  mappings: 40,
  timers: 6,
  resources: 6,
};

it(`${String(DAYS)} days as fast as they go: all counted, all told, and nothing grows`, async () => {
  const [children, flows] = [named('children'), named('flows')];
  const directory = temporaryDirectory();
  const [log, config] = [join(directory, 'log'), join(directory, 'config.yaml')];
  const { url, told, evidence, late: withoutEvidence } = await webhook();
  let version = 0;
  const configure = () => {
    writeFileSync(config, configurationOf(directory, url, version++));
  };
  configure();
  const daemon: Daemon = await startDaemon(['--config', config, '--processes', '1024', '--flows', '128'], {
    SPILLWAY_BINDING: FAST_CLOCK,
    FAST_CLOCK_LOG: log,
    FAST_CLOCK_LOG_S: String(LOG_S),
    ...TIDY,
    NODE_OPTIONS: `--import=${FAST_CLOCK} ${TIDY.NODE_OPTIONS}`,
  });
  const happened = { attempts: 0, processes: 0, flows: 0, reloads: 0, scrapes: 0 };
  const began = performance.now();
  const isOver = () =>
    (holdingsOf(log).at(-1)?.seconds ?? 0) >= DAYS * DAY_S - LOG_S ||
    (MOST_S > 0 && performance.now() - began >= 1000 * MOST_S);
  for (let round = 0; !isOver(); round++) {
    const results = [
      await run([children.path, '100', '--kind', ['plain', 'nested', 'threads'][round % 3] ?? '']),
      await run([flows.path, '100', '--start', String((100 * round) % 60_000)]),
    ];
    for (const { stdout } of results) happened.attempts += attempts(witnessOf(stdout));
    happened.processes += 102;
    happened.flows += 100;
    if (round % 3 === 0) await run(['python3', '-c', FALL_BACK]);
    for (let reload = 0; reload < 10; reload++) {
      configure();
      daemon.child.kill('SIGHUP');
      happened.reloads++;
      await sleep(10);
    }
    const samples = await scrape(daemon);
    happened.scrapes++;
    expect(sumOf(samples, 'workload_attempts_total')).toBe(sumOf(samples, 'attempts_total'));
    const counted = [children, flows].map(({ comm }) => sumOf(samples, 'workload_attempts_total', `comm="${comm}"`));
    expect(counted.reduce((sum, count) => sum + count, 0)).toBe(happened.attempts);
  }
  const holdings = holdingsOf(log).slice(STARTING_LINES);
  const third = Math.floor(holdings.length / 3);
  const [early, late] = [figuresOf(holdings.slice(0, third)), figuresOf(holdings.slice(-third))];
  const seconds = holdings.at(-1)?.seconds ?? 0;
  const store = join(directory, 'state', 'evidence');
  const kept = existsSync(store) ? readdirSync(store) : [];
  tell(
    JSON.stringify({
      seconds,
      ...happened,
      told,
      withoutEvidence: withoutEvidence(),
      evidence: kept.length,
      early,
      late,
    }),
  );
  expect(third).toBeGreaterThan(2);
  // its timers have called in each second, and it has judged what it collected
  expect(holdings.every((holding) => holding.everySecond >= 2 * Math.floor(holding.seconds) - 2)).toBe(true);
  expect(daemon.stderr()).not.toMatch(/evaluating the rules|the tables|JavaScript heap/);
  expect(told.firing).toBeGreaterThan(2);
  expect(told.resolved).toBeGreaterThan(2);
  expect(evidence.size + withoutEvidence()).toBeGreaterThan(2);
  expect(kept.length).toBeGreaterThanOrEqual(Math.min(evidence.size, MOST_EVIDENCE));
  expect(kept.length).toBeLessThanOrEqual(MOST_EVIDENCE);
  expect(daemon.stderr()).toContain('reload: alerts.rules.SendfileFallback');
  for (const [what, most] of Object.entries(GROWTH)) {
    const name = what as keyof typeof GROWTH;
    expect({ what, grows: late[name] - early[name] < most, early: early[name], late: late[name] }).toMatchObject({
      grows: true,
    });
  }
});
