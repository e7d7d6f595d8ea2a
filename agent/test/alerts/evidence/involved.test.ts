/** Which processes a rule is about. */
import { constants } from 'node:os';
import { describe, expect, it } from 'vitest';
import { involvedProcesses, type Involving } from '../../../src/alerts/involved.ts';
import type { Subject } from '../../../src/alerts/rule.ts';
import { type ProcessSpec, snapshotOf, type SnapshotSpec } from '../../support/snapshots.ts';

const { EAGAIN, EINTR, ETIME, EPERM, EINVAL } = constants.errno;

function pidsOf(spec: SnapshotSpec, mechanism: Involving, subject: Subject = null, limit = 10): number[] {
  return involvedProcesses(snapshotOf(spec), subject, mechanism, limit).map(({ pid }) => pid);
}

const nginx = (pid: number, zerocopy: number): ProcessSpec => ({
  pid,
  comm: 'nginx',
  unit: 'nginx.service',
  counters: { sendfile: { zerocopy } },
});

describe('of a mechanism', () => {
  it('most attempts first, over all outcomes; others are not in it', () => {
    const processes = [
      nginx(1, 10),
      nginx(2, 30),
      { pid: 3, comm: 'a', counters: { sendfile: { zerocopy: 15, retry: 10, failed: 5, refused: 1, abandoned: 1 } } },
      { pid: 4, comm: 'b', counters: { splice: { zerocopy: 1000 }, enters: 1000 } },
    ];
    expect(pidsOf({ processes }, 'sendfile')).toEqual([3, 2, 1]);
    expect(pidsOf({ processes }, 'sendfile', null, 2)).toEqual([3, 2]);
    expect(pidsOf({ processes }, 'splice')).toEqual([4]);
    expect(pidsOf({ processes }, 'tee')).toEqual([]);
  });

  it('those that fell back come before those that were copied or denied, and those before the rest', () => {
    const processes: ProcessSpec[] = [
      nginx(1, 1_000_000),
      { pid: 2, comm: 'copied', counters: { sendfile: { zerocopy: 900, copied: 1 } } },
      { pid: 3, comm: 'denied', counters: { sendfile: { zerocopy: 901, denied: 1 } } },
      { pid: 4, comm: 'confirmed', counters: { sendfile: { zerocopy: 10, refused: 1, confirmed: 1 } } },
      { pid: 5, comm: 'presumed', counters: { sendfile: { zerocopy: 12, refused: 1, presumed: 1 } } },
      { pid: 6, comm: 'pending', counters: { sendfile: { zerocopy: 11, refused: 1 } } },
      // remembers it and never tries again
      { pid: 7, comm: 'fallen', fallen: ['sendfile'], counters: {} },
      {
        pid: 8,
        comm: 'other',
        fallen: ['splice', 'io_uring_setup'],
        counters: { splice: { refused: 1, confirmed: 1 } },
      },
      { pid: 9, comm: 'java', counters: { sendfile: { zerocopy: 2_000_000, refused: 1, cascaded: 1 } } },
    ];
    expect(pidsOf({ processes }, 'sendfile')).toEqual([5, 6, 4, 7, 3, 2, 9, 1]);
  });

  it('of one workload only', () => {
    const processes = [
      nginx(1, 1),
      { ...nginx(2, 2), unit: 'other.service' },
      { ...nginx(3, 3), comm: 'other' },
      nginx(4, 4),
    ];
    expect(pidsOf({ processes }, 'sendfile', { unit: 'nginx.service', comm: 'nginx' })).toEqual([4, 1]);
  });

  it('a process that called exec is one, another one with its pid is another', () => {
    const snapshot = snapshotOf({ processes: [nginx(1, 5), nginx(1, 7), nginx(1, 6)] });
    snapshot.processes.startTimes.set([100, 100, 200]);
    const involved = involvedProcesses(snapshot, null, 'sendfile', 10);
    expect(involved.map(({ row, startTime, attempts }) => [row, startTime, attempts])).toEqual([
      [1, 100, 7],
      [2, 200, 6],
    ]);
  });

  it('tells who it is', () => {
    expect(involvedProcesses(snapshotOf({ processes: [nginx(7, 3)] }), null, 'sendfile', 10)).toEqual([
      { row: 0, pid: 7, startTime: 0, unit: 'nginx.service', comm: 'nginx', attempts: 3 },
    ]);
  });
});

describe('of rings', () => {
  it('errors, overflows and rings that could not be set up come first', () => {
    const processes: ProcessSpec[] = [
      { pid: 1, comm: 'busy', counters: { enters: 1000 } },
      { pid: 2, comm: 'again', counters: { enters: 20 } },
      { pid: 3, comm: 'overflow', counters: { enters: 30, cqOverflows: 1 } },
      { pid: 4, comm: 'fallen', fallen: ['io_uring_setup'], counters: {} },
      { pid: 5, comm: 'denied', counters: {} },
      { pid: 6, comm: 'setup', counters: { setups: 1 } },
      { pid: 7, comm: 'none', counters: { sendfile: { refused: 1, confirmed: 1 } }, fallen: ['sendfile'] },
    ];
    const causes = [
      { kind: 'enter_errno', code: EAGAIN, process: 1 },
      { kind: 'setup_errno', code: EPERM, process: 4 },
      // of an attempt, not of a call of io_uring_enter
      { kind: 'errno', code: EAGAIN, process: 5 },
    ] as const;
    expect(pidsOf({ processes, causes }, 'io_uring_enter')).toEqual([3, 2, 4, 5, 1, 6]);
  });

  it('waits that end by a signal or by time, and probing, are no errors', () => {
    const processes: ProcessSpec[] = [
      { pid: 1, comm: 'waits', counters: { enters: 10 } },
      { pid: 2, comm: 'probes', counters: { enters: 20, setups: 1 } },
      { pid: 3, comm: 'again', counters: { enters: 1 } },
    ];
    const causes = [
      { kind: 'enter_errno', code: EINTR, process: 0 },
      { kind: 'enter_errno', code: ETIME, process: 0 },
      { kind: 'setup_errno', code: EINVAL, process: 1 },
      { kind: 'enter_errno', code: EAGAIN, process: 2 },
      // of a process that has been retired
      { kind: 'enter_errno', code: EAGAIN, process: null },
    ] as const;
    expect(pidsOf({ processes, causes }, 'io_uring_enter')).toEqual([3, 2, 1]);
  });
});
