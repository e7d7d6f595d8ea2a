/** The rules that there are without any configuration. */
import type { Rule } from './rule.ts';

/** Stands at the end of every runbook's address, before `#`. */
const RUNBOOKS = 'docs/alerts.md';

const FALLBACKS =
  '{{value}} of {{total}} {{mechanism}} attempts fell back to read/write (limit {{threshold}}) in {{workload}} on {{host}}: {{reason}}';

/**
 * Fallbacks of one mechanism against its attempts.
 *
 * At least 200 attempts: with fewer, a single fallback would be more than 0.5 %; with 200 it is exactly that, and does not fire, so
 * it takes two. A minute, so that three transfers a second are enough to be judged. For ten seconds, so that what a program refuses
 * once at its start is first weighed against what it goes on to do; shorter than the window, in which everything stays for a minute,
 * so that a program that ends early is not missed. Clears at half, so that a ratio near the limit is one incident and not many.
 */
function fallbackRule(name: string, mechanism: string, docs: string): Rule {
  return {
    name,
    enabled: false,
    scopes: ['host', 'workload'],
    condition: {
      kind: 'ratio',
      numerator: { metric: 'fallbacks_total', labels: { mechanism: [mechanism] } },
      denominator: { metric: 'attempts_total', labels: { mechanism: [mechanism] } },
      above: 0.005,
      clear: 0.0025,
      minimum: 200,
    },
    windowSeconds: 60,
    forSeconds: 10,
    severity: 'warning',
    repeatSeconds: 0,
    summary: FALLBACKS,
    runbook: runbookOf(name, docs),
  };
}

const runbookOf = (name: string, docs: string): string => `${docs}${RUNBOOKS}#${name.toLowerCase()}`;

/** `docs`: what stands before `docs/alerts.md` in the address of the documentation, with its `/`; '' for a relative address. */
export function defaultRules(docs = ''): Rule[] {
  return [
    { ...fallbackRule('SendfileFallback', 'sendfile', docs), enabled: true, severity: 'error' },
    {
      name: 'IoUringSubmitEagain',
      enabled: true,
      scopes: ['host', 'workload'],
      condition: {
        kind: 'rate',
        counter: { metric: 'io_uring_enter_errors_total', labels: { errno: ['EAGAIN'] } },
        above: 200,
        clear: 100,
      },
      // long enough that it takes 2,000 of them, short enough that the processes can still be looked at
      windowSeconds: 10,
      forSeconds: 0,
      severity: 'error',
      repeatSeconds: 0,
      summary: 'io_uring_enter returned EAGAIN {{value}} (limit {{threshold}}) in {{workload}} on {{host}}',
      runbook: runbookOf('IoUringSubmitEagain', docs),
    },
    fallbackRule('SpliceFallback', 'splice', docs),
    fallbackRule('CopyFileRangeFallback', 'copy_file_range', docs),
    {
      name: 'CopiedShare',
      enabled: false,
      scopes: ['host', 'workload'],
      condition: {
        kind: 'ratio',
        numerator: { metric: 'attempt_bytes_total', labels: { outcome: ['copied'] } },
        denominator: { metric: 'attempt_bytes_total', labels: {} },
        above: 0.5,
        clear: 0.25,
        // below 4 MB/s nobody feels the copies
        minimum: 2 ** 30,
      },
      windowSeconds: 300,
      forSeconds: 60,
      severity: 'warning',
      repeatSeconds: 0,
      summary:
        '{{value}} of the bytes of zero-copy calls were copied after all (limit {{threshold}}) in {{workload}} on {{host}}: {{reason}}',
      runbook: runbookOf('CopiedShare', docs),
    },
    {
      name: 'IoUringSetupDenied',
      enabled: false,
      scopes: ['host', 'workload'],
      condition: {
        kind: 'rate',
        // ENOSYS: what many seccomp filters answer
        counter: { metric: 'io_uring_setup_errors_total', labels: { errno: ['EPERM', 'EACCES', 'ENOSYS'] } },
        // one is enough: programs ask once and remember
        above: 0,
        clear: 0,
      },
      windowSeconds: 300,
      forSeconds: 0,
      severity: 'warning',
      repeatSeconds: 0,
      summary: 'io_uring_setup was denied in {{workload}} on {{host}}: {{reason}}',
      runbook: runbookOf('IoUringSetupDenied', docs),
    },
    {
      name: 'CqOverflow',
      enabled: false,
      scopes: ['host', 'workload'],
      condition: {
        kind: 'rate',
        counter: { metric: 'io_uring_cq_overflows_total', labels: {} },
        above: 10,
        clear: 1,
      },
      windowSeconds: 60,
      forSeconds: 0,
      severity: 'warning',
      repeatSeconds: 0,
      summary: 'completion queues overflowed {{value}} (limit {{threshold}}) in {{workload}} on {{host}}',
      runbook: runbookOf('CqOverflow', docs),
    },
  ];
}
