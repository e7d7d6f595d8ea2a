/** Capabilities: what each is needed for, which the agent lacks, and which it keeps once its probes are attached. */
import { readFileSync } from 'node:fs';
import type { BpfError } from '../../../native/lib/index.ts';
import { SpillwayError } from '../model/errors.ts';
import { PRIVILEGE_REMEDY } from './remedies.ts';

/** include/uapi/linux/capability.h */
const BITS = {
  CAP_DAC_OVERRIDE: 1,
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
} as const;

export type Capability = keyof typeof BITS;

/** What loading and attaching need, and in what each is included. */
const NEEDED = [
  { name: 'CAP_BPF', includedIn: 'CAP_SYS_ADMIN' },
  { name: 'CAP_PERFMON', includedIn: 'CAP_SYS_ADMIN' },
  { name: 'CAP_DAC_READ_SEARCH', includedIn: 'CAP_DAC_OVERRIDE' },
] as const;

/** What is not seen without a capability that loading does not need. docs/capabilities.md tells how that was found. */
const LOSSES: readonly { readonly capability: Capability; readonly loss: string }[] = [
  {
    capability: 'CAP_SYS_PTRACE',
    loss:
      'the open files, I/O counters and memory of other processes cannot be looked into: evidence of incidents, inspect and the ' +
      'search for 32-bit programs are incomplete',
  },
  {
    capability: 'CAP_DAC_READ_SEARCH',
    loss: "the open files of other users' processes cannot be listed: evidence of incidents and inspect are incomplete",
  },
];

/**
 * What a running agent keeps: CAP_BPF, because kernels before 5.19 refuse every bpf() call without it, and a host whose second CPU goes
 * away needs two more maps; the others to look into processes for evidence.
 */
export const KEPT_CAPABILITIES: readonly number[] = [BITS.CAP_BPF, BITS.CAP_SYS_PTRACE, BITS.CAP_DAC_READ_SEARCH];

/** From this level on (a patch of Debian's), perf_event_open asks for CAP_SYS_ADMIN. */
const PARANOID_SYS_ADMIN = 3;

/** Does the process whose /proc/PID/status this is have that capability in effect? */
function holder(status: string): (capability: Capability) => boolean {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  return (capability) => (mask & (1n << BigInt(BITS[capability]))) !== 0n;
}

/**
 * Names of the capabilities that loading and attaching need and the process lacks.
 * `status` is the text of /proc/self/status, `paranoid` the value of kernel.perf_event_paranoid.
 */
export function missingCapabilities(status: string, paranoid: number): Capability[] {
  const has = holder(status);
  const missing: Capability[] = NEEDED.filter(({ name, includedIn }) => !has(name) && !has(includedIn)).map(
    ({ name }) => name,
  );
  if (paranoid >= PARANOID_SYS_ADMIN && !has('CAP_SYS_ADMIN')) missing.push('CAP_SYS_ADMIN');
  return missing;
}

/** What a process with this /proc/PID/status does not see although it counts. */
export function lossesOf(status: string): { readonly capability: Capability; readonly loss: string }[] {
  const has = holder(status);
  return LOSSES.filter(
    ({ capability }) => !has(capability) && !(capability === 'CAP_DAC_READ_SEARCH' && has('CAP_DAC_OVERRIDE')),
  );
}

/** The same of this process. */
export const lossesHere = (): ReturnType<typeof lossesOf> => lossesOf(readFileSync('/proc/self/status', 'utf8'));

/** What a message says about this process: `missing CAP_BPF, ...: run as root, ...`; '' when nothing is missing. */
function privilegeRemedy(): string {
  const paranoid = Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8'));
  const missing = missingCapabilities(readFileSync('/proc/self/status', 'utf8'), paranoid);
  return missing.length === 0 ? '' : `this process lacks ${missing.join(', ')}: ${PRIVILEGE_REMEDY}`;
}

/** The error for what failed for want of a capability of this process; null for any other failure. */
export function noPrivilege(error: BpfError): SpillwayError | null {
  // the verifier says EACCES too, of a program that it does not like
  const remedy = error.code === 'EPERM' || error.code === 'EACCES' ? privilegeRemedy() : '';
  return remedy === '' ? null : new SpillwayError('NO_PRIVILEGE', `${error.message}: ${remedy}`, { cause: error });
}
