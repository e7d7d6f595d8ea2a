/** Programs -> hooks. Support is decided by trying, never by comparing versions. */
import { existsSync } from 'node:fs';
import type { BpfError, Link, Program } from '../../../native/lib/index.ts';
import { SpillwayError } from '../model/errors.ts';
import type { ProgramStatus } from '../model/snapshot.ts';
import type { Loaded } from './load.ts';

/** One program and where it stands. */
export interface Attachment {
  readonly program: Program;
  /** Kept for as long as the program is to run: a link that is garbage is detached. */
  readonly link: Link | null;
  readonly status: Pick<ProgramStatus, 'name' | 'hook' | 'state' | 'reason'>;
}

/** Programs that count; the others (retirement, forks) serve them. Without any of these there is nothing to see. */
const COUNTS = /_exit$|^io_uring_/;

/**
 * Attaches every program that was loaded.
 * @throws SpillwayError when not one program that counts could be attached: NO_TRACEFS, NO_PRIVILEGE or NOTHING_ATTACHED
 */
export function attachAll({ object, refused, off }: Loaded): Attachment[] {
  const attachments: Attachment[] = [];
  const failures: BpfError[] = [];
  for (const name of object.programNames()) {
    const program = object.program(name);
    const hook = program.section;
    if (hook === 'syscall') continue;
    if (off.has(name)) {
      attachments.push({ program, link: null, status: { name, hook, state: 'off', reason: 'not needed here' } });
      continue;
    }
    const why = refused.get(name);
    if (why !== undefined) {
      attachments.push({ program, link: null, status: { name, hook, state: 'unavailable', reason: why } });
      continue;
    }
    try {
      const link = program.attach();
      attachments.push({ program, link, status: { name, hook, state: 'attached', reason: '' } });
    } catch (thrown) {
      const error = thrown as BpfError;
      failures.push(error);
      attachments.push({
        program,
        link: null,
        status: { name, hook, state: 'unavailable', reason: reasonOf(error, hook) },
      });
    }
  }
  if (
    !attachments.some(
      ({ status }) => status.state === 'attached' && COUNTS.test(status.name) && status.name !== 'process_exit',
    )
  ) {
    throw nothingAttached(failures);
  }
  return attachments;
}

/** libbpf looks for tracefs in these two places. */
function tracefsMounted(): boolean {
  return existsSync('/sys/kernel/tracing/events') || existsSync('/sys/kernel/debug/tracing/events');
}

function reasonOf(error: BpfError, hook: string): string {
  if (hook.startsWith('tp/') && error.code === 'ENOENT') {
    return tracefsMounted()
      ? `${error.code}: this kernel has no tracepoint ${hook.slice(3)}`
      : `${error.code}: tracefs is not mounted`;
  }
  if (error.code === 'EACCES' || error.code === 'EPERM') {
    return `${error.code}: not permitted (kernel.perf_event_paranoid 3 asks for CAP_SYS_ADMIN; tracefs for CAP_DAC_READ_SEARCH)`;
  }
  return error.message;
}

function nothingAttached(failures: readonly BpfError[]): SpillwayError {
  if (!tracefsMounted()) {
    return new SpillwayError(
      'NO_TRACEFS',
      'tracefs is not mounted, and without it no tracepoint can be attached: mount it with: ' +
        'mount -t tracefs tracefs /sys/kernel/tracing (systemd hosts: systemctl start sys-kernel-tracing.mount)',
    );
  }
  const first = failures[0];
  if (first?.code === 'EACCES' || first?.code === 'EPERM') {
    return new SpillwayError(
      'NO_PRIVILEGE',
      `${first.message}: attaching tracepoints needs CAP_PERFMON and CAP_DAC_READ_SEARCH, and CAP_SYS_ADMIN where ` +
        `kernel.perf_event_paranoid is 3; run as root, e.g. with sudo`,
      { cause: first },
    );
  }
  return new SpillwayError(
    'NOTHING_ATTACHED',
    `no probe could be attached: ${first?.message ?? 'the object has none'}`,
    {
      cause: first,
    },
  );
}
