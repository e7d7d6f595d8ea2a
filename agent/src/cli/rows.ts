/** Options that commands with tables share, and what they do. */
import { type Command, Option } from 'commander';
import { FORMATS } from './output.ts';
import type { DaemonFlags } from './daemon.ts';
import { duration, positive } from './values.ts';
import { repeat } from './watch.ts';

export interface TableFlags extends DaemonFlags {
  readonly limit?: number;
  readonly filter?: string;
  readonly watch?: number;
  readonly duration?: number;
}

/** Adds --output, --sort, --limit, --filter, --watch and --duration. */
export function withTable(
  command: Command,
  orders: readonly [string, ...string[]],
  filtered: string,
  formats: readonly string[] = FORMATS,
): Command {
  return command
    .addOption(new Option('-o, --output <format>', 'format').choices(formats).default('table'))
    .addOption(new Option('--sort <column>', 'what comes first').choices(orders).default(orders[0]))
    .addOption(new Option('--limit <number>', 'show no more than these').argParser(positive))
    .option('--filter <text>', `only ${filtered} contains it, in upper or lower case`)
    .addOption(
      new Option('-d, --duration <time>', 'ask no daemon: attach, count for this long and report').argParser(duration),
    )
    .addOption(new Option('-w, --watch <time>', 'again and again, with this time between').argParser(duration));
}

/** Shows it once, or until a signal says to stop. */
export async function showTable({ watch }: TableFlags, show: () => Promise<void>): Promise<void> {
  await (watch === undefined ? show() : repeat(watch, show));
}
