/** Go's io.Copy: sendfile, copy_file_range and splice, then read and write. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, fileOf, memoryDirectory, verdicts } from '../support/compare.ts';
import { refusingDirectory } from '../support/refusing.ts';
import { ROOT } from '../support/run.ts';

const SIZE = 1 << 20;
const command = (...args: string[]) => [join(ROOT, 'build/applications/go-copy'), ...args];
const copy = (...args: string[]) => compare(command(...args));

describe('from a file to a file', () => {
  it('within a filesystem has the kernel copy every byte', async () => {
    const directory = memoryDirectory();
    const { report, stdout } = await copy('file-file', fileOf(SIZE, directory), join(directory, 'copy'));
    expect(stdout).toBe(String(SIZE));
    expect(verdicts(report)).toEqual({ copy_file_range: { 'copied copy_file_range_in_kernel': 1, zerocopy: 1 } });
  });

  it('across filesystems is refused, reads and writes', async () => {
    const source = fileOf(SIZE);
    const sink = join(memoryDirectory(), 'copy');
    const { report } = await copy('file-file', source, sink);
    expect(verdicts(report)).toEqual({ copy_file_range: { 'refused cross_device': 1, confirmed: 1 } });
    expect(readFileSync(sink).equals(readFileSync(source))).toBe(true);
  });
});

describe('from a file to a connection', () => {
  it('is sendfile', async () => {
    const { report, stdout } = await copy('file-tcp', fileOf(SIZE));
    expect(stdout).toBe(String(SIZE));
    // How often the socket was full, and into how many calls that cut the file, depends on how fast the peer read.
    const { zerocopy, retry, ...others } = verdicts(report).sendfile ?? {};
    expect(others).toEqual({});
    expect([zerocopy, (zerocopy ?? 0) + (retry ?? 0)]).toEqual([
      expect.any(Number),
      report.mechanisms.sendfile?.attempts,
    ]);
    expect(report.mechanisms.sendfile?.bytes).toBe(SIZE);
    expect(report.flows).toMatchObject([{ proto: 'tcp', bytes: SIZE }]);
  });

  // From 1.22 on the file is asked to write itself, then the connection to read from it: two refusals, one fallback.
  it.each([
    ['of /proc', () => '/proc/self/status'],
    ['that cannot splice', () => join(refusingDirectory(2 << 20), 'file')],
  ])('%s is refused, reads and writes: one fallback', async (_, source) => {
    const { report, stdout } = await copy('file-tcp', source());
    expect(Number(stdout)).toBeGreaterThan(0);
    const refused = report.mechanisms.sendfile?.attempts ?? 0;
    expect([1, 2]).toContain(refused);
    expect(verdicts(report)).toEqual({
      sendfile: {
        'refused source_cannot_splice': refused,
        ...(refused > 1 && { cascaded: refused - 1 }),
        confirmed: 1,
      },
    });
  });

  it('is one fallback at most wherever the goroutine goes on', async () => {
    // In another thread than the one that was refused, if the scheduler likes: what it does there is not held against
    // that refusal, which then ends with its thread. So of one transfer there is never more than one fallback.
    const { report } = await compare(['env', 'FREE=1', ...command('file-tcp', '/proc/self/status')]);
    const { cascaded = 0, confirmed = 0, presumed = 0, abandoned = 0 } = verdicts(report).sendfile ?? {};
    expect(confirmed + presumed).toBeLessThanOrEqual(1);
    expect(confirmed + presumed + abandoned).toBeGreaterThanOrEqual(1);
    expect(cascaded + confirmed + presumed + abandoned).toBe(report.mechanisms.sendfile?.attempts);
  });
});

it('from a connection to a connection is splice through a pipe', async () => {
  const { report, stdout } = await copy('tcp-tcp', String(SIZE));
  expect(stdout).toBe(String(SIZE));
  // Into how many pieces the stream is cut, and how often there was nothing to read, depends on the sender.
  const { zerocopy = 0, retry = 0, ...others } = verdicts(report).splice ?? {};
  expect(others).toEqual({});
  expect(zerocopy + retry).toBe(report.mechanisms.splice?.attempts);
  expect(report.mechanisms.splice?.bytes).toBe(2 * SIZE);
});
