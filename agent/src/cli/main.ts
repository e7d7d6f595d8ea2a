/** `spillway`: the command line. Its exit codes are those of model/errors.ts. */
import { CommanderError } from 'commander';
import { EXIT, SpillwayError } from '../model/errors.ts';
import { log } from './context.ts';
import { endQuietlyOnBrokenPipe } from './output.ts';
import { makeProgram } from './program.ts';

endQuietlyOnBrokenPipe();
makeProgram()
  .parseAsync()
  .catch((error: unknown) => {
    process.exitCode = exitCodeOf(error);
  });

function exitCodeOf(error: unknown): number {
  // commander has printed these already; it knows no status but 1 for a wrong command line
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  if (error instanceof SpillwayError) {
    log('error', error.message);
    return error.exitCode;
  }
  log('error', error instanceof Error ? (error.stack ?? error.message) : String(error));
  return EXIT.failed;
}
