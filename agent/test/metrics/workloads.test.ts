import { describe, expect, test } from 'vitest';
import { MAX_LABEL_LENGTH, TextWriter } from '../../src/metrics/text.ts';
import { WorkloadSeries } from '../../src/metrics/workloads.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { snapshotOf } from '../support/snapshots.ts';

function scrape(series: WorkloadSeries, snapshot: Snapshot) {
  const writer = new TextWriter();
  series.write(writer, snapshot);
  const families = parseExposition(writer.text);
  const read = (name: string) =>
    [...seriesOf(families, `spillway_workload_${name}`)].map(([labels, value]) => {
      const { unit, comm, ...others } = JSON.parse(labels) as Record<string, string>;
      const workload = unit === '' || unit === comm ? comm : `${String(unit)}/${String(comm)}`;
      return [workload, ...Object.values(others), value].join(' ');
    });
  return {
    attempts: read('attempts_total'),
    fallbacks: read('fallbacks_total'),
    errors: read('errors_total'),
    fallen: read('fallen'),
  };
}

const process = (comm: string, zerocopy: number, unit = '') => ({
  pid: 1,
  unit,
  comm,
  counters: { sendfile: { zerocopy } },
});

describe('workloads', () => {
  test('are the processes of one program, live and departed', () => {
    const { attempts } = scrape(
      new WorkloadSeries({ workloads: 2, idleSeconds: 60 }),
      snapshotOf({
        processes: [process('nginx', 3), process('cp', 1), process('nginx', 4)],
        departed: { nginx: { sendfile: { zerocopy: 10 }, splice: { refused: 1 } }, cat: { tee: { copied: 9 } } },
      }),
    );
    expect(attempts).toEqual([
      'nginx sendfile zerocopy 17',
      'nginx splice refused 1',
      'cat tee copied 9',
      'other sendfile zerocopy 1',
    ]);
  });

  test('are told apart by unit and by comm, live and departed', () => {
    const { attempts } = scrape(
      new WorkloadSeries({ workloads: 9, idleSeconds: 60 }),
      snapshotOf({
        processes: [process('nginx', 30, 'a.service'), process('nginx', 20, 'b.service'), process('nginx', 10)],
        departed: [
          { unit: 'a.service', comm: 'nginx', counters: { sendfile: { zerocopy: 1 } } },
          { unit: 'b.service', comm: 'cp', counters: { sendfile: { zerocopy: 2 } } },
          { unit: '', comm: 'nginx', counters: { sendfile: { zerocopy: 3 } } },
        ],
      }),
    );
    expect(attempts).toEqual([
      'a.service/nginx sendfile zerocopy 31',
      'b.service/nginx sendfile zerocopy 20',
      'nginx sendfile zerocopy 13',
      'b.service/cp sendfile zerocopy 2',
    ]);
  });

  test('what has no place is under unit and comm other', () => {
    const writer = new TextWriter();
    const series = new WorkloadSeries({ workloads: 0, idleSeconds: 60 });
    series.write(writer, snapshotOf({ processes: [process('cp', 1, 'a.service')] }));
    expect(writer.text).toContain('{unit="other",comm="other",mechanism="sendfile",outcome="zerocopy"} 1\n');
  });

  test('names of which the same beginning is shown are one series', () => {
    const unit = 'x'.repeat(MAX_LABEL_LENGTH);
    const { attempts, fallen } = scrape(
      new WorkloadSeries({ workloads: 9, idleSeconds: 60 }),
      snapshotOf({
        processes: [
          { ...process('cp', 1, `${unit}1`), fallen: ['tee'] },
          { ...process('cp', 2, `${unit}2`), fallen: ['tee'] },
        ],
      }),
    );
    expect(attempts).toEqual([`${unit}/cp sendfile zerocopy 3`]);
    expect(fallen).toEqual([`${unit}/cp tee 2`]);
  });

  test('have their fallbacks, by mechanism and evidence; those of nobody are under other', () => {
    const { fallbacks } = scrape(
      new WorkloadSeries({ workloads: 2, idleSeconds: 60 }),
      snapshotOf({
        processes: [
          {
            pid: 1,
            unit: 'a.service',
            comm: 'java',
            counters: {
              sendfile: { zerocopy: 9 },
              copy_file_range: { refused: 90, cascaded: 40, confirmed: 30, presumed: 11, abandoned: 5 },
            },
          },
        ],
        departed: [
          { unit: 'a.service', comm: 'java', counters: { copy_file_range: { refused: 6, confirmed: 6 } } },
          { unit: 'a.service', comm: 'cp', counters: { io_uring_recv_zc: { refused: 7, presumed: 7 } } },
          { unit: 'b.service', comm: 'cp', counters: { sendfile: { refused: 1, confirmed: 1 } } },
        ],
        unattributed: { sendfile: { refused: 2, confirmed: 2 } },
        overflow: { sendfile: { refused: 4, confirmed: 4 } },
      }),
    );
    expect(fallbacks).toEqual([
      'a.service/java copy_file_range confirmed 36',
      'a.service/java copy_file_range presumed 11',
      'a.service/cp io_uring_recv_zc presumed 7',
      'other sendfile confirmed 7',
    ]);
  });

  test('show how many of their live processes fell back and stay so', () => {
    const series = new WorkloadSeries({ workloads: 2, idleSeconds: 60 });
    const { fallen } = scrape(
      series,
      snapshotOf({
        processes: [
          { ...process('smbd', 30, 'smbd.service'), fallen: ['sendfile', 'io_uring_recv_zc'] },
          { ...process('smbd', 20, 'smbd.service'), fallen: ['sendfile'] },
          { ...process('smbd', 10, 'smbd.service') },
          { ...process('smbd', 10, 'smbd.service'), fallen: ['sendfile'], endedAt: 5e9 },
          { ...process('node', 10, 'smbd.service'), fallen: ['io_uring_setup'] },
          { ...process('cp', 1), fallen: ['tee'] },
          { ...process('', 0), fallen: ['tee'] },
          { ...process('other', 90, 'a.service'), fallen: ['tee'] },
        ],
      }),
    );
    expect(fallen).toEqual([
      'smbd.service/smbd sendfile 2',
      'smbd.service/smbd io_uring_recv_zc 1',
      'smbd.service/node io_uring_setup 1',
      'other tee 3',
    ]);
    expect(scrape(series, snapshotOf({ processes: [process('smbd', 30, 'smbd.service')] })).fallen).toEqual([]);
  });

  test('one whose unit gets known later has its count once', () => {
    const series = new WorkloadSeries({ workloads: 3, idleSeconds: 60 });
    scrape(series, snapshotOf({ processes: [process('cp', 10)] }));
    expect(scrape(series, snapshotOf({ processes: [process('cp', 12, 'a.service')] })).attempts).toEqual([
      'cp sendfile zerocopy 10',
      'a.service/cp sendfile zerocopy 2',
    ]);
  });

  test('have their errors, also of departed processes; the errors of nobody are under other', () => {
    const { errors } = scrape(
      new WorkloadSeries({ workloads: 1, idleSeconds: 60 }),
      snapshotOf({
        processes: [process('nginx', 3), process('cp', 1)],
        causes: [
          { comm: 'nginx', process: 0, code: 11, count: 2 },
          { comm: 'nginx', process: null, code: 11, count: 3 },
          { comm: 'cp', process: 1, code: 22, count: 4 },
          { comm: '', process: null, code: 22, count: 5 },
          { comm: 'nginx', process: 0, code: 4000, count: 1, mechanism: 'tee' },
          { comm: 'nginx', process: 0, code: 4001, count: 1, mechanism: 'tee' },
          { comm: 'nginx', process: 0, code: 11, count: 99, kind: 'enter_errno' },
        ],
      }),
    );
    expect(errors).toEqual(['nginx sendfile EAGAIN 5', 'nginx tee other 2', 'other sendfile EINVAL 9']);
  });

  test('one that first fails after others have got their places keeps its place and gains a series', () => {
    const series = new WorkloadSeries({ workloads: 1, idleSeconds: 60 });
    scrape(series, snapshotOf({ processes: [process('nginx', 3)] }));
    const { errors } = scrape(
      series,
      snapshotOf({ processes: [process('nginx', 3)], causes: [{ comm: 'nginx', process: 0, code: 32, count: 1 }] }),
    );
    expect(errors).toEqual(['nginx sendfile EPIPE 1']);
  });

  test('nobody can pass for the rest, and the nameless get no place', () => {
    const { attempts } = scrape(
      new WorkloadSeries({ workloads: 2, idleSeconds: 60 }),
      snapshotOf({
        processes: [
          process('other', 25),
          process('other', 5, 'a.service'),
          process('', 20, 'b.service'),
          process('cp', 1),
        ],
        unattributed: { sendfile: { zerocopy: 5 } },
        overflow: { sendfile: { zerocopy: 6 } },
      }),
    );
    expect(attempts).toEqual(['cp sendfile zerocopy 1', 'other sendfile zerocopy 61']);
  });

  test('hostile names are escaped and stay apart', () => {
    const names = ['a"b', 'a\\"b', 'a\nb', '}{', 'a,b="c', '\ufffd\ufffd', 'a|b'];
    const { attempts } = scrape(
      new WorkloadSeries({ workloads: 9, idleSeconds: 60 }),
      snapshotOf({ processes: names.map((comm, i) => process(comm, 10 - i, `"\\\n${comm}`)) }),
    );
    expect(attempts).toEqual(names.map((comm, i) => `"\\\n${comm}/${comm} sendfile zerocopy ${String(10 - i)}`));
  });

  test('pairs whose names would be one when joined stay apart', () => {
    const pairs = ['|a|', 'a||', '||a', ' a ', '\0a\0', '\0\0a'].flatMap((text) =>
      [0, 1, 2, 3].map((at) => [text.slice(0, at), text.slice(at)] as const),
    );
    const named = pairs.filter(([, comm]) => comm !== '');
    const { attempts } = scrape(
      new WorkloadSeries({ workloads: 99, idleSeconds: 60 }),
      snapshotOf({ processes: named.map(([unit, comm], i) => process(comm, 99 - i, unit)) }),
    );
    expect(attempts.map((line) => line.split(' ').at(-1))).toEqual(named.map((_, i) => String(99 - i)));
  });

  test('a process whose counts go on under no name takes nothing from others', () => {
    const series = new WorkloadSeries({ workloads: 2, idleSeconds: 60 });
    scrape(series, snapshotOf({ processes: [process('cp', 10), process('cp', 5)] }));
    const { attempts } = scrape(
      series,
      snapshotOf({ processes: [process('cp', 5)], departed: { '': { sendfile: { zerocopy: 12 } } } }),
    );
    expect(attempts).toEqual(['cp sendfile zerocopy 15', 'other sendfile zerocopy 2']);
  });
});
