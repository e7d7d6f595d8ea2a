import fc from 'fast-check';
import { expect, test } from 'vitest';
import { COPY_REASONS, MECHANISMS, type Mechanism, REFUSAL_REASONS } from '../../src/abi/layout.ts';
import { defaultRules } from '../../src/alerts/default-rules.ts';
import type { Condition, Rule, Subject, Transition } from '../../src/alerts/rule.ts';
import { PLACEHOLDERS, summaryText, topReason } from '../../src/alerts/summary-text.ts';
import type { Cause } from '../../src/model/snapshot.ts';
import { printable } from '../../src/model/text.ts';

const NGINX: Subject = { unit: 'nginx.service', comm: 'nginx' };

function defaultRule(name: string): Rule {
  const rule = defaultRules().find((one) => one.name === name);
  if (rule === undefined) throw new Error(`no rule ${name}`);
  return rule;
}
const SENDFILE = defaultRule('SendfileFallback');
const EAGAIN = defaultRule('IoUringSubmitEagain');

const transitionOf = (rule: Rule, more: Partial<Transition> = {}): Transition => ({
  kind: 'fired',
  rule,
  subject: NGINX,
  value: 77 / 12_345,
  counts: { numerator: 77, denominator: 12_345 },
  ...more,
});
const told = (rule: Rule, more: Partial<Transition> = {}, reason: string | null = null) =>
  summaryText(rule, transitionOf(rule, more), 'web1', reason);

test('a summary names value, limit, workload, host and reason', () => {
  expect(told(SENDFILE, {}, 'source_cannot_splice')).toBe(
    '0.62 % of 12,345 sendfile attempts fell back to read/write (limit 0.5 %) in nginx.service/nginx on web1: ' +
      'mostly source_cannot_splice',
  );
  expect(told(SENDFILE, { subject: null })).toBe(
    '0.62 % of 12,345 sendfile attempts fell back to read/write (limit 0.5 %) in all workloads on web1: reason unknown',
  );
  const again = { value: 412.34, counts: { numerator: 4123, denominator: null }, subject: { unit: '', comm: 'fio' } };
  expect(told(EAGAIN, again)).toBe('io_uring_enter returned EAGAIN 412/s (limit 200/s) in fio on web1');
  expect(told(EAGAIN, { ...again, kind: 'repeated' })).toBe(told(EAGAIN, again));
});

test('every default rule says what happened', () => {
  const texts = defaultRules().map((rule) => told(rule, { value: rule.condition.kind === 'ratio' ? 0.75 : 1234.5 }));
  expect(texts).toMatchInlineSnapshot(`
    [
      "75 % of 12,345 sendfile attempts fell back to read/write (limit 0.5 %) in nginx.service/nginx on web1: reason unknown",
      "io_uring_enter returned EAGAIN 1,235/s (limit 200/s) in nginx.service/nginx on web1",
      "75 % of 12,345 splice attempts fell back to read/write (limit 0.5 %) in nginx.service/nginx on web1: reason unknown",
      "75 % of 12,345 copy_file_range attempts fell back to read/write (limit 0.5 %) in nginx.service/nginx on web1: reason unknown",
      "75 % of the bytes of zero-copy calls were copied after all (limit 50 %) in nginx.service/nginx on web1: reason unknown",
      "io_uring_setup was denied in nginx.service/nginx on web1: reason unknown",
      "completion queues overflowed 1,235/s (limit 10/s) in nginx.service/nginx on web1",
    ]
  `);
});

test('what is over is said to be over', () => {
  expect(told(SENDFILE, { kind: 'resolved', value: 0.001 })).toBe(
    'SendfileFallback is over in nginx.service/nginx on web1 (0.1 %, clears at 0.25 %)',
  );
  expect(told(EAGAIN, { kind: 'resolved', value: null, subject: null })).toBe(
    'IoUringSubmitEagain is over in all workloads on web1',
  );
});

test('a value that is not its limit does not look like it', () => {
  const valueOf = (value: number) => told({ ...SENDFILE, summary: '{{value}}' }, { value });
  expect(valueOf(0.00501)).toBe('0.501 %');
  expect(valueOf(0.0050001)).toBe('0.50001 %');
  expect(valueOf(0.005)).toBe('0.5 %');
  expect(valueOf(0.5)).toBe('50 %');
  expect(valueOf(0.12345)).toBe('12.3 %');
  const rateOf = (value: number) => told({ ...EAGAIN, summary: '{{value}} {{count}} {{total}}' }, { value });
  expect(rateOf(200.1)).toBe('200.1/s 77 12,345');
  expect(rateOf(200.04)).toBe('200.04/s 77 12,345');
  expect(rateOf(12_345.6)).toBe('12,346/s 77 12,345');
  const odd = { ...SENDFILE.condition, above: 0.07, clear: 0.07 } as Condition;
  expect(told({ ...SENDFILE, condition: odd, summary: '{{threshold}}' })).toBe('7 %');
});

test('every placeholder stands for something, and others are left alone', () => {
  const template = PLACEHOLDERS.map((name) => `${name}={{${name}}}`).join(' ');
  expect(told({ ...SENDFILE, summary: `${template} {{ host }} {{toString}} {{constructor}} {{}} {x}` }, {}, 'x')).toBe(
    'host=web1 unit=nginx.service comm=nginx workload=nginx.service/nginx mechanism=sendfile value=0.62 % ' +
      'threshold=0.5 % count=77 total=12,345 reason=mostly x web1 {{toString}} {{constructor}} {{}} {x}',
  );
  const mechanismOf = (rule: Rule, condition: Partial<Condition>) =>
    told({ ...rule, summary: '{{mechanism}}', condition: { ...rule.condition, ...condition } as Condition });
  expect(mechanismOf(EAGAIN, {})).toBe('io_uring');
  expect(mechanismOf(EAGAIN, { counter: { metric: 'fallbacks_total', labels: {} } })).toBe('zero-copy');
  const some = { metric: 'fallbacks_total', labels: { mechanism: ['tee', 'splice'] } };
  expect(mechanismOf(SENDFILE, { numerator: some })).toBe('tee, splice');
  expect(told({ ...SENDFILE, summary: '{{value}}' }, { value: null })).toBe('an unknown amount');
});

test('names are no templates', () => {
  const subject = { unit: '{{host}}', comm: '{{unit}}$&' };
  expect(told({ ...SENDFILE, summary: '{{workload}} {{comm}}' }, { subject })).toBe('{{host}}/{{unit}}$& {{unit}}$&');
});

test('a long name leaves room for the rest', () => {
  const subject = { unit: '\u0001'.repeat(5000), comm: 'x' };
  const text = told(SENDFILE, { subject }, 'y'.repeat(5000));
  expect(text).toMatch(/^0\.62 % of 12,345 sendfile .* in (\\x01)+[\\x01]*…\/x on web1: mostly y+…$/);
  expect(text.length).toBeLessThanOrEqual(1024);
});

test('whatever the names, a summary is short, printable and valid', () => {
  const name = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 1500, size: 'max' }),
    fc.string({
      unit: fc.constantFrom('\n', '\u202e', '\ud83d\ude00', '{', '}', 'host', '\ud800'),
      maxLength: 900,
      size: 'max',
    }),
  );
  fc.assert(
    fc.property(name, name, name, name, name, (unit, comm, host, reason, summary) => {
      for (const template of [SENDFILE.summary, summary, summary.repeat(9) + SENDFILE.summary]) {
        const rule = { ...SENDFILE, summary: template };
        const text = summaryText(rule, transitionOf(rule, { subject: { unit, comm } }), host, reason);
        expect(text.length).toBeLessThanOrEqual(1024);
        expect(printable(text)).toBe(text);
        expect(text.isWellFormed()).toBe(true);
      }
    }),
  );
});

/** A cause of nginx' sendfile unless said otherwise. */
const causeOf = (
  kind: Cause['kind'],
  code: number | string,
  count: number,
  { mechanism = 'sendfile', ...more }: Partial<Omit<Cause, 'mechanism'>> & { mechanism?: Mechanism } = {},
): Cause => {
  const reasons: readonly string[] = kind === 'copied' ? COPY_REASONS : REFUSAL_REASONS;
  return {
    kind,
    mechanism: MECHANISMS.indexOf(mechanism),
    code: typeof code === 'number' ? code : reasons.indexOf(code),
    count,
    unit: 'nginx.service',
    comm: 'nginx',
    process: null,
    culprit: null,
    ...more,
  };
};

test('the most frequent reason is that of the subject, the mechanism and the kind of count', () => {
  const causes = [
    causeOf('refused', 'sink_append', 5),
    causeOf('refused', 'source_cannot_splice', 4),
    causeOf('refused', 'source_cannot_splice', 4, { process: 3 }),
    causeOf('refused', 'not_a_pipe', 100, { mechanism: 'tee' }),
    causeOf('refused', 'cross_device', 50, { comm: 'cp' }),
    causeOf('refused', 'no_syscall', 60, { unit: '' }),
    causeOf('copied', 'loopback', 1000),
    causeOf('errno', 11, 1000),
  ];
  expect(topReason(SENDFILE.condition, NGINX, causes)).toBe('source_cannot_splice');
  expect(topReason(SENDFILE.condition, null, causes)).toBe('no_syscall');
  expect(topReason(SENDFILE.condition, { unit: 'x', comm: 'y' }, causes)).toBeNull();
  expect(topReason(SENDFILE.condition, NGINX, [])).toBeNull();
  const before = [causeOf('refused', 'source_cannot_splice', 7), causeOf('refused', 'sink_append', 3)];
  expect(topReason(SENDFILE.condition, NGINX, causes, before)).toBe('sink_append');
  expect(topReason(SENDFILE.condition, NGINX, causes, causes)).toBeNull();
});

test('each counter has reasons of its own kind', () => {
  const causes = [
    causeOf('refused', 'sink_append', 5),
    causeOf('copied', 'loopback', 5),
    causeOf('copied', 'sink_tls', 3),
    causeOf('errno', 11, 5),
    causeOf('errno', 5, 6, { mechanism: 'tee' }),
    causeOf('enter_errno', 16, 5),
    causeOf('setup_errno', 1, 5),
  ];
  const reasonOf = (metric: string, labels: Record<string, string[]> = {}, subject: Subject = null) =>
    topReason({ kind: 'rate', counter: { metric, labels }, above: 1, clear: 1 }, subject, causes);
  expect(reasonOf('workload_fallbacks_total')).toBe('sink_append');
  expect(reasonOf('refusals_total')).toBe('sink_append');
  expect(reasonOf('refusals_total', { reason: ['cross_device'] })).toBeNull();
  expect(reasonOf('refusal_resolutions_total')).toBe('sink_append');
  expect(reasonOf('copies_total')).toBe('loopback');
  expect(reasonOf('copies_total', { reason: ['sink_tls'] })).toBe('sink_tls');
  expect(reasonOf('attempts_total')).toBeNull();
  expect(reasonOf('attempts_total', { outcome: ['refused'] })).toBe('sink_append');
  expect(reasonOf('workload_attempts_total', { outcome: ['copied'], unit: ['nginx.service'] })).toBe('loopback');
  expect(reasonOf('workload_attempts_total', { outcome: ['copied'], unit: ['x.service'] })).toBeNull();
  expect(reasonOf('workload_attempts_total', { outcome: ['copied'], comm: ['x'] })).toBeNull();
  expect(reasonOf('attempt_bytes_total', { outcome: ['copied'] })).toBe('loopback');
  expect(reasonOf('errors_total')).toBe('EIO');
  expect(reasonOf('errors_total', { mechanism: ['sendfile'] })).toBe('EAGAIN');
  expect(reasonOf('errors_total', { errno: ['EAGAIN'] })).toBe('EAGAIN');
  expect(reasonOf('io_uring_enter_errors_total')).toBe('EBUSY');
  expect(reasonOf('io_uring_setup_errors_total', {}, NGINX)).toBe('EPERM');
  expect(reasonOf('io_uring_cq_overflows_total')).toBeNull();
});
