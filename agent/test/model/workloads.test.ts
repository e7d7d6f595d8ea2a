import { expect, it } from 'vitest';
import { summarize } from '../../src/model/summary.ts';
import { workloadSummaries } from '../../src/model/workloads.ts';
import { snapshotOf } from '../support/snapshots.ts';

const snapshot = snapshotOf({
  processes: [
    { pid: 1, unit: 'a.service', comm: 'nginx', counters: { sendfile: { zerocopy: 5, retry: 2 } }, fallen: ['tee'] },
    {
      pid: 2,
      unit: 'a.service',
      comm: 'nginx',
      counters: { splice: { refused: 3, confirmed: 2 } },
      fallen: ['splice'],
    },
    // the same name in another unit; one that has ended and is not yet retired
    { pid: 3, unit: 'b.service', comm: 'nginx', counters: { sendfile: { zerocopy: 1 } }, fallen: ['tee'], endedAt: 7 },
    { pid: 4, comm: 'ringd', counters: { enters: 9 } },
  ],
  departed: [
    { unit: 'a.service', comm: 'nginx', counters: { sendfile: { zerocopy: 100 } } },
    { comm: 'cp', counters: { copy_file_range: { copied: 20 } } },
  ],
  causes: [
    { process: 0, code: 11, count: 2 },
    { process: 3, kind: 'enter_errno', code: 11, count: 6 },
    { process: 3, kind: 'setup_errno', code: 11, count: 50 },
    { process: 0, code: 22, count: 70 },
    // REFUSAL_REASONS[11], not EAGAIN
    { process: 0, refused: 'zero_size_source', count: 90 },
  ],
});

it('live and departed processes of a workload are one; most attempts first', () => {
  expect(workloadSummaries(snapshot)).toEqual([
    {
      unit: 'a.service',
      comm: 'nginx',
      processes: 2,
      attempts: 110,
      outcomes: { zerocopy: 105, retry: 2, refused: 3 },
      mechanisms: { sendfile: 107, splice: 3 },
      fallbacks: 2,
      fallen: ['splice', 'tee'],
      eagain: 2,
    },
    expect.objectContaining({ unit: '', comm: 'cp', processes: 0, attempts: 20, outcomes: { copied: 20 } }),
    expect.objectContaining({ unit: 'b.service', comm: 'nginx', processes: 0, attempts: 1, fallen: [] }),
    expect.objectContaining({ unit: '', comm: 'ringd', processes: 1, attempts: 0, eagain: 6 }),
  ]);
});

it('EAGAIN of a process: its attempts, and its calls of io_uring_enter', () => {
  const eagain = summarize(snapshot).processes.map(({ pid, eagain = 0 }) => [pid, eagain]);
  expect(eagain).toEqual([
    [1, 2],
    [2, 0],
    [3, 0],
    [4, 6],
  ]);
});
