/** `spillway procs`: the processes that the daemon knows, and which of them fell back. */
import { Command } from 'commander';
import type { SnapshotJson } from '../web/snapshot-json.ts';
import { log } from './context.ts';
import { withDaemon } from './daemon.ts';
import { type Format, jsonText, write } from './output.ts';
import { PROCESS_ORDERS, type ProcessOrder, renderProcessList, selectProcesses } from './render/procs.ts';
import { showTable, type TableFlags, withTable } from './rows.ts';
import { collect } from './source.ts';

interface ProcsFlags extends TableFlags {
  readonly output: Format;
  readonly sort: ProcessOrder;
  readonly fallen?: true;
}

/** What it prints as JSON. */
export interface ProcsJson extends Pick<SnapshotJson, 'time' | 'boottime' | 'processes'> {
  readonly schema: 'spillway.procs/1';
}

const command = new Command('procs').description(
  'the processes that the daemon watches: their attempts, and which of them fell back to copying',
);

export const procsCommand = withTable(withDaemon(command), PROCESS_ORDERS, 'processes whose name, unit or pid')
  .option('--fallen', 'only processes with a mechanism that fell back and has not worked since')
  .addHelpText('after', '\nExamples:\n  spillway procs --sort fallbacks --limit 10\n  spillway procs --fallen -o json')
  .action((flags: ProcsFlags) => showTable(flags, () => show(flags)));

async function show(flags: ProcsFlags): Promise<void> {
  const { time, boottime, processes } = await collect(flags);
  const { sort, limit = Infinity, fallen = false, filter = '' } = flags;
  const selected = selectProcesses(processes, { sort, limit, fallen, filter });
  if (flags.output !== 'table') {
    const document: ProcsJson = { schema: 'spillway.procs/1', time, boottime, processes: selected };
    await write(jsonText(document, flags.output));
  } else if (selected.length > 0) {
    await write(`${renderProcessList(selected).join('\n')}\n${flags.watch === undefined ? '' : '\n'}`);
  } else {
    log('info', nothing(fallen, filter));
  }
}

function nothing(fallen: boolean, filter: string): string {
  if (filter !== '') return `no process${fallen ? ' that fell back' : ''} matches the filter`;
  return fallen ? 'no process fell back' : 'no process has made a zero-copy attempt';
}
