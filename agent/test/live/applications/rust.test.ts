/** Rust's std::io::copy: copy_file_range, then sendfile, then read and write. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compare, fileOf, memoryDirectory, verdicts } from '../support/compare.ts';
import { ROOT } from '../support/run.ts';

const SIZE = 1 << 20;
const copy = (...command: string[]) => compare([join(ROOT, 'build/applications/rust-copy'), ...command]);

it('from a file to a file within a filesystem has the kernel copy every byte', async () => {
  const directory = memoryDirectory();
  const { report, stdout } = await copy('file-file', fileOf(SIZE, directory), join(directory, 'copy'));
  expect(stdout).toBe(String(SIZE));
  expect(verdicts(report)).toEqual({ copy_file_range: { 'copied copy_file_range_in_kernel': 1, zerocopy: 1 } });
});

it('across filesystems is refused copy_file_range and takes sendfile, which is no fallback', async () => {
  const source = fileOf(SIZE);
  const sink = join(memoryDirectory(), 'copy');
  const { report } = await copy('file-file', source, sink);
  expect(verdicts(report)).toEqual({
    copy_file_range: { 'refused cross_device': 1, cascaded: 1 },
    sendfile: { 'copied sink_regular_file': 1, zerocopy: 1 },
  });
  expect(readFileSync(sink).equals(readFileSync(source))).toBe(true);
});

it('from a file of /proc, whose size is 0, tries nothing', async () => {
  const sink = join(memoryDirectory(), 'copy');
  expect(verdicts((await copy('file-file', '/proc/self/status', sink)).report)).toEqual({});
  expect(statSync(sink).size).toBeGreaterThan(0);
});

it('from a file to a connection reads and writes, or (until 1.86) sends the file', async () => {
  const { report, stdout } = await copy('file-tcp', fileOf(SIZE));
  expect(stdout).toBe(String(SIZE));
  // Newer libraries hold it for unsound to send pages that may change later.
  expect([{}, { sendfile: { zerocopy: 2 } }]).toContainEqual(verdicts(report));
});
