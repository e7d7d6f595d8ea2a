/** `spillway snapshot`: one collection, from the daemon or with probes of our own. */
import { Command } from 'commander';
import { DEFAULT_LIMITS, Exporter } from '../metrics/index.ts';
import type { SnapshotJson } from '../web/snapshot-json.ts';
import { build } from './context.ts';
import { metricsOfDaemon, withDaemon } from './daemon.ts';
import { FORMATS, jsonText, write } from './output.ts';
import { renderSummary } from './render.ts';
import { selectFlows } from './render/flows.ts';
import { matches, selectProcesses } from './render/procs.ts';
import { showTable, type TableFlags, withTable } from './rows.ts';
import { collect, counted } from './source.ts';

type SnapshotFormat = (typeof FORMATS)[number] | 'prometheus';

const ORDERS = ['attempts', 'name'] as const;

interface SnapshotFlags extends TableFlags {
  readonly output: SnapshotFormat;
  readonly sort: (typeof ORDERS)[number];
}

const command = new Command('snapshot').description(
  'everything that was counted: since the daemon started, or for a while with probes of our own',
);

export const snapshotCommand = withTable(
  withDaemon(command),
  ORDERS,
  'processes, workloads, flows and causes of which a name',
  [...FORMATS, 'prometheus'],
)
  .addHelpText(
    'after',
    `
--sort, --limit and --filter are for the lists: the sums are those of the host.

Examples:
  spillway snapshot
  spillway snapshot --duration 10s -o json`,
  )
  .action((flags: SnapshotFlags) =>
    showTable(flags, async () => {
      await write(flags.output === 'prometheus' ? await prometheus(flags) : await document(flags, flags.output));
    }),
  );

async function document(flags: SnapshotFlags, format: Exclude<SnapshotFormat, 'prometheus'>): Promise<string> {
  const whole = await collect(flags);
  if (format !== 'table') return jsonText(selected(whole, flags, flags.limit ?? Infinity), format);
  const lines = renderSummary(selected(whole, flags, Infinity), flags.limit);
  return `${lines.join('\n')}\n${flags.watch === undefined ? '' : '\n'}`;
}

/** The same with the entries of its lists that are asked for. */
function selected(whole: SnapshotJson, { sort, filter = '' }: SnapshotFlags, limit: number): SnapshotJson {
  const byName = sort === 'name';
  const named = ({ unit, comm }: { readonly unit: string; readonly comm: string }) => matches(filter, unit, comm);
  const workloads = whole.workloads.filter(named);
  if (byName) workloads.sort((a, b) => (a.comm < b.comm ? -1 : Number(a.comm > b.comm)));
  return {
    ...whole,
    processes: selectProcesses(whole.processes, { sort: byName ? 'comm' : 'attempts', limit, filter }),
    causes: whole.causes.filter(named).slice(0, limit),
    flows: selectFlows(whole.flows, { sort: byName ? 'src' : 'attempts', limit, filter }),
    workloads: workloads.slice(0, limit),
  };
}

async function prometheus(flags: SnapshotFlags): Promise<string> {
  if (flags.duration === undefined) return metricsOfDaemon(flags);
  const snapshot = await counted(flags.duration);
  return new Exporter(build(), DEFAULT_LIMITS).render(snapshot, { seconds: 0, success: true });
}
