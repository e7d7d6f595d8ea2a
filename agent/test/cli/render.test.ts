import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { COPY_REASONS, MECHANISMS, OUTCOMES, REFUSAL_REASONS } from '../../src/abi/layout.ts';
import { renderHeadline, renderSummary } from '../../src/cli/render.ts';
import { nameText, secondsText } from '../../src/cli/render/text.ts';
import { widthOf } from '../../src/model/text.ts';
import { SCENARIOS } from './scenarios.ts';
import { culpritOf, type MechanismSpec, processOf, type SummarySpec, summaryOf } from './summaries.ts';

const render = (spec: SummarySpec = {}) => renderSummary(summaryOf(spec));
const sendfile = (mechanism: MechanismSpec) => render({ mechanisms: { sendfile: mechanism } });

describe('reports on real programs, line by line (vitest --update=all writes them)', () => {
  it.each(Object.entries(SCENARIOS))('%s', async (name, summary) => {
    const golden = fileURLToPath(new URL(`golden/${name}.txt`, import.meta.url));
    await expect(`${renderSummary(summary).join('\n')}\n`).toMatchFileSnapshot(golden);
  });

  it.each(Object.entries(SCENARIOS).filter(([name]) => name !== 'whole-host'))('%s fits a screen', (_, summary) => {
    const lines = renderSummary(summary);
    expect(lines.length).toBeLessThanOrEqual(30);
    expect(Math.max(...lines.map(widthOf))).toBeLessThanOrEqual(80);
  });
});

describe('the verdict on a mechanism', () => {
  it.each<[string, MechanismSpec]>([
    [
      'works: 12 of 12 attempts, 1.2 MiB without a copy',
      { outcomes: { zerocopy: 12 }, bytes: { zerocopy: 1_258_291 } },
    ],
    [
      'works: 9 of 12 attempts, 9 B without a copy; 1 failed',
      { outcomes: { zerocopy: 9, retry: 2, failed: 1 }, bytes: { zerocopy: 9 } },
    ],
    [
      'works: 1 of 2 attempts, 9 B without a copy; 1 refused (cascaded)',
      { outcomes: { zerocopy: 1, refused: 1 }, bytes: { zerocopy: 9 }, resolutions: { cascaded: 1 } },
    ],
    ['nothing to move: 2 of 2 attempts found the end of the file at once', { outcomes: { zerocopy: 2 } }],
    ['to be tried again: 3 of 3 attempts', { outcomes: { retry: 3 } }],
    ['copied in the kernel: 2 of 2 attempts, 1.0 KiB', { outcomes: { copied: 2 }, bytes: { copied: 1024 } }],
    [
      'copied in the kernel: 2 of 5 attempts, 1.0 KiB; 3 at the end of the file',
      { outcomes: { copied: 2, zerocopy: 3 }, bytes: { copied: 1024 } },
    ],
    [
      'copied in the kernel: 2 of 5 attempts, 1.0 KiB; 3 without a copy (7 B)',
      { outcomes: { copied: 2, zerocopy: 3 }, bytes: { copied: 1024, zerocopy: 7 } },
    ],
    [
      'fell back: 3 of 3 attempts refused, 3 transfers by read/write',
      { outcomes: { refused: 3 }, resolutions: { confirmed: 2, presumed: 1 } },
    ],
    [
      'fell back: 1 of 3 attempts refused, 1 transfer presumably by read/write; 2 without a copy (8 B)',
      { outcomes: { refused: 1, zerocopy: 2 }, bytes: { zerocopy: 8 }, resolutions: { presumed: 1 } },
    ],
    [
      'given up: 2 of 2 attempts refused, 2 transfers not made',
      { outcomes: { refused: 2 }, resolutions: { abandoned: 2 } },
    ],
    [
      'refused: 2 of 2 attempts, what came of 1 is not known yet',
      { outcomes: { refused: 2 }, resolutions: { cascaded: 1, pending: 1 } },
    ],
    [
      'denied: 5 of 6 attempts forbidden by policy; 1 copied in the kernel (6 B)',
      { outcomes: { denied: 5, copied: 1 }, bytes: { copied: 6 } },
    ],
    [
      'denied: 1 of 3 attempts forbidden by policy; 2 refused',
      { outcomes: { denied: 1, refused: 2 }, resolutions: { cascaded: 1, abandoned: 1 } },
    ],
    [
      'denied: 1 of 3 attempts forbidden by policy; 2 refused (cascaded)',
      { outcomes: { denied: 1, refused: 2 }, resolutions: { cascaded: 2 } },
    ],
    ['failed: 2 of 2 attempts', { outcomes: { failed: 2 } }],
    ['failed: 1 of 3 attempts; 2 at the end of the file', { outcomes: { failed: 1, zerocopy: 2 } }],
    [
      'passed on: 2 of 2 attempts refused, then tried by another zero-copy call (cascaded)',
      { outcomes: { refused: 2 }, resolutions: { cascaded: 2 } },
    ],
  ])('%s', (verdict, mechanism) => {
    const lines = sendfile(mechanism);
    const sentence = lines.slice(0, lines.indexOf('')).map((line) => line.trim());
    expect(sentence.join(' ')).toBe(`sendfile: ${verdict}`);
  });

  it('names the call that came to the rescue only where it is known', () => {
    const cascaded = { outcomes: { refused: 1 }, resolutions: { cascaded: 1 } };
    const first = (mechanisms: NonNullable<SummarySpec['mechanisms']>) =>
      render({ mechanisms }).slice(0, 2).join(' ').replace(/ +/g, ' ');
    const moved = { outcomes: { zerocopy: 1 }, bytes: { zerocopy: 1 } };
    expect(first({ copy_file_range: cascaded, sendfile: moved })).toContain('then moved by sendfile (cascaded)');
    expect(first({ copy_file_range: cascaded, sendfile: moved, splice: moved })).toContain(
      'moved by sendfile or splice',
    );
    const copied = { outcomes: { copied: 1 }, bytes: { copied: 1 } };
    expect(render({ mechanisms: { copy_file_range: cascaded, sendfile: copied } })[1]).toContain('moved by sendfile');
    // it may have been the one whose refusal is pending, or the one that is still waiting
    const pending = { outcomes: { refused: 1 }, resolutions: { pending: 1 } };
    expect(render({ mechanisms: { copy_file_range: cascaded, sendfile: moved, splice: pending } })[1]).toContain(
      'tried by',
    );
    expect(first({ copy_file_range: cascaded, sendfile: moved, splice: { outcomes: { retry: 1 } } })).toContain(
      'tried by',
    );
    // or the one that was at the end of the file
    expect(first({ copy_file_range: cascaded, sendfile: moved, splice: { outcomes: { zerocopy: 1 } } })).toContain(
      'tried by',
    );
    expect(first({ copy_file_range: cascaded, sendfile: { outcomes: { zerocopy: 1 } } })).toContain('tried by');
    expect(first({ copy_file_range: cascaded, sendfile: moved, splice: { outcomes: { failed: 1 } } })).toContain(
      'moved by sendfile',
    );
  });

  it('the worst mechanism comes first, everywhere', () => {
    const lines = render({
      mechanisms: {
        sendfile: { outcomes: { zerocopy: 9 }, bytes: { zerocopy: 1 } },
        splice: { outcomes: { copied: 9 }, bytes: { copied: 1 } },
        tee: { outcomes: { refused: 1 }, resolutions: { confirmed: 1 } },
      },
    });
    const names = lines.map((line) => /^(sendfile|splice|tee)\b/.exec(line)?.[1]).filter((name) => name !== undefined);
    expect(names).toEqual(['tee', 'splice', 'sendfile', 'tee', 'splice', 'sendfile', 'tee']);
  });
});

describe('rings', () => {
  it('a ring that is set up in the end is no trouble, however often less was asked for', () => {
    const lines = render({ rings: { setups: { ok: 1, errnos: { EINVAL: 2 } } } });
    expect(lines).toEqual([
      'no zero-copy attempts: none was made, so none was refused',
      '',
      'io_uring: 1 ring set up, 0 enters, 0 requests submitted',
    ]);
  });

  it('rings that cannot be set up are the first thing said', () => {
    const [first] = render({ rings: { setups: { ok: 2, errnos: { EINVAL: 2, ENOMEM: 1 } } } });
    expect(first).toBe('io_uring: 3 of 5 rings could not be set up: EINVAL 2, ENOMEM 1');
    expect(render({ rings: { setups: { errnos: { EINVAL: 1 } } } })[0]).toBe(
      'io_uring: no ring could be set up: EINVAL 1',
    );
  });

  it('work for workers is remarkable for sends only', () => {
    // the sends that completed need not be those of the workers
    const lines = (asyncWork: Record<string, number>) =>
      render({ rings: { asyncWork, completions: { splice: 4, send_zc: 4 } } }).slice(2);
    expect(lines({ splice: 3, tee: 1, recv_zc: 1 })).toEqual([
      'io_uring: 0 rings set up, 0 enters, 0 requests submitted, 5 handed to workers',
    ]);
    expect(lines({ splice: 2, send_zc: 2, sendmsg_zc: 1 }).slice(0, 2)).toEqual([
      'io_uring: 0 rings set up, 0 enters, 0 requests submitted, 5 handed to workers',
      '  3 sends handed to workers: the rule for splice and tee, but not for sends',
    ]);
    expect(lines({ sendmsg_zc: 1 })[1]).toBe(
      '  1 send handed to workers: the rule for splice and tee, but not for sends',
    );
  });
});

describe('causes', () => {
  it('runs of a program on one file are one line, and beyond three lines the rest is counted', () => {
    const cause = { mechanism: 'sendfile', outcome: 'refused', reason: 'sink_append' } as const;
    const lines = render({
      mechanisms: { sendfile: { outcomes: { refused: 9 }, resolutions: { pending: 9 } } },
      causes: [
        { ...cause, count: 2, pid: 1 },
        { ...cause, count: 3, pid: 2 },
        { ...cause, comm: 'a' },
        { ...cause, comm: 'b', pid: null, unit: 'b.service' },
        { ...cause, comm: '', pid: null, culprit: null },
        { ...cause, comm: 'd', culprit: culpritOf({ type: 'pipe', filesystem: 'pipefs', name: 'pipe' }) },
      ],
    });
    expect(lines.slice(lines.indexOf('sendfile'))).toEqual([
      'sendfile',
      '  9 refused (sink_append): the sink is open with O_APPEND',
      '    5  cp (2 processes), first on file /srv/a (ext4)',
      '    1  a (4711), on file /srv/a (ext4)',
      '    1  b of b.service (ended), on file /srv/a (ext4)',
      '    2  of other programs or on other files',
      '    -> open it without O_APPEND and seek to its end; in a shell > and not >>',
      '  then 9 pending (not known yet)',
    ]);
  });

  it.each([
    [culpritOf({ type: 'pipe', filesystem: 'pipefs', name: 'pipe', flags: ['O_NONBLOCK'] }), 'on pipe (O_NONBLOCK)'],
    [culpritOf({ type: 'socket', filesystem: 'sockfs', name: 'unix stream' }), 'on socket unix stream'],
    [
      culpritOf({ type: 'character device', filesystem: 'devtmpfs', name: '/dev/tty' }),
      'on character device /dev/tty (devtmpfs)',
    ],
    [culpritOf({ name: '' }), 'on file (ext4)'],
    [culpritOf({ type: 'other', filesystem: 'anon_inodefs', name: '/[eventfd]' }), 'on [eventfd]'],
    [culpritOf({ type: 'other', filesystem: 'anon_inodefs', name: '/a/b' }), 'on a/b'],
    [culpritOf({ type: 'other', filesystem: 'anon_inodefs', name: '' }), 'on other (anon_inodefs)'],
  ])('%j is told as: %s', (culprit, text) => {
    const lines = render({
      mechanisms: { splice: { outcomes: { copied: 1 } } },
      causes: [{ mechanism: 'splice', outcome: 'copied', reason: 'sink_copies', culprit }],
    });
    expect(lines).toContain(`    cp (4711), ${text}`);
  });

  it('a reason of a newer version is shown by its name', () => {
    const summary = summaryOf({ mechanisms: { splice: { outcomes: { copied: 1 } } } });
    const { splice } = summary.mechanisms;
    if (splice === undefined) throw new Error('there is one');
    const reasons = { copied: { by_hand: 1 }, refused: {} };
    expect(renderSummary({ ...summary, mechanisms: { splice: { ...splice, reasons } } })).toContain(
      '  1 copied (by_hand): a reason that this version does not know',
    );
  });
});

describe('denials', () => {
  const policy = 'a seccomp filter, a security module, or an immutable sink';
  const remedy = '    -> grep Seccomp /proc/PID/status; the profile of container or unit; lsattr';
  const denied = { mechanism: 'sendfile', outcome: 'denied', reason: 'EPERM' } as const;

  it('tell who and on which file, by errno, and what to do only once', () => {
    const lines = render({
      mechanisms: {
        sendfile: { outcomes: { denied: 4 }, errnos: { EPERM: 3, EACCES: 1 } },
        splice: { outcomes: { denied: 1 }, errnos: { EPERM: 1 } },
        tee: { outcomes: { failed: 1 }, errnos: { EIO: 1 } },
        io_uring_splice: { outcomes: { denied: 1 }, errnos: { EACCES: 1 } },
      },
      causes: [
        { ...denied, count: 2 },
        { ...denied, comm: 'b' },
        { ...denied, reason: 'EACCES', comm: 'c', culprit: null },
        { ...denied, mechanism: 'splice', culprit: culpritOf({ name: '/srv/b' }) },
      ],
    });
    expect(lines.slice(lines.indexOf('sendfile'))).toEqual([
      'sendfile',
      `  3 denied (EPERM): ${policy}`,
      '    2  cp (4711), first on file /srv/a (ext4)',
      '    1  b (4711), on file /srv/a (ext4)',
      remedy,
      '  1 denied (EACCES): a security module, or a seccomp filter that answers so',
      '    c (4711)',
      "    -> journalctl -k --grep 'avc|apparmor'; grep Seccomp /proc/PID/status",
      '',
      'splice',
      '  1 denied (EPERM)',
      '    cp (4711), on file /srv/b (ext4)',
      '',
      'io_uring_splice',
      '  1 denied (EACCES): the restrictions of the ring, or a security module',
      "    -> its program restricted it; else journalctl -k --grep 'avc|apparmor'",
    ]);
  });
});

it('a reason that goes by the same name for two outcomes has the causes of its own', () => {
  const cause = { mechanism: 'tee', reason: 'none' } as const;
  const lines = render({
    mechanisms: { tee: { outcomes: { copied: 1, refused: 1 }, resolutions: { pending: 1 } } },
    causes: [
      { ...cause, outcome: 'copied', comm: 'a' },
      { ...cause, outcome: 'refused', comm: 'b' },
    ],
  });
  const below = (finding: string) => lines[lines.findIndex((line) => line.startsWith(`  1 ${finding} (none)`)) + 1];
  expect(below('copied')).toBe('    a (4711), on file /srv/a (ext4)');
  expect(below('refused')).toBe('    b (4711), on file /srv/a (ext4)');
});

it('what stands in no cause is told, without advice', () => {
  const summary = summaryOf({ mechanisms: { tee: { outcomes: { denied: 5, copied: 1 }, errnos: { EPERM: 3 } } } });
  const { tee } = summary.mechanisms;
  if (tee === undefined) throw new Error('there is one');
  const reasons = { copied: { unknown: 1 }, refused: {} };
  const lines = renderSummary({ ...summary, mechanisms: { tee: { ...tee, reasons } } });
  expect(lines.slice(lines.indexOf('tee'))).toEqual([
    'tee',
    '  3 denied (EPERM): a seccomp filter, a security module, or an immutable sink',
    '    -> grep Seccomp /proc/PID/status; the profile of container or unit; lsattr',
    '  2 denied (unknown): the table of causes was full, or they came just now',
    '  1 copied (unknown): the table of causes was full, or they came just now',
  ]);
});

describe('the first line', () => {
  it('is the command and how it ended', () => {
    expect(renderHeadline(['cp', 'a', 'b'], 'exited with 0 after 0.01 s')).toBe('cp a b: exited with 0 after 0.01 s');
  });

  it('keeps its end and both ends of a long command, whose escapes stay whole', () => {
    const whole = String.raw`(?:漢|\\x1b|\\x0a)+`;
    for (let length = 30; length < 40; length++) {
      const command = ['python3', '-c', `${'漢\u001b\n'.repeat(length)}${'x'.repeat(length)}`];
      const line = renderHeadline(command, 'was killed by SIGTERM after 12.34 s');
      expect(line).toMatch(new RegExp(`^python3 -c ${whole}…(?:${whole})?x+: was killed by .* 12.34 s$`, 'u'));
      expect(widthOf(line)).toBeLessThanOrEqual(100);
      expect(widthOf(line)).toBeGreaterThan(92);
    }
  });

  it('is at most 100 columns wide', () => {
    const fits = ['x'.repeat(98)];
    expect(renderHeadline(fits, '')).toBe(`${'x'.repeat(98)}: `);
    expect(renderHeadline(['x'.repeat(99)], '')).toContain('…');
  });
});

describe('processes', () => {
  it('a state that lasts is told once for all runs of a program', () => {
    const lines = render({
      processes: [
        processOf({ pid: 1, fallen: ['sendfile', 'io_uring_setup'] }),
        processOf({ pid: 2, fallen: ['sendfile'] }),
        processOf({ pid: 3, fallen: ['sendfile'] }),
        ...['a', 'b', 'c', 'd', 'e'].map((comm) => processOf({ comm, fallen: ['splice', 'tee'] })),
      ],
    });
    expect(lines.slice(2, lines.indexOf('', 3))).toEqual([
      'cp (1): sendfile fell back and has not worked since; a ring could not be set up,',
      '  and none has been since',
      'cp (2 processes): sendfile fell back and has not worked since',
      'a (4711): splice and tee fell back and have not worked since',
      'b (4711): splice and tee fell back and have not worked since',
      'c (4711): splice and tee fell back and have not worked since',
      'and 2 more processes that fell back',
    ]);
  });

  it('are listed if they tell anything', () => {
    const lines = render({
      processes: [processOf({ pid: 1, attempts: 0 }), processOf({ pid: 2, attempts: 0, fallen: ['io_uring_setup'] })],
    });
    expect(lines.slice(-2)).toEqual(['comm  pid  attempts', 'cp    2           0']);
  });

  it('long lists are cut, and the rest is counted', () => {
    const lines = render({ processes: Array.from({ length: 13 }, (_, i) => processOf({ pid: i + 1 })) });
    expect(lines.filter((line) => line.startsWith('cp'))).toHaveLength(10);
    expect(lines.at(-1)).toBe('and 3 more processes');
  });
});

describe('text of others', () => {
  it('what a terminal would obey is shown harmless', () => {
    const hostile = 'a\u001b[2Jb\n\u202e\ud800';
    const lines = render({
      mechanisms: { sendfile: { outcomes: { copied: 1 } } },
      causes: [
        {
          mechanism: 'sendfile',
          outcome: 'copied',
          reason: 'sink_tls',
          comm: hostile,
          unit: hostile,
          pid: null,
          culprit: culpritOf({ name: hostile, filesystem: hostile, flags: [hostile] }),
        },
      ],
      processes: [processOf({ comm: hostile, unit: hostile, fallen: ['sendfile'] })],
    });
    expect(lines.filter((line) => line.includes('a\\x1b[')).length).toBeGreaterThanOrEqual(4);
    expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}]/u);
  });

  it.each([
    ['short', 'short'],
    ['/srv/archive/2024/big.iso', '/srv/…24/big.iso'],
    ['漢字漢字漢字漢字漢字', '漢字…字漢字漢字'],
    ['abc\u001bdefghijk\u001blmnop', 'abc…ijk\\x1blmnop'],
    ['abcdefghij\u001bklmnopqr', 'abcde…klmnopqr'],
  ])('%s is at most 16 columns wide: %s', (name, text) => {
    expect(nameText(name, 16)).toBe(text);
    expect(widthOf(nameText(name, 16))).toBeLessThanOrEqual(16);
  });

  it('no name makes a line wider than the terminal', () => {
    const name = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 300 }),
      fc.constantFrom(
        'x'.repeat(255),
        '漢'.repeat(80),
        '😀'.repeat(60),
        '\u001b'.repeat(250),
        'e' + '\u0301'.repeat(250),
        '\ud800',
      ),
    );
    const culprit = fc.record({
      type: fc.constantFrom('file', 'character device', 'socket', 'pipe'),
      filesystem: name,
      name,
      flags: fc.subarray(['O_APPEND', 'O_DIRECT', 'O_NONBLOCK']),
    });
    const cause = fc.record({
      count: fc.integer({ min: 1, max: 10 ** 9 }),
      unit: name,
      comm: name,
      pid: fc.option(fc.constant(4_194_304)),
      culprit: fc.option(culprit),
    });
    const process = fc.record({
      comm: name,
      unit: name,
      attempts: fc.constant(10 ** 9),
      fallbacks: fc.constant(10 ** 9),
      fallen: fc.constantFrom([], [...MECHANISMS, 'io_uring_setup'] as const),
    });
    const flow = fc.record({ src: fc.ipV6(), dst: fc.ipV6(), proto: fc.constant('icmpv6') });
    fc.assert(
      fc.property(
        fc.array(cause, { maxLength: 5 }),
        fc.array(process, { maxLength: 3 }),
        flow,
        (causes, processes, hosts) => {
          const lines = render({
            mechanisms: {
              io_uring_sendmsg_zc: {
                outcomes: Object.fromEntries(OUTCOMES.map((outcome) => [outcome, 99_999])),
                bytes: { zerocopy: 10 ** 15, copied: 10 ** 15 },
                resolutions: { confirmed: 1 },
              },
            },
            causes: causes.map((one) => ({
              mechanism: 'io_uring_sendmsg_zc',
              outcome: 'refused',
              reason: 'source_cannot_splice',
              ...one,
            })),
            processes,
            flows: [{ ...hosts, attempts: 10 ** 9, bytes: 10 ** 15, outcomes: {} }],
          });
          for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(100);
        },
      ),
      { numRuns: 300 },
    );
  });
});

it('every reason is explained on a line of its own, and what to do on another', () => {
  for (const [outcome, reasons] of [
    ['copied', COPY_REASONS],
    ['refused', REFUSAL_REASONS],
  ] as const) {
    for (const reason of reasons) {
      const lines = render({
        mechanisms: { splice: { outcomes: { [outcome]: 1 }, resolutions: { pending: outcome === 'refused' ? 1 : 0 } } },
        causes: [{ mechanism: 'splice', outcome, reason, culprit: null }],
      });
      const remedies = lines.filter((line) => line.startsWith('    -> '));
      expect(lines.filter((line) => line.includes(`1 ${outcome} (${reason}): `))).toHaveLength(1);
      expect(remedies).toHaveLength(1);
      expect(lines[lines.indexOf(remedies[0] ?? '') + 1] ?? '', reason).not.toMatch(/^ {7}/);
    }
  }
});

it.each([
  [1e-9, '1 ns'],
  [2.048e-6, '2.05 us'],
  [0.131_072, '131 ms'],
  [1.5, '1.5 s'],
])('%d seconds are %s', (seconds, text) => {
  expect(secondsText(seconds)).toBe(text);
});
