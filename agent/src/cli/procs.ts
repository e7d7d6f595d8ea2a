/** `spillway procs`: the processes that the daemon knows, and which of them fell back. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { log } from './context.ts';
import { type DaemonFlags, snapshotOfDaemon, withDaemon } from './daemon.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { type ProcessOrder, PROCESS_ORDERS, renderProcessList, selectProcesses } from './render/procs.ts';

interface ProcsFlags extends DaemonFlags {
  readonly output: Format;
  readonly sort: ProcessOrder;
  readonly limit?: number;
  readonly fallen?: true;
}

export const procsCommand = withDaemon(new Command('procs'))
  .description('the processes that the daemon watches: their attempts, and which of them fell back to copying')
  .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
  .addOption(new Option('--sort <column>', 'what comes first').choices(PROCESS_ORDERS).default('attempts'))
  .addOption(new Option('--limit <number>', 'show no more than these').argParser(positive))
  .option('--fallen', 'only processes with a mechanism that fell back and has not worked since')
  .addHelpText('after', '\nExamples:\n  spillway procs --sort fallbacks --limit 10\n  spillway procs --fallen -o json')
  .action(async (flags: ProcsFlags) => {
    const { time, processes } = await snapshotOfDaemon(flags);
    const { sort, limit = Infinity, fallen = false } = flags;
    const selected = selectProcesses(processes, { sort, limit, fallen });
    if (flags.output !== 'table') {
      await write(jsonText({ schema: 'spillway.procs/1', time, processes: selected }, flags.output));
    } else if (selected.length > 0) {
      await write(`${renderProcessList(selected).join('\n')}\n`);
    } else {
      log('info', fallen ? 'no process fell back' : 'no process has made a zero-copy attempt');
    }
  });

function positive(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('a whole number, 1 or more.');
  return Number(text);
}
