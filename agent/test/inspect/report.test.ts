import { describe, expect, it } from 'vitest';
import type { Descriptor, InspectFacts, Mapping } from '../../src/inspect/facts.ts';
import { type Counted, inspectReport, isExposed, noteOf } from '../../src/inspect/report.ts';
import { culpritOf, processOf, summaryOf, type SummarySpec } from '../cli/summaries.ts';
import { descriptorOf, factsOf, mappingOf } from './facts.ts';

const PID = 4711;
const counted = (spec: SummarySpec): Counted => summaryOf(spec);
const verdictOf = (facts: Partial<InspectFacts>, spec: SummarySpec | null = {}): string[] =>
  inspectReport(factsOf(facts), spec === null ? null : counted(spec), new Date(0)).verdict.map(({ text }) => text);

describe('attempts', () => {
  const log = culpritOf({ name: '/proc/kmsg', filesystem: 'proc' });
  const spec: SummarySpec = {
    processes: [
      processOf({ pid: PID, unit: 'a.service', mechanisms: { sendfile: 15 }, fallbacks: 15, fallen: ['sendfile'] }),
      processOf({ pid: PID, mechanisms: { sendfile: 5, tee: 2 }, fallbacks: 5, fallen: ['sendfile'] }),
      processOf({ pid: 1, mechanisms: { splice: 9 }, fallbacks: 9, fallen: ['splice'] }),
    ],
    causes: [
      { mechanism: 'sendfile', outcome: 'denied', reason: 'EPERM', count: 1, culprit: null },
      { mechanism: 'sendfile', outcome: 'refused', reason: 'source_cannot_splice', count: 18, culprit: log },
      { mechanism: 'sendfile', outcome: 'copied', reason: 'sink_regular_file', count: 1, culprit: null },
      { mechanism: 'sendfile', outcome: 'refused', reason: 'no_syscall', count: 99, pid: 1 },
      { mechanism: 'splice', outcome: 'refused', reason: 'no_pipe', count: 99, pid: 1 },
    ],
  };
  const descriptors = [descriptorOf({ fd: 3 }), descriptorOf({ fd: 4, name: '/proc/kmsg' })];

  it('are those of all programs that the process has run, and of no other process', () => {
    const { attempts, unit } = inspectReport(factsOf({ descriptors }), counted(spec), new Date(0));
    expect(unit).toBe('a.service');
    expect(attempts).toMatchObject({
      fallbacks: 20,
      fallen: ['sendfile'],
      mechanisms: [
        {
          mechanism: 'sendfile',
          attempts: 20,
          copied: 1,
          refused: 18,
          denied: 1,
          reasons: [
            { reason: 'source_cannot_splice', count: 18, culprit: log, fds: [4] },
            { reason: 'EPERM', fds: [] },
            { reason: 'sink_regular_file' },
          ],
        },
        { mechanism: 'tee', attempts: 2, copied: 0, refused: 0, denied: 0, reasons: [] },
      ],
    });
  });

  it('say what fell back, why, because of which file, and what to do', () => {
    const { verdict } = inspectReport(factsOf({ descriptors }), counted(spec), new Date(0));
    expect(verdict).toEqual([
      { text: 'sendfile fell back to read/write 20 of 20 times', remedy: '' },
      {
        text: 'sendfile was refused 18 of 20 times: source_cannot_splice, because of /proc/kmsg (fd 4): this kind of file hands over no pages',
        remedy: expect.stringContaining('serve a regular file') as string,
      },
      {
        text: 'sendfile was denied 1 of 20 times: EPERM: a seccomp filter, a security module, or an immutable sink',
        remedy: expect.stringContaining('Seccomp') as string,
      },
      {
        text: 'sendfile was copied 1 of 20 times: sink_regular_file: a write into the page cache copies, always',
        remedy: expect.stringContaining('copy_file_range') as string,
      },
      { text: 'tee: none of 2 copied, refused or denied', remedy: '' },
      { text: 'sendfile fell back and has not worked since', remedy: '' },
    ]);
  });

  it('a request of a ring that was denied is told what denies those', () => {
    const [text] = verdictOf(
      {},
      {
        processes: [processOf({ mechanisms: { io_uring_splice: 1 } })],
        causes: [{ mechanism: 'io_uring_splice', outcome: 'denied', reason: 'EACCES', culprit: null }],
      },
    );
    expect(text).toContain('the restrictions of the ring');
  });

  it('with several mechanisms refused, fallbacks belong to none of them', () => {
    const texts = verdictOf(
      {},
      {
        processes: [processOf({ mechanisms: { sendfile: 1, splice: 1 }, fallbacks: 2 })],
        causes: [
          { mechanism: 'sendfile', outcome: 'refused', reason: 'sink_append', culprit: null },
          { mechanism: 'splice', outcome: 'refused', reason: 'sink_append', culprit: null },
        ],
      },
    );
    expect(texts).toEqual([
      'sendfile was refused 1 of 1 times: sink_append: the sink is open with O_APPEND',
      'splice was refused 1 of 1 times: sink_append: the sink is open with O_APPEND',
      'fell back to read/write 2 times in all',
    ]);
  });

  it('refused without a fallback, rings that could not be set up, nothing at all, nobody to ask', () => {
    const refused: SummarySpec = {
      processes: [processOf({ mechanisms: { splice: 1 } })],
      causes: [
        { mechanism: 'splice', outcome: 'refused', reason: 'no_pipe', culprit: culpritOf({ name: '', type: 'pipe' }) },
      ],
    };
    expect(verdictOf({}, refused)).toEqual([
      'splice was refused, but did not fall back to read/write',
      'splice was refused 1 of 1 times: no_pipe, because of pipe: splice needs a pipe on one side, neither file is one',
    ]);
    expect(verdictOf({}, { processes: [processOf({ fallen: ['io_uring_setup'] })] })).toEqual([
      'makes no zero-copy attempts since the daemon started',
      'a ring could not be set up, and none has been since',
    ]);
    expect(verdictOf({}, {})).toEqual(['makes no zero-copy attempts since the daemon started']);
    expect(verdictOf({}, null)).toEqual(['what it attempts is not known: no daemon answers']);
  });
});

describe('a descriptor', () => {
  const append = 'O_APPEND: as sink refused by sendfile, splice, copy_file_range';
  const direct = 'O_DIRECT: no page cache; sendfile reads from the disk each time';
  it.each<[string, Partial<Descriptor>]>([
    [append, { flags: ['O_WRONLY', 'O_APPEND'] }],
    [append, { flags: ['O_RDWR', 'O_APPEND'], type: 'char device' }],
    ['', { flags: ['O_RDONLY', 'O_APPEND'] }],
    ['', { flags: ['O_RDWR', 'O_APPEND'], type: 'pipe' }],
    ['', { flags: ['O_RDWR', 'O_APPEND'], type: 'socket' }],
    [`${append}; ${direct}`, { flags: ['O_RDWR', 'O_APPEND', 'O_DIRECT'] }],
    [direct, { flags: ['O_RDONLY', 'O_DIRECT'], type: 'block device' }],
    ['', { flags: ['O_WRONLY', 'O_DIRECT'], type: 'pipe' }],
    ['', { flags: ['O_RDWR', 'O_DIRECT'], type: 'char device' }],
    ['on sysfs: no pages to share, as source copied or refused', { filesystem: 'sysfs' }],
    ['', { filesystem: 'sysfs', flags: ['O_WRONLY'] }],
    ['', { filesystem: 'proc', type: 'directory' }],
    ['', { flags: ['O_RDWR', 'O_NONBLOCK'] }],
    ['memfd: its seals cannot be read from outside', { type: 'memfd', flags: ['O_RDWR'] }],
    ['gives and takes no pages', { type: 'other', name: 'anon_inode:[eventfd]' }],
    ['', { type: 'other', name: 'anon_inode:[fanotify]' }],
    ['', { flags: { unavailable: 'ENOENT: closed meanwhile' } }],
  ])('"%s" is what forbids %j', (note, descriptor) => {
    expect(noteOf(descriptorOf(descriptor))).toBe(note);
  });

  it('those of one kind are one sentence with the numbers of some, and what to do', () => {
    const descriptors = [3, 4, 5, 6, 7, 8, 9].map((fd) => descriptorOf({ fd, flags: ['O_WRONLY', 'O_APPEND'] }));
    descriptors.push(descriptorOf({ fd: 12, type: 'memfd' }));
    const { verdict } = inspectReport(factsOf({ descriptors }), counted({}), new Date(0));
    expect(verdict.slice(1)).toEqual([
      {
        text: `fd 3, 4, 5, 6, 7 and 2 more: ${append}`,
        remedy: expect.stringContaining('open it without O_APPEND') as string,
      },
      {
        text: 'fd 12: memfd: its seals cannot be read from outside',
        remedy: expect.stringContaining('/proc/4711/fd/12') as string,
      },
    ]);
  });
});

describe('a mapped file', () => {
  it.each<[boolean, Mapping['owner']]>([
    [false, { uid: 0, mode: 0o644 }],
    [true, { uid: 0, mode: 0o664 }],
    [true, { uid: 0, mode: 0o602 }],
    [true, { uid: 33, mode: 0o400 }],
    [true, null],
  ])('may be truncated by others than root: %s for %j', (exposed, owner) => {
    expect(isExposed(mappingOf({ owner }))).toBe(exposed);
  });

  it('is warned about only then', () => {
    const [safe, exposed] = [
      mappingOf({ owner: { uid: 0, mode: 0o644 } }),
      mappingOf({ owner: { uid: 33, mode: 0o644 } }),
    ];
    expect(verdictOf({ mappings: [safe] })).toHaveLength(1);
    expect(verdictOf({ mappings: { unavailable: 'EACCES' } })).toHaveLength(1);
    expect(verdictOf({ mappings: [safe, exposed] })[1]).toMatch(/^1 mapped file may be truncated .* SIGBUS/);
    expect(verdictOf({ mappings: [exposed, exposed] })[1]).toMatch(/^2 mapped files may/);
  });
});
