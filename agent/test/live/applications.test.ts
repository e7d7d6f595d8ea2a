/** Real programs, with strace and their own logs as witnesses. */
import { copyFileSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Report, run, stat, temporaryDirectory } from './support/run.ts';
import { type Traced, underStrace } from './support/strace.ts';

/** Every system call that strace saw is in the report with its errno and its bytes, and none besides. */
function expectSame(report: Report, seen: Record<string, Traced>): void {
  for (const mechanism of ['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range']) {
    const { attempts, bytes, errnos } = report.mechanisms[mechanism] ?? { attempts: 0, bytes: 0, errnos: {} };
    const traced = seen[mechanism] ?? { calls: 0, sum: 0, errnos: {} };
    expect({ mechanism, calls: attempts, sum: bytes, errnos }).toEqual({ mechanism, ...traced });
  }
  const { calls, submitted, errnos } = report.ioUring.enters;
  expect({ calls, sum: submitted, errnos }).toEqual(seen.io_uring_enter ?? { calls: 0, sum: 0, errnos: {} });
}

/** Runs a command under strace under `spillway stat` and holds both against each other. */
async function compare(command: readonly string[]): Promise<Report> {
  const traced = underStrace(command);
  const { report, result } = await stat(traced.command);
  expect(result.stderr).toBe('');
  expect(report.exitCode).toBe(0);
  expectSame(report, traced.seen());
  return report;
}

/** A file of `size` bytes that are no hole. */
function fileOf(size: number, directory: string): string {
  const file = join(directory, `source-${String(size)}`);
  writeFileSync(file, Buffer.alloc(size, 'spillway'));
  return file;
}

describe('cp', () => {
  it('across filesystems tries copy_file_range, is refused and reads and writes', async () => {
    const source = fileOf(1 << 20, temporaryDirectory());
    const report = await compare(['cp', source, join(temporaryDirectory('/dev/shm'), 'copy')]);
    expect(report.mechanisms.copy_file_range).toMatchObject({
      bytes: 0,
      outcomes: { refused: 1 },
      errnos: { EXDEV: 1 },
    });
  });

  it('within a filesystem moves every byte by copy_file_range', async () => {
    const directory = temporaryDirectory();
    const report = await compare(['cp', fileOf(1 << 20, directory), join(directory, 'copy')]);
    expect(report.mechanisms.copy_file_range).toMatchObject({ bytes: 1 << 20, errnos: {} });
  });
});

describe('Python', () => {
  const script = `
import shutil, socket, sys, threading
server = socket.create_server(('127.0.0.1', 0))
def drain():
    peer, _ = server.accept()
    while peer.recv(65536): pass
thread = threading.Thread(target=drain); thread.start()
with socket.create_connection(server.getsockname()) as client, open(sys.argv[1], 'rb') as file:
    client.sendfile(file)
thread.join()
`;

  it('socket.sendfile is sendfile to one flow', async () => {
    const size = 3_000_000;
    const report = await compare(['python3', '-c', script, fileOf(size, temporaryDirectory())]);
    expect(report.mechanisms.sendfile?.bytes).toBe(size);
    expect(report.flows).toMatchObject([{ src: '127.0.0.1', dst: '127.0.0.1', proto: 'tcp', bytes: size }]);
  });

  it('shutil.copyfile is sendfile between files, which have no flow', async () => {
    const directory = temporaryDirectory();
    const source = fileOf(500_000, directory);
    const copy = join(directory, 'copy');
    const report = await compare(['python3', '-c', 'import shutil, sys; shutil.copyfile(*sys.argv[1:])', source, copy]);
    expect(report.mechanisms.sendfile?.bytes).toBe(500_000);
    expect(report.flows).toEqual([]);
    expect(readFileSync(copy).equals(readFileSync(source))).toBe(true);
  });
});

describe('fio', () => {
  const job = (engine: string, directory: string, ...more: string[]) => [
    'fio',
    '--name=test',
    `--ioengine=${engine}`,
    `--directory=${directory}`,
    '--size=4m',
    '--bs=64k',
    '--output-format=json',
    `--output=${join(directory, 'fio.json')}`,
    ...more,
  ];

  it('with the splice engine splices every block', async () => {
    const report = await compare(job('splice', temporaryDirectory(), '--rw=write'));
    expect(report.mechanisms.splice?.attempts).toBeGreaterThanOrEqual(64);
  });

  it('with the io_uring engine enters its ring and attempts no zero-copy', async () => {
    const directory = temporaryDirectory();
    const report = await compare(job('io_uring', directory, '--rw=randread', '--iodepth=8'));
    expect(report.ioUring.setups.ok).toBeGreaterThan(0);
    expect(report.ioUring.enters.submitted).toBeGreaterThanOrEqual(64);
    expect(report.mechanisms).toEqual({});
  });
});

it('cat reports what it did in a pipeline, the shell and its children included', async () => {
  const source = fileOf(200_000, temporaryDirectory());
  const copy = join(temporaryDirectory(), 'copy');
  await compare(['sh', '-c', `cat ${source} | cat > ${copy} && cp ${copy} ${copy}2`]);
  expect(statSync(copy).size).toBe(200_000);
});

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
  expect(stdout).toMatch(/exited with 0 after \d+\.\d\d s\n\nmechanism +attempts +zerocopy +copied/);
  expect(stdout).toMatch(/\ncomm +pid +attempts\ncp +\d+ +\d+\n/);
});
