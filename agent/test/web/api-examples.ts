/** The documents that docs/api.md shows: made by the code, of a host on which one program falls back. */
import { alertsJson } from '../../src/web/alerts-json.ts';
import { snapshotJson } from '../../src/web/snapshot-json.ts';
import { firingOf, statusOf, viewOf } from '../support/alerts.ts';
import { programOf, snapshotOf } from '../support/snapshots.ts';
import { viewOfSnapshots } from './page/views.ts';

const taken = (second: number) =>
  snapshotOf({
    boottime: 5000 + second,
    processes: [
      {
        pid: 4711,
        unit: 'nginx.service',
        comm: 'nginx',
        counters: {
          sendfile: { zerocopy: 100 * second, bytes: 409_600 * second, refused: 2 * second, confirmed: 2 * second },
        },
        fallen: ['sendfile'],
      },
    ],
    causes: [
      {
        refused: 'source_cannot_splice',
        process: 0,
        count: 2 * second,
        culprit: { type: 'file', filesystem: 'proc', name: '/proc/4711/status', flags: [] },
      },
    ],
    flows: [{ src: '10.0.0.1', dst: '10.0.0.2', counts: { zerocopy: 100 * second, bytes: 409_600 * second } }],
    tables: [{ table: 'processes', entries: 1, capacity: 8192, overflows: 0 }],
    programs: [programOf()],
  });

const subject = { unit: 'nginx.service', comm: 'nginx' };
const alerts = viewOf({
  rules: ['SendfileFallback'],
  statuses: [statusOf({ subject, state: 'firing', value: 0.0196 })],
  firing: [firingOf({ subject, summary: '1.96 % of 306 sendfile attempts fell back to copying in nginx' })],
});

export const EXAMPLES: readonly { readonly schema: string }[] = [
  snapshotJson(taken(3)),
  alertsJson(alerts),
  viewOfSnapshots([taken(1), taken(2), taken(3)], { alerts }).overview,
];
