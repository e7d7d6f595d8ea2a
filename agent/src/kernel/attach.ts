/** Programs -> hooks. Support is decided by trying, never by comparing versions. */
import { statSync } from 'node:fs';
import type { BpfError, Link, Program } from '../../../native/lib/index.ts';
import { SpillwayError } from '../model/errors.ts';
import type { ProgramStatus } from '../model/snapshot.ts';
import { isFexit, isForPreemption, isReturn, leftOut, toldName } from './hooks.ts';
import type { Loaded } from './load.ts';
import { noPrivilege } from './privileges.ts';
import { FEXIT_REMEDY, TRACEFS_REMEDY } from './remedies.ts';

/** One program and where it stands. */
export interface Attachment {
  readonly program: Program;
  /**
   * By hook. Kept for as long as the program is to run: a link that is garbage is detached. None where it is not attached.
   */
  readonly links: ReadonlyMap<string, Link>;
  readonly status: Pick<ProgramStatus, 'name' | 'hook' | 'state' | 'reason'>;
}

/** Attached while refusals are pending: see Watch. */
export const EVIDENCE_PROGRAM = 'evidence_exit';

/**
 * The others follow processes and refusals, take the time, or have another that counts what they miss: a run of theirs that is
 * missed hides no attempt by itself.
 */
const counts = (program: string): boolean => !/^(?:process|time|evidence)_/.test(program) && !isReturn(program);

/**
 * Runs that hid an attempt, an enter or a completion from everybody.
 * @param harmless of those at tracepoints: missed for calls that had been counted
 */
export const hiddenRuns = (programs: readonly ProgramStatus[], harmless: number): number =>
  Math.max(0, programs.reduce((sum, { name, missedRuns }) => sum + (counts(name) ? missedRuns : 0), 0) - harmless);

/** The tracepoints of the calls that are one program's. */
const CALLS = ['sendfile64', 'splice', 'tee', 'vmsplice', 'copy_file_range'];
/** Programs that serve the hooks of all calls, and not only the first one's, which their sections name. */
const SERVES_ALL: ReadonlySet<string> = new Set(['attempt_exit', 'attempt_return', 'time_call']);

/** Run by the agent, attached to nothing. */
const isCalled = (section: string): boolean => section === 'syscall' || section.startsWith('iter/');

/** Puts a program on one of its hooks. @throws BpfError */
export type Attach = (program: Program, hook: string) => Link;

const attachTo: Attach = (program, hook) =>
  hook === program.section ? program.attach() : program.attach(hook.replace(/^(?:tp|kretprobe\.multi)\//, ''));

/**
 * Attaches every program that was loaded.
 * @param why what is told of programs by fexit that are attached: '' if they are there because they were asked for
 * @throws SpillwayError when not one program that counts could be attached, or none by fexit if that is what was loaded:
 * NO_TRACEFS, NO_PRIVILEGE or NOTHING_ATTACHED
 */
export function attachAll(
  { object, refused, off, hooks, preempted }: Loaded,
  why = '',
  attach: Attach = attachTo,
): Attachment[] {
  const attachments: Attachment[] = [];
  const failures: BpfError[] = [];
  const skipped = leftOut(hooks);
  const all = object.programNames();
  // a claim waits for the program at the tracepoint: so that one is attached first
  const ordered = [...all.filter((one) => !isForPreemption(one)), ...(preempted ? all.filter(isForPreemption) : [])];
  for (const programName of ordered) {
    if (skipped.has(programName)) continue;
    const program = object.program(programName);
    const name = toldName(programName);
    if (isCalled(program.section) || name === EVIDENCE_PROGRAM) continue;
    const unattached = (hook: string, state: 'off' | 'unavailable', reason: string) =>
      attachments.push({ program, links: new Map(), status: { name, hook, state, reason } });
    const names = SERVES_ALL.has(programName) ? CALLS : [''];
    const prefix = names === CALLS ? program.section.replace(/sendfile64$/, '') : program.section;
    if (off.has(name)) {
      unattached(nameOf(prefix, names), 'off', 'not needed here');
      continue;
    }
    const refusal = refused.get(programName);
    if (refusal !== undefined) {
      unattached(nameOf(prefix, names), 'unavailable', refusal);
      continue;
    }
    const links = new Map<string, Link>();
    const endings: string[] = [];
    for (const ending of names) {
      const hook = prefix + ending;
      try {
        links.set(hook, attach(program, hook));
        endings.push(ending);
      } catch (thrown) {
        const error = thrown as BpfError;
        failures.push(error);
        unattached(hook, 'unavailable', reasonOf(error, hook));
      }
    }
    if (links.size === 0) continue;
    const hook = nameOf(prefix, endings);
    attachments.push({
      program,
      links,
      status: { name, hook, state: 'attached', reason: isFexit(programName) ? why : '' },
    });
  }
  if (hooks === 'fexit') requireFexit(attachments);
  if (!attachments.some(({ status }) => status.state === 'attached' && counts(status.name))) {
    throw nothingAttached(failures);
  }
  return attachments;
}

/** Of who asked for fexit, rings and processes are not all that is to be seen. */
function requireFexit(attachments: readonly Attachment[]): void {
  const returns = attachments.filter(({ program }) => isFexit(program.name));
  if (returns.some(({ status }) => status.state === 'attached')) return;
  throw new SpillwayError(
    'NOTHING_ATTACHED',
    `hooks: fexit: no system call can be watched this way (${returns[0]?.status.reason ?? 'the object has no program for it'}): ${FEXIT_REMEDY}`,
  );
}

/** Several hooks as a shell would write them: `tp/syscalls/sys_exit_{splice,tee}`. */
function nameOf(prefix: string, names: readonly string[]): string {
  return names.length === 1 ? `${prefix}${names.join('')}` : `${prefix}{${names.join(',')}}`;
}

/** libbpf looks for tracefs in these two places. What may not be looked into is there: sysfs itself lets everybody in. */
const tracefsMounted = (): boolean => ['/sys/kernel/tracing/events', '/sys/kernel/debug/tracing/events'].some(isThere);

function isThere(path: string): boolean {
  try {
    statSync(path);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES';
  }
}

function reasonOf(error: BpfError, hook: string): string {
  if (hook.startsWith('tp/') && error.code === 'ENOENT') {
    return tracefsMounted()
      ? `${error.code}: this kernel has no tracepoint ${hook.slice(3)}`
      : `${error.code}: tracefs is not mounted`;
  }
  return (noPrivilege(error) ?? error).message;
}

function nothingAttached(failures: readonly BpfError[]): SpillwayError {
  if (!tracefsMounted()) {
    return new SpillwayError(
      'NO_TRACEFS',
      `tracefs is not mounted, and without it no tracepoint can be attached: ${TRACEFS_REMEDY}`,
    );
  }
  const first = failures[0];
  const unprivileged = first === undefined ? null : noPrivilege(first);
  if (unprivileged !== null) return unprivileged;
  return new SpillwayError(
    'NOTHING_ATTACHED',
    `no probe could be attached: ${first?.message ?? 'the object has none'}`,
    {
      cause: first,
    },
  );
}
