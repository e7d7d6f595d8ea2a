/** Known sequences of calls, each compared number for number with what the program saw itself. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { agentsAttached, until } from './support/kernel.ts';
import {
  expectEqual,
  flowSet,
  knownMechanisms,
  type MechanismReport,
  processSet,
  program,
  type Report,
  ROOT,
  run,
  smaller,
  SPILLWAY,
  stat,
  temporaryDirectory,
} from './support/run.ts';

describe.each(['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range'])('%s', (mechanism) => {
  it('is timed, if wanted, as often as it is counted', async () => {
    const { report } = await stat([program('sequence'), mechanism, '--dir', temporaryDirectory()], ['--latency']);
    const { outcomes = {}, latency = {} } = report.mechanisms[mechanism] ?? {};
    const timed = Object.fromEntries(Object.entries(latency).map(([outcome, { count }]) => [outcome, count]));
    expect(outcomes.zerocopy).toBeGreaterThan(0);
    expect(timed).toEqual(Object.fromEntries(Object.entries(outcomes).filter(([, count]) => count > 0)));
  });

  it('is counted by outcome, errno, bytes and flow as it happened', async () => {
    const observed = await stat([program('sequence'), mechanism, '--dir', temporaryDirectory()]);
    expect(Object.keys(observed.witness.mechanisms)).toContain(mechanism);
    expect(Object.keys(observed.witness.mechanisms[mechanism]?.errnos ?? {}).length).toBeGreaterThan(2);
    expectEqual(observed);
  });
});

it('every errno of every mechanism is told apart, also those that seccomp answers in the kernel’s place', async () => {
  const observed = await stat([program('seccomp_errno'), 'all']);
  expect(Object.keys(observed.witness.mechanisms.splice?.errnos ?? {})).toHaveLength(133);
  expectEqual(observed);
});

it('io_uring_enter answering -EAGAIN is counted apart from completions', async () => {
  const observed = await stat([program('seccomp_errno'), 'io_uring_enter', 'EAGAIN', '400']);
  expect(observed.report.ioUring.enters).toEqual({ calls: 400, submitted: 0, errnos: { EAGAIN: 400 } });
  expectEqual(observed);
});

describe('rings', () => {
  const modes = ['plain', 'sqpoll', 'async', 'fixed', 'sqpoll-fixed', 'defer', 'threads', 'linked', 'errors'];
  it.each([...modes, 'enter-errors', 'setup-errors', 'seccomp'])('in mode %s belong to their process', async (mode) => {
    const observed = await stat([program('uring'), mode]);
    expectEqual(observed);
    expect(observed.report.processes.map(({ comm }) => comm)).toEqual(['uring']);
  });

  it('whose completion queue is full say so', async () => {
    const { report, witness } = await stat([program('uring'), 'overflow']);
    expect(report.ioUring.cqOverflows).toBe(witness.ioUring.cqOverflows);
    expect(report.ioUring.cqOverflows).toBeGreaterThan(0);
  });
});

it('64 threads on one flow lose nothing', async () => {
  const each = smaller(1000);
  const observed = await stat([program('threads'), '64', String(each)]);
  expect(observed.report.mechanisms.sendfile?.attempts).toBe(64 * each);
  expectEqual(observed);
});

it('two CPUs that race for new keys end with one slot and no lost count', async () => {
  expectEqual(await stat([program('flows'), String(smaller(20_000)), '2', '--race']));
});

it('IPv6 and v4-mapped flows are told apart from each other', async () => {
  expectEqual(await stat([program('flows'), '300', '2', '--mapped']));
  expectEqual(await stat([program('flows'), '1', '50', '--ipv6']));
});

describe('more keys than a table holds', () => {
  it('keeps the sums exact and says how many counts had no slot', async () => {
    const { report, witness } = await stat([program('flows'), '1500', '2'], ['--flows', '1000']);
    expect(report.mechanisms).toEqual(witness.mechanisms);
    const other = report.flows.find(({ src }) => src === 'other');
    expect(report.lost.overflow).toBe(1000);
    expect(other?.attempts).toBe(1000);
    expect(report.flows.reduce((sum, { attempts }) => sum + attempts, 0)).toBe(3000);
  });

  it('holds for 65,536 flows by default, and no more', async () => {
    const { report, witness } = await stat([program('flows'), '70000', '1']);
    expect(report.mechanisms).toEqual(witness.mechanisms);
    expect(report.lost.overflow).toBe(70_000 - 65_536);
    expect(report.flows.filter(({ src }) => src !== 'other')).toHaveLength(65_536);
  });

  it('holds for processes', async () => {
    const { report, witness } = await stat(
      [program('children'), '200', '--kind', 'plain', '--parallel', '50'],
      ['--processes', '8'],
    );
    const all = Object.values(witness.mechanisms).reduce((sum, { attempts }) => sum + attempts, 0);
    const named = report.processes.reduce((sum, { attempts }) => sum + attempts, 0);
    expect(named).toBeLessThan(all);
    // each attempt without a place is told once
    expect(report.lost.overflow).toBe(all - named);
    expect(report.mechanisms).toEqual(witness.mechanisms);
    expect(flowSet(report.flows)).toEqual(flowSet(witness.flows));
  });
});

describe('descendants', () => {
  const kinds = ['plain', 'nested', 'threads', 'exec', 'vfork', 'daemon', 'leaderless', 'thread-exec'];
  it.each(kinds)('of kind %s are counted to the last attempt', async (kind) => {
    const observed = await stat([program('children'), '100', '--kind', kind]);
    expectEqual(observed);
    expect(processSet(observed.report.processes)).toEqual(processSet(observed.witness.processes));
  });

  it('whose threads race for the slot of their process end with one row each', async () => {
    const observed = await stat([program('children'), String(smaller(1000)), '--kind', 'threads']);
    expectEqual(observed);
    expect(processSet(observed.report.processes)).toEqual(processSet(observed.witness.processes));
  });

  it('of which ten thousand come and go are counted, each by itself', async () => {
    const count = smaller(10_000);
    const observed = await stat([program('children'), String(count), '--kind', 'plain']);
    expectEqual(observed);
    expect(observed.report.processes).toHaveLength(count);
  });
});

it('descriptors that other threads close and reuse in mid-call change no total', async () => {
  const { report, witness } = await stat([program('fdrace')]);
  // which files a call had is nobody's to say: a copy is told from none by them, and a refusal from a caller's mistake
  const certain = ({ attempts, bytes, errnos, outcomes }: MechanismReport) => ({
    ...{ attempts, bytes, errnos, retry: outcomes.retry, denied: outcomes.denied },
    moved: (outcomes.zerocopy ?? 0) + (outcomes.copied ?? 0),
    not: (outcomes.refused ?? 0) + (outcomes.failed ?? 0),
  });
  for (const [mechanism, told] of Object.entries(knownMechanisms(report, witness))) {
    expect(certain(told)).toEqual(certain(witness.mechanisms[mechanism] as MechanismReport));
  }
});

it('a comm of hostile bytes is shown without harm', async () => {
  const { report, witness } = await stat([
    program('comm'),
    Buffer.from('a"}\n\\{\xff\xfe', 'latin1').toString('hex'),
    '3',
  ]);
  expect(report.mechanisms).toEqual(witness.mechanisms);
  expect(report.processes[0]?.comm).toBe('a"}\n\\{\ufffd\ufffd');
});

it('a pid that is reused begins a new row each time', async () => {
  const { report } = await stat(['python3', join(ROOT, 'agent/test/live/support/reuse-pid.py')]);
  expect(new Set(report.processes.map(({ pid }) => pid)).size).toBe(1);
  expect(report.processes.map(({ attempts }) => attempts)).toEqual([5, 4, 3, 2, 1]);
});

it('seen and missed are all there was, also while others keep the kernel busy with map calls', async () => {
  // on preemptible kernels a task preempted inside a bpf() map call makes the kernel skip programs on its CPU
  const busy = spawn('sh', ['-c', 'while :; do bpftool map dump name flow_index; done >/dev/null 2>&1'], {
    detached: true,
  });
  try {
    const each = smaller(2000);
    const { report, witness } = await stat([program('threads'), '64', String(each)]);
    const seen = report.mechanisms.sendfile?.attempts ?? 0;
    expect(seen + report.lost.missedRuns).toBe(witness.mechanisms.sendfile?.attempts);
    expect(witness.mechanisms.sendfile?.attempts).toBe(64 * each);
  } finally {
    process.kill(-(busy.pid ?? 0), 'SIGKILL');
  }
});

it('a process that is watched by its pid is watched with the children it has and those to come', async () => {
  const directory = temporaryDirectory();
  const gate = join(directory, 'gate');
  const file = join(directory, 'report.json');
  // the loop is the child of a shell; each cp is its child and forked later
  const script = `(while [ ! -e ${gate} ]; do sleep 0.05; done; for i in 1 2 3; do cp /proc/self/status /dev/null; done) & wait`;
  const shell = spawn('sh', ['-c', script], { stdio: 'ignore' });
  const watched = run([SPILLWAY, 'stat', '-p', String(shell.pid), '-o', 'json', '--file', file]);
  try {
    await until(() => agentsAttached() === 1);
    await new Promise((resolve) => setTimeout(resolve, 1000));
  } finally {
    // whatever happens: without it both would be there for ever
    writeFileSync(gate, '');
  }
  // it ends by itself, because the watched process does
  expect(await watched).toMatchObject({ code: 0, stderr: '' });
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  expect(report.processes.filter(({ comm }) => comm === 'cp')).toHaveLength(3);
});

it('a process that is marked again while it attempts keeps its one row', async () => {
  const file = join(temporaryDirectory(), 'report.json');
  const busy = spawn(program('busy'), ['60'], { stdio: 'ignore' });
  try {
    const pid = String(busy.pid);
    const twenty = Array.from({ length: 20 }, () => pid).join(',');
    await run([SPILLWAY, 'stat', '-p', twenty, '-d', '500ms', '-o', 'json', '--file', file]);
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
    expect(report.processes).toHaveLength(1);
    expect(report.processes[0]?.attempts).toBe(report.mechanisms.sendfile?.attempts);
  } finally {
    busy.kill('SIGKILL');
  }
});
