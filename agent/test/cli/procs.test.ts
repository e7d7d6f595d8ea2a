import { expect, it } from 'vitest';
import { MECHANISMS } from '../../src/abi/layout.ts';
import { type ProcessOrder, renderProcessList, selectProcesses } from '../../src/cli/render/procs.ts';
import { widthOf } from '../../src/model/text.ts';
import { processOf } from './summaries.ts';

const nginx = processOf({
  pid: 812,
  comm: 'nginx',
  unit: 'nginx.service',
  attempts: 12_000,
  outcomes: { zerocopy: 9000, retry: 3000 },
  mechanisms: { splice: 3, sendfile: 11_997 },
});
const cp = processOf({
  pid: 4711,
  attempts: 3,
  outcomes: { refused: 3 },
  mechanisms: { copy_file_range: 3 },
  fallbacks: 3,
  fallen: ['copy_file_range'],
});
const mariadb = processOf({ pid: 99, comm: 'mariadbd', attempts: 0, fallen: ['io_uring_setup'] });
const samba = processOf({ pid: 5, comm: 'smbd', fallen: ['splice', 'sendfile', 'io_uring_setup'] });
const cat = processOf({
  pid: 4712,
  comm: 'cat',
  attempts: 3,
  outcomes: { zerocopy: 2, refused: 1 },
  mechanisms: { splice: 3 },
  fallbacks: 1,
});
const all = [cat, mariadb, cp, nginx];

it('a line for each process, with its state', () => {
  expect(renderProcessList([...all, samba])).toEqual([
    'PID   COMM      UNIT           ATTEMPTS  ZEROCOPY%  FALLBACKS  MECHANISM        STATE',
    '4712  cat       -              3         67         1          splice           ok',
    '99    mariadbd  -              0         -          0          -                fell back: rings',
    '4711  cp        -              3         0          3          copy_file_range  fell back: copy_file_range',
    '812   nginx     nginx.service  12000     75         0          sendfile +1      ok',
    '5     smbd      -              1         0          0          -                fell back: splice +2',
  ]);
});

it.each([
  [0, 1000, '0'],
  [1, 1000, '<1'],
  [500, 1000, '50'],
  [999, 1000, '>99'],
  [1000, 1000, '100'],
])('%d of %d attempts without a copy are %s percent', (zerocopy, attempts, share) => {
  const [, line = ''] = renderProcessList([
    processOf({ attempts, outcomes: { zerocopy, copied: attempts - zerocopy } }),
  ]);
  expect(line.split(/ +/)[4]).toBe(share);
});

it.each<[ProcessOrder, number[]]>([
  ['attempts', [812, 4711, 4712, 99]],
  ['fallbacks', [4711, 4712, 812, 99]],
  ['pid', [99, 812, 4711, 4712]],
  ['comm', [4712, 4711, 99, 812]],
])('sorted by %s', (sort, pids) => {
  const options = { sort, limit: Infinity, fallen: false };
  expect(selectProcesses(all, options).map(({ pid }) => pid)).toEqual(pids);
  expect(selectProcesses(all.toReversed(), options).map(({ pid }) => pid)).toEqual(pids);
});

it('cut to a number, and to those that fell back and have not worked since', () => {
  expect(selectProcesses(all, { sort: 'attempts', limit: 2, fallen: false })).toEqual([nginx, cp]);
  expect(selectProcesses(all, { sort: 'attempts', limit: 9, fallen: true })).toEqual([cp, mariadb]);
});

it('names of others neither reach the terminal nor stretch the table', () => {
  const comm = '漢\u001b[2J\n\u202e'.repeat(9);
  const lines = renderProcessList([
    processOf({ comm, unit: comm, attempts: 10 ** 9, fallbacks: 10 ** 9, fallen: [...MECHANISMS] }),
  ]);
  expect(lines.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(120);
});
