import { expect, it } from 'vitest';
import { summarize } from '../../src/model/summary.ts';
import { workloadSummaries } from '../../src/model/workloads.ts';
import { snapshotOf } from '../support/snapshots.ts';

const snapshot = snapshotOf({
  processes: [
    { pid: 1, comm: 'a', counters: { sendfile: { refused: 5 }, setups: 2, enters: 9, submitted: 30, cqOverflows: 4 } },
    { pid: 2, comm: 'b', counters: { sendfile: { refused: 2 } } },
    { pid: 3, comm: 'c', counters: {} },
  ],
  causes: [
    { process: 0, code: 22, count: 5 },
    { process: 0, mechanism: 'tee', code: 11, count: 6 },
    { process: 1, code: 22, count: 2 },
    // not an errno: the same number is a reason
    { process: 1, kind: 'refused', code: 1, count: 2 },
    { process: 0, kind: 'setup_errno', code: 12, count: 7 },
    { process: 0, kind: 'enter_errno', code: 11, count: 8 },
    { process: 0, kind: 'enter_errno', code: 16, count: 1 },
    { process: 0, kind: 'async_work', mechanism: 'io_uring_send_zc', code: 0, count: 3 },
    { process: 2, kind: 'setup_errno', code: 1, count: 1 },
    // of nobody that lives
    { process: null, code: 22, count: 100 },
    { process: null, kind: 'enter_errno', code: 11, count: 100 },
  ],
});

it('errnos and rings of each process, and of no other', () => {
  const { processes } = summarize(snapshot);
  const of = (pid: number) => {
    const { errnos, rings } = processes.find((process) => process.pid === pid) ?? {};
    return { errnos, rings };
  };
  expect(of(1)).toEqual({
    errnos: { sendfile: { EINVAL: 5 }, tee: { EAGAIN: 6 } },
    rings: {
      setups: { ok: 2, errnos: { ENOMEM: 7 } },
      enters: { calls: 9, submitted: 30, errnos: { EAGAIN: 8, EBUSY: 1 } },
      queuedAsync: 3,
      asyncWork: { send_zc: 3 },
      cqOverflows: 4,
    },
  });
  expect(of(2)).toEqual({ errnos: { sendfile: { EINVAL: 2 } }, rings: undefined });
  expect(of(3).errnos).toBeUndefined();
  // that it was refused its only ring is all that it has to do with rings
  expect(of(3).rings).toMatchObject({ setups: { ok: 0, errnos: { EPERM: 1 } }, enters: { calls: 0 } });
});

it('are left out where there are none, and of workloads', () => {
  const [process] = summarize(
    snapshotOf({ processes: [{ pid: 1, comm: 'a', counters: { tee: { zerocopy: 1 } } }] }),
  ).processes;
  expect(process).not.toHaveProperty('errnos');
  expect(process).not.toHaveProperty('rings');
  for (const workload of workloadSummaries(snapshot)) {
    expect(workload).not.toHaveProperty('errnos');
    expect(workload).not.toHaveProperty('rings');
  }
});
