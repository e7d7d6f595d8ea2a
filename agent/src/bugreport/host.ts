/** What of this host a report tells. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Member } from './tar.ts';

const SYSCTLS = [
  'kernel/perf_event_paranoid',
  'kernel/unprivileged_bpf_disabled',
  'kernel/bpf_stats_enabled',
  'kernel/io_uring_disabled',
  'kernel/kptr_restrict',
  'kernel/pid_max',
  'kernel/threads-max',
  'net/core/bpf_jit_enable',
  'net/core/bpf_jit_harden',
  'fs/aio-nr',
  'fs/aio-max-nr',
  'fs/file-nr',
  'fs/pipe-max-size',
  'fs/pipe-user-pages-soft',
  'user/max_user_namespaces',
  'abi/vsyscall32',
];

const UNIT = 'spillway.service';
/** Lines of the log. */
const RECENT = 2000;

/** A file of the host, or why it could not be read. */
export function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    return notHad(error);
  }
}

/** Stands where something is missing. */
export const notHad = (error: unknown): string =>
  `(could not be had: ${(error as NodeJS.ErrnoException).code ?? (error instanceof Error ? error.message : String(error))})\n`;

/** Kernel, limits, log: everything but the agent's own accounts. */
export async function hostMembers(): Promise<Member[]> {
  const [log, unit] = await Promise.all([
    output('journalctl', ['-u', UNIT, '-n', String(RECENT), '--no-pager', '-o', 'short-iso']),
    output('systemctl', ['show', UNIT, '-p', UNIT_PROPERTIES]),
  ]);
  const pid = /^MainPID=([1-9][0-9]*)$/m.exec(unit)?.[1];
  return [
    { name: 'kernel.txt', text: textOf('/proc/version') + textOf('/sys/kernel/security/lockdown') },
    { name: 'os-release.txt', text: textOf('/etc/os-release') },
    { name: 'sysctls.txt', text: SYSCTLS.map((name) => `${name} = ${textOf(`/proc/sys/${name}`)}`).join('') },
    { name: 'capabilities.txt', text: capabilitiesOf('self') + (pid === undefined ? '' : capabilitiesOf(pid)) },
    { name: 'mounts.txt', text: mountsOf(textOf('/proc/self/mounts')) },
    { name: 'memory.txt', text: textOf('/proc/meminfo') },
    { name: 'unit.txt', text: unit },
    { name: 'log.txt', text: log },
  ];
}

const UNIT_PROPERTIES =
  'ActiveState,SubState,Result,NRestarts,ExecMainStatus,ExecMainStartTimestamp,MainPID,MemoryCurrent,MemoryMax,TasksCurrent,StatusText';

/** Of all that `status` says only what is granted. */
const capabilitiesOf = (pid: string): string =>
  `${pid}:\n${textOf(`/proc/${pid}/status`)
    .split('\n')
    .filter((line) => /^(?:Uid|Cap\w+|NoNewPrivs|Seccomp):/.test(line))
    .join('\n')}\n`;

/** What the agent needs mounted; other mounts name what is none of our business. */
const mountsOf = (mounts: string): string =>
  mounts
    .split('\n')
    .filter((line) => /^\S+ \S+ (?:tracefs|debugfs|bpf|cgroup2?|securityfs) /.test(line))
    .join('\n')
    .concat('\n');

/** Command lines of the processes that the daemon knows. */
export const commandLines = (pids: readonly number[]): string =>
  pids
    .map(
      (pid) =>
        `${String(pid)}: ${textOf(`/proc/${String(pid)}/cmdline`)
          .replaceAll('\0', ' ')
          .trim()}\n`,
    )
    .join('');

function output(command: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve) => {
    execFile(command, args, { timeout: 10_000, maxBuffer: 2 ** 26 }, (error, stdout) => {
      resolve(error === null || stdout !== '' ? stdout : notHad(error));
    });
  });
}
