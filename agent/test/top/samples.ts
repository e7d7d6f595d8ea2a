/** Samples for tests of `spillway top`. */
import type { Sample } from '../../src/top/figures.ts';
import type { WorkloadSummary } from '../../src/model/workloads.ts';
import { culpritOf, summaryOf, type SummarySpec } from '../cli/summaries.ts';

export interface SampleSpec extends SummarySpec {
  readonly boottime?: number;
  readonly workloads?: readonly Partial<WorkloadSummary>[];
}

/** One collection; workloads and processes are what the test says, none is derived from the other. */
export function sampleOf({ boottime = 100, workloads = [], ...spec }: SampleSpec = {}): Sample {
  return { ...summaryOf(spec), time: '2026-01-02T03:04:05.000Z', boottime, workloads: workloads.map(workloadOf) };
}

function workloadOf(workload: Partial<WorkloadSummary>): WorkloadSummary {
  const nothing = { unit: '', attempts: 1, outcomes: {}, mechanisms: {}, fallbacks: 0, fallen: [] };
  return { comm: 'cp', processes: 1, ...nothing, ...workload };
}

/** A name that tries what a terminal can be made to do: clear, retitle, turn around, widen. */
export const HOSTILE = '\x1b[2J漢字\x07\u202e\n\x1b]0;x';

/** A host two seconds apart: a web server that works, a backup that falls back, rings under pressure, a name that is an attack. */
export function busyHost(): { before: Sample; now: Sample } {
  const at = (boottime: number, n: number) =>
    sampleOf({
      boottime,
      mechanisms: {
        sendfile: {
          outcomes: { zerocopy: 10_000 + 2400 * n, retry: 600 + 300 * n },
          bytes: { zerocopy: 5_000_000 + 9_000_000 * n },
          errnos: { EAGAIN: 600 + 300 * n },
        },
        splice: { outcomes: { copied: 40 + 20 * n }, bytes: { copied: 4000 * n } },
        copy_file_range: {
          outcomes: { refused: 90 + 60 * n, denied: n },
          errnos: { EXDEV: 90 + 60 * n, ...(n > 0 ? { EPERM: n } : {}) },
          resolutions: { confirmed: 80 + 50 * n, cascaded: 10 + 10 * n },
        },
        io_uring_send_zc: { outcomes: { zerocopy: 7 } },
      },
      rings: { setups: { ok: 1 }, enters: { calls: 900 + 800 * n, submitted: 500, errnos: { EAGAIN: 100 + 480 * n } } },
      processes: [
        {
          pid: 812,
          comm: 'nginx',
          unit: 'nginx.service',
          attempts: 10_600 + 2700 * n,
          outcomes: { zerocopy: 10_000 + 2400 * n, retry: 600 + 300 * n },
          mechanisms: { sendfile: 10_600 + 2700 * n },
          eagain: 600 + 300 * n,
        },
        {
          pid: 4711,
          comm: 'cp',
          unit: 'backup.service',
          attempts: 90 + 61 * n,
          outcomes: { refused: 90 + 60 * n, ...(n > 0 ? { denied: n } : {}) },
          mechanisms: { copy_file_range: 90 + 61 * n },
          fallbacks: 80 + 50 * n,
          fallen: ['copy_file_range'],
        },
        {
          pid: 4_194_303,
          comm: HOSTILE,
          unit: HOSTILE,
          attempts: 40 + 20 * n,
          outcomes: { copied: 40 + 20 * n },
          mechanisms: { splice: 40 + 20 * n },
        },
        { pid: 99, comm: 'mariadbd', attempts: 7, outcomes: { zerocopy: 7 }, fallen: ['io_uring_setup'] },
        { pid: 77, comm: 'ringd', attempts: 0, eagain: 100 + 480 * n },
        { pid: 78, comm: 'idle-rings', attempts: 0 },
      ],
      workloads: [
        {
          comm: 'nginx',
          unit: 'nginx.service',
          processes: 4,
          attempts: 10_600 + 2700 * n,
          outcomes: { zerocopy: 10_000 + 2400 * n, retry: 600 + 300 * n },
          eagain: 600 + 300 * n,
        },
        {
          comm: 'cp',
          unit: 'backup.service',
          attempts: 90 + 61 * n,
          outcomes: { refused: 90 + 60 * n, denied: n },
          fallbacks: 80 + 50 * n,
          fallen: ['copy_file_range'],
        },
        { comm: HOSTILE, unit: HOSTILE, attempts: 40 + 20 * n, outcomes: { copied: 40 + 20 * n } },
      ],
      causes: [
        {
          mechanism: 'copy_file_range',
          outcome: 'refused',
          reason: 'cross_device',
          count: 90 + 60 * n,
          unit: 'backup.service',
          culprit: culpritOf({ filesystem: 'tmpfs', name: '/mnt/backup/photos/2026/big.iso' }),
        },
        ...(n > 0
          ? [
              {
                mechanism: 'copy_file_range',
                outcome: 'denied',
                reason: 'EPERM',
                count: n,
                unit: 'backup.service',
              } as const,
            ]
          : []),
        {
          mechanism: 'splice',
          outcome: 'copied',
          reason: 'sink_regular_file',
          count: 40 + 20 * n,
          comm: HOSTILE,
          unit: HOSTILE,
          pid: 4_194_303,
          culprit: culpritOf({ name: `/srv/${HOSTILE}` }),
        },
      ],
      flows: [
        {
          src: '10.0.0.1',
          dst: '10.0.0.7',
          proto: 'tcp',
          attempts: 10_000 + 2700 * n,
          bytes: 5_000_000 + 9_000_000 * n,
          outcomes: { zerocopy: 9500 + 2400 * n, retry: 500 + 300 * n },
        },
        {
          src: '2001:db8:85a3:8d3:1319:8a2e:370:7348',
          dst: '2001:db8::1',
          proto: 'tcp',
          attempts: 600,
          bytes: 10,
          outcomes: { zerocopy: 600 },
        },
        { src: '', dst: '', proto: 'other', attempts: 3, bytes: 30, outcomes: { zerocopy: 3 } },
      ],
    });
  return { before: at(100, 0), now: at(102, 1) };
}
