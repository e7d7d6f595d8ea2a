import { expect, it } from 'vitest';
import { type FlowOrder, renderFlowList, selectFlows } from '../../src/cli/render/flows.ts';
import { selectProcesses } from '../../src/cli/render/procs.ts';
import type { FlowSummary } from '../../src/model/summary.ts';
import { processOf } from './summaries.ts';

const web: FlowSummary = {
  ...{ src: '10.0.0.1', dst: '10.0.0.7', proto: 'tcp', attempts: 1514, bytes: 1_288_490_188 },
  outcomes: { zerocopy: 1204, retry: 310 },
};
const six: FlowSummary = {
  ...{ src: '2001:db8:85a3:8d3:1319:8a2e:370:7348', dst: '::1', proto: 'udp', attempts: 3, bytes: 30 },
  outcomes: { copied: 3 },
};
const local: FlowSummary = { src: '', dst: '', proto: 'other', attempts: 3, bytes: 90, outcomes: { zerocopy: 3 } };
const all = [six, local, web];

it('a line for each flow', () => {
  expect(renderFlowList([web, six, local])).toEqual([
    'SRC                                   DST       PROTO   ATTEMPTS  ZEROCOPY%  COPIED  RETRY  BYTES',
    '10.0.0.1                              10.0.0.7  tcp     1514      80         0       310    1.2 GiB',
    '2001:db8:85a3:8d3:1319:8a2e:370:7348  ::1       udp     3         0          3       0      30 B',
    '-                                     -         not IP  3         100        0       0      90 B',
  ]);
});

it.each<[FlowOrder, FlowSummary[]]>([
  ['attempts', [web, local, six]],
  ['bytes', [web, local, six]],
  ['copied', [six, web, local]],
  ['src', [local, web, six]],
  ['dst', [local, web, six]],
])('sorted by %s', (sort, expected) => {
  expect(selectFlows(all, { sort, limit: Infinity })).toEqual(expected);
  expect(selectFlows(all.toReversed(), { sort, limit: Infinity })).toEqual(expected);
});

it('cut to a number, and to those that contain a text', () => {
  const select = (filter: string, limit = 9) => selectFlows(all, { sort: 'attempts', limit, filter });
  expect(select('', 2)).toEqual([web, local]);
  expect(select('0.0.7')).toEqual([web]);
  expect(select('2001:DB8')).toEqual([six]);
  expect(select('UDP')).toEqual([six]);
  expect(select('no such')).toEqual([]);
});

it('processes that contain a text in their name, unit or pid', () => {
  const nginx = processOf({ pid: 812, comm: 'nginx', unit: 'web.service' });
  const cp = processOf({ pid: 4711, fallen: ['splice'] });
  const select = (filter: string, fallen = false) =>
    selectProcesses([nginx, cp], { sort: 'pid', limit: 9, filter, fallen });
  expect(select('NGI')).toEqual([nginx]);
  expect(select('Web.')).toEqual([nginx]);
  expect(select('471')).toEqual([cp]);
  expect(select('1')).toEqual([nginx, cp]);
  expect(select('1', true)).toEqual([cp]);
});
