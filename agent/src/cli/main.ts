/** `spillway`: the command line. Its exit codes are those of model/errors.ts. */
import { Command, CommanderError } from 'commander';
import { EXIT, SpillwayError } from '../model/errors.ts';
import { FILES } from '../config/load.ts';
import { sendTest } from './alert-test.ts';
import { alertsCommand } from './alerts.ts';
import { kernelOptionsOf, tryToAttach } from './attach.ts';
import { checkCommand } from './check.ts';
import { RULE_OPTIONS } from './configuration.ts';
import { build, log } from './context.ts';
import { doctorCommand } from './doctor.ts';
import { inspectCommand } from './inspect.ts';
import { endQuietlyOnBrokenPipe } from './output.ts';
import { procsCommand } from './procs.ts';
import { runCommand } from './run.ts';
import { snapshotCommand } from './snapshot.ts';
import { statCommand } from './stat.ts';
import { unpinCommand } from './unpin.ts';
import { versionCommand } from './version.ts';

const program = new Command('spillway')
  .description('counts every zero-copy attempt on this host, and says which ones fell back to copying')
  .version(build().version, '-V, --version')
  .helpCommand(true)
  .showHelpAfterError('(spillway --help, or spillway <command> --help, tells more)')
  .addHelpText('after', '\nExamples:\n  spillway run\n  spillway stat -- cp a b');

program.exitOverride();
const check = checkCommand({ ...RULE_OPTIONS, files: FILES, attach: (config) => tryToAttach(kernelOptionsOf(config)) });
for (const command of [
  runCommand,
  statCommand,
  procsCommand,
  inspectCommand,
  alertsCommand(sendTest),
  snapshotCommand,
  check,
  doctorCommand,
  unpinCommand,
  versionCommand,
]) {
  program.addCommand(command);
  inherit(command, program);
}

endQuietlyOnBrokenPipe();
try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = exitCodeOf(error);
}

/** Errors of a command, and of those below it, are told and end like those of the program. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) inherit(below, command);
}

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
