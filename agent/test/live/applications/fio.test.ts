/** fio: the splice engine, and io_uring. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { compare, memoryDirectory, verdicts } from '../support/compare.ts';
import { temporaryDirectory } from '../support/run.ts';

/** 64 blocks of 64 KiB. */
const job = (engine: string, directory: string, ...more: string[]): string[] => [
  'fio',
  '--name=test',
  `--ioengine=${engine}`,
  `--directory=${directory}`,
  '--size=4m',
  '--bs=64k',
  // A block in pages of its own fills a pipe, and is one call.
  '--iomem_align=4096',
  '--output-format=json',
  `--output=${join(temporaryDirectory(), 'fio.json')}`,
  ...more,
];

it('that writes with the splice engine maps its buffer into a pipe and splices that to the file, which copies', async () => {
  const { report } = await compare(job('splice', memoryDirectory(), '--rw=write'));
  expect(verdicts(report)).toEqual({ splice: { 'copied sink_regular_file': 64 }, vmsplice: { zerocopy: 64 } });
});

it('that reads with the splice engine splices the file to a pipe, and has that copied to its buffer', async () => {
  const { report } = await compare(job('splice', memoryDirectory(), '--rw=read'));
  const { splice, vmsplice: { failed = 0, ...vmsplice } = {} } = verdicts(report);
  expect({ splice, vmsplice }).toEqual({ splice: { zerocopy: 64 }, vmsplice: { 'copied vmsplice_to_user': 64 } });
  // fio 3.33 begins with an address that it cannot write to, and is told so.
  expect(report.mechanisms.vmsplice?.errnos).toEqual(failed === 0 ? {} : { EFAULT: failed });
});

it('with the io_uring engine enters its ring and attempts no zero-copy', async () => {
  const { report } = await compare(job('io_uring', temporaryDirectory(), '--rw=randread', '--iodepth=8'));
  expect(report.ioUring.setups.ok).toBeGreaterThan(0);
  expect(report.ioUring.enters.submitted).toBeGreaterThanOrEqual(64);
  expect(verdicts(report)).toEqual({});
});
