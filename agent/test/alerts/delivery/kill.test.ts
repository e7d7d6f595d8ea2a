/** kill -9 of real processes, at every step of an incident's life: real files, real requests, a server that keeps book. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from '../../config/support.ts';
import { ruleOf } from '../../support/alerts.ts';
import { wrongWith } from './events-api.ts';
import type { Order, Script, Words } from './mortal-agent.ts';
import { FakeServer, type Received, status } from './servers.ts';
import { KEY } from './support.ts';

const AGENT = fileURLToPath(new URL('mortal-agent.ts', import.meta.url));
/** Processes at a time. */
const PARALLEL = 4;
/** The tick at which the condition is over, by the script `incident`. */
const OVER = 4;

const RULE = ruleOf({ repeatSeconds: 60 });

interface Told {
  readonly event_action: string;
  readonly dedup_key: string;
  readonly payload: { readonly custom_details: Readonly<Record<string, unknown>> };
}

/** How a process ended: its last words are there unless it was killed from outside. */
interface End {
  readonly signal: string | null;
  readonly words: Words | null;
  readonly errors: string;
}

const accepted = status(202, '{"status":"success","message":"Event processed"}');
const hostOf = ({ path }: Received): string => path.split('/')[1] ?? '';

let directory = '';
let server: FakeServer;
/** By host: what happens when a request of it is there; true: and it is not answered. */
const onRequest = new Map<string, () => boolean>();
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-kill-'));
  await writeFile(join(directory, 'key'), KEY, { mode: 0o600 });
  server = await new FakeServer([
    (response, socket, request) => {
      if (onRequest.get(hostOf(request))?.() !== true) accepted(response, socket, request);
    },
  ]).listen();
});
afterAll(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

/** A host with a state directory of its own, and the part of the server's book that is about it. */
class Host {
  readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  get state(): string {
    return join(directory, this.name);
  }

  start(script: Script, dieAt: number | null = null, fails: Order['fails'] = null) {
    const { receivers, ...rest } = parse('');
    const order: Order = {
      config: {
        ...rest,
        alerts: { enabled: true, stateDirectory: this.state, rules: [RULE] },
        receivers: {
          ...receivers,
          pagerduty: { routingKeyFile: join(directory, 'key'), url: `${server.url}/${this.name}` },
        },
      },
      script,
      dieAt,
      fails,
    };
    // what was compiled once is kept: most of the time would be that
    const env = { PATH: process.env.PATH, NODE_COMPILE_CACHE: join(directory, 'cache') };
    return spawn(process.execPath, [AGENT, JSON.stringify(order)], { env, stdio: ['ignore', 'pipe', 'pipe'] });
  }

  async run(...how: Parameters<Host['start']>): Promise<End> {
    return endOf(this.start(...how));
  }

  /** What others told of the incident that it goes on with. */
  inherited: readonly Told[] = [];

  get told(): readonly Told[] {
    const own = server.received.filter((request) => hostOf(request) === this.name);
    expect(own.flatMap(({ body }) => wrongWith(body))).toEqual([]);
    return [...this.inherited, ...own.map(({ body }) => JSON.parse(body) as Told)];
  }

  /** What the server was told, in short: `trigger trigger resolve`. */
  get actions(): string {
    return this.told.map(({ event_action }) => event_action).join(' ');
  }

  /** Whether the incident is on disk: from then on it must not be lost. */
  async knows(): Promise<boolean> {
    return (await this.#known()).length > 0 || (await this.#queued()).length > 0;
  }

  async #known(): Promise<readonly unknown[]> {
    const text = await readFile(join(this.state, 'alerts.json'), 'utf8').catch(() => '{"alerts":[]}');
    return (JSON.parse(text) as { readonly alerts: readonly unknown[] }).alerts;
  }

  async #queued(): Promise<readonly string[]> {
    const names = await readdir(join(this.state, 'outbox')).catch(() => []);
    return names.filter((name) => name.endsWith('.json'));
  }

  /** Nothing is left to be done, and nothing half done. */
  async expectTidy(open: boolean): Promise<void> {
    expect(await this.#known()).toHaveLength(open ? 1 : 0);
    expect(await readdir(join(this.state, 'outbox'))).toEqual([]);
  }
}

async function endOf(child: ReturnType<Host['start']>): Promise<End> {
  const [words, errors, [, signal]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, 'exit') as Promise<[number | null, string | null]>,
  ]);
  return { signal, words: words === '' ? null : (JSON.parse(words) as Words), errors };
}

/** Each point with its number, PARALLEL of them at a time; says at which it failed. */
async function each(points: readonly string[], does: (point: number) => Promise<void>): Promise<void> {
  const left = [...points.entries()];
  const failed: Error[] = [];
  const worker = async () => {
    for (let next = left.shift(); next !== undefined && failed.length === 0; next = left.shift()) {
      const [point, name] = next;
      await does(point).catch((error: unknown) => {
        failed.push(new Error(`killed at point ${String(point)}, ${name}`, { cause: error }));
      });
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
  if (failed[0] !== undefined) throw failed[0];
}

/** The points of a life that is not cut short. */
async function pointsOf(host: Host, script: Script): Promise<readonly string[]> {
  const { signal, words, errors } = await host.run(script);
  expect([signal, errors.includes('error')], errors).toEqual([null, false]);
  return words?.points ?? [];
}

/** The condition is gone when the next agent starts: what was told is over, and what was known was told. */
async function expectOver(host: Host, known: boolean): Promise<void> {
  const { actions, told } = host;
  if (known || actions !== '') expect(actions).toMatch(/^trigger( trigger)*( resolve)+$/);
  expect(new Set(told.map(({ dedup_key }) => dedup_key)).size).toBeLessThanOrEqual(1);
  await host.expectTidy(false);
}

/** The condition holds when the next agent starts: the one incident is open, and was not closed in between without need. */
async function expectOpen(host: Host, wasOver: boolean): Promise<void> {
  const { actions, told } = host;
  expect(actions).toMatch(wasOver ? /^trigger( trigger)*( resolve)*( trigger)+$/ : /^trigger( trigger)*$/);
  expect(new Set(told.map(({ dedup_key }) => dedup_key)).size).toBe(1);
  await host.expectTidy(true);
}

describe('an agent that is killed', () => {
  it('at any point of an incident: the next one tells what is known, and ends what is over', async () => {
    const whole = new Host('whole');
    const points = await pointsOf(whole, 'incident');
    expect(whole.actions).toBe('trigger trigger resolve');
    let killed = 0;
    const told = new Set<string>();
    await each(points, async (point) => {
      const host = new Host(`life${String(point)}`);
      const { signal, words } = await host.run('incident', point);
      expect([signal, words?.points]).toEqual(['SIGKILL', [expect.any(String)]]);
      killed++;
      told.add(host.actions);
      const known = await host.knows();
      // what is after one operation is before the next: both endings are tried of each
      const lasts = point % 2 === 1;
      await pointsOf(host, lasts ? 'lasting' : 'quiet');
      if (lasts) await expectOpen(host, (words?.ticks ?? 0) >= OVER);
      else await expectOver(host, known);
    });
    expect(killed).toBeGreaterThanOrEqual(200);
    expect([...told].sort()).toEqual(['', 'trigger', 'trigger trigger', 'trigger trigger resolve']);
  }, 240_000);

  it('while it takes over from one that was killed: the third one ends it all', async () => {
    const first = new Host('first');
    const sent = (await pointsOf(new Host('model'), 'incident')).indexOf('before request');
    expect(await first.run('incident', sent)).toMatchObject({ signal: 'SIGKILL' });
    // the point is counted in another run, and may be one later here: what the first one told was told for all that follow
    const heirOf = async (name: string) => {
      const host = new Host(name);
      await cp(first.state, host.state, { recursive: true });
      host.inherited = first.told;
      return host;
    };
    const second = await heirOf('second');
    const points = await pointsOf(second, 'quiet');
    await expectOver(second, true);
    expect(points.length).toBeGreaterThanOrEqual(80);
    await each(points, async (point) => {
      if (point % 2 === 1) return;
      const host = await heirOf(`takeover${String(point)}`);
      expect(await host.run('quiet', point)).toMatchObject({ signal: 'SIGKILL' });
      await pointsOf(host, 'quiet');
      await expectOver(host, true);
    });
  }, 120_000);

  it.each([1, 2, 3])(
    'while the server has request %i and has not answered: it is told again, in order',
    async (nth) => {
      const host = new Host(`unanswered${String(nth)}`);
      let left = nth;
      const child = host.start('incident');
      onRequest.set(host.name, () => --left === 0 && child.kill('SIGKILL'));
      expect(await endOf(child)).toMatchObject({ signal: 'SIGKILL' });
      const { length } = host.told;
      expect(length).toBe(nth);
      await pointsOf(host, 'quiet');
      expect(host.told.length).toBeGreaterThan(length);
      await expectOver(host, true);
    },
  );
});

describe('a state directory that takes nothing', () => {
  it.each([
    ['full from the start', { code: 'ENOSPC', from: 0 }],
    ['read-only from the start', { code: 'EROFS', from: 0 }],
    ['full when the alert fires', { code: 'ENOSPC', from: 2 }],
    ['read-only when the alert fires', { code: 'EROFS', from: 2 }],
    ['full when it is over', { code: 'ENOSPC', from: OVER }],
    ['read-only when it is over', { code: 'EROFS', from: OVER }],
  ] as const)('%s: incidents are told all the same, with their evidence, and it is said', async (what, fails) => {
    const host = new Host(what.replaceAll(' ', '-'));
    const { signal, words, errors } = await host.run('incident', null, fails);
    expect(signal, errors).toBeNull();
    expect(host.actions).toBe('trigger trigger resolve');
    expect(errors).toContain(`alerts: the state cannot be kept (${fails.code}`);
    const { alerts } = words ?? {};
    expect(alerts?.receivers).toMatchObject({ pagerduty: { queued: 0, results: { sent: 3 } } });
    expect(alerts?.transitions).toEqual(
      ['fired', 'repeated', 'resolved'].map((kind) => ({ rule: RULE.name, kind, count: 1 })),
    );
    const [trigger] = host.told;
    expect(trigger?.payload.custom_details).toHaveProperty('evidence.collectedAt');
    const unkept = fails.from < OVER;
    expect(errors.includes(`evidence of SendfileFallback: ${fails.code}`)).toBe(unkept);
    expect('evidence_error' in (trigger?.payload.custom_details ?? {})).toBe(unkept);
    if (fails.from > 0) expect(errors).toContain(`${fails.code}; the event is lost if the agent ends now`);
    else expect(errors).toContain('notifications do not survive a restart');
    // with room again, the next agent ends what the state says still fires
    await host.run('quiet');
    expect(host.actions).toMatch(
      fails.from === OVER ? /^trigger trigger resolve( resolve)+$/ : /^trigger trigger resolve$/,
    );
    await host.expectTidy(false);
  });
});
