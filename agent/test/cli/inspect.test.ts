/** The report of `spillway inspect` as people read it. */
import { expect, it } from 'vitest';
import { renderInspection } from '../../src/cli/render/inspect.ts';
import type { InspectFacts } from '../../src/inspect/facts.ts';
import { inspectReport } from '../../src/inspect/report.ts';
import { widthOf } from '../../src/model/text.ts';
import { descriptorOf, factsOf, mappingOf } from '../inspect/facts.ts';
import { culpritOf, processOf, summaryOf, type SummarySpec } from './summaries.ts';

const render = (facts: Partial<InspectFacts> = {}, spec: SummarySpec = {}): string[] =>
  renderInspection(inspectReport(factsOf(facts), summaryOf(spec), new Date(0)));

it('a server that falls back, from its descriptors to what to change', () => {
  const log = culpritOf({ name: '/var/log/a.log', flags: ['O_APPEND'] });
  const lines = render(
    {
      comm: 'nginx',
      descriptors: [
        descriptorOf({ fd: 0, type: 'char device', filesystem: 'devtmpfs', name: '/dev/null' }),
        descriptorOf({ fd: 5, name: '/var/log/a.log', flags: ['O_WRONLY', 'O_APPEND'], position: 4096 }),
        descriptorOf({
          fd: 12,
          type: 'io_uring',
          filesystem: '',
          name: 'anon_inode:[io_uring]',
          flags: ['O_RDWR'],
          ring: { fd: 12, SqMask: 7, SqHead: 3 },
        }),
        descriptorOf({ fd: 13, flags: { unavailable: 'ENOENT: closed meanwhile' }, position: null }),
      ],
      mappings: [
        mappingOf({ name: '/srv/safe', bytes: 1 << 20 }),
        mappingOf({ name: '/memfd:x', deleted: true, owner: { uid: 33, mode: 0o777 }, seals: ['F_SEAL_SHRINK'] }),
        mappingOf({ name: '/srv/index', owner: { uid: 33, mode: 0o664 } }),
        mappingOf({ name: '/srv/old', deleted: true, shared: false, owner: { uid: 33, mode: 0o646 } }),
        mappingOf({ name: '/srv/unknown', owner: null }),
      ],
    },
    {
      processes: [
        processOf({
          unit: 'nginx.service',
          mechanisms: { sendfile: 20, splice: 3 },
          fallbacks: 20,
          fallen: ['sendfile'],
          errnos: { sendfile: { EINVAL: 20 } },
          rings: {
            setups: { ok: 1, errnos: { ENOMEM: 2 } },
            enters: { calls: 12, submitted: 30, errnos: { EAGAIN: 4 } },
            queuedAsync: 0,
            asyncWork: {},
            cqOverflows: 1,
          },
        }),
      ],
      causes: [{ mechanism: 'sendfile', outcome: 'refused', reason: 'sink_append', count: 20, culprit: log }],
    },
  );
  expect(lines).toEqual([
    'nginx (4711) of nginx.service',
    '  SigQ 2/96365, State S (sleeping)',
    '',
    'mechanism  attempts  copied  refused  denied',
    'sendfile         20       0       20       0',
    '  EINVAL 20',
    'splice            3       0        0       0',
    '',
    'io_uring: 1 ring set up (failed: ENOMEM 2), 12 enters (failed: EAGAIN 4), 30',
    '  requests submitted, 1 overflow of completions',
    '',
    'fd  type         open        on        position  name',
    '0   char device  r           devtmpfs         0  /dev/null',
    '5   file         w O_APPEND  ext4          4096  /var/log/a.log',
    '12  io_uring     rw          -                0  anon_inode:[io_uring]',
    '13  file         ?           ext4             -  /srv/b',
    '',
    'ring 12: SqMask 7, SqHead 3',
    '',
    'mapped   writable by      bytes  name',
    'shared   uid 33, group  4.0 KiB  /srv/index',
    'private  all, if open   4.0 KiB  /srv/old (deleted)',
    'shared   ?              4.0 KiB  /srv/unknown',
    'shared   uid 0          1.0 MiB  /srv/safe',
    'shared   none: sealed   4.0 KiB  /memfd:x (deleted)',
    '',
    'limit           soft       hard',
    'Max open files  1024  unlimited',
    '',
    'sendfile fell back to read/write 20 of 20 times',
    'sendfile was refused 20 of 20 times: sink_append, because of /var/log/a.log',
    '  (ext4) (fd 5): the sink is open with O_APPEND',
    '  -> open it without O_APPEND and seek to its end; in a shell > and not >>',
    'splice: none of 3 copied, refused or denied',
    'sendfile fell back and has not worked since',
    '2 set-up ENOMEM: memory cgroup full (up to 5.11: the limit of locked memory)',
    '  -> memory.max and memory.events of the cgroup; LimitMEMLOCK=, ulimit -l',
    '4 enter EAGAIN: not one request could be allocated: memory',
    '  -> memory.max, .events, .pressure of the cgroup; never mind fs.aio-nr',
    '1 completion found the queue full: taken too late, or too small a queue',
    '  -> CqOverflowList in /proc/PID/fdinfo; larger queue: IORING_SETUP_CQSIZE',
    'fd 5: O_APPEND: as sink refused by sendfile, splice, copy_file_range',
    '  -> open it without O_APPEND and seek to its end; in a shell > and not >>',
    '3 mapped files may be truncated by others than root: a read beyond the new end',
    '  is SIGBUS, in private mappings too',
    '  -> replace such files by rename(2) instead of writing them anew; memfds:',
    '     F_SEAL_SHRINK',
  ]);
});

it('nothing to say about a process that has nothing', () => {
  expect(render({ limits: { unavailable: 'ENOENT: gone' }, mappings: { unavailable: 'EACCES: forbidden' } })).toEqual([
    'cp (4711)',
    '  SigQ 2/96365, State S (sleeping)',
    '',
    'no descriptors',
    '',
    'mapped files: EACCES: forbidden',
    '',
    'limits: ENOENT: gone',
    '',
    'makes no zero-copy attempts since the daemon started',
  ]);
});

it('of very many descriptors and mappings those that matter, and how many there are', () => {
  const many = Array.from({ length: 100 }, (_, fd) => descriptorOf({ fd, type: 'socket', name: 'socket:[1]' }));
  const lines = render({
    descriptors: [...many, descriptorOf({ fd: 100, name: '/srv/log', flags: ['O_WRONLY', 'O_APPEND'] })],
    unread: 'only 4096 were looked at',
    mappings: Array.from({ length: 9 }, (_, i) => mappingOf({ bytes: i })),
  });
  expect(lines.filter((line) => line.includes('socket:['))).toHaveLength(29);
  expect(lines.filter((line) => line.startsWith('100 '))).toHaveLength(1);
  expect(lines).toContain('and 71 more descriptors (-o json shows all)');
  expect(lines).toContain('more descriptors are open: only 4096 were looked at');
  expect(lines).toContain('and 1 more mapped file');
});

it('names of others neither reach the terminal nor leave its width', () => {
  const name = `/${'漢\u001b[2J\n\u202e'.repeat(40)}`;
  const flags = ['O_RDWR', 'O_APPEND', 'O_DIRECT', 'O_NONBLOCK'];
  const lines = render(
    {
      comm: name.slice(0, 15),
      status: { State: name.slice(0, 5) },
      descriptors: [descriptorOf({ fd: 1_048_576, type: 'block device', filesystem: 'a\u001blongone', name, flags })],
      mappings: [mappingOf({ name, owner: { uid: 2 ** 32 - 2, mode: 0o664 }, deleted: true })],
    },
    {
      processes: [processOf({ unit: name, mechanisms: { sendfile: 1 } })],
      causes: [{ mechanism: 'sendfile', outcome: 'refused', reason: 'sink_append', culprit: culpritOf({ name }) }],
    },
  );
  expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(80);
});
