/** How the tables are sized and what is counted. */
import type { Hooks } from './hooks.ts';
import type { ShardOptions } from './shards.ts';

export interface KernelOptions {
  /** Slots for processes; each takes 1,152 bytes of kernel memory. */
  readonly processes: number;
  /** Slots for IPv4 flows, and as many for IPv6 ones; each takes 128 bytes and an index entry. */
  readonly flows: number;
  /** Slots for (process, mechanism, errno or reason); each takes 320 bytes and an index entry. */
  readonly causes: number;
  /** Count only processes that were marked, and what they fork. */
  readonly trackedOnly: boolean;
  /** Give the slots of idle entries to new ones; without it a full table stays as it is. */
  readonly retireIdle: boolean;
  /** When reads, writes and closes are watched to learn what became of a refusal. */
  readonly confirm: Confirm;
  /** Time attempts too: costs each of them a second program, at its entry. */
  readonly latency: boolean;
  /** Where the returns of system calls are seen. */
  readonly hooks: Hooks;
  /** How counts that many processors add to are spread. */
  readonly shards: ShardOptions;
}

/** `auto`: while refusals are pending; `always` costs every system call of the host some 20 ns; `never` leaves more to be presumed. */
export const CONFIRM = ['auto', 'always', 'never'] as const;
export type Confirm = (typeof CONFIRM)[number];

export const DEFAULT_OPTIONS: KernelOptions = {
  processes: 4096,
  flows: 65_536,
  causes: 16_384,
  trackedOnly: false,
  retireIdle: true,
  confirm: 'auto',
  latency: false,
  hooks: 'auto',
  shards: { lines: 0, from: Infinity },
};
