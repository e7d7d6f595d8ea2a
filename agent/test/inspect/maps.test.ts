import { expect, it } from 'vitest';
import { mappedFilesOf } from '../../src/inspect/maps.ts';

const line = (start: string, end: string, permissions: string, inode: number, path = '', device = '08:01') =>
  `${start}-${end} ${permissions} 00000000 ${device} ${String(inode)}                        ${path}\n`;

it('all mappings of a file are one; shared files first, then the largest', () => {
  const text =
    line('00400000', '00401000', 'r--p', 7, '/srv/small') +
    line('7f0000000000', '7f0000003000', 'rw-p', 8, '/srv/large') +
    line('7f0000010000', '7f0000011000', 'r--p', 9, '/srv/both') +
    line('7f0000011000', '7f0000012000', 'rw-s', 9, '/srv/both') +
    line('7f0000012000', '7f0000013000', 'r--p', 9, '/srv/both');
  expect(mappedFilesOf(text)).toEqual([
    { name: '/srv/both', deleted: false, shared: true, bytes: 12288, range: '7f0000010000-7f0000011000' },
    { name: '/srv/large', deleted: false, shared: false, bytes: 12288, range: '7f0000000000-7f0000003000' },
    { name: '/srv/small', deleted: false, shared: false, bytes: 4096, range: '400000-401000' },
  ]);
});

it('programs and libraries are left out as a whole, and what is no file', () => {
  const text =
    line('1000', '2000', 'r--p', 7, '/usr/lib/libc.so.6') +
    line('2000', '3000', 'r-xp', 7, '/usr/lib/libc.so.6') +
    line('3000', '4000', 'rw-p', 7, '/usr/lib/libc.so.6') +
    line('3000', '4000', 'rw-p', 0) +
    line('4000', '5000', 'rw-p', 0, '[heap]') +
    line('5000', '6000', 'rw-s', 11, 'anon_inode:[io_uring]') +
    line('6000', '7000', 'rw-s', 12, '/dev/zero (deleted)', '00:01') +
    line('7000', '8000', 'rw-s', 13, '/SYSV0000000f (deleted)', '00:01') +
    line('8000', '9000', 'rw-s', 14, '/[aio] (deleted)', '00:11');
  expect(mappedFilesOf(text)).toEqual([]);
});

it('files of one name are two, and a deleted one says so', () => {
  const text =
    line('1000', '2000', 'r--s', 7, '/srv/a b (deleted)') +
    line('2000', '4000', 'r--s', 8, '/srv/a b') +
    line('4000', '7000', 'r--s', 8, '/srv/a b', '08:02');
  expect(mappedFilesOf(text).map(({ name, deleted, bytes }) => [name, deleted, bytes])).toEqual([
    ['/srv/a b', false, 12288],
    ['/srv/a b', false, 8192],
    ['/srv/a b', true, 4096],
  ]);
});
