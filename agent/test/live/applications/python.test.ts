/** Python: shutil.copyfile, socket.sendfile and asyncio's loop.sendfile try sendfile, then read and write. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { compare, fileOf, memoryDirectory, verdicts } from '../support/compare.ts';
import { refusingDirectory } from '../support/refusing.ts';

const SEND = fileURLToPath(new URL('python/send.py', import.meta.url));
const SIZE = 3_000_000;

describe('socket.sendfile', () => {
  it('is sendfile to one flow', async () => {
    const { report, stdout } = await compare(['python3', SEND, 'socket', fileOf(SIZE)]);
    expect(stdout).toBe(String(SIZE));
    // The second one finds the end.
    expect(verdicts(report)).toEqual({ sendfile: { zerocopy: 2 } });
    expect(report.flows).toMatchObject([{ src: '127.0.0.1', dst: '127.0.0.1', proto: 'tcp', bytes: SIZE }]);
  });

  it('is refused by a file that cannot splice, reads and sends', async () => {
    const size = 2 << 20;
    const { report, stdout } = await compare(['python3', SEND, 'socket', join(refusingDirectory(size), 'file')]);
    expect(stdout).toBe(String(size));
    expect(verdicts(report)).toEqual({ sendfile: { 'refused source_cannot_splice': 1, confirmed: 1 } });
  });

  it('tries nothing on a file of /proc, whose size is 0', async () => {
    expect(verdicts((await compare(['python3', SEND, 'socket', '/proc/self/status'])).report)).toEqual({});
  });
});

describe('loop.sendfile', () => {
  it('is sendfile, again and again as the socket takes it', async () => {
    const { report, stdout } = await compare(['python3', SEND, 'asyncio', fileOf(SIZE)]);
    expect(stdout).toBe(String(SIZE));
    // How often the socket was full depends on how fast the other thread read.
    const { zerocopy, retry = 0, ...others } = verdicts(report).sendfile ?? {};
    expect(others).toEqual({});
    expect(retry).toBeGreaterThanOrEqual(0);
    expect(zerocopy).toBeGreaterThanOrEqual(2);
    expect(report.mechanisms.sendfile?.bytes).toBe(SIZE);
  });

  it('is refused by a file that cannot splice; another thread reads, this one sends', async () => {
    const size = 2 << 20;
    const { report, stdout } = await compare(['python3', SEND, 'asyncio', join(refusingDirectory(size), 'file')]);
    expect(stdout).toBe(String(size));
    expect(verdicts(report)).toEqual({ sendfile: { 'refused source_cannot_splice': 1, confirmed: 1 } });
  });
});

describe('shutil.copyfile', () => {
  const copyfile = (source: string, sink: string) =>
    compare(['python3', '-c', 'import shutil, sys; shutil.copyfile(*sys.argv[1:])', source, sink]);

  it('is sendfile between files, which have no flow', async () => {
    const source = fileOf(500_000);
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await copyfile(source, copy);
    expect(verdicts(report).sendfile).toEqual({ 'copied sink_regular_file': 1, zerocopy: 1 });
    expect(report.flows).toEqual([]);
    expect(readFileSync(copy).equals(readFileSync(source))).toBe(true);
  });

  it('of a file of /proc is refused, reads and writes', async () => {
    const copy = join(memoryDirectory(), 'copy');
    const { report } = await copyfile('/proc/self/status', copy);
    expect(verdicts(report).sendfile).toEqual({ 'refused source_cannot_splice': 1, confirmed: 1 });
    expect(statSync(copy).size).toBeGreaterThan(0);
  });
});
