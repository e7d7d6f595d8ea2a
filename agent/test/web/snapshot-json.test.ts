import { expect, test } from 'vitest';
import { snapshotJson } from '../../src/web/snapshot-json.ts';
import { programOf, snapshotOf } from '../support/snapshots.ts';

test('a snapshot by name, most attempts first, and what did not occur left out', () => {
  const snapshot = snapshotOf({
    boottime: 12.5,
    processes: [
      { pid: 5, comm: 'cp', counters: { splice: { refused: 1 } } },
      { pid: 9, comm: 'a"\n', counters: { sendfile: { zerocopy: 8, retry: 1, bytes: 80 }, enters: 2, submitted: 3 } },
    ],
    causes: [
      { comm: 'cp', process: 0, mechanism: 'splice', code: 22, count: 1 },
      { comm: 'a"\n', process: 1, code: 11, count: 1 },
    ],
    flows: [
      { src: '10.0.0.1', dst: '10.0.0.2', counts: { zerocopy: 1 } },
      { src: '10.0.0.1', dst: '10.0.0.3', counts: { zerocopy: 7, retry: 1, bytes: 80 } },
    ],
    programs: [programOf()],
    lost: { missedRuns: 4 },
  });
  const json: unknown = JSON.parse(JSON.stringify(snapshotJson(snapshot)));
  expect(json).toEqual({
    schema: 'spillway.snapshot/1',
    time: '2026-01-02T03:04:05.000Z',
    boottime: 12.5,
    mechanisms: {
      sendfile: {
        attempts: 9,
        bytes: 80,
        outcomes: { zerocopy: 8, copied: 0, retry: 1, refused: 0, denied: 0, failed: 0 },
        errnos: { EAGAIN: 1 },
      },
      splice: {
        attempts: 1,
        bytes: 0,
        outcomes: { zerocopy: 0, copied: 0, retry: 0, refused: 1, denied: 0, failed: 0 },
        errnos: { EINVAL: 1 },
      },
    },
    ioUring: {
      setups: { ok: 0, errnos: {} },
      enters: { calls: 2, submitted: 3, errnos: {} },
      completions: {},
      completionErrnos: {},
      queuedAsync: 0,
      cqOverflows: 0,
    },
    processes: [
      { pid: 9, comm: 'a"\n', attempts: 9, mechanisms: { sendfile: 9 } },
      { pid: 5, comm: 'cp', attempts: 1, mechanisms: { splice: 1 } },
    ],
    flows: [
      { src: '10.0.0.1', dst: '10.0.0.3', proto: 'tcp', attempts: 8, bytes: 80, outcomes: { zerocopy: 7, retry: 1 } },
      { src: '10.0.0.1', dst: '10.0.0.2', proto: 'tcp', attempts: 1, bytes: 0, outcomes: { zerocopy: 1 } },
    ],
    unattributed: { attempts: 0 },
    lost: { overflow: 0, events: 0, missedRuns: 4 },
    tables: snapshot.tables,
    programs: [programOf()],
  });
});
