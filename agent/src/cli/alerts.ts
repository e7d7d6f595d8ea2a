/** `spillway alerts`: how the rules stand, and a test of the receivers. */
import { Command, Option } from 'commander';
import { EXIT } from '../model/errors.ts';
import { printable } from '../model/text.ts';
import { configOption } from './configuration.ts';
import { log } from './context.ts';
import { type DaemonFlags, alertsOfDaemon, withDaemon } from './daemon.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { onlyFiring, renderAlerts } from './render/alerts.ts';

/** A test incident for every receiver that is configured. */
export interface SendTest {
  /** The file that says who is told; null: there is none, so the defaults do. */
  readonly configuration: string | null;
  /** What would be sent. */
  bodies(): readonly { readonly receiver: string; readonly body: unknown }[];
  /** Sends the trigger, then the resolve; what came of each. */
  send(): Promise<
    readonly {
      readonly receiver: string;
      readonly action: 'trigger' | 'resolve';
      readonly ok: boolean;
      readonly message: string;
    }[]
  >;
}

interface ListFlags extends DaemonFlags {
  readonly output: Format;
  readonly firing?: boolean;
}

/** A test of the receivers of a configuration; null: of the host's. */
type MakeTest = (file: string | null) => SendTest | Promise<SendTest>;

/** The command; without a way to send there is no `test`. */
export function alertsCommand(sendTest?: MakeTest): Command {
  const command = new Command('alerts')
    .description('how the alert rules stand, and whether the receivers can be reached')
    .addCommand(listCommand());
  const examples = ['spillway alerts list', 'spillway alerts list --firing -o json'];
  if (sendTest !== undefined) {
    command.addCommand(testCommand(sendTest));
    examples.push('spillway alerts test --dry-run');
  }
  return command.addHelpText('after', examplesText(...examples));
}

function listCommand(): Command {
  return withDaemon(new Command('list'))
    .description('the state of every rule, for the host and for each workload')
    .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
    .option('--firing', 'only alerts that fire')
    .addHelpText('after', examplesText('spillway alerts list', 'spillway alerts list --firing -o json'))
    .action(list);
}

async function list({ output, firing = false, ...daemon }: ListFlags): Promise<void> {
  const whole = await alertsOfDaemon(daemon);
  const view = firing ? onlyFiring(whole) : whole;
  if (output !== 'table') {
    await write(jsonText(view, output));
    return;
  }
  const lines = renderAlerts(view, { unixMs: Date.parse(view.time), boottime: view.boottime });
  if (lines.length > 0) await write(`${lines.join('\n')}\n`);
  else log('info', firing ? 'no alert fires' : 'no rule has been evaluated');
}

interface TestFlags {
  readonly config?: string;
  readonly dryRun?: boolean;
}

function testCommand(sendTest: MakeTest): Command {
  return new Command('test')
    .description('send a test incident to every receiver: a trigger, then its resolve')
    .addOption(configOption())
    .option('--dry-run', 'send nothing, print what would be sent as JSON')
    .addHelpText('after', examplesText('spillway alerts test', 'spillway alerts test --dry-run --config new.yaml'))
    .action(async ({ config, dryRun = false }: TestFlags) => {
      const test = await sendTest(config ?? null);
      await (dryRun ? printBodies(test) : sendAll(test));
    });
}

/** `spillway alerts test --dry-run`. */
export interface AlertsTestJson {
  readonly schema: 'spillway.alerts-test/1';
  readonly configuration: SendTest['configuration'];
  readonly bodies: ReturnType<SendTest['bodies']>;
}

async function printBodies(test: SendTest): Promise<void> {
  const document: AlertsTestJson = {
    schema: 'spillway.alerts-test/1',
    configuration: test.configuration,
    bodies: test.bodies(),
  };
  await write(jsonText(JSON.parse(JSON.stringify(document, withoutKey)), 'json'));
}

async function sendAll(test: SendTest): Promise<void> {
  const { configuration } = test;
  log('info', `receivers of ${configuration === null ? 'the default configuration' : printable(configuration)}`);
  const results = await test.send();
  const lines = results.map(
    ({ receiver, action, ok, message }) =>
      `${printable(receiver)}: ${action} ${ok ? 'ok' : 'failed'}${message === '' ? '' : `: ${printable(message)}`}\n`,
  );
  await write(lines.join(''));
  if (results.length === 0) log('error', 'no receiver is configured: nothing was sent');
  if (results.length === 0 || results.some(({ ok }) => !ok)) process.exitCode = EXIT.failed;
}

/** Replaces what opens the door to a receiver, wherever it stands. */
const withoutKey = (name: string, value: unknown): unknown =>
  /^(?:routing|service|integration)_?key$/i.test(name) ? '<redacted>' : value;

const examplesText = (...examples: readonly string[]): string => `\nExamples:\n  ${examples.join('\n  ')}`;
