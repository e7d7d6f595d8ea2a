/** The receiver is away for an hour, while incidents go on beginning and ending. Time is simulated. */
import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/alerts/receiver.ts';
import { failure, FakeDisk, FakeReceiver, lifeOn, REFUSED, resolve, SENT, trigger } from './support.ts';

const MINUTE = 60_000;
/** Longest wait between two attempts: so soon after its end an outage is noticed. */
const LONGEST_WAIT = 5 * MINUTE;

const OUTAGES: readonly [name: string, outcome: Outcome, left: boolean][] = [
  ['refuses connections', REFUSED, false],
  ['says 429', failure({ reason: 'rate_limited', left: false, retryAfterMs: 30_000 }), false],
  ['says 503', failure({ why: '503 down' }), true],
  ['answers nothing in time, and takes nothing', failure({ reason: 'timeout', why: 'no answer within 10 s' }), true],
];

describe.each(OUTAGES)('for an hour the receiver %s', (_name, outcome, left) => {
  it('each incident that lasts is told when it is back, each that was told is resolved, in order', async () => {
    const receiver = new FakeReceiver();
    const { outbox, clock, disk, lines } = lifeOn(new FakeDisk(), [receiver]);
    await outbox.start();
    const firedAt = new Map<string, number>();
    const fire = async (key: string) => {
      firedAt.set(key, clock.unixMs());
      await outbox.enqueue(trigger(key, { firedAtMs: clock.unixMs() }));
    };
    const end = (key: string) => outbox.enqueue(resolve(key, { firedAtMs: firedAt.get(key) ?? 0 }));
    await fire('told and over');
    await fire('told and lasting');
    await clock.advance(1000);
    expect(receiver.texts).toEqual(['trigger told and over', 'trigger told and lasting']);

    receiver.answer = () => outcome;
    const before = receiver.attempts.length;
    await fire('first');
    await clock.advance(MINUTE);
    await end('told and over');
    // every four minutes one begins; every other is over three minutes later
    for (let i = 0; i < 14; i++) {
      await fire(`k${String(i)}`);
      await clock.advance(3 * MINUTE);
      if (i % 2 === 0) await end(`k${String(i)}`);
      await clock.advance(MINUTE);
    }
    await end('first');
    await clock.advance(3 * MINUTE);
    expect(clock.monotonicMs()).toBeGreaterThanOrEqual(60 * MINUTE);
    // it is probed, and not stormed; and said once
    const probes = receiver.attempts.length - before;
    expect(probes).toBeGreaterThanOrEqual(60 / 5);
    expect(probes).toBeLessThan(130);
    expect(lines.filter((line) => line.includes('will try again'))).toHaveLength(1);
    const attempted = new Set(receiver.attempts);

    receiver.answer = () => SENT;
    await clock.advance(LONGEST_WAIT);
    const open = new Set<string>();
    const told = new Set<string>();
    for (const text of receiver.texts) {
      const [action, key] = [text.split(' ', 1)[0], text.slice(text.indexOf(' ') + 1)];
      if (action === 'trigger') {
        expect(told, 'nothing begins twice').not.toContain(key);
        told.add(key);
        open.add(key);
      } else expect(open.delete(key), `the resolve of ${key} comes after its trigger, and once`).toBe(true);
    }
    const odd = [1, 3, 5, 7, 9, 11, 13].map((i) => `k${String(i)}`);
    expect([...open].sort()).toEqual([...odd, 'told and lasting'].sort());
    // of those that began and ended meanwhile only what may have left is told
    const short = ['first', ...[0, 2, 4, 6, 8, 10, 12].map((i) => `k${String(i)}`)];
    for (const key of short) expect([key, told.has(key)]).toEqual([key, left && attempted.has(`trigger ${key}`)]);
    expect(disk.names()).toEqual([]);
    expect(outbox.stats().receivers.pagerduty).toMatchObject({
      queued: 0,
      failed: { rejected: 0, expired: 0, dropped: 0 },
    });
    expect(lines.at(-1)).toBe('info: pagerduty: delivers again');
    await outbox.close();
  });
});
