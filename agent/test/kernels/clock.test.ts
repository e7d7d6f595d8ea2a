/**
 * A machine whose wall clock is set a day ahead and two days back, and that is suspended, while the agent counts and an alert fires:
 * support/clock.ts does it. Nothing that is counted, measured or judged goes by the wall clock.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { samplesOf, sumOf } from '../live/support/run.ts';
import type { Found, Look } from './support/clock.ts';
import { isWanted, record } from './support/kernels.ts';
import { boot } from './support/vm.ts';

const DAY_MS = 86_400_000;
/** Between what a machine under emulation says at once and what it says next. */
const AT_ONCE_MS = 60_000;

describe.each(['6.12'].filter(isWanted))('Linux %s', (kernel) => {
  let found: Found;

  beforeAll(async () => {
    // One processor: none runs the code that another one patches, which emulation does not always survive (support/vm.ts), and all
    // through this test probes are attached and detached. And none has to be taken down for the sleep.
    const machine = { kernel, checkout: true, cpus: 1, timeoutSeconds: 1_800 };
    const outcome = await boot(machine).run('node_modules/.bin/node agent/test/kernels/support/clock.ts');
    const text = outcome.file('clock.json');
    if (text === null) throw new Error(`the machine has left nothing: ${outcome.output}${outcome.stderr}`);
    found = JSON.parse(text) as Found;
    const { release, looks, updates, made } = found;
    record(kernel, 'clock', {
      release,
      looks: looks.map(({ metrics: _, ...look }) => look),
      updates: updates.length,
      made,
    });
  });

  const lookAfter = (name: string): Look => {
    const look = found.looks.find(({ after }) => after === name);
    if (look === undefined) throw new Error(`nobody looked after ${name}`);
    return look;
  };

  it('had its clock set and was asleep', () => {
    const offset = ({ unixMs, boottime }: Look) => unixMs - 1000 * boottime;
    const [start, ahead, back, slept] = ['nothing', 'a day ahead', 'two days back', 'a sleep'].map(lookAfter);
    if (start === undefined || ahead === undefined || back === undefined || slept === undefined) throw new Error();
    expect(Math.abs(offset(ahead) - offset(start) - DAY_MS)).toBeLessThan(AT_ONCE_MS);
    expect(Math.abs(offset(back) - offset(start) + DAY_MS)).toBeLessThan(AT_ONCE_MS);
    expect(back.boottime - back.monotonic).toBeLessThan(0.1);
    expect(slept.boottime - slept.monotonic).toBeGreaterThan(5);
  });

  it('counts every attempt', () => {
    expect(found.made).toBeGreaterThan(1000);
    const counted = found.looks.map(({ metrics }) =>
      sumOf(samplesOf(metrics), 'workload_attempts_total', 'comm="busy"'),
    );
    expect(counted).toEqual(counted.toSorted((a, b) => a - b));
    expect(counted.at(-1)).toBe(found.made);
  });

  it('has no time or duration below zero, and no counter that falls', () => {
    const before = new Map<string, number>();
    for (const { after, metrics } of found.looks) {
      for (const [series, value] of samplesOf(metrics)) {
        expect({ after, series, value, isSane: value >= 0 }).toEqual({ after, series, value, isSane: true });
        if (!/^\w+_(?:total|count|sum|bucket)\b/.test(series)) continue;
        expect({ after, series, value: Math.max(value, before.get(series) ?? 0) }).toEqual({ after, series, value });
        before.set(series, value);
      }
    }
  });

  it('stamps what it serves with the time that is set', () => {
    for (const { unixMs, snapshot, alerts } of found.looks) {
      for (const { time } of [snapshot, alerts]) expect(Math.abs(Date.parse(time) - unixMs)).toBeLessThan(AT_ONCE_MS);
    }
    // each message goes by one of the three clocks that there were, whenever it came; the sleep is part of all
    const [first] = found.looks;
    const offset = (first?.unixMs ?? 0) - 1000 * (first?.boottime ?? 0);
    const days = found.updates.map(({ time, boottime }) => {
      const ahead = Date.parse(time) - 1000 * boottime - offset;
      expect(Math.abs(ahead - Math.round(ahead / DAY_MS) * DAY_MS)).toBeLessThan(AT_ONCE_MS);
      return Math.round(ahead / DAY_MS) + 0;
    });
    expect(days.filter((day, i) => day !== days[i - 1])).toEqual([0, 1, -1]);
  });

  it('tells rates by the time since boot: none that was never there', () => {
    const { updates } = found;
    expect(updates.length).toBeGreaterThan(20);
    const rates: number[] = [];
    updates.slice(1).forEach(({ boottime, attempts }, i) => {
      const before = updates[i];
      if (before === undefined) return;
      expect(boottime).toBeGreaterThan(before.boottime);
      rates.push((attempts - before.attempts) / (boottime - before.boottime));
    });
    const shown = updates.flatMap(({ perSecond }) => (perSecond === null ? [] : [perSecond]));
    for (const value of shown.flatMap((rate) => Object.values(rate))) expect(value).toBeGreaterThanOrEqual(0);
    // each is a mean over some of these seconds
    const most = Math.max(...rates) * 1.01;
    for (const { zerocopy = 0 } of shown) expect(zerocopy).toBeLessThanOrEqual(most);
  });

  it('keeps one alert through all of it, which fires once and resolves once', () => {
    expect(found.told.map(({ status }) => status)).toEqual(['firing', 'resolved']);
    const [fired, over] = found.told;
    // the clock was set back in between
    expect(over?.endsAt).toBe(fired?.startsAt);
    for (const { after, alerts } of found.looks.slice(0, -1)) {
      expect({ after, firing: alerts.firing }).toMatchObject({ after, firing: [{ rule: 'SendfileFallback' }] });
      expect(new Date(alerts.firing[0]?.firedAtMs ?? 0).toISOString()).toBe(fired?.startsAt);
    }
    expect(found.looks.at(-1)?.alerts.firing).toEqual([]);
  });

  it('says since when a rule is as it is by the time since boot, which is never ahead', () => {
    for (const { alerts } of found.looks) {
      const since = alerts.statuses.map((status) => status.since);
      expect(since.every((at) => at > 0 && at <= alerts.boottime)).toBe(true);
    }
  });

  it('has nothing to complain about', () => {
    const complaints = found.stderr
      .split('\n')
      .filter((line) => /error|warning/.test(line) && !line.includes('alert: '));
    expect(complaints).toEqual([]);
  });
});
