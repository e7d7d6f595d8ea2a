/** What `spillway stat` does besides counting. */
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { run, stat, temporaryDirectory } from './support/run.ts';

describe('the exit status', () => {
  it('is that of the command', async () => {
    const { report, result } = await stat(['sh', '-c', 'exit 7']);
    expect([report.exitCode, result.code]).toEqual([7, 7]);
  });

  it('is 128 and the signal that killed it', async () => {
    expect((await stat(['sh', '-c', 'kill -KILL $$'])).result.code).toBe(137);
  });

  it('is 127 for a command that is not there and 126 for one that cannot be run', async () => {
    expect((await stat(['/no/such/command'])).result).toMatchObject({
      code: 127,
      stderr: expect.stringContaining('ENOENT') as string,
    });
    const file = join(temporaryDirectory(), 'data');
    copyFileSync('/etc/passwd', file);
    expect((await stat([file])).result).toMatchObject({
      code: 126,
      stderr: expect.stringContaining('EACCES') as string,
    });
  });
});

it('a table for people tells the same', async () => {
  const { stdout, code } = await run(['bin/spillway', 'stat', '--', 'sh', '-c', 'cp /proc/self/stat /dev/null']);
  expect(code).toBe(0);
  expect(stdout).toMatch(/exited with 0 after \d+\.\d\d s\n\ncopy_file_range: fell back: 1 of 1 attempt refused/);
  expect(stdout).toMatch(/cp \(\d+\), on character device \/dev\/null/);
  expect(stdout).toMatch(/\ncomm +pid +attempts +fallbacks\ncp +\d+ +1 +1\n/);
});
