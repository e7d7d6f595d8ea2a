import { expect, test } from 'vitest';
import { snapshotJson } from '../../src/web/snapshot-json.ts';
import type { Culprit } from '../../src/model/snapshot.ts';
import { programOf, snapshotOf } from '../support/snapshots.ts';

const culprit: Culprit = { type: 'file', filesystem: 'ext4', name: '/var/log/a', flags: ['O_APPEND'] };

test('a snapshot by name, most attempts first, and what did not occur left out', () => {
  const snapshot = snapshotOf({
    boottime: 12.5,
    processes: [
      {
        pid: 5,
        unit: 'backup.service',
        comm: 'cp',
        counters: { splice: { refused: 3, confirmed: 1, presumed: 1 } },
        fallen: ['splice'],
      },
      { pid: 9, comm: 'a"\n', counters: { sendfile: { zerocopy: 8, retry: 1, bytes: 80 }, enters: 2, submitted: 3 } },
    ],
    causes: [
      { process: 0, mechanism: 'splice', code: 22, count: 3 },
      { process: 0, mechanism: 'splice', refused: 'sink_append', count: 3, culprit },
      { process: 1, code: 11, count: 1 },
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
        outcomeBytes: { zerocopy: 80, copied: 0 },
        outcomes: { zerocopy: 8, copied: 0, retry: 1, refused: 0, denied: 0, failed: 0 },
        errnos: { EAGAIN: 1 },
        reasons: { copied: {}, refused: {} },
        resolutions: { cascaded: 0, confirmed: 0, presumed: 0, abandoned: 0, pending: 0 },
      },
      splice: {
        attempts: 3,
        bytes: 0,
        outcomeBytes: { zerocopy: 0, copied: 0 },
        outcomes: { zerocopy: 0, copied: 0, retry: 0, refused: 3, denied: 0, failed: 0 },
        errnos: { EINVAL: 3 },
        reasons: { copied: {}, refused: { sink_append: 3 } },
        resolutions: { cascaded: 0, confirmed: 1, presumed: 1, abandoned: 0, pending: 1 },
      },
    },
    ioUring: {
      setups: { ok: 0, errnos: {} },
      enters: { calls: 2, submitted: 3, errnos: {} },
      completions: {},
      completionErrnos: {},
      queuedAsync: 0,
      asyncWork: {},
      cqOverflows: 0,
    },
    processes: [
      {
        pid: 9,
        unit: '',
        comm: 'a"\n',
        attempts: 9,
        outcomes: { zerocopy: 8, retry: 1 },
        mechanisms: { sendfile: 9 },
        fallbacks: 0,
        fallen: [],
        eagain: 1,
        errnos: { sendfile: { EAGAIN: 1 } },
        rings: {
          setups: { ok: 0, errnos: {} },
          enters: { calls: 2, submitted: 3, errnos: {} },
          queuedAsync: 0,
          asyncWork: {},
          cqOverflows: 0,
        },
      },
      {
        pid: 5,
        unit: 'backup.service',
        comm: 'cp',
        attempts: 3,
        outcomes: { refused: 3 },
        mechanisms: { splice: 3 },
        fallbacks: 2,
        fallen: ['splice'],
        errnos: { splice: { EINVAL: 3 } },
      },
    ],
    causes: [
      {
        mechanism: 'splice',
        outcome: 'refused',
        reason: 'sink_append',
        count: 3,
        unit: 'backup.service',
        comm: 'cp',
        pid: 5,
        culprit,
      },
    ],
    flows: [
      { src: '10.0.0.1', dst: '10.0.0.3', proto: 'tcp', attempts: 8, bytes: 80, outcomes: { zerocopy: 7, retry: 1 } },
      { src: '10.0.0.1', dst: '10.0.0.2', proto: 'tcp', attempts: 1, bytes: 0, outcomes: { zerocopy: 1 } },
    ],
    unattributed: { attempts: 0 },
    lost: { overflow: 0, events: 0, missedRuns: 4 },
    workloads: [
      {
        unit: '',
        comm: 'a"\n',
        processes: 1,
        attempts: 9,
        outcomes: { zerocopy: 8, retry: 1 },
        mechanisms: { sendfile: 9 },
        fallbacks: 0,
        fallen: [],
        eagain: 1,
      },
      {
        unit: 'backup.service',
        comm: 'cp',
        processes: 1,
        attempts: 3,
        outcomes: { refused: 3 },
        mechanisms: { splice: 3 },
        fallbacks: 2,
        fallen: ['splice'],
      },
    ],
    tables: snapshot.tables,
    programs: [programOf()],
  });
});
