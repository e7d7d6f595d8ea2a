/** What goes wrong is said with the next step, ends with the exit code of the contract, and leaves nothing behind. */
import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { expectNothingLeft } from './support/kernel.ts';
import { ROOT, run, SPILLWAY, startDaemon, temporaryDirectory } from './support/run.ts';

const OBJECT = join(ROOT, 'build/bpf/spillway.bpf.o');

afterEach(expectNothingLeft);

describe('a host that lacks something', () => {
  /** Runs the agent in a mount namespace of its own that was changed first. */
  const inNamespace = (change: string, options = '') =>
    run(['unshare', '--mount', 'sh', '-c', `${change}; exec "$0" run --once ${options}`, SPILLWAY]);

  it('BTF: exit 69 and what kernel to run', async () => {
    const { code, stderr } = await inNamespace('mount -t tmpfs none /sys/kernel/btf');
    expect(code).toBe(69);
    expect(stderr).toMatch(/\/sys\/kernel\/btf\/vmlinux is missing.*run a kernel built with CONFIG_DEBUG_INFO_BTF=y/);
  });

  it('tracefs: exit 69 and the command that mounts it', async () => {
    const { code, stderr } = await inNamespace(
      'umount /sys/kernel/tracing; umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/debug 2>/dev/null; true',
      '--hooks tracepoint',
    );
    expect(code).toBe(69);
    expect(stderr).toContain('mount -t tracefs tracefs /sys/kernel/tracing');
  });

  it('one tracepoint: the others count, and it is said which is missing and why', async () => {
    const hide =
      'umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/debug 2>/dev/null; ' +
      'mount -t tmpfs none /sys/kernel/tracing/events/io_uring';
    const { code, stdout, stderr } = await inNamespace(hide);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    const attached = (program: string) =>
      new RegExp(`^spillway_program_attached\\{program="${program}",.*\\} (\\d)$`, 'm').exec(stdout)?.[1];
    expect(attached('io_uring_completion')).toBe('0');
    expect(attached('attempt_exit')).toBe('1');
  });

  it('one of the tracepoints of a program: it counts at the others, and the metrics name both', async () => {
    const hide =
      'umount /sys/kernel/debug/tracing 2>/dev/null; umount /sys/kernel/debug 2>/dev/null; ' +
      'mount -t tmpfs none /sys/kernel/tracing/events/syscalls/sys_exit_tee';
    const { code, stdout } = await inNamespace(hide);
    expect(code).toBe(0);
    expect(
      stdout.split('\n').filter((line) => line.startsWith('spillway_program_attached{program="attempt_exit"')),
    ).toEqual([
      'spillway_program_attached{program="attempt_exit",hook="tp/syscalls/sys_exit_tee"} 0',
      'spillway_program_attached{program="attempt_exit",hook="tp/syscalls/sys_exit_{sendfile64,splice,vmsplice,copy_file_range}"} 1',
    ]);
  });

  it('privilege: exit 77 and which', async () => {
    const { code, stderr } = await run([
      'setpriv',
      '--bounding-set=-all',
      '--inh-caps=-all',
      SPILLWAY,
      'run',
      '--once',
    ]);
    expect(code).toBe(77);
    expect(stderr).toMatch(/lacks CAP_BPF, CAP_PERFMON, CAP_DAC_READ_SEARCH.*run as root, e\.g\. with sudo/);
  });
});

describe('a build that is not whole', () => {
  const once = (env: NodeJS.ProcessEnv) => run([SPILLWAY, 'run', '--once'], { env });

  it('without the object', async () => {
    const directory = temporaryDirectory();
    const file = join(directory, 'object.o');
    const { code, stderr } = await once({ SPILLWAY_OBJECT: file });
    expect(code).toBe(1);
    expect(stderr).toContain('build it with: make bpf');
  });

  it.each([
    ['garbage', (_: Buffer) => Buffer.from('#!/bin/sh\n')],
    ['half of it', (elf: Buffer) => elf.subarray(0, elf.length / 2)],
    ['nothing', () => Buffer.alloc(0)],
  ])('with %s for an object', async (_, broken) => {
    const file = join(temporaryDirectory(), 'object.o');
    writeFileSync(file, broken(readFileSync(OBJECT)));
    const { code, stderr } = await once({ SPILLWAY_OBJECT: file });
    expect(code).toBe(1);
    expect(stderr).toMatch(/is not spillway's BPF object \(.+\): rebuild it with: make bpf/);
  });

  it('with an object of another layout: both layouts', async () => {
    const elf = readFileSync(OBJECT);
    elf.write('stara_time', elf.indexOf('\0start_time\0') + 1);
    const file = join(temporaryDirectory(), 'object.o');
    writeFileSync(file, elf);
    const { code, stderr } = await once({ SPILLWAY_OBJECT: file });
    expect(code).toBe(1);
    expect(stderr).toMatch(/disagree on the layout of the tables: rebuild both with: make build/);
    expect(stderr).toMatch(/^.*object [0-9a-f]{16}: .*stara_time/m);
    expect(stderr).toMatch(/^.*agent {2}[0-9a-f]{16}: .*start_time/m);
  });

  it('without the native binding', async () => {
    const { code, stderr } = await once({ SPILLWAY_BINDING: '/nowhere/spillway.node' });
    expect(code).toBe(1);
    expect(stderr).toContain('build it with: make build');
  });
});

describe('a second agent', () => {
  it('finds the port in use, says so, and leaves the first one alone', async () => {
    const daemon = await startDaemon();
    const address = daemon.url.replace('http://', '');
    const { code, stderr } = await run([SPILLWAY, 'run', '--web.listen-address', address]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/EADDRINUSE.*listen elsewhere/);
    expect((await fetch(`${daemon.url}/-/ready`)).status).toBe(200);
    expect(await daemon.stop()).toBe(0);
  });
});

describe('Ctrl-C', () => {
  it('at any moment of the start leaves nothing attached', async () => {
    for (let delay = 0; delay <= 700; delay += 50) {
      const child = spawn(SPILLWAY, ['run', '--web.listen-address', '127.0.0.1:21079'], { stdio: 'ignore' });
      await new Promise((resolve) => setTimeout(resolve, delay));
      child.kill('SIGINT');
      const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
        child.once('exit', (...how) => resolve(how)),
      );
      // before Node runs our first line, the signal kills; afterwards it is an orderly end
      expect(signal ?? code).toSatisfy((how) => how === 0 || how === 'SIGINT');
    }
    await expectNothingLeft();
  });

  it('during stat reports what was counted until then', async () => {
    const child = spawn(SPILLWAY, ['stat', '-o', 'json'], { stdio: ['ignore', 'pipe', 'inherit'] });
    let stdout = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    await new Promise((resolve) => setTimeout(resolve, 3000));
    child.kill('SIGINT');
    expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ schema: 'spillway.stat/1', command: [], exitCode: null });
  });
});

describe('a wrong command line', () => {
  it.each([
    [['--bogus']],
    [['nonsense']],
    [['stat', '-p', 'abc']],
    [['stat', '-p', '1', '--', 'true']],
    [['stat', '-d', '10 parsecs']],
    [['stat', '-o', 'xml', '--', 'true']],
    [['run', '--flows', '0']],
    [['run', '--web.listen-address', '10190']],
    [['snapshot', '-a', '[::1:1']],
  ])('%j ends with 2 and a word of help', async (flags) => {
    const { code, stderr, stdout } = await run([SPILLWAY, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/error: /);
    expect(stdout).toBe('');
  });

  it('a process that is not there is named', async () => {
    expect(await run([SPILLWAY, 'stat', '-p', '4194304'])).toMatchObject({
      code: 1,
      stderr: 'spillway: error: there is no process 4194304\n',
    });
  });

  it('a daemon that is not there is said to be so, with two ways on', async () => {
    const { code, stderr } = await run([SPILLWAY, 'snapshot', '-a', '127.0.0.1:9']);
    expect(code).toBe(1);
    expect(stderr).toMatch(/start one with: spillway run, or look without one: spillway snapshot --duration 10s/);
  });
});

it('a reader that goes away early ends us quietly', async () => {
  const { code, stderr } = await run(['bash', '-c', `"$0" --help | true; exit "\${PIPESTATUS[0]}"`, SPILLWAY]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
});
