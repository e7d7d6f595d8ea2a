import { describe, expect, it } from 'vitest';
import type { Outcome } from '../../../src/alerts/receiver.ts';
import {
  failure,
  FakeClock,
  FakeDisk,
  FakeReceiver,
  type Life,
  lifeOn,
  NOON,
  REFUSED,
  resolve,
  SENT,
  settle,
  trigger,
} from './support.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

async function started(...args: Parameters<typeof lifeOn>): Promise<Life> {
  const life = lifeOn(...args);
  await life.outbox.start();
  return life;
}

/** Answers in this order, then `last` for ever. */
function scripted(answers: readonly Outcome[], last: Outcome = SENT): (event: unknown, attempt: number) => Outcome {
  return (_event, attempt) => answers[attempt - 1] ?? last;
}

describe('an event', () => {
  it('is on disk before it is sent, with its directory, and gone when it was', async () => {
    const receiver = new FakeReceiver();
    const { outbox, disk } = await started(new FakeDisk(), [receiver]);
    disk.log.length = 0;
    let onDisk: string[] = [];
    receiver.answer = () => {
      onDisk = disk.log.slice();
      return SENT;
    };
    expect(await outbox.enqueue(trigger('a'))).toBe(true);
    await settle();
    const name = '000000000001.json';
    const sync = ['open directory', 'sync directory', 'close directory'];
    expect(onDisk).toEqual([
      `open ${name}.tmp`,
      `write ${name}.tmp`,
      `sync ${name}.tmp`,
      `close ${name}.tmp`,
      `rename ${name}.tmp ${name}`,
      ...sync,
      `rename ${name} 000000000001.pagerduty-tried.json`,
      ...sync,
    ]);
    expect(receiver.texts).toEqual(['trigger a']);
    expect(disk.log.slice(onDisk.length)).toEqual(['unlink 000000000001.pagerduty-tried.json', ...sync]);
    expect(disk.names()).toEqual([]);
    expect(outbox.stats()).toMatchObject({ events: 0, bytes: 0, undurable: 0 });
    expect(outbox.stats().receivers.pagerduty).toMatchObject({ queued: 0, sent: 1 });
  });

  it('is for nobody else to read', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => REFUSED;
    const { outbox, disk } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    expect(disk.directoryMode).toBe(0o700);
    expect([...disk.files.values()].map(({ mode }) => mode)).toEqual([0o600]);
  });

  it('without receivers goes nowhere, and what is on disk waits for some', async () => {
    const disk = new FakeDisk();
    disk.put('000000000007.json', 'whatever');
    const { outbox } = await started(disk, []);
    expect(await outbox.enqueue(trigger('a'))).toBe(true);
    expect(disk.names()).toEqual(['000000000007.json']);
    expect(await outbox.flush(1)).toBe(true);
  });

  it('needs an outbox that was started and not closed', async () => {
    const { outbox } = lifeOn(new FakeDisk(), [new FakeReceiver()]);
    await expect(outbox.enqueue(trigger('a'))).rejects.toThrow('not started');
    await outbox.start();
    await outbox.close();
    await outbox.close();
    await expect(outbox.enqueue(trigger('a'))).rejects.toThrow('closed');
  });
});

describe('order', () => {
  it('is kept for each key, whatever fails', async () => {
    const receiver = new FakeReceiver();
    // every other attempt fails
    receiver.answer = async (_event, attempt) => {
      await Promise.resolve();
      return attempt % 2 === 1 ? failure() : SENT;
    };
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    const keys = ['a', 'b', 'c'];
    for (const event of [trigger, trigger, resolve, trigger, resolve]) {
      for (const key of keys) await outbox.enqueue(event(key, { firedAtMs: NOON - 1 }));
    }
    await clock.advance(HOUR);
    for (const key of keys) {
      const own = receiver.texts.filter((text) => text.endsWith(` ${key}`)).map((text) => text.split(' ')[0]);
      expect(own).toEqual(['trigger', 'trigger', 'resolve', 'trigger', 'resolve']);
    }
  });

  it('different keys go side by side, four at a time', async () => {
    const receiver = new FakeReceiver();
    const { promise, resolve: answer } = Promise.withResolvers<Outcome>();
    receiver.answer = () => promise;
    const { outbox } = await started(new FakeDisk(), [receiver]);
    for (let i = 0; i < 9; i++) await outbox.enqueue(trigger(`k${String(i)}`));
    await settle();
    expect(receiver.underWay).toBe(4);
    answer(SENT);
    await settle();
    expect(receiver.accepted).toHaveLength(9);
    expect(receiver.mostUnderWay).toBe(4);
  });

  it('one event that never succeeds holds up no other', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = ({ incident }) => (incident.dedupKey === 'poison' ? failure() : SENT);
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('poison'));
    for (let i = 0; i < 50; i++) {
      await outbox.enqueue(trigger(`k${String(i)}`));
      await clock.advance(2000);
    }
    expect(receiver.accepted).toHaveLength(50);
  });
});

describe('receivers', () => {
  it('progress by themselves: a file goes when both are done, and says who is', async () => {
    const [one, two] = [new FakeReceiver('pagerduty'), new FakeReceiver('webhook')];
    two.answer = () => REFUSED;
    const { outbox, disk, clock } = await started(new FakeDisk(), [one, two]);
    await outbox.enqueue(trigger('a'));
    await outbox.enqueue(trigger('b'));
    await clock.advance(HOUR);
    expect(one.texts).toEqual(['trigger a', 'trigger b']);
    expect(disk.names()).toEqual([
      '000000000001.pagerduty-done.webhook-tried.json',
      '000000000002.pagerduty-done.webhook-tried.json',
    ]);
    expect(outbox.stats().receivers).toMatchObject({
      pagerduty: { queued: 0, sent: 2 },
      webhook: { queued: 2, sent: 0 },
    });
    await outbox.close();
    // the next process tells only the one that does not know
    const again = [new FakeReceiver('pagerduty'), new FakeReceiver('webhook')] as const;
    await started(disk, again);
    await settle();
    expect(again[0].attempts).toEqual([]);
    expect(again[1].texts).toEqual(['trigger a', 'trigger b']);
    expect(disk.names()).toEqual([]);
  });

  it.each([[['a', 'a']], [['A']], [['a-b']], [['']], [['../x']], [['x'.repeat(240)]]])(
    'cannot be called %j',
    (names) => {
      expect(() =>
        lifeOn(
          new FakeDisk(),
          names.map((name) => new FakeReceiver(name)),
        ),
      ).toThrow(TypeError);
    },
  );
});

describe('a trigger and its resolve', () => {
  /** A receiver that cannot be reached, and an outbox with these events. */
  async function unreachable(outcome: Outcome, ...events: Parameters<Life['outbox']['enqueue']>[0][]) {
    const receiver = new FakeReceiver();
    receiver.answer = () => outcome;
    const life = await started(new FakeDisk(), [receiver]);
    for (const event of events) {
      await life.outbox.enqueue(event);
      await settle();
    }
    receiver.answer = () => SENT;
    await life.clock.advance(HOUR);
    return { ...life, receiver };
  }

  it.each([
    ['refused connections', REFUSED],
    ['429', failure({ reason: 'rate_limited', left: false })],
    ['a key that is missing', { kind: 'wait', ms: 10_000, why: 'read /k: ENOENT' } as const],
  ])('that both never left cancel out: %s', async (_what, outcome) => {
    const { receiver, outbox, disk } = await unreachable(outcome, trigger('a'), trigger('a'), resolve('a'));
    expect(receiver.accepted).toEqual([]);
    expect(disk.names()).toEqual([]);
    expect(outbox.stats().receivers.pagerduty).toMatchObject({ queued: 0, sent: 0, cancelled: 3 });
  });

  it.each([
    ['500', failure()],
    ['an answer that did not come', failure({ reason: 'timeout' })],
  ])('do not once the trigger may have left: %s', async (_what, outcome) => {
    const { receiver, outbox } = await unreachable(outcome, trigger('a'), resolve('a'));
    expect(receiver.texts).toEqual(['trigger a', 'resolve a']);
    expect(outbox.stats().receivers.pagerduty?.cancelled).toBe(0);
  });

  it('do not while the trigger is under way', async () => {
    const receiver = new FakeReceiver();
    const { promise, resolve: answer } = Promise.withResolvers<Outcome>();
    receiver.answer = () => promise;
    const { outbox } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await outbox.enqueue(resolve('a'));
    answer(SENT);
    await settle();
    expect(receiver.texts).toEqual(['trigger a', 'resolve a']);
  });

  it('do not if the receiver was told of the incident before: a repeated trigger', async () => {
    const receiver = new FakeReceiver();
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await settle();
    receiver.answer = () => REFUSED;
    await outbox.enqueue(trigger('a'));
    await outbox.enqueue(resolve('a'));
    receiver.answer = () => SENT;
    await clock.advance(HOUR);
    expect(receiver.texts.at(-1)).toBe('resolve a');
  });

  it('do not if a former run may have told of the incident', async () => {
    const { receiver } = await unreachable(REFUSED, trigger('a', { firedAtMs: NOON - 1 }), resolve('a'));
    expect(receiver.texts).toEqual(['trigger a', 'resolve a']);
  });

  it('do not if the incident seems to fire in the future: the clock was set back', async () => {
    const { receiver } = await unreachable(REFUSED, trigger('a', { firedAtMs: NOON + HOUR }), resolve('a'));
    expect(receiver.texts).toEqual(['trigger a', 'resolve a']);
  });

  it('do not if a former run told of the incident, and the clock was set back since', async () => {
    const [one, two, disk] = [new FakeReceiver(), new FakeReceiver(), new FakeDisk()];
    one.answer = () => REFUSED;
    const first = await started(disk, [one]);
    await first.outbox.enqueue(trigger('a'));
    await first.outbox.close();
    const clock = new FakeClock();
    clock.wallMs -= HOUR;
    const { outbox } = await started(disk, [two], { clock });
    await clock.advance(2 * HOUR);
    two.answer = () => REFUSED;
    await outbox.enqueue(trigger('a'));
    await settle();
    await outbox.enqueue(resolve('a'));
    two.answer = () => SENT;
    await clock.advance(HOUR);
    expect(two.texts).toEqual(['trigger a', 'trigger a', 'resolve a']);
  });

  it('after a restart cancel out only if the trigger was never tried', async () => {
    const [one, disk] = [new FakeReceiver(), new FakeDisk()];
    one.answer = () => REFUSED;
    const first = await started(disk, [one]);
    await first.outbox.enqueue(trigger('tried'));
    await settle();
    // the receiver is waited for: this one is not tried
    await first.outbox.enqueue(trigger('untried'));
    await settle();
    expect(one.attempts).toEqual(['trigger tried']);
    await first.outbox.close();
    const two = new FakeReceiver();
    two.answer = () => REFUSED;
    const second = await started(disk, [two]);
    await second.outbox.enqueue(resolve('tried'));
    await second.outbox.enqueue(resolve('untried'));
    two.answer = () => SENT;
    await second.clock.advance(HOUR);
    expect(two.texts).toEqual(['trigger tried', 'resolve tried']);
  });

  it('of the second incident cancel out, those of the first do not', async () => {
    const { receiver } = await unreachable(failure(), trigger('a'), resolve('a'), trigger('a'), resolve('a'));
    expect(receiver.texts).toEqual(['trigger a', 'resolve a']);
  });
});

describe('failures', () => {
  it('wait up to twice as long each time, from 1 s to 5 min', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => failure();
    const { outbox, clock } = await started(new FakeDisk(), [receiver], { random: () => 0.999_999 });
    await outbox.enqueue(trigger('a'));
    await clock.advance(HOUR);
    const waits = receiver.times.slice(1).map((at, i) => Math.round((at - (receiver.times[i] ?? 0)) / 1000));
    expect(waits.slice(0, 12)).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]);
    expect(outbox.stats().receivers.pagerduty?.retried.server_error).toBe(receiver.times.length);
  });

  it('wait anything from nothing on: full jitter', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = scripted([failure(), failure(), failure()]);
    const { outbox, clock } = await started(new FakeDisk(), [receiver], { random: () => 0 });
    await outbox.enqueue(trigger('a'));
    await settle();
    expect(receiver.times).toEqual([0, 0, 0, 0]);
    expect(clock.pending).toBe(0);
  });

  it.each([
    ['longer than we would wait', 200_000, 200_000],
    ['shorter than we would wait', 1, 500],
  ])('Retry-After holds for all keys: %s', async (_what, retryAfterMs, expected) => {
    const receiver = new FakeReceiver();
    receiver.answer = scripted([failure({ reason: 'rate_limited', left: false, retryAfterMs })]);
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await settle();
    await outbox.enqueue(trigger('b'));
    await clock.advance(expected - 1);
    expect(receiver.times).toEqual([0]);
    await clock.advance(1);
    expect(receiver.times).toEqual([0, expected, expected]);
  });

  it('Retry-After is not cut short by another failure', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = scripted([failure({ retryAfterMs: 100_000 }), failure(), { kind: 'wait', ms: 5, why: null }]);
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    await Promise.all(['a', 'b', 'c'].map((key) => outbox.enqueue(trigger(key))));
    await clock.advance(99_999);
    expect(receiver.times).toEqual([0, 0, 0]);
    await clock.advance(MINUTE);
    expect(receiver.texts.sort()).toEqual(['trigger a', 'trigger b', 'trigger c']);
  });

  it('of requests that were under way together count as one', async () => {
    const receiver = new FakeReceiver();
    const { promise, resolve: answer } = Promise.withResolvers<Outcome>();
    receiver.answer = (_event, attempt) => (attempt <= 4 ? promise : SENT);
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    for (const key of ['a', 'b', 'c', 'd']) await outbox.enqueue(trigger(key));
    await clock.advance(100);
    answer(failure());
    await clock.advance(500);
    expect(receiver.times).toEqual([0, 0, 0, 0, 600, 600, 600, 600]);
  });

  it('an outage is probed by one request at a time, each key in its turn, and everything follows when it ends', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => failure({ reason: 'timeout', why: 'no answer within 10 s' });
    const { outbox, clock, lines } = await started(new FakeDisk(), [receiver], { stormThreshold: 1000 });
    for (let i = 0; i < 100; i++) await outbox.enqueue(trigger(`k${String(i)}`));
    await clock.advance(HOUR);
    // 150 s between attempts on average, once it lasts
    expect(receiver.attempts.length).toBeGreaterThan(20);
    expect(receiver.attempts.length).toBeLessThan(50);
    // the first key was alone when it failed first
    expect(new Set(receiver.attempts.slice(0, 20)).size).toBeGreaterThan(17);
    receiver.answer = () => SENT;
    await clock.advance(10 * MINUTE);
    expect(new Set(receiver.texts).size).toBe(100);
    expect(lines).toEqual([
      'warning: pagerduty: timeout: no answer within 10 s; will try again',
      'info: pagerduty: delivers again',
    ]);
  });

  it('are logged when their reason changes, and not each time', async () => {
    const receiver = new FakeReceiver();
    const why = (text: string) => ({ kind: 'wait', ms: 1000, why: text }) as const;
    receiver.answer = scripted([why('no key'), why('no key'), why('bad key'), why('no key'), failure(), failure()]);
    const { outbox, clock, lines } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await clock.advance(HOUR);
    expect(lines).toEqual([
      'warning: pagerduty: no key; will try again',
      'warning: pagerduty: bad key; will try again',
      'warning: pagerduty: no key; will try again',
      'warning: pagerduty: server_error: 500 oops; will try again',
      'info: pagerduty: delivers again',
    ]);
  });

  it('a rejected event is final, logged with the words of the server, and its resolve is sent', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = scripted([{ kind: 'rejected', why: '400 invalid event: summary is missing' }]);
    const { outbox, clock, disk, lines } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await settle();
    await outbox.enqueue(resolve('a'));
    await clock.advance(HOUR);
    expect(receiver.attempts).toEqual(['trigger a', 'resolve a']);
    expect(lines).toEqual(['error: pagerduty rejected the trigger of a: 400 invalid event: summary is missing']);
    expect(outbox.stats().receivers.pagerduty).toMatchObject({
      sent: 1,
      failed: { rejected: 1, expired: 0, dropped: 0 },
    });
    expect(disk.names()).toEqual([]);
  });

  it('a receiver that throws is one that failed', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = (_event, attempt) => {
      if (attempt === 1) throw new RangeError('with a secret in it');
      return SENT;
    };
    const { outbox, clock, lines } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await clock.advance(MINUTE);
    expect(receiver.texts).toEqual(['trigger a']);
    expect(lines[0]).toBe('warning: pagerduty: internal: RangeError in pagerduty; will try again');
  });
});

describe('age', () => {
  it('what cannot be delivered for 24 hours is given up, counted and logged', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => REFUSED;
    const { outbox, clock, disk, lines } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await clock.advance(12 * HOUR);
    await outbox.enqueue(trigger('b'));
    await clock.advance(11 * HOUR);
    expect(disk.names()).toHaveLength(2);
    await clock.advance(2 * HOUR);
    expect(disk.names()).toHaveLength(1);
    expect(outbox.stats().receivers.pagerduty).toMatchObject({ queued: 1, failed: { expired: 1 } });
    expect(lines.at(-1)).toBe('error: pagerduty: given up after 24 h: 1 notifications, the first the trigger of a');
  });

  it('steps of the clock give nothing up, and keep nothing from being given up', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => REFUSED;
    const { outbox, clock, disk } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    clock.wallMs += 1000 * 24 * HOUR;
    await clock.advance(HOUR);
    expect(disk.names()).toHaveLength(1);
    clock.wallMs -= 2000 * 24 * HOUR;
    await clock.advance(23 * HOUR + 10 * MINUTE);
    expect(disk.names()).toEqual([]);
  });

  it('counts what passed while the agent was down, but only after one more attempt', async () => {
    const [one, two, disk] = [new FakeReceiver(), new FakeReceiver(), new FakeDisk()];
    one.answer = () => REFUSED;
    const first = await started(disk, [one]);
    for (const key of ['a', 'b']) await first.outbox.enqueue(trigger(key));
    await settle();
    await first.outbox.close();
    const clock = new FakeClock();
    clock.wallMs += 25 * HOUR;
    two.answer = scripted([SENT], REFUSED);
    const { outbox } = await started(disk, [two], { clock });
    await settle();
    expect(two.texts).toEqual(['trigger a']);
    expect(outbox.stats().receivers.pagerduty?.failed.expired).toBe(1);
    expect(disk.names()).toEqual([]);
  });

  it('a wall clock that was set back since does not make events younger than new', async () => {
    const [one, two, disk] = [new FakeReceiver(), new FakeReceiver(), new FakeDisk()];
    one.answer = () => REFUSED;
    two.answer = () => REFUSED;
    const first = await started(disk, [one]);
    await first.outbox.enqueue(trigger('a'));
    await first.outbox.close();
    const clock = new FakeClock();
    clock.wallMs -= 1000 * HOUR;
    await started(disk, [two], { clock });
    await clock.advance(23 * HOUR);
    expect(disk.names()).toHaveLength(1);
    await clock.advance(HOUR + 10 * MINUTE);
    expect(disk.names()).toEqual([]);
  });
});

describe('too much', () => {
  const limits = { events: 4, bytes: 1_000_000 };

  it('what is over goes first, then the oldest triggers, and the newest stays', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => failure({ retryAfterMs: HOUR });
    const { outbox, disk, lines } = await started(new FakeDisk(), [receiver], { limits });
    for (const event of [trigger('a'), trigger('b', { firedAtMs: 0 }), resolve('b')]) await outbox.enqueue(event);
    await outbox.enqueue(trigger('c'));
    await settle();
    expect(lines).toEqual(['warning: pagerduty: server_error: 500 oops; will try again']);
    // of b, a former run may have told: its trigger goes, its resolve does not
    await outbox.enqueue(trigger('d'));
    expect(lines.slice(1)).toEqual(['error: outbox: too full, dropped the trigger of b']);
    await outbox.enqueue(trigger('e'));
    expect(lines.slice(2)).toEqual(['error: outbox: too full, dropped the trigger of a']);
    expect(outbox.stats()).toMatchObject({
      events: 4,
      receivers: { pagerduty: { queued: 4, failed: { dropped: 2 } } },
    });
    expect(disk.names().map((name) => name.slice(0, 12))).toEqual([
      '000000000003',
      '000000000004',
      '000000000005',
      '000000000006',
    ]);
  });

  it('bytes count as well', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => failure({ retryAfterMs: HOUR });
    const small = { events: 100, bytes: 30_000 };
    const { outbox, disk } = await started(new FakeDisk(), [receiver], { limits: small });
    for (const key of ['a', 'b', 'c', 'd']) await outbox.enqueue(trigger(key, { details: { text: 'x'.repeat(9000) } }));
    expect(disk.names()).toHaveLength(3);
    const bytes = [...disk.files.values()].reduce((sum, { text }) => sum + text.length, 0);
    expect(outbox.stats().bytes).toBe(bytes);
    expect(bytes).toBeLessThan(30_000);
  });

  it('what is under way is not dropped', async () => {
    const receiver = new FakeReceiver();
    const { promise, resolve: answer } = Promise.withResolvers<Outcome>();
    receiver.answer = () => promise;
    const one = { events: 1, bytes: 1_000_000 };
    const { outbox, disk, lines } = await started(new FakeDisk(), [receiver], { limits: one });
    await outbox.enqueue(trigger('a'));
    await settle();
    await outbox.enqueue(trigger('b'));
    await settle();
    answer(SENT);
    await settle();
    expect(receiver.texts).toEqual(['trigger a', 'trigger b']);
    expect(disk.names()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it('what a summary needs is not dropped', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => REFUSED;
    const { outbox, clock, disk } = await started(new FakeDisk(), [receiver], { limits, stormThreshold: 1 });
    for (const key of ['a', 'b', 'c']) await outbox.enqueue(trigger(key));
    await clock.advance(10_000);
    // the summary; two resolves that are kept for it; room for one
    for (const key of ['a', 'b']) await outbox.enqueue(resolve(key));
    for (const key of ['d', 'e', 'f', 'g']) await outbox.enqueue(resolve(key));
    expect(disk.names().map((name) => Number(name.slice(0, 12)))).toEqual([4, 5, 6, 10]);
    await outbox.enqueue(resolve('c'));
    receiver.answer = () => SENT;
    await clock.advance(HOUR);
    expect(disk.names()).toEqual([]);
  });
});

describe('flush and close', () => {
  it('flush waits until nothing is queued', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = scripted([failure()]);
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    void outbox.enqueue(trigger('a'));
    let flushed: boolean | null = null;
    void outbox.flush(5000).then((all) => (flushed = all));
    await settle();
    expect(flushed).toBe(null);
    await clock.advance(500);
    expect(flushed).toBe(true);
    expect(receiver.texts).toEqual(['trigger a']);
    expect(clock.pending).toBe(0);
    expect(await outbox.flush(1)).toBe(true);
  });

  it('flush does not wait longer than it may', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = () => new Promise(() => undefined);
    const { outbox, clock } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    const flushed = outbox.flush(5000);
    await clock.advance(5000);
    expect(await flushed).toBe(false);
  });

  it('close ends what is under way, leaves it on disk, and no timer', async () => {
    const receiver = new FakeReceiver();
    receiver.answer = ({ incident }) => (incident.dedupKey === 'a' ? failure() : new Promise(() => undefined));
    const { outbox, clock, disk } = await started(new FakeDisk(), [receiver]);
    await outbox.enqueue(trigger('a'));
    await clock.advance(1);
    await outbox.enqueue(trigger('b'));
    await clock.advance(3000);
    expect(receiver.attempts).toContain('trigger b');
    const flushed = outbox.flush(1_000_000);
    await outbox.close();
    expect(await flushed).toBe(false);
    expect(disk.names()).toHaveLength(2);
    expect(clock.pending).toBe(0);
    const before = receiver.attempts.length;
    await clock.advance(HOUR);
    expect(receiver.attempts).toHaveLength(before);
  });
});

it('ten thousand events arrive, each key in order, and leave nothing', async () => {
  const receiver = new FakeReceiver();
  let seed = 1;
  const random = () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  receiver.answer = () => (random() < 0.05 ? failure() : SENT);
  const { outbox, clock, disk } = await started(new FakeDisk(), [receiver], { random, stormThreshold: 100_000 });
  const queued = [];
  for (let i = 0; i < 5000; i++) {
    // begun before: nothing is cancelled
    queued.push(outbox.enqueue(trigger(`k${String(i)}`, { firedAtMs: 0 })), outbox.enqueue(resolve(`k${String(i)}`)));
  }
  await Promise.all(queued);
  await clock.advance(24 * HOUR);
  expect(receiver.accepted).toHaveLength(10_000);
  const open = new Set<string>();
  for (const { action, incident } of receiver.accepted) {
    expect(open.has(incident.dedupKey)).toBe(action === 'resolve');
    if (action === 'trigger') open.add(incident.dedupKey);
    else open.delete(incident.dedupKey);
  }
  expect(disk.names()).toEqual([]);
}, 60_000);
