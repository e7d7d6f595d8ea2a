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
        text: 'sendfile was refused 18 of 20 times: source_cannot_splice, because of /proc/kmsg (proc) (fd 4): this kind of file hands over no pages',
        remedy: expect.stringContaining('from another filesystem') as string,
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

describe('errnos and rings', () => {
  const own = {
    pid: PID,
    mechanisms: { sendfile: 5, tee: 2 },
    errnos: { sendfile: { EINVAL: 3, EAGAIN: 1 } },
    rings: {
      setups: { ok: 1, errnos: { EINVAL: 4 } },
      enters: { calls: 10, submitted: 40, errnos: { EAGAIN: 6 } },
      queuedAsync: 3,
      asyncWork: { splice: 1, send_zc: 2 },
      cqOverflows: 7,
    },
  };
  const spec: SummarySpec = {
    processes: [
      processOf(own),
      // the program that it ran before
      processOf({
        pid: PID,
        errnos: { sendfile: { EINVAL: 10 }, tee: { EBADF: 1 } },
        rings: {
          setups: { ok: 2, errnos: { EINVAL: 1, ENOMEM: 1 } },
          enters: { calls: 100, submitted: 400, errnos: { EAGAIN: 60, EBUSY: 1 } },
          queuedAsync: 30,
          asyncWork: { splice: 30 },
          cqOverflows: 70,
        },
      }),
      processOf({ pid: 1, mechanisms: { sendfile: 9 }, errnos: { sendfile: { EINVAL: 900 } }, rings: own.rings }),
    ],
  };

  it('are those of all programs that the process has run, and of no other process', () => {
    const { attempts } = inspectReport(factsOf(), counted(spec), new Date(0));
    expect(attempts?.mechanisms.map(({ errnos }) => errnos)).toEqual([{ EINVAL: 13, EAGAIN: 1 }, { EBADF: 1 }]);
    expect(attempts?.rings).toEqual({
      setups: { ok: 3, errnos: { EINVAL: 5, ENOMEM: 1 } },
      enters: { calls: 110, submitted: 440, errnos: { EAGAIN: 66, EBUSY: 1 } },
      queuedAsync: 33,
      asyncWork: { splice: 31, send_zc: 2 },
      cqOverflows: 77,
    });
  });

  it('none where there were none', () => {
    const { attempts } = inspectReport(factsOf(), counted({ processes: [processOf()] }), new Date(0));
    expect(attempts?.rings).toBeNull();
  });

  it('what is wrong with rings is in the verdict, with what to do', () => {
    const { verdict } = inspectReport(factsOf(), counted(spec), new Date(0));
    expect(verdict.slice(2)).toEqual([
      { text: expect.stringMatching(/^1 set-up ENOMEM: /) as string, remedy: expect.stringMatching(/./) as string },
      {
        text: expect.stringMatching(/^66 enter EAGAIN: .*memory/) as string,
        remedy: expect.stringMatching(/./) as string,
      },
      { text: expect.stringMatching(/^1 enter EBUSY: /) as string, remedy: expect.stringMatching(/./) as string },
      {
        text: expect.stringMatching(/^77 completions found the queue full: /) as string,
        remedy: expect.stringMatching(/./) as string,
      },
      {
        text: expect.stringMatching(/^2 sends handed to workers: /) as string,
        remedy: expect.stringMatching(/./) as string,
      },
    ]);
  });
});

describe('a descriptor', () => {
  const append = 'O_APPEND: as sink refused by sendfile, splice, copy_file_range';
  const truncated = 'may be truncated under who maps it or sends from it';
  const open = `memfd without F_SEAL_SHRINK: ${truncated}`;
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
    [open, { type: 'memfd', flags: ['O_RDWR'], seals: [] }],
    [open, { type: 'memfd', seals: ['F_SEAL_GROW', 'F_SEAL_WRITE'] }],
    [`memfd that takes no seals: ${truncated}`, { type: 'memfd', seals: ['F_SEAL_SEAL'] }],
    ['memfd with F_SEAL_SHRINK: safe, nobody can truncate it', { type: 'memfd', seals: ['F_SEAL_SHRINK'] }],
    [
      'memfd with F_SEAL_SEAL, F_SEAL_SHRINK: safe, nobody can truncate it',
      { type: 'memfd', seals: ['F_SEAL_SEAL', 'F_SEAL_SHRINK'] },
    ],
    ['memfd, whose seals could not be read: EPERM', { type: 'memfd', seals: { unavailable: 'EPERM' } }],
    ['gives and takes no pages', { type: 'other', name: 'anon_inode:[eventfd]' }],
    ['', { type: 'other', name: 'anon_inode:[fanotify]' }],
    ['', { flags: { unavailable: 'ENOENT: closed meanwhile' } }],
  ])('"%s" is what forbids %j', (note, descriptor) => {
    expect(noteOf(descriptorOf(descriptor))).toBe(note);
  });

  it('those of one kind are one sentence with the numbers of some, and what to do', () => {
    const descriptors = [3, 4, 5, 6, 7, 8, 9].map((fd) => descriptorOf({ fd, flags: ['O_WRONLY', 'O_APPEND'] }));
    descriptors.push(descriptorOf({ fd: 12, type: 'memfd', seals: [] }));
    const { verdict } = inspectReport(factsOf({ descriptors }), counted({}), new Date(0));
    expect(verdict.slice(1)).toEqual([
      {
        text: `fd 3, 4, 5, 6, 7 and 2 more: ${append}`,
        remedy: expect.stringContaining('open it without O_APPEND') as string,
      },
      {
        text: `fd 12: ${open}`,
        remedy: expect.stringContaining('F_ADD_SEALS, F_SEAL_SHRINK') as string,
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

  it('that is a memfd with F_SEAL_SHRINK is safe whoever may write it; with other seals, or unknown ones, it is not', () => {
    const owner = { uid: 33, mode: 0o777 };
    const sealed = mappingOf({ name: '/memfd:x', deleted: true, owner, seals: ['F_SEAL_SHRINK'] });
    expect(isExposed(sealed)).toBe(false);
    expect(isExposed({ ...sealed, seals: ['F_SEAL_GROW', 'F_SEAL_WRITE'] })).toBe(true);
    expect(isExposed({ ...sealed, seals: { unavailable: 'EPERM' } })).toBe(true);
    expect(isExposed({ ...sealed, owner: null })).toBe(false);
    expect(verdictOf({ mappings: [sealed] })).toHaveLength(1);
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
