/** Views of the page for tests: a host on which something of everything happens. */
import { History, sampleOf } from '../../../src/web/page/history.ts';
import { overviewOf, type Surroundings } from '../../../src/web/page/overview.ts';
import { Workloads } from '../../../src/web/page/workloads.ts';
import type { View } from '../../../src/web/page.ts';
import type { Snapshot } from '../../../src/model/snapshot.ts';
import { firingOf, statusOf, viewOf } from '../../support/alerts.ts';
import { programOf, type SnapshotSpec, snapshotOf } from '../../support/snapshots.ts';

export const IDENTITY = { build: { version: '0.1.0', revision: 'abc', kernel: '6.18' }, host: 'web-1' };

const OWN: Surroundings['own'] = {
  cpus: null,
  residentBytes: 50 * 2 ** 20,
  collectionSeconds: 0.0123,
  startedAt: '2026-01-02T03:00:00.000Z',
};

/** Markup, a closed element, a change of direction, half a character, and an address that runs. */
export const HOSTILE = `</td><script>x()</script>"'\u202e\ud800&amp;<img src=x onerror=x()>`;

const busy = (factor: number): SnapshotSpec => ({
  boottime: 1000 + factor,
  processes: [
    {
      pid: 7,
      unit: 'nginx.service',
      comm: 'nginx',
      counters: {
        sendfile: {
          zerocopy: 1000 * factor,
          bytes: 4_096_000 * factor,
          refused: 10 * factor,
          confirmed: 9 * factor,
          abandoned: factor,
        },
        enters: 50,
        submitted: 60,
        setups: 1,
      },
      fallen: ['sendfile'],
    },
    { pid: 8, unit: 'nginx.service', comm: 'nginx', counters: { sendfile: { zerocopy: 5 } }, endedAt: 1 },
    {
      pid: 9,
      comm: 'cp',
      counters: { copy_file_range: { copied: 4, copiedBytes: 100 }, splice: { denied: 2, retry: 3, failed: 1 } },
    },
  ],
  departed: [{ comm: 'cp', counters: { copy_file_range: { zerocopy: 6, bytes: 60 } } }],
  unattributed: { io_uring_splice: { zerocopy: 1, bytes: 1 } },
  causes: [
    {
      refused: 'source_cannot_splice',
      process: 0,
      count: 10 * factor,
      culprit: { type: 'file', filesystem: 'proc', name: '/proc/7/status', flags: ['O_NONBLOCK'] },
    },
    { copied: 'copy_file_range_in_kernel', mechanism: 'copy_file_range', process: 2, count: 4 },
    { denied: 'EPERM', mechanism: 'splice', process: 2, count: 2 },
    { kind: 'enter_errno', code: 11, count: 3 * factor, process: 0 },
    { kind: 'setup_errno', code: 12, count: 1 },
  ],
  flows: [{ src: '10.0.0.1', dst: '10.0.0.2', counts: { zerocopy: 1000 * factor, refused: 10 * factor, bytes: 4096 } }],
  programs: [
    programOf(),
    programOf({
      name: 'tee_exit',
      hook: 'tp/syscalls/sys_exit_tee',
      state: 'unavailable',
      reason: 'no <such> tracepoint',
    }),
    programOf({ name: 'time_call', state: 'off', reason: 'not needed here' }),
  ],
  lost: { overflow: 1, events: 2, missedRuns: 3 },
});

export const snapshots = (): readonly Snapshot[] => [1, 2, 4].map((factor) => snapshotOf(busy(factor)));

export function viewOfSnapshots(taken: readonly Snapshot[], surroundings: Partial<Surroundings> = {}): View {
  const history = new History();
  const workloads = new Workloads();
  let top: Surroundings['workloads'] = { of: 0, rows: [] };
  taken.forEach((snapshot, i) => {
    history.add(sampleOf(snapshot, i / 100));
    top = workloads.top(snapshot);
  });
  const last = taken.at(-1) ?? snapshotOf();
  const own = { ...OWN, cpus: history.cpu() };
  const overview = overviewOf(last, { now: history.now(), workloads: top, alerts: undefined, own, ...surroundings });
  return { overview, rates: history.rates() };
}

export const busyView = (): View =>
  viewOfSnapshots(snapshots(), {
    alerts: viewOf({
      rules: ['SendfileFallback', 'IoUringSubmitEagain'],
      firing: [firingOf({ subject: { unit: 'nginx.service', comm: 'nginx' }, summary: '1 % of 4,000 fell back' })],
      statuses: [
        statusOf({ state: 'firing', subject: { unit: 'nginx.service', comm: 'nginx' }, value: 0.01 }),
        statusOf({ state: 'pending', value: 0.0066 }),
        statusOf({ rule: 'Quiet' }),
      ],
    }),
  });
