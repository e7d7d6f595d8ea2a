/** Node's fs.copyFile (libuv): copy_file_range, then sendfile, then read and write. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compare, fileOf, memoryDirectory, verdicts } from '../support/compare.ts';

const SIZE = 1 << 20;
/** Once in the main thread, once in one of libuv's. */
const SCRIPT = `
  const fs = require('node:fs');
  const [source, sink] = process.argv.slice(1);
  fs.copyFileSync(source, sink);
  fs.copyFile(source, sink, (error) => { if (error) throw error; });
`;

const copy = (source: string, sink: string) => compare([process.execPath, '-e', SCRIPT, source, sink]);

it('within a filesystem has the kernel copy every byte', async () => {
  const directory = memoryDirectory();
  const { report } = await copy(fileOf(SIZE, directory), join(directory, 'copy'));
  // libuv asks for the size that it knows, and not for the end behind it
  expect(verdicts(report)).toEqual({ copy_file_range: { 'copied copy_file_range_in_kernel': 2 } });
});

it('across filesystems is refused copy_file_range and takes sendfile, which is no fallback', async () => {
  const source = fileOf(SIZE);
  const sink = join(memoryDirectory(), 'copy');
  const { report } = await copy(source, sink);
  expect(verdicts(report)).toEqual({
    copy_file_range: { 'refused cross_device': 2, cascaded: 2 },
    sendfile: { 'copied sink_regular_file': 2 },
  });
  expect(readFileSync(sink).equals(readFileSync(source))).toBe(true);
});
