/** Loads and attaches: at the hooks that are wanted, or at those that can be had. */
import type { Binding, BpfObject } from '../../../native/lib/index.ts';
import { type ErrorCode, SpillwayError } from '../model/errors.ts';
import { type Attachment, attachAll } from './attach.ts';
import type { HookKind } from './hooks.ts';
import { load, type Loaded, type Preparation } from './load.ts';
import type { KernelOptions } from './options.ts';

export interface Probes {
  readonly loaded: Loaded;
  readonly attachments: readonly Attachment[];
}

/** Not one tracepoint can be attached: with `auto`, fexit then stands in for them. */
const WITHOUT_TRACEPOINTS: ReadonlySet<ErrorCode> = new Set(['NO_TRACEFS', 'NO_PRIVILEGE', 'NOTHING_ATTACHED']);

/**
 * @param beforeAttach called with the loaded object
 * @throws SpillwayError like load() and attachAll(); nothing stays loaded then
 */
export function startProbes(
  binding: Binding,
  elf: Buffer,
  options: KernelOptions,
  beforeAttach: (object: BpfObject) => void,
  prepare?: Preparation,
): Probes {
  const startAt = (hooks: HookKind, why = ''): Probes => {
    const loaded = load(binding, elf, options, hooks, prepare);
    try {
      beforeAttach(loaded.object);
      return { loaded, attachments: attachAll(loaded, why) };
    } catch (error) {
      loaded.object.close();
      throw error;
    }
  };
  if (options.hooks !== 'auto') return startAt(options.hooks);
  try {
    return startAt('tracepoint');
  } catch (error) {
    if (!(error instanceof SpillwayError) || !WITHOUT_TRACEPOINTS.has(error.code)) throw error;
    try {
      return startAt('fexit', `in place of the tracepoint, and blind to what seccomp denies: ${error.message}`);
    } catch {
      // what stands in the way of tracepoints is what one would mend
      throw error;
    }
  }
}
