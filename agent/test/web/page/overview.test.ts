import { describe, expect, it } from 'vitest';
import { CHUNK_SECONDS, History, HISTORY_SECONDS, sampleOf } from '../../../src/web/page/history.ts';
import { rateText, shareText } from '../../../src/web/page/figures.ts';
import { roundUp, spanOf } from '../../../src/web/page/charts.ts';
import { statusPage } from '../../../src/web/page.ts';
import { Workloads } from '../../../src/web/page/workloads.ts';
import { snapshotJson } from '../../../src/web/snapshot-json.ts';
import { snapshotOf } from '../../support/snapshots.ts';
import { busyView, IDENTITY, snapshots, viewOfSnapshots } from './views.ts';

const sent = (boottime: number, zerocopy: number) =>
  snapshotOf({ boottime, processes: [{ pid: 1, comm: 'a', counters: { sendfile: { zerocopy } } }] });

describe('an overview', () => {
  it('has the figures of the API', () => {
    const [last] = snapshots().slice(-1);
    if (last === undefined) throw new Error('none');
    const api = snapshotJson(last);
    const { overview } = busyView();
    expect(overview.mechanisms).toEqual(api.mechanisms);
    expect(overview.ioUring).toEqual(api.ioUring);
    expect(overview.flows).toEqual({ of: api.flows.length, rows: api.flows });
    expect(overview.causes.rows.map(({ pids, ...cause }) => ({ ...cause, pid: pids[0] }))).toEqual(api.causes);
    expect([overview.unattributed, overview.lost, overview.tables, overview.programs]).toEqual([
      api.unattributed,
      api.lost,
      api.tables,
      api.programs,
    ]);
  });

  it('sums workloads over processes that live and those that have ended', () => {
    const { of, rows } = busyView().overview.workloads;
    expect(of).toBe(2);
    expect(rows).toEqual([
      {
        unit: 'nginx.service',
        comm: 'nginx',
        processes: 1,
        attempts: 4045,
        outcomes: { zerocopy: 4005, refused: 40 },
        fallbacks: 36,
        fallen: ['sendfile'],
        attemptsPerSecond: 1010,
      },
      {
        unit: '',
        comm: 'cp',
        processes: 1,
        attempts: 16,
        outcomes: { zerocopy: 6, copied: 4, retry: 3, denied: 2, failed: 1 },
        fallbacks: 0,
        fallen: [],
        attemptsPerSecond: 0,
      },
    ]);
  });

  it('of 65,536 flows has the first twenty and says how many there are, in no time', () => {
    const flows = Array.from({ length: 65_536 }, (_, i) => ({
      src: '10.0.0.1',
      dst: `10.1.${String(i >> 8)}.${String(i & 255)}`,
      counts: { zerocopy: ((i * 7919) % 65_536) + 1 },
    }));
    const { overview, rates } = viewOfSnapshots([snapshotOf({ flows })]);
    expect(overview.flows.of).toBe(65_536);
    expect(overview.flows.rows.map(({ attempts }) => attempts)).toEqual(
      Array.from({ length: 20 }, (_, i) => 65_536 - i),
    );
    expect(statusPage(IDENTITY, { overview, rates })).toContain('The first 20 of 65,536 flows by attempts');
    expect(JSON.stringify(overview).length).toBeLessThan(10_000);
  });

  it('has one row for a cause of many processes, with the first of them', () => {
    const processes = [5, 6, 7, 8, 9].map((pid) => ({ pid, comm: 'w', counters: { tee: { refused: 2 } } }));
    const causes = processes.map((_, process) => ({
      mechanism: 'tee' as const,
      refused: 'not_a_pipe' as const,
      process,
      count: 2,
    }));
    const { of, rows } = viewOfSnapshots([snapshotOf({ processes, causes })]).overview.causes;
    expect([of, rows.length, rows[0]?.count, rows[0]?.pids]).toEqual([1, 1, 10, [5, 6, 7]]);
  });
});

describe('a workload', () => {
  it('is told from one whose names only look alike when joined', () => {
    const processes = [
      { pid: 1, unit: 'a","b', comm: 'c', counters: { tee: { retry: 1 } } },
      { pid: 2, unit: 'a', comm: 'b","c', counters: { tee: { retry: 2 } } },
    ];
    expect(new Workloads().top(snapshotOf({ processes })).rows.map(({ attempts }) => attempts)).toEqual([2, 1]);
  });

  it('has a rate over the last seconds, and none at first', () => {
    const workloads = new Workloads();
    const rate = (boottime: number, zerocopy: number) =>
      workloads.top(sent(boottime, zerocopy)).rows[0]?.attemptsPerSecond;
    expect(rate(10, 100)).toBeNull();
    expect(rate(12, 120)).toBe(10);
    expect(rate(15, 200)).toBe(20);
    // what is more than five seconds old no longer counts
    expect(rate(17, 200)).toBe(16);
  });
});

describe('history', () => {
  const of = (...points: readonly (readonly [number, number])[]) => {
    const history = new History();
    for (const [at, count] of points) history.add(sampleOf(sent(at, count), at / 2));
    return history;
  };

  it('gives a rate for every two samples, and the average of the last seconds as now', () => {
    const history = of([0, 0], [1, 10], [2, 10], [4, 70]);
    expect(history.rates().map(({ from, at, perSecond }) => [from, at, perSecond.zerocopy])).toEqual([
      [0, 1, 10],
      [1, 2, 0],
      [2, 4, 30],
    ]);
    expect(history.now()?.perSecond.zerocopy).toBe(17.5);
    expect(of([0, 0], [10, 10], [12, 30]).now()?.perSecond.zerocopy).toBe(10);
    expect(of([0, 0], [60, 60]).now()?.perSecond.zerocopy).toBe(1);
    expect(history.cpu()).toBe(0.5);
  });

  it('of one sample, or none, has no rate', () => {
    expect([of([0, 1]).rates(), of([0, 1]).now(), of().now(), of([0, 1]).cpu()]).toEqual([[], null, null, null]);
  });

  it('keeps five minutes and the oldest part of a chart, and nothing that comes too soon', () => {
    const history = of(...Array.from({ length: 1000 }, (_, i) => [i / 2, i] as const));
    expect(history.rates()).toHaveLength(2 * (HISTORY_SECONDS + CHUNK_SECONDS));
    const close = of(...Array.from({ length: 1000 }, (_, i) => [i / 10, i] as const));
    expect(close.rates()).toHaveLength(199);
  });

  it('counts EAGAIN of rings among the causes', () => {
    const causes = [
      { kind: 'enter_errno', code: 11, count: 3 },
      { kind: 'enter_errno', code: 16, count: 5 },
      { kind: 'errno', code: 11, count: 7 },
    ] as const;
    expect(sampleOf(snapshotOf({ causes }), 0).counts.enter_eagain).toBe(3);
  });
});

it('numbers are short, and small is not nothing', () => {
  expect([0, 0.04, 0.44, 9.94, 12.4, 1234, 45_600_000, 2e9].map(rateText)).toEqual([
    '0',
    '< 0.1',
    '0.4',
    '9.9',
    '12',
    '1.23 k',
    '45.6 M',
    '2.00 G',
  ]);
  expect([
    shareText(0, 0),
    shareText(0, 5),
    shareText(5, 5),
    shareText(1, 10_000),
    shareText(9999, 10_000),
    shareText(1, 8),
  ]).toEqual(['–', '0 %', '100 %', '< 0.1 %', '> 99.9 %', '12.5 %']);
  expect([0, 1, 1.5, 2, 2.1, 51, 700].map(roundUp)).toEqual([1, 1, 2, 2, 5, 100, 1000]);
});

it('a chart shows what there is, and not much more', () => {
  const known = (seconds: number) => spanOf(viewOfSnapshots([sent(0, 0), sent(seconds, 1)]).rates);
  expect([known(1), known(60), known(61), known(300), known(10_000)]).toEqual([60, 60, 120, 300, 300]);
});
