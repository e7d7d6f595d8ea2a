import { describe, expect, it } from 'vitest';
import type { BpfObject, Link, Program } from '../../../native/lib/index.ts';
import { attachAll, hiddenRuns } from '../../src/kernel/attach.ts';
import { type HookKind, leftOut, toldName } from '../../src/kernel/hooks.ts';
import { SpillwayError } from '../../src/model/errors.ts';
import { programOf } from '../support/snapshots.ts';

const SECTIONS: Readonly<Record<string, string>> = {
  // before the one at the tracepoint: the order of the object decides nothing
  attempt_return: 'kretprobe.multi/__x64_sys_sendfile64',
  attempt_exit: 'tp/syscalls/sys_exit_sendfile64',
  sendfile_fexit: 'fexit/__x64_sys_sendfile64',
  splice_fexit: 'fexit/__x64_sys_splice',
  io_uring_completion: 'tp/io_uring/io_uring_complete',
  io_uring_enter_exit: 'tp/syscalls/sys_exit_io_uring_enter',
  enter_fexit: 'fexit/__x64_sys_io_uring_enter',
  io_uring_enter_return: 'kretprobe.multi/__x64_sys_io_uring_enter',
  process_exit: 'tp_btf/sched_process_exit',
  process_exit_mm: 'kprobe.multi/exit_mm_release',
};

/** An object whose programs attach, but for those named in `failing`. */
function objectOf(failing: readonly string[] = []): BpfObject {
  const link: Link = { close: () => undefined, pin: () => undefined };
  const program = (name: string) => ({
    name,
    section: SECTIONS[name] ?? '',
    attach: () => {
      if (!failing.includes(name)) return link;
      throw Object.assign(new Error(`attach ${name}: ENOTSUPP`), { code: 'E524' });
    },
  });
  return {
    programNames: () => Object.keys(SECTIONS),
    program: (name: string) => program(name) as unknown as Program,
  } as unknown as BpfObject;
}

interface Given {
  readonly refused?: Readonly<Record<string, string>>;
  readonly failing?: readonly string[];
  readonly why?: string;
  readonly preempted?: boolean;
}

const attach = (hooks: HookKind, { refused = {}, failing, why, preempted = false }: Given = {}) =>
  attachAll(
    { object: objectOf(failing), refused: new Map(Object.entries(refused)), off: new Set(), hooks, preempted },
    why,
  );
const told = (...of: Parameters<typeof attach>) =>
  attach(...of).map(({ status: { name, hook, state, reason } }) => `${name} ${hook} ${state} ${reason}`.trimEnd());

describe('each return is seen in one place', () => {
  it('at tracepoints, with nothing of fexit', () => {
    expect(told('tracepoint')).toEqual([
      'attempt_exit tp/syscalls/sys_exit_{sendfile64,splice,tee,vmsplice,copy_file_range} attached',
      'io_uring_completion tp/io_uring/io_uring_complete attached',
      'io_uring_enter_exit tp/syscalls/sys_exit_io_uring_enter attached',
      'process_exit tp_btf/sched_process_exit attached',
    ]);
  });

  it('by fexit, under the names of the programs that it stands in for', () => {
    expect(told('fexit')).toEqual([
      'attempt_exit fexit/__x64_sys_sendfile64 attached',
      'attempt_exit fexit/__x64_sys_splice attached',
      'io_uring_completion tp/io_uring/io_uring_complete attached',
      'io_uring_enter_exit fexit/__x64_sys_io_uring_enter attached',
      'process_exit tp_btf/sched_process_exit attached',
    ]);
  });

  it('of each program by fexit it is known what it stands in for, and never are both loaded', () => {
    expect([...leftOut('tracepoint')].map(toldName)).toEqual([
      ...new Array<string>(5).fill('attempt_exit'),
      'io_uring_enter_exit',
      'io_uring_setup_exit',
    ]);
    expect([...leftOut('fexit')]).toEqual([
      'attempt_exit',
      'io_uring_enter_exit',
      'io_uring_setup_exit',
      'attempt_return',
      'io_uring_enter_return',
      'io_uring_setup_return',
    ]);
  });
});

describe('where the kernel preempts programs at tracepoints', () => {
  it('those at functions are attached too, after all others', () => {
    expect(told('tracepoint', { preempted: true }).map((line) => line.split(' ').slice(0, 2).join(' '))).toEqual([
      'attempt_exit tp/syscalls/sys_exit_{sendfile64,splice,tee,vmsplice,copy_file_range}',
      'io_uring_completion tp/io_uring/io_uring_complete',
      'io_uring_enter_exit tp/syscalls/sys_exit_io_uring_enter',
      'process_exit tp_btf/sched_process_exit',
      'attempt_return kretprobe.multi/__x64_sys_{sendfile64,splice,tee,vmsplice,copy_file_range}',
      'io_uring_enter_return kretprobe.multi/__x64_sys_io_uring_enter',
      'process_exit_mm kprobe.multi/exit_mm_release',
    ]);
    expect(told('fexit', { preempted: true })).toEqual([
      ...told('fexit'),
      'process_exit_mm kprobe.multi/exit_mm_release attached',
    ]);
  });

  it('hidden is what the programs at tracepoints missed, but for calls that had been counted', () => {
    const programs = [
      programOf({ name: 'attempt_exit', missedRuns: 10 }),
      programOf({ name: 'process_exit', missedRuns: 100 }),
      programOf({ name: 'attempt_return', missedRuns: 1000 }),
    ];
    expect(hiddenRuns(programs, 7)).toBe(3);
    expect(hiddenRuns(programs.slice(1), 7)).toBe(0);
  });
});

describe('what the kernel refuses', () => {
  it('of fexit is missing, whatever the reason, and the others go on', () => {
    const lines = told('fexit', { refused: { sendfile_fexit: 'EPERM: no' }, failing: ['enter_fexit'] });
    expect(lines).toContain('attempt_exit fexit/__x64_sys_sendfile64 unavailable EPERM: no');
    expect(lines).toContain('attempt_exit fexit/__x64_sys_splice attached');
    expect(lines).toContain(
      'io_uring_enter_exit fexit/__x64_sys_io_uring_enter unavailable attach enter_fexit: ENOTSUPP',
    );
  });

  it('is an error if it is all of fexit, though rings could be watched: nothing else is taken in its place', () => {
    const refused = { sendfile_fexit: 'EPERM: no', splice_fexit: 'EPERM: no', enter_fexit: 'EPERM: no' };
    const failure = (() => {
      try {
        return attach('fexit', { refused });
      } catch (error) {
        return error;
      }
    })();
    expect(failure).toBeInstanceOf(SpillwayError);
    expect(failure).toMatchObject({ code: 'NOTHING_ATTACHED', exitCode: 69 });
    expect((failure as Error).message).toMatch(/^hooks: fexit: .*\(EPERM: no\): set hooks to auto or tracepoint/);
  });
});

it('where it is not what was asked for, each program by fexit tells why it is there, and no other does', () => {
  const lines = told('fexit', { why: 'for want of tracefs' });
  expect(
    lines.filter((line) => line.endsWith('attached for want of tracefs')).map((line) => line.split(' ')[1]),
  ).toEqual(['fexit/__x64_sys_sendfile64', 'fexit/__x64_sys_splice', 'fexit/__x64_sys_io_uring_enter']);
  expect(lines).toContain('io_uring_completion tp/io_uring/io_uring_complete attached');
});
