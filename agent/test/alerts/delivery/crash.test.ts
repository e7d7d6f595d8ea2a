/** The agent is killed, or the power fails, at every single operation on the disk; or one of them fails. The server keeps book. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { NotificationEvent } from '../../../src/alerts/incident.ts';
import type { Outcome } from '../../../src/alerts/receiver.ts';
import {
  failure,
  FakeClock,
  FakeDisk,
  FakeReceiver,
  type Life,
  lifeOn,
  REFUSED,
  resolve,
  SENT,
  settle,
  trigger,
} from './support.ts';

const SECOND = 1000;
const HOUR = 3_600_000;

/** `unsure`: the server takes it, and the answer is lost. */
type Mode = 'well' | 'refuses' | 'fails' | 'unsure';
type Step =
  /** Begins an incident, or repeats its trigger. */
  | { readonly fire: string }
  | { readonly resolve: string }
  | { readonly pass: number }
  | { readonly mode: Mode; readonly of?: string }
  | { readonly crash: 'kill' | 'power'; readonly within: number };

/** What a server was told, and what it holds for open. */
class Server {
  mode: Mode = 'well';
  readonly accepted: NotificationEvent[] = [];

  answer(event: NotificationEvent): Outcome {
    if (this.mode === 'refuses') return REFUSED;
    if (this.mode === 'fails') return failure();
    this.accepted.push(event);
    return this.mode === 'well' ? SENT : failure({ reason: 'timeout' });
  }

  /** Names of incidents, `a#1`, that are open by themselves or in a summary. */
  get open(): ReadonlySet<string> {
    const open = new Map<string, readonly string[]>();
    for (const { action, incident } of this.accepted) {
      if (action === 'resolve') open.delete(incident.dedupKey);
      else open.set(incident.dedupKey, namesIn(incident));
    }
    return new Set([...open.values()].flat());
  }

  /** Incidents that were told of again after their resolve: someone was woken for nothing. */
  get reopened(): readonly string[] {
    const closed = new Set<string>();
    const reopened: string[] = [];
    for (const { action, incident } of this.accepted) {
      const name = `${incident.dedupKey} ${incident.summary}`;
      if (action === 'resolve') closed.add(name);
      else if (closed.has(name)) reopened.push(name);
    }
    return reopened;
  }
}

function namesIn({ summary, details }: NotificationEvent['incident']): readonly string[] {
  const alerts = details.alerts as readonly { readonly summary: string }[] | undefined;
  return alerts?.map((alert) => alert.summary) ?? [summary];
}

/** One host: its engine, its disk, and as many lives of the agent as it takes. */
class Host {
  readonly disk = new FakeDisk();
  readonly servers: ReadonlyMap<string, Server>;
  /** Incidents that last, by key: when they fired and which of that key they are. */
  readonly #firing = new Map<string, { readonly at: number; readonly name: string }>();
  readonly #numbers = new Map<string, number>();
  #life: Life | null = null;
  #crash: 'kill' | 'power' = 'kill';
  #wallMs = new FakeClock().unixMs();
  lives = 0;

  constructor(receivers: readonly string[]) {
    this.servers = new Map(receivers.map((name) => [name, new Server()]));
  }

  get lasting(): ReadonlySet<string> {
    return new Set([...this.#firing.values()].map(({ name }) => name));
  }

  async run(steps: readonly Step[]): Promise<void> {
    for (const step of steps) await this.#step(step);
    // whatever was, in the end all is well
    for (const server of this.servers.values()) server.mode = 'well';
    this.disk.dieAt = Infinity;
    await this.#pass(2 * HOUR);
  }

  async end(): Promise<void> {
    await this.#life?.outbox.close();
    this.#life = null;
  }

  async #step(step: Step): Promise<void> {
    if ('crash' in step) {
      this.#crash = step.crash;
      this.disk.dieAt = this.disk.operations + step.within;
    } else if ('mode' in step) {
      for (const [name, server] of this.servers) if (step.of === undefined || step.of === name) server.mode = step.mode;
    } else if ('pass' in step) await this.#pass(step.pass);
    else if ('fire' in step) await this.#tell(this.#trigger(step.fire));
    else {
      const incident = this.#firing.get(step.resolve);
      if (incident === undefined) return;
      this.#firing.delete(step.resolve);
      await this.#tell(resolve(step.resolve, { firedAtMs: incident.at, summary: incident.name }));
    }
  }

  #trigger(key: string): NotificationEvent {
    let incident = this.#firing.get(key);
    if (incident === undefined) {
      const number = (this.#numbers.get(key) ?? 0) + 1;
      this.#numbers.set(key, number);
      incident = { at: this.#life?.clock.unixMs() ?? this.#wallMs, name: `${key}#${String(number)}` };
      this.#firing.set(key, incident);
    }
    return trigger(key, { firedAtMs: incident.at, summary: incident.name });
  }

  /** As the engine does: what was not said to be safe before the end is told again by the next agent. */
  async #tell(event: NotificationEvent): Promise<void> {
    for (;;) {
      const life = await this.#living();
      const durable = await life.outbox.enqueue(event);
      await settle();
      if (durable || !this.disk.dead) return;
    }
  }

  async #pass(ms: number): Promise<void> {
    for (let left = ms; left > 0;) {
      const { clock } = await this.#living();
      const step = Math.min(left, Math.max(1, (clock.nextAt ?? Infinity) - clock.monotonicMs()));
      await clock.advance(step);
      left -= step;
    }
    await this.#living();
    await settle();
  }

  async #living(): Promise<Life> {
    while (this.#life === null || this.disk.dead) {
      if (this.#life !== null) {
        // a restart takes a moment
        this.#wallMs = this.#life.clock.unixMs() + 10;
        await this.#life.outbox.close();
        this.disk.reboot(this.#crash);
      }
      this.lives++;
      const clock = new FakeClock();
      clock.wallMs = this.#wallMs;
      const receivers = [...this.servers].map(([name, server]) => {
        const receiver = new FakeReceiver(name);
        receiver.isDead = () => this.disk.dead;
        receiver.answer = (event) => server.answer(event);
        return receiver;
      });
      this.#life = lifeOn(this.disk, receivers, { clock, stormThreshold: 2 });
      await this.#life.outbox.start();
      await settle();
    }
    return this.#life;
  }
}

function check(host: Host): void {
  for (const server of host.servers.values()) {
    const open = new Set(server.open);
    const lasting = host.lasting;
    // a summary that lists what lasts lists what has ended too
    const summaries = server.accepted.filter(({ incident }) => incident.rule === 'AlertStorm');
    const inSummaries = new Set(summaries.flatMap(({ incident }) => namesIn(incident)));
    for (const name of lasting) expect(open).toContain(name);
    for (const name of open) if (!inSummaries.has(name)) expect(lasting).toContain(name);
    for (const key of openSummaries(server)) expect(key.some((name) => lasting.has(name))).toBe(true);
    expect(server.reopened).toEqual([]);
  }
  if (host.lasting.size === 0) expect(host.disk.names()).toEqual([]);
  expect(host.disk.names().filter((name) => !name.endsWith('.json'))).toEqual([]);
}

/** What each summary that is open lists. */
function openSummaries(server: Server): readonly (readonly string[])[] {
  const open = new Map<string, readonly string[]>();
  for (const { action, incident } of server.accepted) {
    if (incident.rule !== 'AlertStorm') continue;
    if (action === 'resolve') open.delete(incident.dedupKey);
    else open.set(incident.dedupKey, namesIn(incident));
  }
  return [...open.values()];
}

const fire = (...keys: string[]): Step[] => keys.map((key) => ({ fire: key }));
const end = (...keys: string[]): Step[] => keys.map((key) => ({ resolve: key }));
const pass = (seconds: number): Step => ({ pass: seconds * SECOND });
const mode = (is: Mode, of?: string): Step => (of === undefined ? { mode: is } : { mode: is, of });

const SCRIPTS: readonly [name: string, receivers: readonly string[], steps: readonly Step[]][] = [
  [
    'one incident after the other, some answers lost',
    ['pagerduty'],
    [
      ...fire('a', 'b'),
      pass(1),
      ...end('a'),
      mode('unsure'),
      ...fire('a'),
      pass(1),
      ...end('b'),
      mode('well'),
      pass(60),
      ...fire('a'),
      ...end('a'),
      ...fire('c'),
      pass(60),
    ],
  ],
  [
    'what never left cancels out',
    ['pagerduty'],
    [
      mode('refuses'),
      ...fire('a', 'b'),
      pass(1),
      ...end('a'),
      ...fire('a'),
      ...end('b'),
      pass(1),
      mode('well'),
      pass(60),
      ...end('a'),
    ],
  ],
  [
    'two receivers, each in its own trouble',
    ['pagerduty', 'webhook'],
    [
      mode('refuses', 'webhook'),
      ...fire('a'),
      pass(1),
      ...fire('b'),
      ...end('a'),
      pass(5),
      mode('unsure', 'pagerduty'),
      ...fire('a'),
      mode('well', 'webhook'),
      pass(5),
      ...end('a'),
      mode('well'),
      pass(60),
      ...end('b'),
    ],
  ],
  [
    'a storm that grows before it is told, and ends',
    ['pagerduty'],
    [
      mode('refuses'),
      ...fire('a', 'b', 'c'),
      pass(5),
      ...fire('a'),
      ...end('a'),
      ...fire('d', 'e', 'f'),
      pass(5),
      mode('well'),
      pass(400),
      ...fire('a', 'b'),
      ...end('b', 'c', 'd', 'a', 'e'),
      pass(5),
      ...end('f'),
      pass(5),
    ],
  ],
  [
    'a storm of which one lasts, beside a receiver that is well',
    ['pagerduty', 'webhook'],
    [
      mode('fails', 'pagerduty'),
      ...fire('a'),
      pass(1),
      ...fire('b', 'c', 'd'),
      pass(5),
      mode('unsure', 'pagerduty'),
      pass(300),
      ...end('b', 'c'),
      ...fire('b'),
      mode('well'),
      pass(300),
      ...end('a', 'b'),
    ],
  ],
];

describe.each(SCRIPTS)('%s', (_name, receivers, steps) => {
  it('happens as told where nothing fails', async () => {
    const host = new Host(receivers);
    await host.run(steps);
    check(host);
    expect(host.lives).toBe(1);
    await host.end();
  });

  it.each(['kill', 'power'] as const)(
    '%s at every operation: all arrives, in order, and nothing stays open',
    async (how) => {
      let points = 0;
      for (; ; points++) {
        const host = new Host(receivers);
        await host.run([{ crash: how, within: points }, ...steps]);
        try {
          check(host);
        } catch (error) {
          throw new Error(`after operation ${String(points)}, ${host.disk.log.at(-1) ?? ''}`, { cause: error });
        }
        await host.end();
        if (host.lives === 1) break;
      }
      expect(points).toBeGreaterThan(50);
    },
  );

  it('one operation fails, each in its turn: all arrives, and nothing stays open, after a restart too', async () => {
    let points = 0;
    for (let failed = true; failed; points++) {
      const host = new Host(receivers);
      failed = false;
      host.disk.failing = (operation) => {
        if (operation !== points) return null;
        failed = true;
        return 'EIO';
      };
      await host.run(steps);
      host.disk.failing = () => null;
      // the agent is restarted: what it finds must change nothing
      await host.run([{ crash: 'kill', within: 0 }, ...fire('z'), ...end('z')]);
      for (const server of host.servers.values()) {
        for (const name of host.lasting) expect(server.open, `after operation ${String(points)}`).toContain(name);
        for (const name of openSummaries(server)) expect(name.some((one) => host.lasting.has(one))).toBe(true);
      }
      await host.end();
    }
    expect(points).toBeGreaterThan(50);
  });
});

it('whatever happens in whatever order, with crashes at any moment', async () => {
  const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ fire: key }) },
    { weight: 5, arbitrary: fc.record({ resolve: key }) },
    { weight: 3, arbitrary: fc.record({ pass: fc.constantFrom(1, 100, 2500, 12_000, 400_000) }) },
    {
      weight: 3,
      arbitrary: fc.record({
        mode: fc.constantFrom<Mode>('well', 'refuses', 'fails', 'unsure'),
        of: fc.constantFrom('pagerduty', 'webhook'),
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ crash: fc.constantFrom('kill' as const, 'power' as const), within: fc.nat(60) }),
    },
  );
  await fc.assert(
    fc.asyncProperty(fc.boolean(), fc.array(step, { maxLength: 50, size: 'max' }), async (both, steps) => {
      const host = new Host(both ? ['pagerduty', 'webhook'] : ['pagerduty']);
      await host.run(steps);
      check(host);
      await host.end();
    }),
    { numRuns: 300 },
  );
}, 60_000);
