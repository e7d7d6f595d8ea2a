/** How the tables are sized and what is counted. */
export interface KernelOptions {
  /** Slots for processes; each takes 768 bytes of kernel memory. */
  readonly processes: number;
  /** Slots for IPv4 flows, and as many for IPv6 ones; each takes 128 bytes and an index entry. */
  readonly flows: number;
  /** Slots for (process, mechanism, errno). */
  readonly causes: number;
  /** Count only processes that were marked, and what they fork. */
  readonly trackedOnly: boolean;
  /** Give the slots of idle entries to new ones; without it a full table stays as it is. */
  readonly retireIdle: boolean;
}

export const DEFAULT_OPTIONS: KernelOptions = {
  processes: 4096,
  flows: 65_536,
  causes: 16_384,
  trackedOnly: false,
  retireIdle: true,
};
