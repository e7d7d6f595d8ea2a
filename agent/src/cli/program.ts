/** The tree of commands. */
import { Command } from 'commander';
import type { Config } from '../config/config.ts';
import { FILES } from '../config/load.ts';
import { sendTest } from './alert-test.ts';
import { alertsCommand } from './alerts.ts';
import { kernelOptionsOf, tryToAttach } from './attach.ts';
import { bugreportCommand } from './bugreport.ts';
import { checkCommand } from './check.ts';
import { completionCommand } from './completion.ts';
import { RULE_OPTIONS } from './configuration.ts';
import { build } from './context.ts';
import { dashboardsCommand } from './dashboards.ts';
import { doctorCommand } from './doctor.ts';
import { flowsCommand } from './flows.ts';
import { inspectCommand } from './inspect.ts';
import { procsCommand } from './procs.ts';
import { runCommand } from './run.ts';
import { snapshotCommand } from './snapshot.ts';
import { statCommand } from './stat.ts';
import { topCommand } from './top.ts';
import { unpinCommand } from './unpin.ts';
import { versionCommand } from './version.ts';

/** `spillway` with every command below it; nothing is run yet. */
export function makeProgram(): Command {
  const program = new Command('spillway')
    .description('counts every zero-copy attempt on this host, and says which ones fell back to copying')
    .version(build().version, '-V, --version')
    .helpCommand(true)
    .showHelpAfterError('(spillway --help, or spillway <command> --help, tells more)')
    .addHelpText('after', '\nExamples:\n  spillway run\n  spillway stat -- cp a b');
  program.exitOverride();
  const attach = (config: Config) => tryToAttach(kernelOptionsOf(config));
  for (const command of [
    runCommand,
    topCommand,
    statCommand,
    flowsCommand,
    procsCommand,
    inspectCommand,
    alertsCommand(sendTest),
    snapshotCommand,
    dashboardsCommand,
    checkCommand({ ...RULE_OPTIONS, files: FILES, attach }),
    doctorCommand,
    unpinCommand,
    bugreportCommand,
    completionCommand(() => program),
    versionCommand,
  ]) {
    program.addCommand(command);
    inherit(command, program);
  }
  return program;
}

/** Errors of a command, and of those below it, are told and end like those of the program. */
function inherit(command: Command, parent: Command): void {
  command.copyInheritedSettings(parent);
  for (const below of command.commands) inherit(below, command);
}
