import { describe, expect, it } from 'vitest';
import { COPY_REASONS, MECHANISMS, REFUSAL_REASONS } from '../../src/abi/layout.ts';
import type { Culprit } from '../../src/model/snapshot.ts';
import { fallenNames, processSummary, summarize } from '../../src/model/summary.ts';
import { type SnapshotSpec, snapshotOf } from '../support/snapshots.ts';

const summaryOf = (spec: SnapshotSpec) => summarize(snapshotOf(spec));

describe('a mechanism', () => {
  it('tells why it was refused or copied: its own reasons, of all processes', () => {
    const { sendfile, splice } = summaryOf({
      processes: [
        { pid: 1, comm: 'a', counters: { sendfile: { refused: 5, copied: 7 }, splice: { refused: 1 } } },
        { pid: 2, comm: 'b', counters: { sendfile: { refused: 2 } } },
      ],
      causes: [
        { process: 0, refused: 'sink_append', count: 4 },
        { process: 0, refused: 'einval_other', count: 1 },
        { process: 1, refused: 'sink_append', count: 2 },
        { process: 0, copied: 'sink_regular_file', count: 7 },
        { process: 0, mechanism: 'splice', refused: 'no_pipe', count: 1 },
        // not a reason: the same number is an errno
        { process: 0, code: REFUSAL_REASONS.indexOf('cross_device'), count: 8 },
      ],
    }).mechanisms;
    expect(sendfile?.reasons).toEqual({
      refused: { sink_append: 6, einval_other: 1 },
      copied: { sink_regular_file: 7 },
    });
    expect(splice?.reasons).toEqual({ refused: { no_pipe: 1 }, copied: {} });
  });

  it('whose causes found no room has as many unknown reasons', () => {
    const { sendfile } = summaryOf({
      processes: [{ pid: 1, comm: 'a', counters: { sendfile: { refused: 5, copied: 7 } } }],
      causes: [{ process: 0, refused: 'sink_append', count: 4 }],
    }).mechanisms;
    expect(sendfile?.reasons).toEqual({ refused: { sink_append: 4, unknown: 1 }, copied: { unknown: 7 } });
  });

  it('tells the bytes that were copied from those that were not, of all processes', () => {
    const { sendfile, splice } = summaryOf({
      processes: [
        { pid: 1, comm: 'a', counters: { sendfile: { zerocopy: 2, copied: 1, bytes: 100, copiedBytes: 7 } } },
        { pid: 2, comm: 'b', counters: { sendfile: { copied: 1, copiedBytes: 20 }, splice: { zerocopy: 1 } } },
      ],
    }).mechanisms;
    expect(sendfile).toMatchObject({ bytes: 127, outcomeBytes: { zerocopy: 100, copied: 27 } });
    expect(splice).toMatchObject({ bytes: 0, outcomeBytes: { zerocopy: 0, copied: 0 } });
  });

  it('tells how refusals ended, and how many have not', () => {
    const { splice } = summaryOf({
      processes: [
        {
          pid: 1,
          comm: 'a',
          counters: { splice: { refused: 20, cascaded: 4, confirmed: 3, presumed: 2, abandoned: 1 } },
        },
      ],
      departed: [{ comm: 'b', counters: { splice: { refused: 1, abandoned: 1 } } }],
    }).mechanisms;
    expect(splice?.resolutions).toEqual({ cascaded: 4, confirmed: 3, presumed: 2, abandoned: 2, pending: 10 });
  });

  it('tells how long calls took only where that was counted', () => {
    const processes = [
      { pid: 1, comm: 'a', counters: { sendfile: { zerocopy: 9, retry: 1 }, splice: { zerocopy: 1 } } },
    ];
    const buckets = { 10: 9 };
    expect(summaryOf({ processes }).mechanisms.sendfile).not.toHaveProperty('latency');
    const { sendfile, splice } = summaryOf({
      processes,
      latencies: [
        { mechanism: 'sendfile', outcome: 'zerocopy', buckets },
        { mechanism: 'sendfile', outcome: 'retry', buckets: {} },
        { mechanism: 'tee', outcome: 'zerocopy', buckets },
      ],
    }).mechanisms;
    expect(sendfile?.latency).toEqual({ zerocopy: { count: 9, p50: 2048e-9, p99: 2048e-9 } });
    expect(splice).not.toHaveProperty('latency');
  });
});

describe('causes', () => {
  const culprit: Culprit = { type: 'file', filesystem: 'ext4', name: '/a', flags: [] };

  it('are of copies, refusals and denials only, the most frequent first', () => {
    const { causes } = summaryOf({
      processes: [{ pid: 7, unit: 'a.service', comm: 'a', counters: { tee: { copied: 2 } } }],
      causes: [
        { process: 0, mechanism: 'tee', copied: 'sink_copies', count: 2 },
        { unit: 'b.service', comm: 'b', refused: 'no_syscall', count: 3, culprit },
        { process: 0, mechanism: 'tee', denied: 'EACCES', culprit },
        { process: 0, code: 22, count: 9 },
        { process: 0, kind: 'async_work', code: 0, count: 9 },
        // the same numbers mean something else
        { process: 0, kind: 'setup_errno', code: 1, count: 9 },
        { process: 0, kind: 'enter_errno', code: 13, count: 9 },
      ],
    });
    expect(causes).toEqual([
      {
        mechanism: 'sendfile',
        outcome: 'refused',
        reason: 'no_syscall',
        count: 3,
        unit: 'b.service',
        comm: 'b',
        pid: null,
        culprit,
      },
      {
        mechanism: 'tee',
        outcome: 'copied',
        reason: 'sink_copies',
        count: 2,
        unit: 'a.service',
        comm: 'a',
        pid: 7,
        culprit: null,
      },
      {
        mechanism: 'tee',
        outcome: 'denied',
        reason: 'EACCES',
        count: 1,
        unit: 'a.service',
        comm: 'a',
        pid: 7,
        culprit,
      },
    ]);
  });

  it('that differ in nothing but their record are one, with the file that is known', () => {
    const process = { pid: 7, comm: 'a', counters: {} };
    const { causes } = summaryOf({
      processes: [process, process],
      causes: [
        { process: 0, refused: 'sink_append', count: 2 },
        { process: 1, refused: 'sink_append', count: 3, culprit },
      ],
    });
    expect(causes).toMatchObject([{ pid: 7, count: 5, culprit }]);
  });

  it('that differ in anything that is told are several', () => {
    const process = { pid: 7, unit: 'u', comm: 'a', counters: {} };
    const { causes } = summaryOf({
      processes: [process, { ...process, pid: 8 }, { ...process, unit: 'v' }, { ...process, comm: 'b' }],
      causes: [
        ...[0, 1, 2, 3].map((row) => ({ process: row, refused: 'sink_append' as const })),
        { unit: 'u', comm: 'a', refused: 'sink_append' },
        { process: 0, refused: 'no_pipe' },
        { process: 0, mechanism: 'tee', refused: 'sink_append' },
        { process: 0, kind: 'copied', code: REFUSAL_REASONS.indexOf('sink_append') },
        { process: 0, denied: 'EPERM' },
        { process: 0, denied: 'EACCES' },
      ],
    });
    expect(causes).toHaveLength(10);
    expect(causes.filter(({ outcome }) => outcome === 'denied').map(({ reason }) => reason)).toEqual([
      'EPERM',
      'EACCES',
    ]);
    expect(causes.filter(({ outcome }) => outcome === 'copied').map(({ reason }) => reason)).toEqual([
      COPY_REASONS[REFUSAL_REASONS.indexOf('sink_append')],
    ]);
  });
});

it('work for workers by opcode, of all processes', () => {
  const async = { kind: 'async_work', code: 0 } as const;
  const { ioUring } = summaryOf({
    processes: [{ pid: 1, comm: 'a', counters: {} }],
    causes: [
      { ...async, process: 0, mechanism: 'io_uring_send_zc', count: 3 },
      { ...async, mechanism: 'io_uring_send_zc', count: 4 },
      { ...async, process: 0, mechanism: 'io_uring_splice', count: 5 },
      { process: 0, mechanism: 'io_uring_tee', code: 11, count: 6 },
    ],
  });
  expect(ioUring).toMatchObject({ queuedAsync: 12, asyncWork: { send_zc: 7, splice: 5 } });
  expect(Object.keys(ioUring.asyncWork)).toHaveLength(2);
});

describe('a process', () => {
  it('has its unit, its fallbacks and what it does without since', () => {
    const { processes } = summaryOf({
      processes: [
        {
          pid: 7,
          unit: 'smbd.service',
          comm: 'smbd',
          counters: {
            sendfile: { refused: 9, cascaded: 1, confirmed: 3, presumed: 2, abandoned: 1 },
            io_uring_recv_zc: { refused: 1, presumed: 1, zerocopy: 4, denied: 1 },
            tee: { zerocopy: 2 },
          },
          fallen: ['io_uring_setup', 'io_uring_recv_zc', 'sendfile'],
        },
      ],
    });
    expect(processes).toEqual([
      {
        pid: 7,
        unit: 'smbd.service',
        comm: 'smbd',
        attempts: 17,
        outcomes: { zerocopy: 6, refused: 10, denied: 1 },
        mechanisms: { sendfile: 9, tee: 2, io_uring_recv_zc: 6 },
        fallbacks: 6,
        fallen: ['sendfile', 'io_uring_recv_zc', 'io_uring_setup'],
      },
    ]);
  });

  it('is the same from its row alone, as for one that was retired', () => {
    const snapshot = snapshotOf({
      processes: [{ pid: 7, unit: 'u', comm: 'a', counters: { tee: { refused: 1, presumed: 1 } }, fallen: ['tee'] }],
    });
    const { counters, fallen } = snapshot.processes;
    expect([processSummary({ pid: 7, unit: 'u', comm: 'a', fallen: fallen[0] ?? 0, counters })]).toEqual(
      summarize(snapshot).processes,
    );
  });
});

it('every bit of fallen has its name', () => {
  expect(fallenNames(0)).toEqual([]);
  expect(MECHANISMS.map((_, bit) => fallenNames(2 ** bit))).toEqual(MECHANISMS.map((name) => [name]));
  expect(fallenNames(2 ** 31)).toEqual(['io_uring_setup']);
});
