/** What `doctor` says of this host, and of this host with something taken away. */
import { spawn } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it, onTestFinished } from 'vitest';
import { i386Executable } from './support/i386.ts';
import { expectNothingLeft } from './support/kernel.ts';
import { run, SPILLWAY, stat, temporaryDirectory } from './support/run.ts';

interface Report {
  readonly schema: string;
  readonly findings: readonly { name: string; state: string; detail: string; remedy: string }[];
}

afterEach(expectNothingLeft);

/** By name: state and detail. */
async function doctor(
  ...before: string[]
): Promise<{ code: number; all: Report['findings']; of: (name: string) => Report['findings'][number] | undefined }> {
  const { code, stdout, stderr } = await run([...before, SPILLWAY, 'doctor', '-o', 'json']);
  expect(stderr).toBe('');
  const report = JSON.parse(stdout) as Report;
  expect(report.schema).toBe('spillway.doctor/1');
  const all = report.findings;
  return { code, all, of: (name) => all.find((finding) => finding.name === name) };
}

/** The probes whose tracepoints this kernel does not have: so it is on Linux 6.1. */
const LACKING = existsSync('/sys/kernel/tracing/events/io_uring/io_uring_submit_req') ? [] : ['probe time_request'];

it('finds nothing wrong with this host but what its kernel lacks, and has tried every probe', async () => {
  const result = await run([SPILLWAY, 'doctor']);
  const [code, conclusion] =
    LACKING.length === 0
      ? [0, 'this host can be observed in full']
      : [3, 'this host can be observed, but for what 1 line above tells'];
  expect(result.stdout.trimEnd().split('\n').at(-1)).toBe(conclusion);
  expect(result.code).toBe(code);
  const { all, of } = await doctor();
  expect(all.filter(({ state }) => state !== 'ok').map(({ name }) => name)).toEqual(LACKING);
  for (const probe of ['attempt_exit', 'io_uring_completion', 'evidence_exit', 'time_call', 'process_exit']) {
    expect(of(`probe ${probe}`)?.state).toBe('ok');
  }
});

it('without tracefs: says so, with the command that mounts it, and that nothing can be counted', async () => {
  const hide =
    'umount /sys/kernel/tracing; umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/debug 2>/dev/null';
  const { code, of } = await doctor('unshare', '--mount', 'sh', '-c', `${hide}; exec "$0" "$@" --hooks tracepoint`);
  expect(code).toBe(3);
  expect(of('tracefs')?.state).toBe('missing');
  expect(of('tracefs')?.remedy).toContain('mount -t tracefs');
  expect(of('probes')?.state).toBe('missing');
});

it('without privileges: which, and the rest of the host all the same', async () => {
  const { code, of } = await doctor('setpriv', '--bounding-set=-all', '--inh-caps=-all');
  expect(code).toBe(3);
  // Debian's kernels ask perf_event_open for one more
  const paranoid = Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8')) >= 3 ? ', CAP_SYS_ADMIN' : '';
  expect(of('privilege')?.detail).toBe(`this process lacks CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH${paranoid}`);
  expect(of('types')?.state).toBe('ok');
  expect(of('probes')?.state).toBe('missing');
});

it('in a pid namespace of its own: what that costs', async () => {
  const { code, of } = await doctor('unshare', '--pid', '--fork', '--mount-proc');
  expect(code).toBe(3);
  expect(of('processes')?.state).toBe('degraded');
  expect(of('processes')?.remedy).toContain('hostPID');
});

describe.runIf(process.arch === 'x64')('a 32-bit program', () => {
  it('sends a file that nobody sees', async () => {
    const directory = temporaryDirectory();
    const [source, sink] = [join(directory, 'source'), join(directory, 'sink')];
    writeFileSync(source, 'sixteen bytes...');
    // sendfile64(1, 0, NULL, 16); exit(0)
    const path = i386Executable([
      0xb8, 239, 0, 0, 0, 0xbb, 1, 0, 0, 0, 0x31, 0xc9, 0x31, 0xd2, 0xbe, 16, 0, 0, 0, 0xcd, 0x80,
      0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80,
    ]); // prettier-ignore
    const { report } = await stat(['sh', '-c', `"$0" <"$1" >"$2"`, path, source, sink]);
    expect(readFileSync(sink, 'utf8')).toBe('sixteen bytes...');
    expect(report.mechanisms).toEqual({});
  });

  it('is named while it runs', async () => {
    // for (;;) pause()
    const child = spawn(i386Executable([0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7]), [], { stdio: 'ignore' });
    onTestFinished(() => void child.kill('SIGKILL'));
    const { code, of } = await doctor();
    expect(code).toBe(3);
    expect(of('32-bit programs')?.state).toBe('degraded');
    expect(of('32-bit programs')?.detail).toContain(`i386 (${String(child.pid)})`);
  });
});
