import { describe, expect, test } from 'vitest';
import { TextWriter } from '../../src/metrics/text.ts';
import { WorkloadSeries } from '../../src/metrics/workloads.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { snapshotOf } from '../support/snapshots.ts';

function scrape(series: WorkloadSeries, snapshot: Snapshot) {
  const writer = new TextWriter();
  series.write(writer, snapshot);
  const families = parseExposition(writer.text);
  const read = (name: string) =>
    [...seriesOf(families, `spillway_workload_${name}_total`)].map(([labels, value]) => {
      const { unit, comm, mechanism, outcome, errno } = JSON.parse(labels) as Record<string, string>;
      expect(unit).toBe('');
      return `${comm ?? ''} ${mechanism ?? ''} ${outcome ?? errno ?? ''} ${String(value)}`;
    });
  return { attempts: read('attempts'), errors: read('errors') };
}

const process = (comm: string, zerocopy: number) => ({ pid: 1, comm, counters: { sendfile: { zerocopy } } });

describe('workloads', () => {
  test('are the processes of one name, live and departed', () => {
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
        processes: [process('other', 30), process('', 20), process('cp', 1)],
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
      snapshotOf({ processes: names.map((comm, i) => process(comm, 10 - i)) }),
    );
    expect(attempts).toEqual(names.map((comm, i) => `${comm} sendfile zerocopy ${String(10 - i)}`));
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
