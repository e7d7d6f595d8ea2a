import { describe, expect, it } from 'vitest';
import type { NotificationEvent } from '../../../src/alerts/incident.ts';
import type { Outcome } from '../../../src/alerts/receiver.ts';
import { stormEvent } from '../../../src/alerts/storm.ts';
import {
  FakeDisk,
  FakeReceiver,
  failure,
  incidentOf,
  lifeOn,
  NOON,
  REFUSED,
  resolve,
  SENT,
  settle,
  trigger,
} from './support.ts';

const MINUTE = 60_000;
const keys = (count: number, prefix = 'k'): string[] =>
  Array.from({ length: count }, (_, i) => `${prefix}${String(i)}`);
const isStorm = ({ incident }: NotificationEvent): boolean => incident.rule === 'AlertStorm';

/** An outbox whose receiver cannot be reached, with triggers of these keys. */
async function storm(names: readonly string[], stormThreshold = 3, outcome: Outcome = REFUSED) {
  const receiver = new FakeReceiver();
  receiver.answer = () => outcome;
  const life = lifeOn(new FakeDisk(), [receiver], { stormThreshold });
  await life.outbox.start();
  await Promise.all(names.map((name) => life.outbox.enqueue(trigger(name))));
  // the first was on its way before the others came
  await settle();
  return { ...life, receiver };
}

describe('a storm', () => {
  it('of as many triggers as may wait is told one by one', async () => {
    const { receiver, clock } = await storm(keys(3));
    receiver.answer = () => SENT;
    await clock.advance(MINUTE);
    expect(receiver.texts.sort()).toEqual(['trigger k0', 'trigger k1', 'trigger k2']);
  });

  it('of one more is told as one, and resolved when all of it has', async () => {
    const { receiver, clock, outbox, disk } = await storm(keys(4));
    receiver.answer = () => SENT;
    await clock.advance(MINUTE);
    expect(receiver.accepted).toHaveLength(1);
    const [summary] = receiver.accepted;
    expect(summary?.incident).toMatchObject({
      rule: 'AlertStorm',
      summary: '4 alerts at once on web-1: SendfileFallback (4)',
      value: 4,
      threshold: 3,
      resolvedAtMs: null,
    });
    for (const key of keys(3)) await outbox.enqueue(resolve(key));
    await clock.advance(MINUTE);
    expect(receiver.accepted).toHaveLength(1);
    clock.wallMs = NOON + 100 * MINUTE;
    await outbox.enqueue(resolve('k3'));
    await settle();
    expect(receiver.accepted).toHaveLength(2);
    expect(receiver.accepted[1]).toEqual({
      action: 'resolve',
      incident: { ...summary?.incident, resolvedAtMs: NOON + 100 * MINUTE },
    });
    expect(disk.names()).toEqual([]);
    expect(outbox.stats().receivers.pagerduty).toMatchObject({ queued: 0, sent: 2, collapsed: 8 });
  });

  it('that gathers while there is no key is one too', async () => {
    const { receiver, clock } = await storm(keys(4), 3, { kind: 'wait', ms: 10_000, why: 'no key' });
    receiver.answer = () => SENT;
    await clock.advance(MINUTE);
    expect(receiver.accepted.map(({ incident }) => incident.value)).toEqual([4]);
  });

  it('that comes in bursts is one: triggers gather until two seconds pass without one, or ten', async () => {
    const { receiver, clock, outbox } = await storm(keys(4));
    receiver.answer = () => SENT;
    for (const key of keys(20, 'later')) {
      await clock.advance(1900);
      await outbox.enqueue(trigger(key));
    }
    await clock.advance(MINUTE);
    const storms = receiver.accepted.filter(isStorm);
    // 4 at the beginning, 5 within ten seconds, the rest one by one as they come
    expect(storms.map(({ incident }) => incident.value)).toEqual([9]);
    expect(receiver.accepted).toHaveLength(1 + 15);
  });

  it('that has not been told grows, keeps its key, and forgets what has resolved meanwhile', async () => {
    const { receiver, clock, outbox, disk } = await storm(keys(4));
    await clock.advance(10_000);
    await outbox.enqueue(resolve('k1'));
    await Promise.all(keys(4, 'm').map((key) => outbox.enqueue(trigger(key))));
    await clock.advance(10_000);
    const files = disk.names();
    expect(files).toHaveLength(1);
    receiver.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    expect(receiver.accepted).toHaveLength(1);
    expect(receiver.accepted[0]?.incident.summary).toBe('8 alerts at once on web-1: SendfileFallback (8)');
    for (const key of ['k0', 'k2', 'k3', ...keys(4, 'm')]) await outbox.enqueue(resolve(key));
    await settle();
    expect(receiver.texts.map((text) => text.split(' ')[0])).toEqual(['trigger', 'resolve']);
    expect(disk.names()).toEqual([]);
  });

  it('that may have been told does not: the next is another', async () => {
    const { receiver, clock, outbox } = await storm(keys(4));
    receiver.answer = () => failure();
    await clock.advance(10_000);
    await Promise.all(keys(4, 'm').map((key) => outbox.enqueue(trigger(key))));
    await clock.advance(10_000);
    receiver.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    const storms = receiver.accepted.filter(isStorm);
    expect(new Set(storms.map(({ incident }) => incident.dedupKey)).size).toBe(2);
    expect(storms.map(({ incident }) => incident.value)).toEqual([4, 4]);
  });

  it('that never left and is over leaves nothing', async () => {
    const { receiver, clock, outbox, disk } = await storm(keys(4));
    await clock.advance(10_000);
    for (const key of keys(4)) await outbox.enqueue(resolve(key));
    receiver.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    expect(receiver.accepted).toEqual([]);
    expect(disk.names()).toEqual([]);
  });

  it('leaves alone what the receiver may know of: repeated, tried, of a former run, or behind a resolve', async () => {
    const receiver = new FakeReceiver();
    const { outbox, clock } = lifeOn(new FakeDisk(), [receiver], { stormThreshold: 1 });
    await outbox.start();
    await outbox.enqueue(trigger('repeated'));
    await settle();
    receiver.answer = () => failure({ retryAfterMs: MINUTE });
    await outbox.enqueue(trigger('tried'));
    await settle();
    await outbox.enqueue(trigger('repeated'));
    await outbox.enqueue(trigger('former', { firedAtMs: 0 }));
    await outbox.enqueue(resolve('behind'));
    await outbox.enqueue(trigger('behind'));
    for (const key of keys(2)) await outbox.enqueue(trigger(key));
    receiver.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    const rest = receiver.accepted.filter((event) => !isStorm(event)).map(({ incident }) => incident.dedupKey);
    expect(rest.sort()).toEqual(['behind', 'behind', 'former', 'repeated', 'repeated', 'tried']);
    expect(receiver.accepted.filter(isStorm).map(({ incident }) => incident.value)).toEqual([2]);
  });

  it('stands for repeated triggers too, and not for the next incident of a key that resolved', async () => {
    const { receiver, clock, outbox, disk } = await storm(keys(4));
    receiver.answer = () => SENT;
    await clock.advance(MINUTE);
    await outbox.enqueue(trigger('k0'));
    await outbox.enqueue(resolve('k0'));
    await outbox.enqueue(trigger('k0'));
    await settle();
    expect(receiver.texts.slice(1)).toEqual(['trigger k0']);
    await outbox.enqueue(resolve('k0'));
    for (const key of ['k1', 'k2', 'k3']) await outbox.enqueue(resolve(key));
    await settle();
    expect(
      receiver.accepted.map((event) => (isStorm(event) ? 'storm' : event.incident.dedupKey) + event.action),
    ).toEqual(['stormtrigger', 'k0trigger', 'k0resolve', 'stormresolve']);
    expect(disk.names()).toEqual([]);
  });

  it('is for one receiver: the other is told one by one', async () => {
    const [slow, fast] = [new FakeReceiver('pagerduty'), new FakeReceiver('webhook')];
    slow.answer = () => REFUSED;
    const { outbox, clock, disk } = lifeOn(new FakeDisk(), [slow, fast], { stormThreshold: 3 });
    await outbox.start();
    for (const key of keys(5)) {
      await outbox.enqueue(trigger(key));
      await settle();
    }
    slow.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    expect(slow.accepted).toHaveLength(1);
    expect(fast.accepted).toHaveLength(5);
    for (const key of keys(5)) await outbox.enqueue(resolve(key));
    await clock.advance(MINUTE);
    expect(slow.texts.map((text) => text.split(' ')[0])).toEqual(['trigger', 'resolve']);
    expect(fast.accepted).toHaveLength(10);
    expect(disk.names()).toEqual([]);
  });

  it('that cannot be written is told one by one', async () => {
    const { receiver, clock, disk } = await storm(keys(4));
    disk.failing = (_i, name) => (name.startsWith('write') ? 'ENOSPC' : null);
    receiver.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    expect(receiver.texts.sort()).toEqual(keys(4).map((key) => `trigger ${key}`));
    expect(disk.names()).toEqual([]);
  });

  it('of a thousand rules at once takes a handful of requests, a second process included', async () => {
    const { receiver, clock, outbox, disk } = await storm(keys(1000), 20);
    await outbox.close();
    const next = new FakeReceiver();
    const second = lifeOn(disk, [next]);
    await second.outbox.start();
    await second.clock.advance(MINUTE);
    expect(receiver.accepted).toEqual([]);
    expect(next.accepted.length).toBeLessThan(10);
    expect(next.accepted.filter(isStorm)).toHaveLength(1);
    await second.outbox.close();
    // and a third one resolves it
    const third = lifeOn(disk, [next], { clock });
    await third.outbox.start();
    for (const key of keys(1000)) await third.outbox.enqueue(resolve(key));
    await third.clock.advance(MINUTE);
    expect(disk.names()).toEqual([]);
    expect(new Set(next.accepted.filter(isStorm).map(({ action }) => action))).toEqual(new Set(['trigger', 'resolve']));
  });
});

it('a summary is as severe as the worst of its alerts, began with the first, and lists a bounded number', () => {
  const incidents = keys(150).map((key, i) =>
    incidentOf(key, {
      severity: i === 70 ? 'critical' : 'info',
      firedAtMs: NOON - i,
      rule: i < 100 ? 'A' : `R${String(i)}`,
      subject: { unit: 'nginx.service', comm: key },
      links: [{ href: `https://runbook/${String(i)}`, text: 'runbook' }],
    }),
  );
  const [first, ...others] = incidents;
  if (first === undefined) throw new Error('none');
  const { incident } = stormEvent([first, ...others], 'pagerduty', 20, null);
  expect(incident).toMatchObject({ severity: 'critical', firedAtMs: NOON - 149, value: 150 });
  expect(incident.summary).toMatch(/^150 alerts at once on web-1: A \(100\), R100 \(1\), .*, R108 \(1\), …$/);
  expect(incident.details.alerts).toHaveLength(100);
  expect(incident.details.not_listed).toBe(50);
  expect(incident.links).toHaveLength(5);
  expect(incident.dedupKey.length).toBeLessThan(256);
  const larger = stormEvent([incidentOf('x', { rule: 'A' })], 'pagerduty', 20, incident).incident;
  expect(larger).toMatchObject({
    dedupKey: incident.dedupKey,
    severity: 'critical',
    value: 151,
    firedAtMs: NOON - 149,
  });
  expect(larger.summary).toContain('A (101)');
});
