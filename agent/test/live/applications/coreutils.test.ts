/** cp and cat: copy_file_range, and read and write where it is refused. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { compare, fileOf, memoryDirectory, verdicts } from '../support/compare.ts';

const SIZE = 1 << 20;
/** The shell becomes cat, so that no other process is in the report. */
const cat = (redirected: string): string[] => ['sh', '-c', `exec cat ${redirected}`];

/** A copy that the kernel made, then the end of the file. */
const COPIED_IN_KERNEL = { 'copied copy_file_range_in_kernel': 1, zerocopy: 1 };

const WAYS: [string, (source: string, sink: string) => string[]][] = [
  ['cp', (source, sink) => ['cp', source, sink]],
  ['cat', (source, sink) => cat(`${source} > ${sink}`)],
];

describe.each(WAYS)('%s', (_, command) => {
  it('within a filesystem has the kernel copy every byte', async () => {
    const directory = memoryDirectory();
    const { report } = await compare(command(fileOf(SIZE, directory), join(directory, 'copy')));
    expect(verdicts(report)).toEqual({ copy_file_range: COPIED_IN_KERNEL });
    expect(report.mechanisms.copy_file_range?.bytes).toBe(SIZE);
  });

  it('across filesystems is refused, reads and writes', async () => {
    const source = fileOf(SIZE);
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await compare(command(source, copy));
    expect(verdicts(report)).toEqual({ copy_file_range: { 'refused cross_device': 1, confirmed: 1 } });
    expect(readFileSync(copy).equals(readFileSync(source))).toBe(true);
  });
});

it('cp of a file of /proc is refused, reads and writes', async () => {
  const copy = join(memoryDirectory(), 'copy');
  const { report } = await compare(['cp', '/proc/self/status', copy]);
  expect(verdicts(report)).toEqual({ copy_file_range: { 'refused cross_device': 1, confirmed: 1 } });
  expect(statSync(copy).size).toBeGreaterThan(0);
});

describe('cat', () => {
  it('that appends is refused with EBADF, reads and writes', async () => {
    const directory = memoryDirectory();
    const { report } = await compare(cat(`${fileOf(SIZE, directory)} >> ${join(directory, 'copy')}`));
    expect(report.mechanisms.copy_file_range?.errnos).toEqual({ EBADF: 1 });
    expect(verdicts(report)).toEqual({ copy_file_range: { 'refused sink_append': 1, confirmed: 1 } });
  });

  it('within /proc gets 0 bytes of a file whose size is 0, reads and writes', async () => {
    // What is written becomes the name of cat itself, and hurts nobody.
    const { report } = await compare(cat('/proc/sys/kernel/ostype > /proc/self/comm'));
    expect(verdicts(report)).toEqual({ copy_file_range: { 'refused zero_size_source': 1, confirmed: 1 } });
  });

  it('of an empty file is at its end, not refused', async () => {
    const directory = memoryDirectory();
    const { report } = await compare(cat(`${fileOf(0, directory)} > ${join(directory, 'copy')}`));
    expect(verdicts(report)).toEqual({ copy_file_range: { zerocopy: 1 } });
  });

  it('in a pipeline is reported with the shell and its children', async () => {
    const source = fileOf(200_000, memoryDirectory());
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await compare(['sh', '-c', `cat ${source} | cat > ${copy} && cp ${copy} ${copy}2`]);
    expect(statSync(copy).size).toBe(200_000);
    // Only files on both ends are tried, which the pipe is not.
    expect(verdicts(report)).toEqual({ copy_file_range: COPIED_IN_KERNEL });
  });
});
