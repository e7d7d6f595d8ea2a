/** What spillway sees of real programs, as their kernel-side behaviour is written down in the application table. */
import type { Summary } from '../../src/model/summary.ts';
import { culpritOf, summaryOf } from './summaries.ts';

const socket = (name: string, flags: readonly string[] = []) =>
  culpritOf({ type: 'socket', filesystem: 'sockfs', name, flags });

export const SCENARIOS: Readonly<Record<string, Summary>> = {
  'nginx-serves-files': summaryOf({
    mechanisms: {
      sendfile: {
        outcomes: { zerocopy: 1204, retry: 310 },
        bytes: { zerocopy: 1_288_490_188 },
        errnos: { EAGAIN: 310 },
        latency: {
          zerocopy: { count: 1204, p50: 16.384e-6, p99: 131.072e-6 },
          retry: { count: 310, p50: 2.048e-6, p99: 4.096e-6 },
        },
      },
    },
    processes: [
      { pid: 812, comm: 'nginx', unit: 'nginx.service', attempts: 801 },
      { pid: 813, comm: 'nginx', unit: 'nginx.service', attempts: 713 },
    ],
    flows: [{ src: '10.0.0.1', dst: '10.0.0.7', proto: 'tcp', attempts: 1514, bytes: 1_288_490_188, outcomes: {} }],
  }),

  'cp-across-filesystems': summaryOf({
    mechanisms: {
      copy_file_range: { outcomes: { refused: 1 }, errnos: { EXDEV: 1 }, resolutions: { confirmed: 1 } },
    },
    causes: [
      {
        mechanism: 'copy_file_range',
        outcome: 'refused',
        reason: 'cross_device',
        culprit: culpritOf({ filesystem: 'tmpfs', name: '/mnt/backup/big.iso' }),
      },
    ],
    processes: [{ attempts: 1, fallbacks: 1, fallen: ['copy_file_range'] }],
  }),

  'cp-on-ext4': summaryOf({
    mechanisms: { copy_file_range: { outcomes: { copied: 1, zerocopy: 1 }, bytes: { copied: 1_048_576 } } },
    causes: [{ mechanism: 'copy_file_range', outcome: 'copied', reason: 'copy_file_range_in_kernel' }],
    processes: [{ attempts: 2 }],
  }),

  'java-transfer-to-socket': summaryOf({
    mechanisms: {
      sendfile: { outcomes: { zerocopy: 100 }, bytes: { zerocopy: 6_553_600 } },
      copy_file_range: { outcomes: { refused: 100 }, errnos: { EINVAL: 100 }, resolutions: { cascaded: 100 } },
    },
    causes: [
      {
        mechanism: 'copy_file_range',
        outcome: 'refused',
        reason: 'not_regular',
        count: 100,
        comm: 'java',
        culprit: socket('tcp 10.0.0.1:8080 -> 10.0.0.7:53214'),
      },
    ],
    processes: [{ comm: 'java', unit: 'shop.service', attempts: 200 }],
    flows: [{ src: '10.0.0.1', dst: '10.0.0.7', proto: 'tcp', attempts: 200, bytes: 6_553_600, outcomes: {} }],
  }),

  'cat-proc-into-log': summaryOf({
    mechanisms: {
      copy_file_range: {
        outcomes: { refused: 2 },
        errnos: { EBADF: 2 },
        resolutions: { cascaded: 2 },
      },
      splice: { outcomes: { refused: 2 }, errnos: { EINVAL: 2 }, resolutions: { confirmed: 1, presumed: 1 } },
    },
    causes: [
      {
        mechanism: 'copy_file_range',
        outcome: 'refused',
        reason: 'sink_append',
        count: 2,
        comm: 'cat',
        culprit: culpritOf({ name: '/var/log/state.log', flags: ['O_APPEND'] }),
      },
      {
        mechanism: 'splice',
        outcome: 'refused',
        reason: 'source_cannot_splice',
        comm: 'cat',
        culprit: culpritOf({ filesystem: 'proc', name: '/proc/4711/status' }),
      },
      {
        mechanism: 'splice',
        outcome: 'refused',
        reason: 'sink_append',
        comm: 'cat',
        culprit: culpritOf({ name: '/var/log/state.log', flags: ['O_APPEND'] }),
      },
    ],
    processes: [{ comm: 'cat', attempts: 4, fallbacks: 2, fallen: ['splice'] }],
  }),

  'container-without-permission': summaryOf({
    mechanisms: { sendfile: { outcomes: { denied: 5 }, errnos: { EPERM: 5 } } },
    causes: [
      {
        mechanism: 'sendfile',
        outcome: 'denied',
        reason: 'EPERM',
        count: 5,
        comm: 'mariadbd',
        unit: 'docker:0123456789ab',
        pid: 2200,
        culprit: socket('tcp 172.17.0.2:3306 -> 172.17.0.1:40112'),
      },
    ],
    rings: { setups: { errnos: { EPERM: 1 } } },
    processes: [
      {
        pid: 2200,
        comm: 'mariadbd',
        unit: 'docker:0123456789ab',
        attempts: 5,
        fallen: ['io_uring_setup'],
      },
    ],
  }),

  'rings-under-pressure': summaryOf({
    mechanisms: {
      io_uring_send_zc: {
        outcomes: { copied: 9000, zerocopy: 200, failed: 3 },
        bytes: { copied: 590_000_000, zerocopy: 13_979_776 },
        errnos: { ENOMEM: 3 },
      },
      io_uring_splice: { outcomes: { zerocopy: 40 }, bytes: { zerocopy: 2_621_440 } },
    },
    causes: [
      {
        mechanism: 'io_uring_send_zc',
        outcome: 'copied',
        reason: 'zc_notified_copied',
        count: 8000,
        comm: 'proxy',
        culprit: socket('tcp 10.0.0.1:443 -> 10.0.0.9:40112'),
      },
      {
        mechanism: 'io_uring_send_zc',
        outcome: 'copied',
        reason: 'loopback',
        count: 1000,
        comm: 'proxy',
        culprit: socket('tcp 127.0.0.1:443 -> 127.0.0.1:40112'),
      },
    ],
    rings: {
      setups: { ok: 4, errnos: { EINVAL: 1 } },
      enters: { calls: 20_000, submitted: 61_000, errnos: { EAGAIN: 240, ETIME: 12 } },
      asyncWork: { splice: 38, send_zc: 2 },
      cqOverflows: 17,
    },
    processes: [{ pid: 900, comm: 'proxy', unit: 'proxy.service', attempts: 9243 }],
  }),

  'files-without-splice-given-up': summaryOf({
    mechanisms: {
      sendfile: {
        outcomes: { zerocopy: 3, copied: 2, refused: 4, failed: 1 },
        bytes: { copied: 300_000 },
        errnos: { EINVAL: 4, EPIPE: 1 },
        resolutions: { abandoned: 3, pending: 1 },
      },
    },
    causes: [
      {
        mechanism: 'sendfile',
        outcome: 'refused',
        reason: 'source_cannot_splice',
        count: 3,
        comm: 'python3',
        culprit: culpritOf({
          filesystem: 'fuse.thing',
          name: '…/very/deep/directory/with/many/levels/and/a/long/name/of/a/file.tar.zst',
        }),
      },
      { mechanism: 'sendfile', outcome: 'refused', reason: 'einval_other', comm: 'python3', culprit: null },
      {
        mechanism: 'sendfile',
        outcome: 'copied',
        reason: 'source_copies',
        count: 2,
        comm: 'python3',
        culprit: culpritOf({ filesystem: 'sysfs', name: '/sys/kernel/notes' }),
      },
    ],
    processes: [{ comm: 'python3', unit: 'user@1000.service', attempts: 10 }],
    flows: [{ src: '', dst: '', proto: 'other', attempts: 10, bytes: 300_000, outcomes: {} }],
  }),

  'whole-host': summaryOf({
    mechanisms: {
      sendfile: {
        outcomes: { zerocopy: 812_345, copied: 1200, retry: 99_000, refused: 64, failed: 12 },
        bytes: { zerocopy: 912_000_000_000, copied: 345_678_901 },
        errnos: { EAGAIN: 99_000, EINVAL: 64, EPIPE: 7, ECONNRESET: 5 },
        resolutions: { confirmed: 60, presumed: 4 },
      },
      splice: { outcomes: { zerocopy: 5000, copied: 20 }, bytes: { zerocopy: 8_900_000, copied: 100_000 } },
      copy_file_range: {
        outcomes: { zerocopy: 90, copied: 90, refused: 30 },
        bytes: { copied: 90_000_000 },
        errnos: { EXDEV: 30 },
        resolutions: { cascaded: 30 },
      },
    },
    causes: [
      {
        mechanism: 'sendfile',
        outcome: 'copied',
        reason: 'sink_tls',
        count: 1200,
        comm: 'nginx',
        unit: 'nginx.service',
        pid: null,
        culprit: socket('tcp 2001:db8:85a3:8d3:1319:8a2e:370:7348:443 -> 2001:db8:1:2:3:4:5:6:55555', ['O_NONBLOCK']),
      },
      ...Array.from({ length: 64 }, (_, i) => ({
        mechanism: 'sendfile' as const,
        outcome: 'refused' as const,
        reason: 'sink_append' as const,
        comm: 'logrotate',
        unit: 'logrotate.service',
        pid: 5000 + i,
        culprit: culpritOf({ name: `/var/log/app${String(i % 8)}.log`, flags: ['O_APPEND'] }),
      })),
      { mechanism: 'splice', outcome: 'copied', reason: 'sink_regular_file', count: 20, comm: 'haproxy', pid: 77 },
      { mechanism: 'copy_file_range', outcome: 'copied', reason: 'copy_file_range_in_kernel', count: 90, comm: 'cp' },
      { mechanism: 'copy_file_range', outcome: 'refused', reason: 'cross_device', count: 30, comm: 'node' },
    ],
    processes: Array.from({ length: 13 }, (_, i) => ({
      pid: 1000 + i,
      comm: i < 7 ? 'logrotate' : 'nginx',
      unit: i < 7 ? 'logrotate.service' : 'nginx.service',
      attempts: 10_000 - i,
      fallbacks: i < 7 ? 9 : 0,
      fallen: i < 7 ? (['sendfile'] as const) : [],
    })),
    flows: Array.from({ length: 12 }, (_, i) => ({
      src: '10.0.0.1',
      dst: `10.0.1.${String(i)}`,
      proto: 'tcp',
      attempts: 1000 - i,
      bytes: 1e9 - i,
      outcomes: {},
    })),
    unattributed: 4,
    lost: { overflow: 2, missedRuns: 40 },
  }),

  'enosys-remembered': summaryOf({
    mechanisms: {
      copy_file_range: {
        outcomes: { refused: 1, failed: 1 },
        errnos: { ENOSYS: 1, EBADF: 1 },
        resolutions: { presumed: 1 },
      },
    },
    causes: [
      { mechanism: 'copy_file_range', outcome: 'refused', reason: 'no_syscall', comm: 'rustcopy', culprit: null },
    ],
    processes: [{ comm: 'rustcopy', attempts: 2, fallbacks: 1, fallen: ['copy_file_range'] }],
  }),

  'nothing-tried': summaryOf(),
};
