/** What the agent tells its service manager: the messages of sd_notify(3). Pure. */
import { printable } from '../model/text.ts';

/** While the kernel checks the programs nothing else runs: the manager shall wait at least so long for the next word. */
const LOADING_US = 120e6;
/** What `systemctl status` shows of a status without cutting a line of a wide terminal to pieces. */
const STATUS_LENGTH = 300;

/** Loading begins. */
export const loading = (): string =>
  message('STATUS=loading and attaching the probes', `EXTEND_TIMEOUT_USEC=${LOADING_US}`);

/** Attached and listening; also the end of a reload, a failed one too: a manager waits for it after RELOADING. */
export const ready = (status: string): string => message('READY=1', statusLine(status));

/** A reload begins, at this time of CLOCK_MONOTONIC in microseconds. */
export const reloading = (monotonicUs: number): string =>
  message('RELOADING=1', `MONOTONIC_USEC=${Math.trunc(monotonicUs)}`, 'STATUS=reading the configuration again');

/** The end begins: no ping and no status is due any more. */
export const stopping = (why: string): string => message('STOPPING=1', statusLine(why));

/** Something for people only. */
export const statusOnly = (status: string): string => message(statusLine(status));

/** The proof of progress. */
export const PING = 'WATCHDOG=1\n';

const message = (...lines: readonly string[]): string => lines.map((line) => `${line}\n`).join('');

/** One line, whatever the text holds: a second one would be an assignment of its own. */
function statusLine(text: string): string {
  const line = printable(text.trim().replaceAll(/\s*\n\s*/g, '; '));
  return `STATUS=${line.length <= STATUS_LENGTH ? line : `${line.slice(0, STATUS_LENGTH - 1)}…`}`;
}
