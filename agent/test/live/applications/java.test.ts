/** Java's FileChannel.transferTo: sendfile (until 19), copy_file_range before it (from 20 on), then mmap and write. */
import { readFileSync, statSync } from 'node:fs';
import { arch } from 'node:process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, fileOf, memoryDirectory, verdicts } from '../support/compare.ts';
import { transfer } from '../support/java.ts';

const SIZE = 1 << 20;
const TIMES = 20;
// There is no runtime of 17 for arm64 that we could pin.
describe.runIf(arch === 'x64')('Java 17', () => {
  it('from a file to a connection is sendfile', async () => {
    const { report, stdout } = await compare(transfer(17, 'file-tcp', fileOf(SIZE), String(TIMES)));
    expect(stdout).toBe(String(SIZE * TIMES));
    expect(verdicts(report)).toEqual({ sendfile: { zerocopy: TIMES } });
  });

  it('from a file to a file is sendfile, which copies', async () => {
    const { report } = await compare(
      transfer(17, 'file-file', fileOf(SIZE), join(memoryDirectory(), 'copy'), String(TIMES)),
    );
    expect(verdicts(report)).toEqual({ sendfile: { 'copied sink_regular_file': TIMES } });
  });

  it('to a file that is appended to is refused, maps the source and writes, and remembers it', async () => {
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await compare(transfer(17, 'file-append', fileOf(SIZE), copy, String(TIMES)));
    expect(statSync(copy).size).toBe(SIZE * TIMES);
    // Having been refused a file once, it tries no other one.
    expect(verdicts(report)).toEqual({ sendfile: { 'refused sink_append': 1, confirmed: 1 } });
    expect(report.processes).toMatchObject([{ fallbacks: 1, fallen: ['sendfile'] }]);
  });
});

describe('Java 25', () => {
  it('from a file to a connection is refused copy_file_range on every transfer, which is no fallback', async () => {
    const { report, stdout } = await compare(transfer(25, 'file-tcp', fileOf(SIZE), String(TIMES)));
    expect(stdout).toBe(String(SIZE * TIMES));
    expect(verdicts(report)).toEqual({
      copy_file_range: { 'refused not_regular': TIMES, cascaded: TIMES },
      sendfile: { zerocopy: TIMES },
    });
    expect(report.processes).toMatchObject([{ fallbacks: 0 }]);
  });

  it('across filesystems is refused copy_file_range on every transfer, which is no fallback', async () => {
    const source = fileOf(SIZE);
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await compare(transfer(25, 'file-file', source, copy, String(TIMES)));
    expect(verdicts(report)).toEqual({
      copy_file_range: { 'refused cross_device': TIMES, cascaded: TIMES },
      sendfile: { 'copied sink_regular_file': TIMES },
    });
    expect(report.processes).toMatchObject([{ fallbacks: 0 }]);
    expect(readFileSync(copy).length).toBe(SIZE * TIMES);
  });

  it('within a filesystem has the kernel copy every byte', async () => {
    const directory = memoryDirectory();
    const { report } = await compare(
      transfer(25, 'file-file', fileOf(SIZE, directory), join(directory, 'copy'), String(TIMES)),
    );
    expect(verdicts(report)).toEqual({ copy_file_range: { 'copied copy_file_range_in_kernel': TIMES } });
  });

  it('to a file that is appended to tries nothing', async () => {
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await compare(transfer(25, 'file-append', fileOf(SIZE), copy, String(TIMES)));
    expect(statSync(copy).size).toBe(SIZE * TIMES);
    expect(verdicts(report)).toEqual({});
  });
});
