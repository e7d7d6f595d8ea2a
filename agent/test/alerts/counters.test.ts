import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  COPY_REASONS,
  MECHANISMS,
  type Mechanism,
  OUTCOMES,
  REFUSAL_REASONS,
  RESOLUTIONS,
  TABLES,
} from '../../src/abi/layout.ts';
import {
  checkSelector,
  Counter,
  hasWorkloads,
  selectorKey,
  subjectKey,
  WorkloadGroups,
} from '../../src/alerts/counters.ts';
import type { CounterSelector } from '../../src/alerts/rule.ts';
import { CATALOGUE, PREFIX } from '../../src/metrics/catalogue.ts';
import { Exporter } from '../../src/metrics/exporter.ts';
import type { CauseKind } from '../../src/model/snapshot.ts';
import { type Family, parseExposition } from '../support/exposition.ts';
import {
  type CauseSpec,
  type CountersSpec,
  type DepartedSpec,
  programOf,
  snapshotOf,
  type SnapshotSpec,
} from '../support/snapshots.ts';

/** Names that join to the same text in several ways; two of them are no workload's. */
const UNITS = ['', 'a', 'ab', 'a"b', 'a/'];
const COMMS = ['bc', 'c', '"c', '/c', '', '__proto__'];

const count = fc.nat(50);
const mechanismCounts = fc.record({
  zerocopy: count,
  copied: count,
  retry: count,
  refused: count,
  denied: count,
  failed: count,
  bytes: count,
  copiedBytes: count,
  cascaded: count,
  confirmed: count,
  presumed: count,
  abandoned: count,
});
const someMechanism = fc.constantFrom<Mechanism>('sendfile', 'splice', 'io_uring_splice', 'io_uring_send_zc');
const counters: fc.Arbitrary<CountersSpec> = fc
  .tuple(
    fc.dictionary(someMechanism, mechanismCounts, { maxKeys: 3 }),
    fc.record({ enters: count, submitted: count, setups: count, cqOverflows: count }),
  )
  .map(([mechanisms, rings]) => ({ ...mechanisms, ...rings }));
const names = { unit: fc.constantFrom(...UNITS), comm: fc.constantFrom(...COMMS) };
const departed: fc.Arbitrary<DepartedSpec> = fc.record({ ...names, counters });

const CODES: Readonly<Record<CauseKind, number>> = {
  errno: 600,
  enter_errno: 600,
  setup_errno: 600,
  async_work: 0,
  copied: COPY_REASONS.length - 1,
  refused: REFUSAL_REASONS.length - 1,
};
const cause: fc.Arbitrary<CauseSpec> = fc.constantFrom(...(Object.keys(CODES) as CauseKind[])).chain((kind) =>
  fc.record({
    ...names,
    kind: fc.constant(kind),
    mechanism: fc.constantFrom<Mechanism>(
      ...(kind === 'async_work' ? (['io_uring_splice', 'io_uring_tee'] as const) : (['sendfile', 'splice'] as const)),
    ),
    // mostly those that the selectors ask for
    code: fc.oneof(fc.integer({ min: 0, max: CODES[kind] }), fc.constant(Math.min(11, CODES[kind]))),
    count,
  }),
);

const spec = fc.record({
  live: fc.array(departed, { maxLength: 6 }),
  departed: fc.array(departed, { maxLength: 4 }),
  unattributed: counters,
  overflow: counters,
  causes: fc.array(cause, { maxLength: 15 }),
  overflows: fc.tuple(count, count, count, count),
  programs: fc.array(
    fc.record({ name: fc.constantFrom('x', 'y'), missedRuns: count, state: fc.constantFrom('attached', 'off') }),
    { maxLength: 3 },
  ),
  events: count,
});
type Spec = typeof spec extends fc.Arbitrary<infer S> ? S : never;

const snapshotSpec = ({ live, overflows, programs, events, ...rest }: Spec): SnapshotSpec => ({
  ...rest,
  processes: live.map((process, i) => ({ pid: i + 1, ...process })),
  tables: TABLES.map((table, i) => ({ table, entries: 0, capacity: 1, overflows: overflows[i] ?? 0 })),
  programs: programs.map((program, i) => programOf({ ...program, hook: `hook${String(i)}` } as const)),
  lost: { events },
});

/** What /metrics says of one snapshot. */
const familiesOf = (of: SnapshotSpec): Map<string, Family> =>
  parseExposition(
    new Exporter({ version: '', revision: '', kernel: '' }, { flows: 10, workloads: 100, idleSeconds: 60 }).render(
      snapshotOf(of),
      { seconds: 0, success: true },
    ),
  );

/** The series that a selector takes, summed. */
function exported(families: ReadonlyMap<string, Family>, { metric, labels }: CounterSelector): number {
  return (families.get(`${PREFIX}${metric}`)?.samples ?? [])
    .filter((sample) => Object.entries(labels).every(([label, values]) => values.includes(sample.labels[label] ?? '?')))
    .reduce((sum, { value }) => sum + value, 0);
}

const VALUES: Readonly<Record<string, readonly string[]>> = {
  mechanism: MECHANISMS,
  outcome: OUTCOMES,
  evidence: ['confirmed', 'presumed'],
  resolution: RESOLUTIONS,
  errno: ['EAGAIN', 'EPERM', 'other', 'EINVAL'],
  opcode: ['splice', 'tee'],
  table: TABLES,
  program: ['x'],
  hook: ['hook0', 'hook1'],
};
const valuesOf = (metric: string, label: string): readonly string[] => {
  if (label === 'reason') return metric === 'copies_total' ? COPY_REASONS : REFUSAL_REASONS;
  if (metric === 'attempt_bytes_total' && label === 'outcome') return ['zerocopy', 'copied'];
  return VALUES[label] ?? [];
};
/** Of the catalogue's counters: those about flows, which come and go by address, and those of the agent itself. */
const NOT_FOR_RULES = [
  'flow_attempts_total',
  'flow_bytes_total',
  'program_runs_total',
  'program_run_seconds_total',
] as const;
/** What alerts say of themselves is no reason for one. */
const METRICS = Object.entries(CATALOGUE)
  .filter(([name]) => !/^(?:alert|notification)/.test(name))
  .filter(([name, { type }]) => type === 'counter' && !NOT_FOR_RULES.some((other) => other === name))
  .map(([name, { labels }]) => ({ name, labels }));
/** Labels by which a test selects; names of workloads have a test of their own. */
const selectable = METRICS.map(({ name, labels }) => ({
  name,
  labels: labels.filter((label) => label !== 'unit' && label !== 'comm'),
}));
const selector: fc.Arbitrary<CounterSelector> = fc.constantFrom(...selectable).chain(({ name, labels }) =>
  fc
    .tuple(
      ...labels.map((label) =>
        fc.option(fc.subarray([...valuesOf(name, label)], { minLength: 1 }), { nil: undefined }),
      ),
    )
    .map((chosen) => ({
      metric: name,
      labels: Object.fromEntries(
        labels.flatMap((label, i) => {
          const values = chosen[i];
          return values === undefined ? [] : [[label, values] as const];
        }),
      ),
    })),
);

test('the number for the host is the sum of the series that /metrics exports', () => {
  fc.assert(
    fc.property(spec, fc.array(selector, { minLength: 1, maxLength: 20 }), (of, selectors) => {
      const families = familiesOf(snapshotSpec(of));
      const groups = new WorkloadGroups(snapshotOf(snapshotSpec(of)));
      for (const one of selectors) {
        expect(new Counter(one).host(groups), selectorKey(one)).toBe(exported(families, one));
      }
    }),
    { numRuns: 300 },
  );
});

test("a workload's number is that of a host on which nothing else runs", () => {
  fc.assert(
    fc.property(spec, fc.array(selector, { minLength: 1, maxLength: 10 }), (of, selectors) => {
      const groups = new WorkloadGroups(snapshotOf(snapshotSpec(of)));
      const expected = selectors.map(() => new Map<string, number>());
      for (const unit of UNITS) {
        for (const comm of COMMS.filter((name) => name !== '')) {
          const own = <T extends { unit?: string; comm?: string }>(list: readonly T[]): T[] =>
            list.filter((one) => one.unit === unit && one.comm === comm);
          const families = familiesOf({
            processes: own(of.live).map((process) => ({ pid: 1, ...process })),
            departed: own(of.departed),
            causes: own(of.causes),
            tables: [],
          });
          selectors.forEach((one, i) => {
            const number = exported(families, one);
            if (number > 0) expected[i]?.set(JSON.stringify([unit, comm]), number);
          });
        }
      }
      selectors.forEach((one, i) => {
        expect(new Counter(one).workloads(groups), selectorKey(one)).toEqual(expected[i]);
      });
    }),
    { numRuns: 60 },
  );
});

test('workloads have the numbers that /metrics exports under their names', () => {
  fc.assert(
    fc.property(spec, (of) => {
      const families = familiesOf(snapshotSpec(of));
      const groups = new WorkloadGroups(snapshotOf(snapshotSpec(of)));
      for (const metric of ['workload_attempts_total', 'workload_fallbacks_total', 'workload_errors_total']) {
        const numbers = new Counter({ metric, labels: {} }).workloads(groups);
        for (const { unit, comm } of groups.workloads.values()) {
          const wanted = { metric, labels: { unit: [unit], comm: [comm] } };
          // a workload that only has causes and no attempt has no place there
          const attempts = exported(families, { ...wanted, metric: 'workload_attempts_total' });
          if (attempts === 0) continue;
          expect(numbers.get(subjectKey({ unit, comm })) ?? 0).toBe(exported(families, wanted));
          expect(new Counter(wanted).host(groups)).toBe(exported(families, wanted));
        }
      }
    }),
    { numRuns: 100 },
  );
});

const two = snapshotOf({
  processes: [
    { pid: 1, unit: 'a.service', comm: 'cp', counters: { sendfile: { zerocopy: 5 } } },
    { pid: 2, unit: 'b.service', comm: 'cp', counters: { sendfile: { zerocopy: 7 } } },
    { pid: 3, unit: '', comm: '', counters: { sendfile: { zerocopy: 11 } } },
    { pid: 4, unit: '', comm: 'other', counters: { sendfile: { zerocopy: 13 } } },
  ],
});

test('the nameless are no workload, and who calls itself `other` is one', () => {
  const numbers = new Counter({ metric: 'attempts_total', labels: {} }).workloads(new WorkloadGroups(two));
  expect(numbers).toEqual(
    new Map([
      ['["a.service","cp"]', 5],
      ['["b.service","cp"]', 7],
      ['["","other"]', 13],
    ]),
  );
});

test('workloads can be selected by name', () => {
  const groups = new WorkloadGroups(two);
  const counter = new Counter({ metric: 'workload_attempts_total', labels: { unit: ['b.service', 'c.service'] } });
  expect([counter.host(groups), counter.workloads(groups)]).toEqual([7, new Map([['["b.service","cp"]', 7]])]);
  expect(counter.named).toBe(true);
  const all = new Counter({ metric: 'workload_attempts_total', labels: { outcome: ['zerocopy'] } });
  expect([all.host(groups), all.named]).toEqual([36, false]);
});

test('every counter of the catalogue can be selected, by its own labels', () => {
  for (const { name, labels } of METRICS) {
    expect(checkSelector({ metric: name, labels: {} })).toBeNull();
    const allowed = labels.length === 0 ? 'it has none' : `use ${labels.join(', ')}`;
    expect(checkSelector({ metric: name, labels: { pid: ['1'] } })).toBe(`${name} has no label "pid": ${allowed}`);
  }
  for (const name of NOT_FOR_RULES) {
    expect(checkSelector({ metric: name, labels: {} })).toMatch(`there is no counter "${name}": use attempts_total, `);
  }
});

test('what a selector can be instead is said', () => {
  const wrong = (metric: string, labels: CounterSelector['labels']) => checkSelector({ metric, labels });
  const one = METRICS.map(({ name }) => name);
  const told = wrong('sendfiles', {})?.split('use ')[1]?.split(', ');
  expect(told?.toSorted()).toEqual(one.toSorted());
  expect(wrong('attempts_total', { mechanism: ['splic'] })).toMatch(/: use sendfile, .*; did you mean splice\?$/);
  expect(wrong('refusals_pending', {})).toMatch('there is no counter "refusals_pending"');
  expect(wrong('constructor', {})).toMatch('there is no counter');
  expect(wrong('x\n'.repeat(1000), {})?.split('\\n')).toHaveLength(33);
  expect(wrong('attempts_total', { constructor: ['x'] })).toMatch('has no label "constructor"');
  expect(wrong('attempts_total', { mechanism: ['sendfile', 'mmap'] })).toBe(
    `mechanism of attempts_total is never "mmap": use ${MECHANISMS.join(', ')}`,
  );
  expect(wrong('attempt_bytes_total', { outcome: ['refused'] })).toBe(
    'outcome of attempt_bytes_total is never "refused": use zerocopy, copied',
  );
  expect(wrong('io_uring_async_work_total', { opcode: ['io_uring_splice'] })).toBe(
    'opcode of io_uring_async_work_total is never "io_uring_splice": use splice, tee, send_zc, sendmsg_zc, recv_zc',
  );
  expect(wrong('attempts_total', { mechanism: [] })).toMatch('mechanism of attempts_total has no value');
  expect(wrong('errors_total', { errno: ['EAGAIN', 'other', 'EOWNERDEAD'] })).toBeNull();
  expect(wrong('errors_total', { errno: ['E11'] })).toMatch(/^errno of errors_total is never "E11": use EPERM, ENOENT/);
  expect(wrong('errors_total', { errno: ['EWOULDBLOCK'] })).toMatch(/; did you mean EAGAIN\?$/);
  expect(wrong('errors_total', { errno: ['ENOTSUP'] })).toMatch(/; did you mean EOPNOTSUPP\?$/);
  expect(wrong('errors_total', { errno: ['EAGIAN'] })).toBe(
    'errno of errors_total is never "EAGIAN"; did you mean EAGAIN?',
  );
  expect(wrong('attempt_total', {})).toMatch(
    /^there is no counter "attempt_total": use attempts_total, .*; did you mean attempts_total\?$/,
  );
  expect(wrong('attempts_total', { mechansim: ['x'] })).toBe(
    'attempts_total has no label "mechansim": use mechanism, outcome; did you mean mechanism?',
  );
  expect(wrong('workload_attempts_total', { unit: ['any "name"'], comm: [''] })).toBeNull();
  expect(() => new Counter({ metric: 'attempts_total', labels: { mechanism: ['mmap'] } })).toThrow(RangeError);
});

test('it is known which counters workloads have', () => {
  const host = METRICS.map(({ name }) => name).filter((metric) => !hasWorkloads({ metric, labels: {} }));
  expect(host).toEqual([
    'unattributed_attempts_total',
    'table_overflow_total',
    'program_missed_runs_total',
    'harmless_missed_runs_total',
    'shard_sets_lacking_total',
    'events_lost_total',
  ]);
});

test('selectors that select the same have one key, and others do not', () => {
  const key = (labels: CounterSelector['labels']) => selectorKey({ metric: 'errors_total', labels });
  expect(key({ mechanism: ['tee', 'splice'], errno: ['EIO', 'EIO'] })).toBe(
    key({ errno: ['EIO'], mechanism: ['splice', 'tee'] }),
  );
  const keys = [key({}), key({ errno: ['EIO'] }), key({ errno: ['EIO', 'EPERM'] }), key({ mechanism: ['EIO'] })];
  expect(new Set(keys).size).toBe(4);
});

test('no names make two subjects one', () => {
  expect(subjectKey({ unit: 'a', comm: 'bc' })).not.toBe(subjectKey({ unit: 'ab', comm: 'c' }));
  expect(subjectKey({ unit: 'a","b', comm: 'c' })).not.toBe(subjectKey({ unit: 'a', comm: 'b","c' }));
  expect(subjectKey({ unit: '', comm: 'host' })).not.toBe(subjectKey(null));
});
