import { describe, expect, it } from 'vitest';
import { takeManager, Watchdog } from '../../src/service/watchdog.ts';

describe('takeManager', () => {
  it('takes what is ours out of the environment', () => {
    const env = { NOTIFY_SOCKET: '@x', WATCHDOG_USEC: '30000000', WATCHDOG_PID: '7', PATH: '/bin' };
    expect(takeManager(env, 7)).toEqual({ socket: '@x', watchdogS: 30 });
    expect(env).toEqual({ PATH: '/bin' });
  });

  it.each([
    [{}, null, null],
    [{ NOTIFY_SOCKET: '' }, null, null],
    [{ NOTIFY_SOCKET: '/s' }, '/s', null],
    [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '2500000' }, '/s', 2.5],
    // the watchdog of somebody else; NOTIFY_SOCKET has no such mark
    [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '2500000', WATCHDOG_PID: '8' }, '/s', null],
    [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: '0' }, '/s', null],
    [{ NOTIFY_SOCKET: '/s', WATCHDOG_USEC: 'soon' }, '/s', null],
    [{ WATCHDOG_USEC: '2500000' }, null, null],
  ])('%j', (env, socket, watchdogS) => {
    expect(takeManager({ ...env }, 7)).toEqual({ socket, watchdogS });
  });
});

describe('Watchdog', () => {
  it('pings three times as often as it must, as long as there is progress', () => {
    const watchdog = new Watchdog(30);
    const pings = [];
    for (let time = 100; time < 160; time++) if (watchdog.isDue(time)) pings.push(time);
    expect(pings).toEqual([100, 110, 120, 130, 140, 150]);
  });

  it('does not take an old snapshot, or none, for progress', () => {
    const watchdog = new Watchdog(3);
    expect([5, 5, 5, 4, NaN].map((time) => watchdog.isDue(time))).toEqual([true, false, false, false, false]);
    expect([5.5, 6, 6, 20].map((time) => watchdog.isDue(time))).toEqual([false, true, false, true]);
  });

  it('is quiet where nobody waits for it', () => {
    const watchdog = new Watchdog(null);
    expect([1, 2, 1e9].map((time) => watchdog.isDue(time))).toEqual([false, false, false]);
  });
});
