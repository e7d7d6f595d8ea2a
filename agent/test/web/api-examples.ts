/** The documents that docs/api.md shows: made by the code, of a host on which one program falls back. */
import { firingJson } from '../../src/cli/alerts-shown.ts';
import { topJson } from '../../src/cli/top-json.ts';
import { inspectReport } from '../../src/inspect/report.ts';
import { changes, hostDelta } from '../../src/top/delta.ts';
import { alertsJson } from '../../src/web/alerts-json.ts';
import { snapshotJson } from '../../src/web/snapshot-json.ts';
import { firingOf, statusOf, viewOf } from '../support/alerts.ts';
import { descriptorOf, factsOf, mappingOf } from '../inspect/facts.ts';
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

const window = { before: snapshotJson(taken(2)), now: snapshotJson(taken(3)) };

/** nginx, with the file that it cannot send and a log that it cannot splice to. */
const facts = factsOf({
  comm: 'nginx',
  descriptors: [
    descriptorOf({ fd: 9, filesystem: 'proc', name: '/proc/4711/status' }),
    descriptorOf({ fd: 12, name: '/var/log/nginx.log', flags: ['O_WRONLY', 'O_APPEND'] }),
  ],
  mappings: [mappingOf({ name: '/srv/www/index.html', shared: false, bytes: 16_384 })],
});

export const EXAMPLES: readonly { readonly schema: string }[] = [
  snapshotJson(taken(3)),
  alertsJson(alerts),
  viewOfSnapshots([taken(1), taken(2), taken(3)], { alerts }).overview,
  topJson({
    now: window.now,
    source: 'daemon',
    view: 'workloads',
    window,
    host: hostDelta(window),
    alerts: firingJson(alertsJson(alerts)),
    rows: changes('workloads', window),
  }),
  inspectReport(facts, snapshotJson(taken(3)), new Date('2026-01-02T03:04:05Z')),
];
