/** Which capabilities the agent lacks. */
import { readFileSync } from 'node:fs';
import { PRIVILEGE_REMEDY } from './remedies.ts';

/** include/uapi/linux/capability.h, and what each is needed for. CAP_SYS_ADMIN includes CAP_BPF and CAP_PERFMON. */
const NEEDED = [
  { name: 'CAP_BPF', bit: 39n, includedIn: 21n },
  { name: 'CAP_PERFMON', bit: 38n, includedIn: 21n },
  { name: 'CAP_DAC_READ_SEARCH', bit: 2n, includedIn: 1n },
] as const;

const SYS_ADMIN = 21n;
/** From this level on (a patch of Debian's), perf_event_open asks for CAP_SYS_ADMIN. */
const PARANOID_SYS_ADMIN = 3;

/**
 * Names of the capabilities that loading and attaching need and the process lacks.
 * `status` is the text of /proc/self/status, `paranoid` the value of kernel.perf_event_paranoid.
 */
export function missingCapabilities(status: string, paranoid: number): string[] {
  const mask = BigInt(`0x${/^CapEff:\s*([0-9a-f]+)$/m.exec(status)?.[1] ?? '0'}`);
  const has = (bit: bigint) => (mask & (1n << bit)) !== 0n;
  const missing: string[] = NEEDED.filter(({ bit, includedIn }) => !has(bit) && !has(includedIn)).map(
    ({ name }) => name,
  );
  if (paranoid >= PARANOID_SYS_ADMIN && !has(SYS_ADMIN)) missing.push('CAP_SYS_ADMIN');
  return missing;
}

/** What a message says about this process: `missing CAP_BPF, ...: run as root, ...`; '' when nothing is missing. */
export function privilegeRemedy(): string {
  const paranoid = Number(readFileSync('/proc/sys/kernel/perf_event_paranoid', 'utf8'));
  const missing = missingCapabilities(readFileSync('/proc/self/status', 'utf8'), paranoid);
  return missing.length === 0 ? '' : `this process lacks ${missing.join(', ')}: ${PRIVILEGE_REMEDY}`;
}
