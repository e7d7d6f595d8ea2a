import { expect, it } from 'vitest';
import { renderSummary } from '../../src/cli/render.ts';
import type { Summary } from '../../src/model/summary.ts';

const nothing: Summary = {
  mechanisms: {},
  ioUring: {
    setups: { ok: 0, errnos: {} },
    enters: { calls: 0, submitted: 0, errnos: {} },
    completions: {},
    completionErrnos: {},
    queuedAsync: 0,
    cqOverflows: 0,
  },
  processes: [],
  flows: [],
  unattributed: { attempts: 0 },
  lost: { overflow: 0, events: 0, missedRuns: 0 },
};

it('nothing attempted is said in one line', () => {
  expect(renderSummary(nothing)).toEqual(['no zero-copy attempts']);
});

it('errors stand below their mechanism, the most frequent first; losses come last', () => {
  const outcomes = { zerocopy: 9, copied: 0, retry: 2, refused: 1, denied: 0, failed: 0 };
  const lines = renderSummary({
    ...nothing,
    mechanisms: { sendfile: { attempts: 12, bytes: 49_152, outcomes, errnos: { EINVAL: 1, EAGAIN: 2 } } },
    ioUring: {
      ...nothing.ioUring,
      enters: { calls: 5, submitted: 4, errnos: { EAGAIN: 1 } },
      queuedAsync: 2,
      cqOverflows: 3,
    },
    processes: [{ pid: 4711, comm: 'nginx', attempts: 12, mechanisms: { sendfile: 12 } }],
    flows: [
      { src: '127.0.0.1', dst: '10.0.0.2', proto: 'tcp', attempts: 11, bytes: 49_152, outcomes: {} },
      { src: '', dst: '', proto: 'other', attempts: 1, bytes: 0, outcomes: {} },
    ],
    unattributed: { attempts: 7 },
    lost: { overflow: 8, events: 0, missedRuns: 9 },
  });
  expect(lines).toMatchInlineSnapshot(`
    [
      "mechanism  attempts  zerocopy  copied  retry  refused  denied  failed     bytes",
      "sendfile         12         9       0      2        1       0       0  48.0 KiB",
      "  EAGAIN 2, EINVAL 1",
      "",
      "io_uring: 0 rings set up, 5 enters (failed: EAGAIN 1), 4 requests submitted, 2 zero-copy requests queued to workers, 3 completions found their queue full",
      "",
      "src        dst       proto   attempts     bytes",
      "127.0.0.1  10.0.0.2  tcp           11  48.0 KiB",
      "-          -         not IP         1       0 B",
      "",
      "comm    pid  attempts",
      "nginx  4711        12",
      "",
      "7 attempts belong to no process that could be found",
      "8 counts found a table full: the sums hold, their process or flow is not known",
      "9 events were not seen: the kernel skipped our programs (seen + missed = all)",
    ]
  `);
});

it('a comm that a terminal would obey is shown harmless', () => {
  const comm = 'a\u001b[2Jb\n';
  const lines = renderSummary({ ...nothing, processes: [{ pid: 1, comm, attempts: 1, mechanisms: {} }] });
  expect(lines).toContain('a\\x1b[2Jb\\x0a    1         1');
  expect(lines.join('')).not.toMatch(/\p{Cc}/u);
});

it('long lists are cut, and the rest is counted', () => {
  const processes = Array.from({ length: 13 }, (_, i) => ({ pid: i + 1, comm: 'cp', attempts: 1, mechanisms: {} }));
  const lines = renderSummary({ ...nothing, processes });
  expect(lines.filter((line) => line.startsWith('cp'))).toHaveLength(10);
  expect(lines.at(-1)).toBe('and 3 more processes');
});
