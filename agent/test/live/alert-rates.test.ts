/**
 * The default rules as they come, in real time: what stays just below the limits tells nobody, what goes above them opens one incident
 * for the host and one for the workload, and resolves each when it stops.
 *
 * Assumed: a quiet host. For the host every process counts, so each test makes sure that nobody else did what the rules are about.
 */
import { symlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, it } from 'vitest';
import type { AlertsJson } from '../../src/web/alerts-json.ts';
import { configuration, KEY, pagerDuty, type Received } from './support/alerts.ts';
import {
  type Daemon,
  program,
  type Report,
  run,
  scrape,
  startDaemon,
  sumOf,
  temporaryDirectory,
} from './support/run.ts';
import { TRANSFERS_PER_SECOND, webServer } from './support/transfers.ts';

const TIMEOUT = 240_000;
/** Longer than any refusal stays pending. */
const SETTLED = 1500;

/** The workloads: a web server, and the process under the seccomp filter. */
const WEB = 'lighttpd';
const EAGAIN = 'getting_eagain';

/** What the default rules are about here. */
const SUBJECTS = [
  ['IoUringSubmitEagain', EAGAIN],
  ['SendfileFallback', WEB],
  ['IoUringSubmitEagain', 'host'],
  ['SendfileFallback', 'host'],
] as const;

/** The seccomp filter answers io_uring_enter with EAGAIN, `rate` times a second. Ahead of all other processes, so never late. */
async function getEagain(rate: number, seconds: number): Promise<void> {
  const count = rate * seconds;
  // a program has the name that it is started by: so this one is no workload of other tests
  const command = join(temporaryDirectory(), EAGAIN);
  symlinkSync(program('seccomp_errno'), command);
  const args = ['io_uring_enter', 'EAGAIN', String(count), '--rate', String(rate)];
  const began = performance.now();
  const { code, stdout } = await run(['chrt', '--fifo', '1', command, ...args]);
  const took = (performance.now() - began) / 1000;
  expect(code).toBe(0);
  expect((JSON.parse(stdout) as Report).ioUring.enters.errnos).toEqual({ EAGAIN: count });
  expect(took).toBeGreaterThan(seconds - 0.1);
  expect(took).toBeLessThan(seconds + 1);
}

const alertsOf = async (daemon: Daemon): Promise<AlertsJson> =>
  (await (await fetch(`${daemon.url}/api/v1/alerts`)).json()) as AlertsJson;

/** Starts an agent with no more than a routing key, and waits for its first evaluation: what came before does not count. */
async function startAgent(url: string): Promise<Daemon> {
  const daemon = await startDaemon(['--config', configuration(url).config]);
  while ((await alertsOf(daemon)).statuses.length < 2) await delay(100);
  return daemon;
}

/** Follows the rules' values until told to stop, and keeps the highest of each, by rule and `host` or the program. */
function watch(daemon: Daemon): { readonly highest: Record<string, number>; stop(): Promise<void> } {
  const highest: Record<string, number> = {};
  const stopping = new AbortController();
  const done = (async () => {
    while (!stopping.signal.aborted) {
      for (const { rule, subject, value } of (await alertsOf(daemon)).statuses) {
        const name = `${rule} ${subject?.comm ?? 'host'}`;
        highest[name] = Math.max(highest[name] ?? 0, value ?? 0);
      }
      await delay(500);
    }
  })();
  return {
    highest,
    stop: () => {
      stopping.abort();
      return done;
    },
  };
}

/** What the agent counted: of the web server, and of the whole host, where nobody else may fall back or get EAGAIN. */
async function expectCounted(daemon: Daemon, attempts: number, fallbacks: number, eagain: number): Promise<void> {
  const samples = await scrape(daemon);
  const sendfile = (metric: string, ...labels: string[]) => sumOf(samples, metric, 'mechanism="sendfile"', ...labels);
  expect({
    attempts: sendfile('workload_attempts_total', `comm="${WEB}"`),
    fallbacks: sendfile('workload_fallbacks_total', `comm="${WEB}"`),
  }).toEqual({ attempts, fallbacks });
  expect(
    {
      fallbacks: sendfile('fallbacks_total'),
      eagain: sumOf(samples, 'io_uring_enter_errors_total', 'errno="EAGAIN"'),
    },
    'a quiet host',
  ).toEqual({ fallbacks, eagain });
}

const eventsOf = (received: readonly Received[], rule: string, scope: string): Received[] =>
  received.filter(({ payload }) => payload.class === rule && (payload.component ?? 'host').split(' ').at(-1) === scope);

/** The event that opened the one incident of a rule for the host or a program; another one has resolved it. */
function incidentOf(received: readonly Received[], rule: string, scope: string): Received {
  const events = eventsOf(received, rule, scope);
  expect(events.map(({ event_action }) => event_action)).toEqual(['trigger', 'resolve']);
  expect(new Set(events.map(({ dedup_key }) => dedup_key)).size).toBe(1);
  const [trigger] = events;
  if (trigger === undefined) throw new Error('no event');
  expect(trigger.routing_key).toBe(KEY);
  return trigger;
}

/** What was asked for: aio-nr, and SigQ of the process that did it. */
function expectEvidence({ payload }: Received, process: Record<string, unknown>): void {
  const evidence = payload.custom_details.evidence as { processes: { items: readonly Record<string, unknown>[] } };
  expect(evidence).toMatchObject({
    'fs.aio-nr': expect.any(Number) as number,
    'fs.aio-max-nr': expect.any(Number) as number,
  });
  // the one with most to do with it is the first; others of the host may have used the mechanism too
  expect(evidence.processes.items[0]).toMatchObject({
    SigQ: expect.stringMatching(/^\d+\/\d+$/) as string,
    ...process,
  });
}

/** Its summary names all that it is about, and the value is within the bounds. It came no earlier than so long after `began`. */
function expectTold(
  { payload }: Received,
  summary: RegExp,
  {
    workload,
    above,
    most,
    after,
    began,
  }: { workload: string; above: number; most: number; after: number; began: number },
): void {
  const { value = '', ...names } = summary.exec(payload.summary)?.groups ?? {};
  expect(names, payload.summary).toEqual({
    workload: expect.stringMatching(workload === 'host' ? /^all workloads$/ : `^(.*/)?${workload}$`) as string,
    host: hostname(),
  });
  expect(Number(value)).toBeGreaterThan(above);
  expect(Number(value)).toBeLessThanOrEqual(most);
  expect(payload.source).toBe(hostname());
  expect(Date.parse(payload.timestamp) - began).toBeGreaterThan(after);
}

const EAGAIN_SUMMARY =
  /^io_uring_enter returned EAGAIN (?<value>[\d.]+)\/s \(limit 200\/s\) in (?<workload>.+) on (?<host>\S+)$/;
const FALLBACK_SUMMARY =
  /^(?<value>[\d.]+) % of \d+ sendfile attempts fell back to read\/write \(limit 0\.5 %\) in (?<workload>.+) on (?<host>\S+): mostly source_cannot_splice$/;

it('190 EAGAIN a second and 0.4 % of fallbacks, for more than a minute: nothing', { timeout: TIMEOUT }, async () => {
  const { url, received, rejected } = await pagerDuty();
  const daemon = await startAgent(url);
  const web = await webServer();
  const watched = watch(daemon);

  // the window and `for` of the slower rule, and some
  const seconds = 75;
  await Promise.all([getEagain(190, seconds), web.transfer(seconds * TRANSFERS_PER_SECOND, 250)]);
  await watched.stop();
  await delay(SETTLED);

  await expectCounted(daemon, 3750, 15, 190 * seconds);
  expect(await web.stop()).toEqual({ good: 3735, refused: 15 });
  for (const [rule, scope] of SUBJECTS) {
    // as they should be, or the agent has looked at something else
    const [least, limit] = rule === 'SendfileFallback' ? [0.0035, 0.005] : [185, 200];
    expect(watched.highest[`${rule} ${scope}`]).toBeGreaterThan(least);
    expect(watched.highest[`${rule} ${scope}`]).toBeLessThanOrEqual(limit);
  }
  expect((await alertsOf(daemon)).transitions).toEqual([]);
  expect([...received, ...rejected]).toEqual([]);
});

it(
  '400 EAGAIN a second and 2 % of fallbacks: one incident for the host and for the workload, resolved when it stops',
  { timeout: TIMEOUT },
  async () => {
    const { url, received, rejected } = await pagerDuty();
    const daemon = await startAgent(url);
    const web = await webServer();
    const all = (events: number) => SUBJECTS.every(([rule, scope]) => eventsOf(received, rule, scope).length >= events);

    const began = Date.now();
    await Promise.all([getEagain(400, 12), web.transfer(20 * TRANSFERS_PER_SECOND, 50)]);
    await delay(SETTLED);
    await expectCounted(daemon, 1000, 20, 4800);
    expect(all(1)).toBe(true);
    // the web server goes on, with nothing refused
    let attempts = 1000;
    for (; !all(2); attempts += TRANSFERS_PER_SECOND) await web.transfer(TRANSFERS_PER_SECOND, Infinity);
    await delay(SETTLED);

    await expectCounted(daemon, attempts, 20, 4800);
    expect(await web.stop()).toEqual({ good: attempts - 20, refused: 20 });
    for (const [rule, scope] of SUBJECTS) {
      const trigger = incidentOf(received, rule, scope);
      if (rule === 'SendfileFallback') {
        // 200 attempts take four seconds, and it has to be so for ten more
        expectTold(trigger, FALLBACK_SUMMARY, { workload: scope, above: 1.5, most: 2, after: 13_000, began });
        expectEvidence(trigger, { comm: WEB });
      } else {
        // as soon as there are 2,000 in ten seconds
        expectTold(trigger, EAGAIN_SUMMARY, { workload: scope, above: 200, most: 400, after: 5000, began });
        expectEvidence(trigger, { comm: EAGAIN, Seccomp: '2' });
      }
    }
    expect(received).toHaveLength(2 * SUBJECTS.length);
    expect(rejected).toEqual([]);
    const { transitions, firing } = await alertsOf(daemon);
    expect(firing).toEqual([]);
    expect(transitions.map(({ rule, kind, count }) => `${rule} ${kind} ${String(count)}`).sort()).toEqual([
      'IoUringSubmitEagain fired 2',
      'IoUringSubmitEagain resolved 2',
      'SendfileFallback fired 2',
      'SendfileFallback resolved 2',
    ]);
  },
);
