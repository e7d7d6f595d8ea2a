/** Seeing the returns of system calls by fexit instead of at tracepoints, where the kernel allows it, and what is said where it does not. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { i386Executable } from './support/i386.ts';
import { expectNothingLeft } from './support/kernel.ts';
import {
  expectEqual,
  type Observed,
  program,
  run,
  scrape,
  smaller,
  SPILLWAY,
  startDaemon,
  stat,
  temporaryDirectory,
} from './support/run.ts';

const CALLS = ['sendfile64', 'splice', 'tee', 'vmsplice', 'copy_file_range', 'io_uring_enter', 'io_uring_setup'];
const FUNCTION = process.arch === 'arm64' ? '__arm64_sys_' : '__x64_sys_';
const WITHOUT_TRACEFS =
  'umount /sys/kernel/tracing; umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/debug 2>/dev/null; true';

/** Whether this kernel lets functions be traced at all: it then lists these. A kernel that forbids it hides the list. */
const isOffered = ((): boolean => {
  try {
    const functions = readFileSync('/sys/kernel/tracing/available_filter_functions', 'utf8').split('\n');
    return CALLS.every((call) => functions.includes(FUNCTION + call));
  } catch {
    return false;
  }
})();

afterEach(expectNothingLeft);

/** Runs the agent once, in a mount namespace of its own without tracefs. */
const withoutTracefs = (command: string) =>
  run(['unshare', '--mount', 'sh', '-c', `${WITHOUT_TRACEFS}; exec "$0" ${command}`, SPILLWAY]);

/** The two ways to ask for it. */
const ASKED: readonly (readonly [string, () => string[]])[] = [
  ['by the option', () => ['--hooks', 'fexit']],
  [
    'by the configuration',
    () => {
      const file = join(temporaryDirectory(), 'config.yaml');
      writeFileSync(file, 'hooks: fexit\n');
      return ['--config', file];
    },
  ],
];

/** Hooks of the programs that are attached, by program. */
function attached(metrics: string): Record<string, string[]> {
  const hooks: Record<string, string[]> = {};
  for (const [, name = '', hook = ''] of metrics.matchAll(
    /^spillway_program_attached\{program="(.*?)",hook="(.*?)"\} 1$/gm,
  )) {
    (hooks[name] ??= []).push(hook);
  }
  return hooks;
}

it('auto takes the tracepoints where there are any', async () => {
  const { code, stdout } = await run([SPILLWAY, 'run', '--once', '--hooks', 'auto']);
  expect(code).toBe(0);
  expect(attached(stdout).attempt_exit).toEqual([
    'tp/syscalls/sys_exit_{sendfile64,splice,tee,vmsplice,copy_file_range}',
  ]);
});

const whereOffered = (): void => {
  const observe = (command: readonly string[]): Promise<Observed> => stat(command, ['--hooks', 'fexit']);

  it.each(ASKED)(
    'asked for %s, sits on the functions, under the names of the tracepoint programs',
    async (_, flags) => {
      const { code, stdout, stderr } = await run([SPILLWAY, 'run', '--once', ...flags()]);
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
      const hooks = attached(stdout);
      const of = (...calls: string[]) => calls.map((call) => `fexit/${FUNCTION}${call}`);
      expect(hooks.attempt_exit?.sort()).toEqual(of(...CALLS.slice(0, 5)).sort());
      expect(hooks.io_uring_enter_exit).toEqual(of('io_uring_enter'));
      expect(hooks.io_uring_setup_exit).toEqual(of('io_uring_setup'));
      // what costs bystanders is not there
      expect(stdout).not.toContain('tp/syscalls/');
    },
  );

  it('counts the runs of each program, and those that were missed, apart', async () => {
    const daemon = await startDaemon(['--hooks', 'fexit']);
    const samples = await scrape(daemon);
    for (const call of CALLS) {
      const [hook] = [...samples.keys()].filter(
        (series) => series.startsWith('spillway_program_missed_runs_total{') && series.includes(`${FUNCTION}${call}"`),
      );
      expect(hook).toBeDefined();
    }
    expect(await daemon.stop()).toBe(0);
  });

  it.each(['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range'])(
    '%s: counts what happened',
    async (mechanism) => {
      const observed = await observe([program('sequence'), mechanism, '--dir', temporaryDirectory()]);
      expect(observed.witness.mechanisms[mechanism]?.attempts).toBeGreaterThan(10);
      expectEqual(observed);
    },
  );

  it.each(['plain', 'sqpoll', 'async', 'fixed', 'linked', 'errors', 'enter-errors', 'setup-errors'])(
    'rings in mode %s: counts what happened',
    async (mode) => {
      const observed = await observe([program('uring'), mode]);
      expect(
        observed.witness.ioUring.setups.ok + Object.keys(observed.witness.ioUring.setups.errnos).length,
      ).toBeGreaterThan(0);
      expectEqual(observed);
    },
  );

  it('seen and missed are all there was, with many threads on few processors', async () => {
    const each = smaller(1000);
    const { report, witness } = await observe([program('threads'), '64', String(each)]);
    const seen = report.mechanisms.sendfile?.attempts ?? 0;
    expect(witness.mechanisms.sendfile?.attempts).toBe(64 * each);
    expect(seen + report.lost.missedRuns).toBe(64 * each);
  });

  it('is blind to what seccomp answers, which the tracepoint sees', async () => {
    const command = [program('seccomp_errno'), 'all'];
    const seen = await stat(command, ['--hooks', 'tracepoint']);
    expectEqual(seen);
    for (const call of ['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range']) {
      expect(seen.report.mechanisms[call]?.outcomes.denied).toBeGreaterThan(0);
    }
    expect(seen.report.ioUring.enters.calls).toBeGreaterThan(0);
    const { report } = await observe(command);
    expect(report.mechanisms).toEqual({});
    expect(report.ioUring.enters).toEqual({ calls: 0, submitted: 0, errnos: {} });
    expect(report.ioUring.setups).toEqual({ ok: 0, errnos: {} });
  });

  it.runIf(process.arch === 'x64')('does not see the calls of 32-bit programs, as tracepoints do not', async () => {
    // with descriptors -1: sendfile, sendfile64, splice, io_uring_setup, io_uring_enter; then exit(0)
    const call = (number: number) => [
      ...[0xb8, number & 0xff, number >> 8, 0, 0, 0xbb, 0xff, 0xff, 0xff, 0xff],
      ...[0xb9, 0xff, 0xff, 0xff, 0xff, 0x31, 0xd2, 0x31, 0xf6, 0xcd, 0x80],
    ];
    const path = i386Executable([
      ...[187, 239, 313, 425, 426].flatMap(call),
      ...[0xb8, 1, 0, 0, 0, 0x31, 0xdb, 0xcd, 0x80],
    ]);
    for (const hooks of ['tracepoint', 'fexit']) {
      const { report, result } = await stat([path], ['--hooks', hooks]);
      expect(result.code).toBe(0);
      expect(report.mechanisms).toEqual({});
      expect(report.ioUring.setups).toEqual({ ok: 0, errnos: {} });
      expect(report.ioUring.enters.calls).toBe(0);
    }
  });

  it('auto takes it where no tracepoint can be attached, and says so with the reason', async () => {
    const { code, stdout } = await withoutTracefs('run --once');
    expect(code).toBe(0);
    expect(attached(stdout).attempt_exit).toHaveLength(5);
    const doctor = await withoutTracefs('doctor -o json');
    expect(doctor.code).toBe(3);
    const { findings } = JSON.parse(doctor.stdout) as { findings: { name: string; state: string; detail: string }[] };
    const finding = findings.find(({ name }) => name === `probe attempt_exit fexit/${FUNCTION}tee`);
    expect(finding?.state).toBe('degraded');
    expect(finding?.detail).toMatch(
      /in place of the tracepoint, and blind to what seccomp denies: tracefs is not mounted/,
    );
  });

  it('tracepoint is taken at its word: without tracefs nothing is watched', async () => {
    const { code, stderr } = await withoutTracefs('run --once --hooks tracepoint');
    expect(code).toBe(69);
    expect(stderr).toContain('mount -t tracefs');
  });
};

const whereRefused = (): void => {
  const REFUSED =
    /hooks: fexit: no system call can be watched this way \((?:E\w+): .+\): set hooks to auto or tracepoint/;

  it.each(ASKED)('asked for %s, is not replaced by anything: exit 69, and what to set', async (_, flags) => {
    const { code, stdout, stderr } = await run([SPILLWAY, 'run', '--once', ...flags()]);
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
    expect(stderr).toMatch(REFUSED);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });

  it('stat says the same, and does not run the command', async () => {
    const { code, stdout, stderr } = await run([SPILLWAY, 'stat', '--hooks', 'fexit', '--', 'echo', 'it ran']);
    expect({ code, stdout }).toEqual({ code: 69, stdout: '' });
    expect(stderr).toMatch(REFUSED);
  });

  it('doctor says it too', async () => {
    const { code, stdout, stderr } = await run([SPILLWAY, 'doctor', '--hooks', 'fexit', '-o', 'json']);
    expect({ code, stderr }).toEqual({ code: 3, stderr: '' });
    const { findings } = JSON.parse(stdout) as { findings: { name: string; state: string; detail: string }[] };
    expect(findings.find(({ name }) => name === 'probes')?.detail).toMatch(REFUSED);
  });

  it('auto, where it cannot help either, says what stands in the way of the tracepoints', async () => {
    const { code, stderr } = await withoutTracefs('run --once --hooks auto');
    expect(code).toBe(69);
    expect(stderr).toMatch(
      /^spillway: error: tracefs is not mounted.*mount -t tracefs tracefs \/sys\/kernel\/tracing.*\n$/,
    );
  });
};

if (isOffered) describe('fexit, on a kernel that has it', whereOffered);
else describe('fexit, on a kernel that refuses it', whereRefused);
