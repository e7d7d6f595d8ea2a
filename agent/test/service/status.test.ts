import { expect, it } from 'vitest';
import { MECHANISMS } from '../../src/abi/layout.ts';
import { attemptsColumn, COUNTER_COLUMNS, mechanismColumn, resolutionColumn } from '../../src/model/counters.ts';
import { probesOf, ratesBetween, type Standing, statusText, totalsOf } from '../../src/service/status.ts';

const QUIET: Standing = { rates: { attempts: 0, fallbacks: 0 }, firing: [], attached: 9, wanted: 9, trouble: '' };

it('tells alerts, rates and probes', () => {
  expect(statusText(QUIET)).toBe('no alert; 0 attempts/s, 0 fallbacks/s; all 9 probes attached');
  expect(statusText({ ...QUIET, rates: null })).toBe('no alert; all 9 probes attached');
  expect(statusText({ ...QUIET, rates: { attempts: 12_345.6, fallbacks: 0.04 } })).toContain(
    '12,346 attempts/s, <0.1 fallbacks/s',
  );
  expect(statusText({ ...QUIET, rates: { attempts: 9.96, fallbacks: 0.1 } })).toContain(
    '10.0 attempts/s, 0.1 fallbacks/s',
  );
});

it('begins with what is wrong', () => {
  expect(statusText({ ...QUIET, firing: ['A (nginx.service)'], trouble: 'not reloaded', attached: 7 })).toBe(
    'not reloaded; 1 alert: A (nginx.service); 0 attempts/s, 0 fallbacks/s; only 7 of 9 probes attached (spillway doctor)',
  );
  expect(statusText({ ...QUIET, firing: ['A', 'B', 'C', 'D', 'E'] })).toContain('5 alerts: A, B, C and 2 more;');
});

it('counts attempts and fallbacks of all mechanisms', () => {
  const totals = new Float64Array(COUNTER_COLUMNS);
  MECHANISMS.forEach((mechanism, i) => {
    totals[mechanismColumn(mechanism) + attemptsColumn('zerocopy')] = 10 ** i;
    totals[mechanismColumn(mechanism) + attemptsColumn('refused')] = 7;
    totals[resolutionColumn(mechanism, 'confirmed')] = 2;
    totals[resolutionColumn(mechanism, 'presumed')] = 3;
    totals[resolutionColumn(mechanism, 'cascaded')] = 1;
  });
  const attempts = MECHANISMS.reduce((sum, _, i) => sum + 10 ** i + 7, 0);
  expect(totalsOf({ time: { unixMs: 1, boottime: 2 }, totals })).toEqual({
    boottime: 2,
    attempts,
    fallbacks: 5 * MECHANISMS.length,
  });
});

it('rates are growth by the time since boot', () => {
  const before = { boottime: 100, attempts: 1000, fallbacks: 10 };
  expect(ratesBetween(before, { boottime: 104, attempts: 1400, fallbacks: 12 })).toEqual({
    attempts: 100,
    fallbacks: 0.5,
  });
  expect(ratesBetween(before, before)).toBeNull();
});

it('a program that is not needed is not missing', () => {
  const program = (state: 'attached' | 'unavailable' | 'off') => ({
    ...{ name: 'x', hook: 'tp/x', reason: '', missedRuns: 0, runs: 0, runSeconds: 0 },
    state,
  });
  expect(probesOf([program('attached'), program('off'), program('unavailable')])).toEqual({ attached: 1, wanted: 2 });
});
