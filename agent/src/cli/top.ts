/** `spillway top`: live, in a terminal; one frame where stdout is none. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { SpillwayError } from '../model/errors.ts';
import { changes, follows, hostDelta, secondsOf, totals } from '../top/delta.ts';
import { hostOf, type View, VIEWS } from '../top/figures.ts';
import type { Palette } from '../top/line.ts';
import { report } from '../top/screen.ts';
import { type Order, ORDERS, ORDERS_OF, select } from '../top/select.ts';
import { START, type State } from '../top/state.ts';
import { firingJson, shownAlerts } from './alerts-shown.ts';
import { withDaemon } from './daemon.ts';
import { Live } from './live.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { openSource, type SnapshotSource, type SourceFlags } from './source.ts';
import { topJson } from './top-json.ts';
import { duration, positive } from './values.ts';

interface TopFlags extends SourceFlags {
  readonly output: Format;
  readonly view: View;
  readonly sort?: Order;
  readonly filter?: string;
  readonly limit: number;
  readonly interval: number;
  readonly totals?: boolean;
}

const SHORTEST_INTERVAL = 100;
const STANDARD_COLUMNS = 80;

export const topCommand = withDaemon(new Command('top'))
  .description('live: processes, workloads, flows or mechanisms, their rates and outcomes, and why they fall back')
  .option('--no-daemon', 'ask no daemon: count with probes of our own')
  .addOption(new Option('--view <what>', 'what is shown first').choices(VIEWS).default('processes'))
  .addOption(new Option('--sort <column>', 'what comes first').choices(ORDERS))
  .option('--filter <text>', 'only rows whose names, or pid, contain it')
  .addOption(new Option('-n, --interval <time>', 'between two looks').argParser(interval).default(1000, '1s'))
  .option('--totals', 'counts since the agent started instead of rates')
  .addOption(new Option('--limit <number>', 'rows of the one frame').argParser(positive).default(20))
  .addOption(
    new Option('-o, --output <format>', 'format; json and ndjson are one frame').choices(FORMATS).default('table'),
  )
  .addHelpText(
    'after',
    `
In a terminal ? tells the keys. Where stdout is none, one frame is printed, with the rates of one interval. Where no
daemon answers at the standard address, probes of our own are loaded, and go with the command.

Examples:
  spillway top
  spillway top --view workloads --sort fallbacks | head`,
  )
  .action(async (flags: TopFlags, command: Command) => {
    const state = stateOf(flags);
    const source = await openSource(flags, command.getOptionValueSource('address') !== 'default');
    try {
      const live = flags.output === 'table' && process.stdout.isTTY && process.env.TERM !== 'dumb';
      if (live) await new Live(source, state, palette()).run();
      else await oneFrame(source, state, flags);
    } finally {
      source.close();
    }
  });

function interval(text: string): number {
  const milliseconds = duration(text);
  if (milliseconds < SHORTEST_INTERVAL) throw new InvalidArgumentError('100ms or more.');
  return milliseconds;
}

function stateOf({ view, sort, filter = '', totals: wanted = false, interval }: TopFlags): State {
  if (sort !== undefined && !ORDERS_OF[view].includes(sort)) {
    throw new SpillwayError('USAGE', `${view} cannot be sorted by ${sort}: give one of ${ORDERS_OF[view].join(', ')}`);
  }
  const orders = sort === undefined ? START.orders : { ...START.orders, [view]: sort };
  return { ...START, view, orders, filter, totals: wanted, interval };
}

const palette = (): Palette => ((process.env.NO_COLOR ?? '') === '' ? 'colours' : 'attributes');

async function oneFrame(source: SnapshotSource, state: State, { output, limit }: TopFlags): Promise<void> {
  const before = await source.sample();
  // totals of probes that have just begun are nothing
  if (!state.totals || source.kind === 'probes') await sleep(state.interval);
  const now = state.totals && source.kind === 'daemon' ? before : await source.sample();
  const judged = await source.alerts();
  if (!state.totals && !follows(before, now)) {
    throw new SpillwayError('NO_DAEMON', 'the agent has begun anew meanwhile: try again');
  }
  const window = { before, now };
  const seconds = state.totals ? null : secondsOf(window);
  const all = state.totals ? totals(state.view, now) : changes(state.view, window);
  const { orders, view, reversed, filter } = state;
  const rows = select(all, { order: orders[view], reversed, filter });
  const host = state.totals ? hostOf(now) : hostDelta(window);
  if (output !== 'table') {
    const document = topJson({
      now,
      source: source.kind,
      view,
      window: state.totals ? null : window,
      host,
      alerts: judged === null ? null : firingJson(judged),
      rows: rows.slice(0, limit),
    });
    await write(jsonText(document, output));
    return;
  }
  const clock = `${now.time.slice(11, 19)} UTC`;
  const alerts = shownAlerts(judged, source.kind, 'UTC');
  const picture = { source: source.name, clock, trouble: '', rows, all: all.length, host, seconds, alerts };
  const columns = Number(process.env.COLUMNS ?? '');
  const width = Number.isInteger(columns) && columns > 0 ? columns : STANDARD_COLUMNS;
  await write(`${report(state, picture, width, limit).join('\n')}\n`);
}
