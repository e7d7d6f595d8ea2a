/** Where the returns of system calls are seen: at their tracepoints, or at the return of the kernel's functions (fexit). */

/** `auto`: at tracepoints; where not one of those can be attached, by fexit. */
export const HOOKS = ['auto', 'tracepoint', 'fexit'] as const;
export type Hooks = (typeof HOOKS)[number];
/** What `auto` comes to. */
export type HookKind = Exclude<Hooks, 'auto'>;

/** Programs by fexit (one is bound to one function), and the program at tracepoints that each stands in for. */
const STAND_INS: ReadonlyMap<string, string> = new Map([
  ['sendfile_fexit', 'attempt_exit'],
  ['splice_fexit', 'attempt_exit'],
  ['tee_fexit', 'attempt_exit'],
  ['vmsplice_fexit', 'attempt_exit'],
  ['copy_file_range_fexit', 'attempt_exit'],
  ['enter_fexit', 'io_uring_enter_exit'],
  ['setup_fexit', 'io_uring_setup_exit'],
]);

/**
 * Programs at the return of the kernel's functions too, by kretprobe.multi, which count before those at the tracepoints where the
 * kernel preempts these (bpf/claim.bpf.h).
 */
const RETURNS: ReadonlySet<string> = new Set(['attempt_return', 'io_uring_enter_return', 'io_uring_setup_return']);
/** What is attached only where the kernel preempts programs. */
const FOR_PREEMPTION: ReadonlySet<string> = new Set([...RETURNS, 'process_exit_mm']);

export const isForPreemption = (program: string): boolean => FOR_PREEMPTION.has(program);

export const isReturn = (program: string): boolean => RETURNS.has(program);

/** Programs that are not loaded with these hooks, because others do their work. */
export const leftOut = (hooks: HookKind): ReadonlySet<string> =>
  new Set(hooks === 'fexit' ? [...STAND_INS.values(), ...RETURNS] : STAND_INS.keys());

export const isFexit = (program: string): boolean => STAND_INS.has(program);

/** The name by which users know a program, wherever it sits. */
export const toldName = (program: string): string => STAND_INS.get(program) ?? program;
