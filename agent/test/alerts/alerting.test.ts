import { describe, expect, it } from 'vitest';
import { Alerting, type AlertingOptions } from '../../src/alerts/alerting.ts';
import type { Evidence } from '../../src/alerts/evidence.ts';
import type { Incident, NotificationEvent } from '../../src/alerts/incident.ts';
import type { Outbox } from '../../src/alerts/outbox.ts';
import type { Rule } from '../../src/alerts/rule.ts';
import { AlertState, type StateFs } from '../../src/alerts/state.ts';
import { decodeStored, encodeStored } from '../../src/alerts/stored-event.ts';
import { ruleOf } from '../support/alerts.ts';
import { snapshotOf } from '../support/snapshots.ts';

const RULE = ruleOf({ runbook: 'https://wiki.example/runbook' });

/** A disk in memory that can fail at its n-th write, as a machine does that is switched off there. */
class Host {
  readonly files = new Map<string, string>();
  readonly sent: NotificationEvent[] = [];
  readonly logged: string[] = [];
  /** Steps until everything ends. */
  stepsLeft = Infinity;
  evidenceFails = false;
  /** Seconds. */
  evidenceTakes = 0;
  collected = 0;
  writes = 0;
  /** Dedup keys that the outbox does not take. */
  untold: (incident: Incident) => boolean = () => false;
  now = 1_000_000;
  boottime = 1000;

  #step(): void {
    if (this.stepsLeft-- <= 0) throw new Error('switched off');
  }

  get fs(): StateFs {
    return {
      read: (path) => {
        const text = this.files.get(path);
        return text === undefined
          ? Promise.reject(Object.assign(new Error('none'), { code: 'ENOENT' }))
          : Promise.resolve(text);
      },
      makeDirectory: () => Promise.resolve(),
      write: (path, text) => {
        this.#step();
        this.writes++;
        this.files.set(path, text);
        return Promise.resolve();
      },
      rename: (from, to) => {
        this.#step();
        this.files.set(to, this.files.get(from) ?? '');
        this.files.delete(from);
        return Promise.resolve();
      },
      sync: () => Promise.resolve(),
    };
  }

  options(rules: readonly Rule[] = [RULE]): AlertingOptions {
    const outbox = {
      start: () => Promise.resolve(),
      enqueue: (event: NotificationEvent) => {
        this.#step();
        if (this.untold(event.incident)) return Promise.reject(new Error('not this one'));
        // what an outbox could not read again
        decodeStored(
          encodeStored({ event, queuedAtMs: 0, opening: false, receiver: null, absorbs: [], members: null }),
        );
        this.sent.push(event);
        return Promise.resolve(true);
      },
      close: () => Promise.resolve(),
      stats: () => ({ receivers: {}, events: 0, bytes: 0, setAside: 0, undurable: 0 }),
    } as unknown as Outbox;
    return {
      rules,
      outbox,
      state: new AlertState('/state', this.fs),
      collect: () => {
        this.collected++;
        this.boottime += this.evidenceTakes;
        this.now += this.evidenceTakes * 1000;
        return this.evidenceFails
          ? Promise.reject(new Error('no /proc'))
          : Promise.resolve({ 'fs.aio-nr': 1 } as unknown as Evidence);
      },
      keep: () => Promise.resolve('/state/evidence/x.json'),
      hostId: 'host-id',
      host: 'web1',
      statusUrl: '',
      unixMs: () => this.now,
      boottime: () => this.boottime,
      log: (level, message) => {
        this.logged.push(`${level}: ${message}`);
      },
    };
  }

  async agent(rules?: readonly Rule[]): Promise<Alerting> {
    const alerting = new Alerting(this.options(rules));
    await alerting.start();
    return alerting;
  }

  /** A second later, with so many attempts and fallbacks since the agent started. */
  async tick(alerting: Alerting, attempts: number, fallbacks: number): Promise<void> {
    this.now += 1000;
    this.boottime += 1;
    const counts = { zerocopy: attempts - fallbacks, refused: fallbacks, confirmed: fallbacks };
    alerting.tick(
      snapshotOf({
        boottime: this.boottime,
        processes: [{ pid: 7, comm: 'nginx', counters: { sendfile: counts } }],
        causes:
          fallbacks === 0 ? [] : [{ kind: 'refused', refused: 'source_cannot_splice', process: 0, count: fallbacks }],
      }),
    );
    await alerting.settled();
  }

  get told(): string[] {
    return this.sent.map(({ action }) => action);
  }
}

/** Nothing, then one in ten, then nothing for longer than the window. */
async function incident(host: Host, alerting: Alerting): Promise<void> {
  await host.tick(alerting, 0, 0);
  await host.tick(alerting, 1000, 100);
  for (let second = 0; second < 15; second++) await host.tick(alerting, 1000, 100);
}

describe('Alerting', () => {
  it('tells of one incident from trigger to resolve, with what explains it', async () => {
    const host = new Host();
    await incident(host, await host.agent());
    expect(host.told).toEqual(['trigger', 'resolve']);
    const [trigger, resolve] = host.sent;
    expect(trigger?.incident).toMatchObject({
      rule: 'SendfileFallback',
      host: 'web1',
      severity: 'error',
      summary: 'all workloads on web1: 10 %',
      value: 0.1,
      threshold: 0.005,
      resolvedAtMs: null,
      links: [{ href: 'https://wiki.example/runbook', text: 'Runbook' }],
      details: {
        evidence: { 'fs.aio-nr': 1 },
        evidence_file: '/state/evidence/x.json',
        processes: [{ pid: 7, comm: 'nginx', attempts: 1000, fallbacks: 100 }],
        causes: [{ reason: 'source_cannot_splice', count: 100 }],
      },
    });
    expect(resolve?.incident.dedupKey).toBe(trigger?.incident.dedupKey);
    expect(resolve?.incident.resolvedAtMs).toBeGreaterThan(trigger?.incident.firedAtMs ?? Infinity);
    expect(JSON.parse(host.files.get('/state/alerts.json') ?? '')).toEqual({ version: 1, alerts: [] });
  });

  it('tells without evidence when it cannot be had', async () => {
    const host = new Host();
    host.evidenceFails = true;
    await incident(host, await host.agent());
    expect(host.told).toEqual(['trigger', 'resolve']);
    expect(host.sent[0]?.incident.details).toMatchObject({ evidence_error: 'no /proc' });
  });

  it('switched off at any step and started again, loses no incident and leaves none open', async () => {
    for (let steps = 0; steps < 12; steps++) {
      const host = new Host();
      host.stepsLeft = steps;
      await incident(host, await host.agent());
      const died = [...host.told];
      host.stepsLeft = Infinity;
      // the next agent sees nothing of the kind: its counters begin anew
      const next = await host.agent();
      for (let second = 0; second < 15; second++) await host.tick(next, 0, 0);
      const opened = host.told.lastIndexOf('trigger');
      const closed = host.told.lastIndexOf('resolve');
      expect([steps, closed >= opened], died.join()).toEqual([steps, true]);
      // what was kept on disk was told
      if (steps >= 2) expect([steps, host.told.includes('trigger')]).toEqual([steps, true]);
      expect(new Set(host.sent.map(({ incident: { dedupKey } }) => dedupKey)).size).toBeLessThanOrEqual(1);
    }
  });

  it('resolves what a former run left when its rule is gone', async () => {
    const host = new Host();
    const alerting = await host.agent();
    await host.tick(alerting, 0, 0);
    await host.tick(alerting, 1000, 100);
    expect(host.told).toEqual(['trigger']);
    await host.agent([]);
    expect(host.told).toEqual(['trigger', 'resolve']);
  });

  it('resolves what fires when a reload takes its rule away, and shows what fires until then', async () => {
    const host = new Host();
    const alerting = await host.agent();
    await host.tick(alerting, 0, 0);
    await host.tick(alerting, 1000, 100);
    expect(alerting.view()).toMatchObject({
      firing: [{ rule: 'SendfileFallback', subject: null, firedAtMs: host.now }],
      transitions: [{ rule: 'SendfileFallback', kind: 'fired', count: 1 }],
    });
    alerting.replaceRules([]);
    await alerting.settled();
    expect(host.told).toEqual(['trigger', 'resolve']);
    expect(alerting.view().firing).toEqual([]);
  });

  it('sets a state aside that it cannot read, and goes on', async () => {
    for (const text of ['', '{', '{"version":2,"alerts":[]}', '[]', 'null']) {
      const host = new Host();
      host.files.set('/state/alerts.json', text);
      await incident(host, await host.agent());
      expect(host.told).toEqual(['trigger', 'resolve']);
      expect(host.logged[0]).toContain('set aside as alerts.json.bad');
      expect(host.files.get('/state/alerts.json.bad')).toBe(text);
    }
  });

  it('starts with whatever its state holds, and tells of the next incident', async () => {
    const host = new Host();
    const alerting = await host.agent();
    await host.tick(alerting, 0, 0);
    await host.tick(alerting, 1000, 100);
    const text = host.files.get('/state/alerts.json') ?? '';
    const texts = Array.from({ length: text.length }, (_, length) => text.slice(0, length));
    for (const wrong of [null, 1, 'x', [], {}])
      texts.push(...wrongAnywhere(JSON.parse(text), wrong).map((one) => JSON.stringify(one)));
    expect(texts.length).toBeGreaterThan(800);
    for (const corrupt of texts) {
      const [other, without] = [new Host(), new Host()];
      for (const one of [other, without]) one.files.set('/state/alerts.json', corrupt);
      // its rule is gone, too: what is left of it is all there is to go by
      await expect(without.agent([]), corrupt).resolves.toBeDefined();
      expect(
        without.logged.filter((line) => line.startsWith('error: alerts: wrong')),
        corrupt,
      ).toEqual([]);
      const next = await other.agent();
      for (let second = 0; second < 15; second++) await other.tick(next, 0, 0);
      const before = other.sent.length;
      await other.tick(next, 1000, 100);
      expect([corrupt, other.told.slice(before)]).toEqual([corrupt, ['trigger']]);
    }
  });

  it('leaves out entries that are none', async () => {
    const host = new Host();
    host.files.set('/state/alerts.json', JSON.stringify({ version: 1, alerts: [null, 1, {}, { phase: 'firing' }] }));
    await host.agent();
    expect(host.told).toEqual([]);
  });
});

describe('a thousand rules that fire at once', () => {
  const RULES = Array.from({ length: 1000 }, (_, i): Rule => ({ ...RULE, name: `Rule${String(i)}` }));

  it('are told within seconds, though the evidence of each takes one; those without say why', async () => {
    const host = new Host();
    host.evidenceTakes = 1;
    const alerting = await host.agent(RULES);
    await host.tick(alerting, 0, 0);
    const { boottime } = host;
    await host.tick(alerting, 1000, 100);
    expect(host.told).toEqual(RULES.map(() => 'trigger'));
    expect(host.boottime - boottime).toBeLessThan(10);
    expect(new Set(host.sent.map(({ incident }) => incident.dedupKey)).size).toBe(1000);
    // all fired in the same moment, however late they were told
    expect(new Set(host.sent.map(({ incident }) => incident.firedAtMs)).size).toBe(1);
    const [explained, others] = [host.sent.slice(0, host.collected), host.sent.slice(host.collected)];
    expect(host.collected).toBeGreaterThanOrEqual(5);
    for (const { incident } of explained) expect(incident.details).toMatchObject({ evidence: { 'fs.aio-nr': 1 } });
    for (const { incident } of others) {
      expect(incident.details).not.toHaveProperty('evidence');
      expect(incident.details.evidence_error).toMatch(/^too many alerts at once: its turn came [5-9] s after/);
    }
  });

  it('are written to the state together, when they begin and when they end', async () => {
    const host = new Host();
    const alerting = await host.agent(RULES);
    await incident(host, alerting);
    expect(host.told).toEqual([...RULES.map(() => 'trigger'), ...RULES.map(() => 'resolve')]);
    // each time before the first is told, and after the last
    expect(host.writes).toBe(4);
  });

  it('are told but for those that cannot be, which the next agent tells', async () => {
    const host = new Host();
    host.untold = ({ rule }) => rule === 'Rule1';
    const alerting = await host.agent(RULES.slice(0, 4));
    await host.tick(alerting, 0, 0);
    await host.tick(alerting, 1000, 100);
    const rules = () => host.sent.map(({ action, incident: { rule } }) => `${action} ${rule}`);
    expect(rules()).toEqual(['trigger Rule0', 'trigger Rule2', 'trigger Rule3']);
    host.untold = () => false;
    host.sent.length = 0;
    const next = await host.agent(RULES.slice(0, 4));
    expect(rules()).toEqual(['trigger Rule1']);
    host.sent.length = 0;
    host.untold = ({ rule }) => rule === 'Rule2';
    for (let second = 0; second < 15; second++) await host.tick(next, 0, 0);
    expect(rules()).toEqual(['resolve Rule0', 'resolve Rule1', 'resolve Rule3']);
    host.untold = () => false;
    host.sent.length = 0;
    await host.agent(RULES.slice(0, 4));
    expect(rules()).toEqual(['resolve Rule2']);
  });
});

/** A JSON value with another in the place of one of its parts: once for each part. */
function wrongAnywhere(value: unknown, wrong: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [wrong];
  const parts = Object.entries(value).flatMap(([key, part]) =>
    wrongAnywhere(part, wrong).map((other) => {
      const copy = structuredClone(value) as Record<string, unknown>;
      copy[key] = other;
      return copy;
    }),
  );
  return [wrong, ...parts];
}
