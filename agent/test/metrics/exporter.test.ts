import { spawnSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { MECHANISMS, OUTCOMES, RESOLUTIONS } from '../../src/abi/layout.ts';
import { CATALOGUE, PREFIX, PROCESS_CATALOGUE } from '../../src/metrics/catalogue.ts';
import { DEFAULT_LIMITS, Exporter } from '../../src/metrics/exporter.ts';
import { processRegistry } from '../../src/metrics/process.ts';
import { EVIDENCE } from '../../src/model/counters.ts';
import { HOSTILE, statusOf, viewOf } from '../support/alerts.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { promlint } from '../support/promlint.ts';
import { programOf, snapshotOf } from '../support/snapshots.ts';
import { parseHistograms } from './histograms.ts';

const build = { version: '0.1.0', revision: 'abc1234', kernel: '6.18.0 "test"' };
const collection = { seconds: 0.0015, success: true };
const process = processRegistry({
  cpuSeconds: () => 0.25,
  residentBytes: () => 52_428_800,
  openDescriptors: () => 60,
  mostDescriptors: () => 1024,
  readErrors: () => 0,
  startedAtSeconds: 1_700_000_000,
});

/** Something of everything, so that every family is written. */
const everything = snapshotOf({
  processes: [
    {
      pid: 10,
      unit: 'nginx.service',
      comm: 'nginx',
      counters: { sendfile: { zerocopy: 10_000, copied: 9, retry: 12, bytes: 2 ** 40 } },
    },
    {
      pid: 11,
      unit: 'docker:"ev\\il"\n',
      comm: 'ev"il\n\\{}',
      counters: {
        splice: { refused: 7, cascaded: 1, confirmed: 2, presumed: 1, abandoned: 1, zerocopy: 1, bytes: 512 },
      },
      fallen: ['splice', 'io_uring_setup'],
    },
    {
      pid: 12,
      comm: 'fio',
      counters: { io_uring_splice: { zerocopy: 40, failed: 2 }, enters: 20, submitted: 42, setups: 1, cqOverflows: 3 },
    },
  ],
  departed: [
    {
      unit: 'user@1000.service',
      comm: 'cp',
      counters: { copy_file_range: { copied: 7, refused: 2, confirmed: 2, denied: 1, bytes: 0 } },
    },
  ],
  unattributed: { io_uring_splice: { zerocopy: 2 } },
  causes: [
    { process: 0, code: 11, count: 12 },
    { process: 0, copied: 'loopback', count: 4 },
    { process: 0, copied: 'sink_regular_file', count: 5 },
    { process: 1, mechanism: 'splice', code: 22, count: 7 },
    { process: 1, mechanism: 'splice', refused: 'sink_append', count: 6 },
    { process: 1, mechanism: 'splice', refused: 'source_cannot_splice', count: 1 },
    { unit: 'user@1000.service', comm: 'cp', mechanism: 'copy_file_range', code: 1, count: 1 },
    { unit: 'user@1000.service', comm: 'cp', mechanism: 'copy_file_range', code: 18, count: 2 },
    { unit: 'user@1000.service', comm: 'cp', mechanism: 'copy_file_range', refused: 'cross_device', count: 2 },
    { unit: '', comm: 'cp', mechanism: 'copy_file_range', copied: 'copy_file_range_in_kernel', count: 7 },
    { process: 2, mechanism: 'io_uring_splice', code: 9, count: 2 },
    { process: 2, kind: 'enter_errno', code: 11, count: 5 },
    { comm: 'sh', kind: 'setup_errno', code: 1, count: 1 },
    { process: 2, kind: 'async_work', mechanism: 'io_uring_splice', code: 0, count: 6 },
  ],
  flows: [
    { src: '127.0.0.1', dst: '127.0.0.1', counts: { zerocopy: 10_000, retry: 12, bytes: 2 ** 40 } },
    { src: 'fd00:0:0:0:0:0:0:1', dst: 'fd00:0:0:0:0:0:0:2', counts: { zerocopy: 1, bytes: 512 } },
  ],
  otherFlows: { failed: 2 },
  nonIpFlows: { refused: 3 },
  latencies: [
    { mechanism: 'sendfile', outcome: 'zerocopy', buckets: { 3: 1, 12: 9000, 13: 998, 39: 1 } },
    { mechanism: 'splice', outcome: 'refused', buckets: { 10: 7 } },
    { mechanism: 'tee', outcome: 'failed', buckets: {} },
  ],
  tables: [
    { table: 'processes', entries: 3, capacity: 4096, overflows: 0 },
    { table: 'flows', entries: 1, capacity: 65_536, overflows: 2 },
  ],
  programs: [
    programOf({ name: 'splice_exit', runs: 4, runSeconds: 0.5, missedRuns: 1 }),
    programOf({ name: 'tee_exit', hook: 'tp/syscalls/sys_exit_tee', state: 'unavailable', reason: 'ENOENT' }),
    programOf({ name: 'sendfile_fexit', hook: 'fexit/do_sendfile', state: 'off', reason: 'hooks: tracepoint' }),
  ],
  lost: { events: 4 },
});

const alerts = viewOf({
  statuses: [
    statusOf({ state: 'firing', subject: HOSTILE }),
    statusOf(),
    statusOf({ rule: 'IoUringSubmitEagain', state: 'pending' }),
  ],
  transitions: [{ rule: 'SendfileFallback', kind: 'fired', count: 2 }],
  receivers: { pagerduty: { queued: 1, results: { sent: 2, given_up: 1 } } },
});

const render = async () =>
  new Exporter(build).render(everything, collection, alerts) + (await (await process).metrics());

test('the whole of /metrics', async () => {
  await expect(await render()).toMatchFileSnapshot('golden/metrics.txt');
});

describe('/metrics', () => {
  test('holds every family of the catalogue, with its help, type and labels', async () => {
    const { families, histograms } = parseHistograms(await render());
    const catalogue = [
      ...Object.entries(CATALOGUE).map(([name, metric]) => [PREFIX + name, metric] as const),
      ...Object.entries(PROCESS_CATALOGUE),
    ];
    expect([...families.keys(), ...histograms.keys()].sort()).toEqual(catalogue.map(([name]) => name).sort());
    for (const [name, { help, type, labels }] of catalogue) {
      const family = families.get(name) ?? histograms.get(name);
      expect(family).toMatchObject({ help, type });
      for (const sample of family?.samples ?? []) expect(Object.keys(sample.labels)).toEqual(labels);
    }
  });

  test('breaks no rule of promlint', async () => {
    expect([...parseHistograms(await render()).families.values()].flatMap(promlint)).toEqual([]);
  });

  test('breaks no rule of promtool itself', async () => {
    const { status, error, stdout, stderr } = spawnSync('promtool', ['check', 'metrics'], {
      input: await render(),
      encoding: 'utf8',
    });
    expect(error, 'promtool must be installed: apt install prometheus').toBeUndefined();
    expect(stdout + stderr).toBe('');
    expect(status).toBe(0);
  });

  test('holds all mechanisms with all outcomes and resolutions before the first attempt', () => {
    const families = parseExposition(new Exporter(build).render(snapshotOf(), collection));
    for (const [name, size] of [
      ['attempts_total', OUTCOMES.length],
      ['attempt_bytes_total', 2],
      ['fallbacks_total', EVIDENCE.length],
      ['refusal_resolutions_total', RESOLUTIONS.length],
      ['refusals_pending', 1],
      ['unattributed_attempts_total', 1],
    ] as const) {
      const values = [...seriesOf(families, PREFIX + name).values()];
      expect(values, name).toEqual(new Array(MECHANISMS.length * size).fill(0));
    }
  });

  test('holds nothing else that has not occurred', () => {
    const families = parseExposition(new Exporter(build).render(snapshotOf(), collection));
    for (const name of [
      'errors_total',
      'refusals_total',
      'copies_total',
      'workload_attempts_total',
      'workload_fallbacks_total',
      'workload_errors_total',
      'workload_fallen',
      'flow_attempts_total',
      'flow_bytes_total',
      'program_runs_total',
      'program_run_seconds_total',
      'attempt_duration_seconds',
    ]) {
      expect(families.has(PREFIX + name), name).toBe(false);
    }
  });

  test('tells how refusals ended, and which have not', async () => {
    const { families } = parseHistograms(await render());
    const splice = (name: string) =>
      [...seriesOf(families, PREFIX + name)]
        .map(([labels, value]) => [JSON.parse(labels) as Record<string, string>, value] as const)
        .filter(([{ mechanism }]) => mechanism === 'splice')
        .map(([{ evidence, reason, resolution }, value]) => [evidence ?? reason ?? resolution, value]);
    expect(splice('fallbacks_total')).toEqual([
      ['confirmed', 2],
      ['presumed', 1],
    ]);
    expect(splice('refusals_total')).toEqual([
      ['sink_append', 6],
      ['source_cannot_splice', 1],
    ]);
    expect(splice('refusal_resolutions_total')).toEqual([
      ['cascaded', 1],
      ['confirmed', 2],
      ['presumed', 1],
      ['abandoned', 1],
    ]);
    expect(splice('refusals_pending')).toEqual([[undefined, 2]]);
  });

  test('copies have their reasons', async () => {
    expect([...seriesOf(parseHistograms(await render()).families, 'spillway_copies_total')]).toEqual([
      [JSON.stringify({ mechanism: 'copy_file_range', reason: 'copy_file_range_in_kernel' }), 7],
      [JSON.stringify({ mechanism: 'sendfile', reason: 'loopback' }), 4],
      [JSON.stringify({ mechanism: 'sendfile', reason: 'sink_regular_file' }), 5],
    ]);
  });

  test('shows runs of programs only where the kernel counts them', () => {
    const off = snapshotOf({ programs: [programOf()] });
    const on = snapshotOf({ programs: [programOf(), programOf({ name: 'b', runs: 1 })] });
    const runs = (snapshot: typeof off) =>
      seriesOf(parseExposition(new Exporter(build).render(snapshot, collection)), 'spillway_program_runs_total').size;
    expect([runs(off), runs(on)]).toEqual([0, 2]);
  });

  test('tells 0 for a program that could not be attached and nothing for one that is switched off', async () => {
    const attached = seriesOf(parseHistograms(await render()).families, 'spillway_program_attached');
    expect([...attached.values()]).toEqual([1, 0]);
  });

  test('sums over workloads to all attempts, with any limit', () => {
    for (const workloads of [0, 1, 2, 200]) {
      const text = new Exporter(build, { ...DEFAULT_LIMITS, workloads }).render(everything, collection);
      const { families } = parseHistograms(text);
      const sum = (name: string) =>
        [...seriesOf(families, `spillway_${name}_total`).values()].reduce((a, b) => a + b, 0);
      for (const name of ['attempts', 'fallbacks', 'errors']) {
        expect(sum(`workload_${name}`)).toBe(sum(name));
        expect(sum(name)).toBeGreaterThan(0);
      }
    }
  });

  test('of a failed collection says just that', () => {
    const families = parseExposition(new Exporter(build).renderFailure({ seconds: 2, success: false }));
    expect([...families.values()].map(({ name, samples }) => [name, samples[0]?.value])).toEqual([
      ['spillway_collection_duration_seconds', 2],
      ['spillway_collection_success', 0],
      ['spillway_build_info', 1],
    ]);
  });
});

test('promlint finds what promtool would', () => {
  const text = [
    '# TYPE requests counter\nrequests 1',
    '# HELP a_total x\n# TYPE a_total gauge\na_total 1',
    '# HELP wait_milliseconds x\n# TYPE wait_milliseconds gauge\nwait_milliseconds 1',
    '# HELP wait_ms x\n# TYPE wait_ms gauge\nwait_ms 1',
    '# HELP fill_gauge x\n# TYPE fill_gauge gauge\nfill_gauge 1',
    '# HELP someThing x\n# TYPE someThing gauge\nsomeThing{aLabel="1"} 1',
    '# HELP a:b x\n# TYPE a:b gauge\na:b 1',
    '# HELP x_count x\n# TYPE x_count gauge\nx_count{le="1"} 1',
  ].join('\n');
  const found = [...parseExposition(`${text}\n`).values()].flatMap(promlint);
  expect(found).toEqual([
    'requests: no help text',
    'requests: counters end in _total',
    'a_total: only counters end in _total',
    'wait_milliseconds: not a base unit',
    'wait_ms: abbreviated unit',
    'fill_gauge: type in the name',
    'someThing: camelCase',
    'someThing: label aLabel: camelCase',
    'a:b: colons are for recording rules',
    'x_count: histograms and summaries own _bucket, _sum and _count',
    'x_count: histograms and summaries own le and quantile',
  ]);
});
