/** `spillway snapshot`: one collection, from the daemon or with probes of our own. */
import { Command, Option } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { DEFAULT_OPTIONS } from '../kernel/options.ts';
import { DEFAULT_LIMITS, Exporter } from '../metrics/index.ts';
import { snapshotJson, type SnapshotJson } from '../web/snapshot-json.ts';
import { build, startKernel } from './context.ts';
import { type DaemonFlags, metricsOfDaemon, snapshotOfDaemon, withDaemon } from './daemon.ts';
import { FORMATS, jsonText, write } from './output.ts';
import { renderSummary } from './render.ts';
import { duration } from './values.ts';

type SnapshotFormat = (typeof FORMATS)[number] | 'prometheus';

interface SnapshotFlags extends DaemonFlags {
  readonly output: SnapshotFormat;
  readonly duration?: number;
}

export const snapshotCommand = withDaemon(new Command('snapshot'))
  .description('everything that was counted: since the daemon started, or for a while with probes of our own')
  .addOption(new Option('-o, --output <format>', 'format').choices([...FORMATS, 'prometheus']).default('table'))
  .addOption(
    new Option('-d, --duration <time>', 'ask no daemon: attach, count for this long and report').argParser(duration),
  )
  .addHelpText('after', '\nExamples:\n  spillway snapshot\n  spillway snapshot --duration 10s -o json')
  .action(async (flags: SnapshotFlags) => {
    const collected = flags.duration === undefined ? fromDaemon(flags) : await fromKernel(flags.duration);
    await write(await text(collected, flags.output));
  });

/** The two things that every format is made of. */
interface Collected {
  json(): Promise<SnapshotJson>;
  prometheus(): Promise<string>;
}

async function text(collected: Collected, format: SnapshotFormat): Promise<string> {
  if (format === 'prometheus') return collected.prometheus();
  const document = await collected.json();
  if (format !== 'table') return jsonText(document, format);
  return `${renderSummary(document).join('\n')}\n`;
}

function fromDaemon(flags: DaemonFlags): Collected {
  return { json: () => snapshotOfDaemon(flags), prometheus: () => metricsOfDaemon(flags) };
}

async function fromKernel(milliseconds: number): Promise<Collected> {
  const kernel = startKernel(DEFAULT_OPTIONS);
  try {
    await sleep(milliseconds);
    const snapshot = kernel.snapshot();
    const collection = { seconds: 0, success: true };
    return {
      json: () => Promise.resolve(snapshotJson(snapshot)),
      prometheus: () => Promise.resolve(new Exporter(build(), DEFAULT_LIMITS).render(snapshot, collection)),
    };
  } finally {
    kernel.close();
  }
}
