import { expect, test } from 'vitest';
import {
  added,
  LINES,
  type Machine,
  sharded,
  simulate,
  transferOf,
  travelOf,
  type Work,
} from '../../../bench/contention.ts';

const MACHINE: Machine = { perSocket: 2, within: 60, between: 150, addition: 5 };
const ONE = LINES['one process, one flow'];
const work = (fields: Partial<Work> = {}): Work => ({ own: 1000, jitter: 0.5, additions: ONE, ...fields });

test('a processor alone pays for its additions, whatever it shares', () => {
  for (const additions of Object.values(LINES)) expect(added(MACHINE, work({ additions }), 1)).toBeCloseTo(20, 6);
});

test('lines of their own cost many processors what they cost one', () => {
  for (const processors of [4, 64]) {
    expect(added(MACHINE, work({ additions: LINES['own processes, own flows'] }), processors)).toBeCloseTo(20, 6);
    expect(added(MACHINE, work({ additions: sharded(ONE, 64) }), processors)).toBeCloseTo(20, 6);
  }
});

test('one line takes no more additions than it can travel', () => {
  const machine = { ...MACHINE, perSocket: 64 };
  const { perSecond } = simulate(machine, work({ own: 100, additions: () => [0] }), 64);
  expect(perSecond).toBeCloseTo(1e9 / 65, -5);
});

test('fewer lines than processors cost something between', () => {
  const [one = 0, some = 0, all = 0] = [1, 16, 64].map((shards) =>
    added(MACHINE, work({ additions: sharded(ONE, shards) }), 64),
  );
  expect(one).toBeGreaterThan(2 * some);
  expect(some).toBeGreaterThan(2 * all);
});

test('who waits for a lock anyway waits no longer for a line that is asked for less often', () => {
  const locked = work({ own: 300, lock: { line: -1, held: 400 }, additions: () => [] });
  const alone = simulate(MACHINE, locked, 8).perAttempt;
  expect(alone).toBeGreaterThan(3200);
  expect(simulate(MACHINE, { ...locked, additions: () => [1, 1] }, 8).perAttempt - alone).toBeLessThan(1);
});

test('a line travels within a socket, between two, or not at all', () => {
  expect([transferOf(MACHINE, 1, 1), transferOf(MACHINE, 0, 1), transferOf(MACHINE, 1, 2)]).toEqual([0, 60, 150]);
});

test('how long a line travels is found again', () => {
  const busy: Work = { own: 0, jitter: 0, additions: ONE };
  const { perAttempt } = simulate(MACHINE, busy, 2);
  expect(travelOf(perAttempt, ONE, 5)).toBeCloseTo(60, 0);
  expect(travelOf(20, ONE, 5)).toBeCloseTo(0, 3);
});
