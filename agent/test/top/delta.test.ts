import { describe, expect, it } from 'vitest';
import { changes, follows, hostDelta, secondsOf, totals } from '../../src/top/delta.ts';
import { hostOf } from '../../src/top/figures.ts';
import { busyHost, sampleOf, type SampleSpec } from './samples.ts';

const sendfile = (zerocopy: number) => ({ mechanisms: { sendfile: { outcomes: { zerocopy } } } });
const window = (before: SampleSpec, now: SampleSpec) => ({
  before: sampleOf({ boottime: 100, ...before }),
  now: sampleOf({ boottime: 104, ...now }),
});

describe('what has happened between two samples', () => {
  const { before, now } = busyHost();

  it('every figure of a process is the difference of the two', () => {
    const rows = changes('processes', { before, now });
    const figures = rows.map(({ pid, attempts, fallbacks, eagain, total }) => ({
      pid,
      attempts,
      fallbacks,
      eagain,
      total,
    }));
    expect(figures).toEqual([
      { pid: 812, attempts: 2700, fallbacks: 0, eagain: 300, total: 13_300 },
      { pid: 4711, attempts: 61, fallbacks: 50, eagain: 0, total: 151 },
      { pid: 4_194_303, attempts: 20, fallbacks: 0, eagain: 0, total: 60 },
      { pid: 99, attempts: 0, fallbacks: 0, eagain: 0, total: 7 },
      { pid: 77, attempts: 0, fallbacks: 0, eagain: 480, total: 0 },
    ]);
    expect(rows[1]?.outcomes).toEqual({ refused: 60, denied: 1 });
    expect(rows[1]?.reasons.map(({ name, count }) => [name, count])).toEqual([
      ['cross_device', 60],
      ['EPERM', 1],
    ]);
  });

  it('those of the host are the sums over mechanisms, and the calls of io_uring_enter', () => {
    const host = hostDelta({ before, now });
    expect(host).toMatchObject({ attempts: 2781, fallbacks: 50, eagain: 780, enterEagain: 480, bytes: 9_004_000 });
    expect(host.reasons.map(({ outcome, name, count }) => [outcome, name, count])).toEqual([
      ['copied', 'sink_regular_file', 20],
      ['refused', 'cross_device', 60],
      ['denied', 'EPERM', 1],
    ]);
    expect(hostOf(now)).toMatchObject({ attempts: 13_518, fallbacks: 130, eagain: 1480, enterEagain: 580 });
  });

  it('bytes of flows and mechanisms', () => {
    expect(changes('flows', { before, now }).map(({ bytes }) => bytes)).toEqual([9_000_000, 0, 0]);
    expect(changes('mechanisms', { before, now }).map(({ key, bytes }) => [key, bytes])).toEqual([
      ['sendfile', 9_000_000],
      ['splice', 4000],
      ['copy_file_range', 0],
      ['io_uring_send_zc', 0],
    ]);
  });

  it('totals are what the sample says', () => {
    expect(totals('processes', now).map(({ attempts }) => attempts)).toEqual([13_300, 151, 60, 7, 0]);
  });
});

it('a process that is new since has done all that it did', () => {
  const process = { pid: 5, attempts: 8, outcomes: { zerocopy: 8 } };
  expect(changes('processes', window(sendfile(0), { ...sendfile(8), processes: [process] }))).toMatchObject([
    { attempts: 8, total: 8 },
  ]);
});

it('a pid that was given again, to the same program, begins at 0', () => {
  const before = { ...sendfile(100), processes: [{ pid: 5, attempts: 100, outcomes: { zerocopy: 100 } }] };
  const now = { ...sendfile(108), processes: [{ pid: 5, attempts: 8, outcomes: { zerocopy: 8 } }] };
  expect(changes('processes', window(before, now))).toMatchObject([{ attempts: 8, outcomes: { zerocopy: 8 } }]);
});

it('a count that moves to another row, since the name of its unit got known, is no new attempt', () => {
  const workload = { comm: 'nginx', attempts: 1000, outcomes: { zerocopy: 1000 } };
  const before = { ...sendfile(1000), workloads: [{ ...workload, unit: '' }] };
  const now = { ...sendfile(1003), workloads: [{ ...workload, unit: 'nginx.service' }] };
  expect(changes('workloads', window(before, now))).toMatchObject([{ attempts: 0, total: 1000 }]);
});

it('two runs of one program in one process are one row', () => {
  const runs = {
    processes: [
      { attempts: 3, outcomes: { zerocopy: 3 } },
      { attempts: 4, outcomes: { copied: 4 }, fallbacks: 1 },
    ],
  };
  expect(totals('processes', sampleOf(runs))).toMatchObject([
    { attempts: 7, outcomes: { zerocopy: 3, copied: 4 }, fallbacks: 1 },
  ]);
});

it('what only set up rings is not shown, what fell back or waits is', () => {
  const processes = [
    { pid: 1, attempts: 0 },
    { pid: 2, attempts: 0, eagain: 1 },
    { pid: 3, attempts: 0, fallen: ['splice' as const] },
  ];
  expect(totals('processes', sampleOf({ processes })).map(({ pid }) => pid)).toEqual([2, 3]);
});

it('a window is as long as the clock says, and never nothing', () => {
  expect(secondsOf(window({}, {}))).toBe(4);
  expect(secondsOf(window({ boottime: 100 }, { boottime: 100 }))).toBeGreaterThan(0);
});

it.each<[string, SampleSpec, SampleSpec, boolean]>([
  ['more attempts, later', sendfile(5), sendfile(6), true],
  ['the same attempts, later', sendfile(5), sendfile(5), true],
  ['fewer: the agent has begun anew', sendfile(5), sendfile(4), false],
  ['none of a mechanism any more', sendfile(5), {}, false],
  ['not later', { ...sendfile(5), boottime: 104 }, sendfile(6), false],
])('%s', (_, before, now, expected) => {
  const { before: first, now: last } = window(before, now);
  expect(follows(first, last)).toBe(expected);
});
