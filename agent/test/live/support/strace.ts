/** strace as an independent witness: what it saw of the same run, per system call. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './run.ts';

export interface Traced {
  calls: number;
  /** Sum of the results that are no errors. */
  sum: number;
  errnos: Record<string, number>;
}

const CALLS = ['sendfile', 'splice', 'tee', 'vmsplice', 'copy_file_range', 'io_uring_enter', 'io_uring_setup'];

/** The command, run by strace, and a function that tells afterwards what it saw. */
export function underStrace(command: readonly string[]): { command: string[]; seen: () => Record<string, Traced> } {
  const file = join(temporaryDirectory(), 'trace');
  return {
    command: ['strace', '-f', '-qq', '-o', file, '-e', `trace=${CALLS.join(',')}`, ...command],
    seen: () => parse(readFileSync(file, 'utf8')),
  };
}

/**
 * Lines such as `12 splice(...) = 4096`, `12 <... splice resumed>) = -1 EAGAIN (...)`, `12 sendfile(...) = ? ERESTARTSYS (...)`.
 * A call that was killed has no result: `= ?` alone.
 */
function parse(text: string): Record<string, Traced> {
  const seen: Record<string, Traced> = {};
  for (const line of text.split('\n')) {
    const match = /^\d+ +(?:<\.\.\. )?(\w+)(?:\(| resumed>).*\) += (-?\d+|\?)(?: (E\w+))?/.exec(line);
    if (match === null) continue;
    const [, call = '', result = '', errno] = match;
    const traced = (seen[call] ??= { calls: 0, sum: 0, errnos: {} });
    traced.calls++;
    if (errno === undefined) {
      traced.sum += Number(result);
    } else {
      const name = errno.startsWith('ERESTART') ? 'EINTR' : errno;
      traced.errnos[name] = (traced.errnos[name] ?? 0) + 1;
    }
  }
  return seen;
}
