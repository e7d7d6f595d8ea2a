/** `spillway flows`: between which hosts attempts moved data, and how. */
import { Command } from 'commander';
import type { SnapshotJson } from '../web/snapshot-json.ts';
import { log } from './context.ts';
import { withDaemon } from './daemon.ts';
import { type Format, jsonText, write } from './output.ts';
import { FLOW_ORDERS, type FlowOrder, renderFlowList, selectFlows } from './render/flows.ts';
import { showTable, type TableFlags, withTable } from './rows.ts';
import { collect } from './source.ts';

interface FlowsFlags extends TableFlags {
  readonly output: Format;
  readonly sort: FlowOrder;
}

/** What it prints as JSON. */
export interface FlowsJson extends Pick<SnapshotJson, 'time' | 'boottime' | 'flows'> {
  readonly schema: 'spillway.flows/1';
}

const command = new Command('flows').description(
  'between which hosts zero-copy attempts moved data, and how they ended',
);

export const flowsCommand = withTable(withDaemon(command), FLOW_ORDERS, 'flows of which an address or the protocol')
  .addHelpText(
    'after',
    '\nExamples:\n  spillway flows --sort bytes --limit 10\n  spillway flows --filter 10.0.0.7 -o json',
  )
  .action((flags: FlowsFlags) => showTable(flags, () => show(flags)));

async function show(flags: FlowsFlags): Promise<void> {
  const { time, boottime, flows } = await collect(flags);
  const { sort, limit = Infinity, filter = '' } = flags;
  const selected = selectFlows(flows, { sort, limit, filter });
  if (flags.output !== 'table') {
    const document: FlowsJson = { schema: 'spillway.flows/1', time, boottime, flows: selected };
    await write(jsonText(document, flags.output));
  } else if (selected.length > 0) {
    await write(`${renderFlowList(selected).join('\n')}\n${flags.watch === undefined ? '' : '\n'}`);
  } else {
    log(
      'info',
      flows.length > 0 ? 'no flow matches the filter' : 'no zero-copy attempt has gone to or come from a socket',
    );
  }
}
