/** Attaching for a moment, to see whether it works. */
import type { Config } from '../config/config.ts';
import { DEFAULT_OPTIONS, type KernelOptions } from '../kernel/options.ts';
import type { ProgramStatus } from '../model/snapshot.ts';
import { startKernel } from './context.ts';

/** What the kernel is asked for by a configuration. */
export const kernelOptionsOf = ({ tables, confirm, latency, hooks }: Config): KernelOptions => ({
  ...DEFAULT_OPTIONS,
  flows: tables.flows,
  processes: tables.processes,
  confirm,
  latency: latency.enabled,
  hooks,
});

/** Loads and attaches everything, and takes it down again. @throws SpillwayError when nothing can be attached */
export function tryToAttach(options: KernelOptions): readonly ProgramStatus[] {
  // with `auto` the probe on what follows refusals would wait for one
  const confirm = options.confirm === 'auto' ? 'always' : options.confirm;
  const kernel = startKernel({ ...options, confirm });
  try {
    return kernel.programs();
  } finally {
    kernel.close();
  }
}
