/** Errors that end a command: what could not be done, and what to do next. Each code is documented in docs/errors.md. */

/** Exit codes, as contracts fix them. */
export const EXIT = { ok: 0, failed: 1, usage: 2, problems: 3, kernel: 69, privilege: 77, config: 78 } as const;

/** Stable codes and the exit code that each leads to. */
export const EXIT_CODES = {
  NO_BTF: EXIT.kernel,
  NO_TRACEFS: EXIT.kernel,
  NOTHING_ATTACHED: EXIT.kernel,
  LOAD_FAILED: EXIT.kernel,
  NO_PRIVILEGE: EXIT.privilege,
  OBJECT_MISSING: EXIT.failed,
  OBJECT_CORRUPT: EXIT.failed,
  LAYOUT_MISMATCH: EXIT.failed,
  BINDING_MISSING: EXIT.failed,
  PORT_IN_USE: EXIT.failed,
  CANNOT_LISTEN: EXIT.failed,
  CANNOT_WRITE: EXIT.failed,
  NO_SUCH_PROCESS: EXIT.failed,
  NO_DAEMON: EXIT.failed,
  NO_BPFFS: EXIT.kernel,
  PINS_IN_USE: EXIT.failed,
  NO_RECEIVER: EXIT.problems,
  USAGE: EXIT.usage,
  CONFIG: EXIT.config,
} as const;

export type ErrorCode = keyof typeof EXIT_CODES;

/** An error with a stable code, whose message names the step, the input and the next action. */
export class SpillwayError extends Error {
  override readonly name = 'SpillwayError';
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}
