/** Files that sendfile and splice refuse although they have a size and can be read. */
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { temporaryDirectory } from './run.ts';

/**
 * A directory with the file `file` of so many bytes (a multiple of 2 MiB), all 0, in hugetlbfs: its files have
 * no splice_read, unlike those of /proc they have a size (servers send nothing of a file that has none), and a hole
 * needs no huge page.
 */
export function refusingDirectory(size: number): string {
  const directory = temporaryDirectory();
  execFileSync('mount', ['-t', 'hugetlbfs', '-o', 'pagesize=2M', 'none', directory]);
  onTestFinished(() => {
    execFileSync('umount', ['--lazy', directory]);
  });
  const file = join(directory, 'file');
  writeFileSync(file, '');
  truncateSync(file, size);
  return directory;
}
