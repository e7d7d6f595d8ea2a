import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { tar } from '../../src/bugreport/tar.ts';

const MEMBERS = [
  { name: 'README.txt', text: 'hello\n' },
  { name: 'daemon/empty.txt', text: '' },
  { name: 'daemon/block.txt', text: 'x'.repeat(512) },
  { name: 'more.txt', text: 'ü'.repeat(1000) },
];
const archive = tar(MEMBERS, 86_400.9);

it('tar lists it: for the owner only, of root, at this time', () => {
  const list = execFileSync('tar', ['--list', '--verbose', '--numeric-owner', '--utc', '--full-time', '-f', '-'], {
    input: archive,
    encoding: 'utf8',
  });
  expect(list.split('\n').map((line) => line.replace(/\s+/g, ' '))).toEqual([
    '-rw------- 0/0 6 1970-01-02 00:00:00 README.txt',
    '-rw------- 0/0 0 1970-01-02 00:00:00 daemon/empty.txt',
    '-rw------- 0/0 512 1970-01-02 00:00:00 daemon/block.txt',
    '-rw------- 0/0 2000 1970-01-02 00:00:00 more.txt',
    '',
  ]);
});

it('tar gives back what was put in, and finds the end', () => {
  for (const { name, text } of MEMBERS) {
    const found = execFileSync('tar', ['--extract', '--to-stdout', '-f', '-', name], {
      input: archive,
      encoding: 'utf8',
    });
    expect(found).toBe(text);
  }
  expect(archive.length % 512).toBe(0);
  expect(archive.subarray(-1024).every((byte) => byte === 0)).toBe(true);
});

it('a name that has no place in a header is refused', () => {
  for (const name of ['', 'a b', 'ü', 'x'.repeat(100)]) expect(() => tar([{ name, text: '' }], 0)).toThrow('no name');
});
