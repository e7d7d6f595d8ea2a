/** `spillway inspect`: what one process really does, and what forbids it. */
import { Command, InvalidArgumentError, Option } from 'commander';
import { NodeProcFs } from '../alerts/proc.ts';
import { readFacts } from '../inspect/facts.ts';
import { type Counted, inspectReport } from '../inspect/report.ts';
import { SpillwayError } from '../model/errors.ts';
import { binding, log } from './context.ts';
import { type DaemonFlags, snapshotOfDaemon, withDaemon } from './daemon.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { renderInspection } from './render/inspect.ts';

interface InspectFlags extends DaemonFlags {
  readonly output: Format;
}

/** For all that is read of /proc. */
const TIME_LIMIT_MS = 10_000;

export const inspectCommand = withDaemon(new Command('inspect'))
  .description('what one process attempts, which file or flag forbids it, and what to change')
  .argument('<pid>', 'the process', processId)
  .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
  .addHelpText(
    'after',
    '\nAttempts come from the daemon, the rest from /proc.' +
      '\n\nExamples:\n  spillway inspect "$(pidof -s nginx)"\n  spillway inspect 4711 -o json',
  )
  .action(async (pid: number, { output, ...daemon }: InspectFlags) => {
    const native = binding();
    const sealsOf = (path: string) => native.sealsOf(path);
    const facts = await readFacts(pid, new NodeProcFs(), sealsOf, AbortSignal.timeout(TIME_LIMIT_MS));
    const report = inspectReport(facts, await countedBy(daemon), new Date());
    await write(output === 'table' ? `${renderInspection(report).join('\n')}\n` : jsonText(report, output));
  });

/** Null, and said so, if no daemon answers. */
async function countedBy(daemon: DaemonFlags): Promise<Counted | null> {
  try {
    return await snapshotOfDaemon(daemon);
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    log('warning', error.message);
    return null;
  }
}

function processId(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('the number of a process.');
  return Number(text);
}
