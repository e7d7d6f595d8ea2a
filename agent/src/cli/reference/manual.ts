/** The man page spillway(1), in man(7). */
import { EXIT } from '../../model/errors.ts';
import { capital } from './markdown.ts';
import { type CommandInfo, commandsOf, type OptionInfo } from './tree.ts';

export interface ManualOptions {
  readonly version: string;
  /** Seconds since 1970 UTC: the date on the page. */
  readonly time: number;
}

const STATUS: readonly (readonly [number, string])[] = [
  [EXIT.ok, 'all went well'],
  [EXIT.failed, 'something failed'],
  [EXIT.usage, 'the command line is wrong'],
  [EXIT.problems, 'a check has run, and found problems'],
  [EXIT.kernel, 'the kernel lacks what is needed'],
  [EXIT.privilege, 'a privilege is missing; the message says which'],
  [EXIT.config, 'the configuration is wrong; the message says where'],
];

const FILES: readonly (readonly [string, string])[] = [
  ['/etc/spillway/config.yaml', 'the configuration; every key in it is optional'],
  ['/etc/spillway/pagerduty.key', 'the routing key of PagerDuty (mode 0600)'],
  ['/var/lib/spillway/', 'states of alerts, notifications that are not sent yet, evidence of incidents'],
  ['/sys/fs/bpf/spillway/', 'what outlives the agent with persist: true'],
];

/** @param root the tree of commands */
export function manualPage(root: CommandInfo, { version, time }: ManualOptions): string {
  const date = new Date(time * 1000).toISOString().slice(0, 10);
  const commands = commandsOf(root).filter(({ path }) => path.length > 1 && path.at(-1) !== 'help');
  const lines = [
    String.raw`.\" Generated from the tree of commands.`,
    `.TH SPILLWAY 1 ${date} ${quoted(`spillway ${version}`)} "User Commands"`,
    '.SH NAME',
    String.raw`spillway \- ${roff(root.description)}`,
    '.SH SYNOPSIS',
    String.raw`.B spillway`,
    String.raw`.I command`,
    '[options] [arguments]',
    '.SH DESCRIPTION',
    roff(`${capital(root.description)}.`),
    'Data goes to standard output, the log to standard error.',
    '.SH OPTIONS',
    ...root.options.flatMap(optionLines),
    '.SH COMMANDS',
    ...commands.flatMap(commandLines),
    '.SH EXIT STATUS',
    ...STATUS.flatMap(([status, text]) => ['.TP', String.raw`.B ${String(status)}`, roff(text)]),
    '.PP',
    'The status of',
    '.B spillway stat',
    'is that of its command.',
    '.SH FILES',
    ...FILES.flatMap(([file, text]) => ['.TP', `.I ${roff(file)}`, roff(text)]),
    '.SH SEE ALSO',
    '.BR systemctl (1),',
    '.BR journalctl (1),',
    '.BR sendfile (2),',
    '.BR splice (2),',
    '.BR copy_file_range (2),',
    '.BR io_uring (7)',
  ];
  return `${lines.join('\n')}\n`;
}

function commandLines(command: CommandInfo): string[] {
  return [
    `.SS ${quoted(command.usage)}`,
    roff(`${capital(command.description)}.`),
    ...command.arguments.flatMap(({ term, description }) => ['.TP', `.I ${roff(term)}`, roff(description)]),
    ...command.options.filter(({ long }) => long !== '--help').flatMap(optionLines),
    ...command.notes.flatMap((note) => ['.PP', roff(note)]),
    ...(command.examples.length === 0 ? [] : ['.PP', 'Examples:', '.PP', '.nf', '.RS']),
    ...command.examples.map(roff),
    ...(command.examples.length === 0 ? [] : ['.RE', '.fi']),
  ];
}

function optionLines({ short, long, value, description, choices, standard }: OptionInfo): string[] {
  const names = [short, long].filter((name) => name !== null).map((name) => String.raw`\fB${roff(name)}\fR`);
  const facts = [
    ...(choices.length === 0 ? [] : [`one of ${choices.join(', ')}`]),
    ...(standard === null ? [] : [`default: ${standard}`]),
  ];
  return [
    '.TP',
    `${names.join(', ')}${value === null ? '' : String.raw` \fI${roff(value)}\fR`}`,
    roff(`${description}${facts.length === 0 ? '' : ` (${facts.join('; ')})`}`),
  ];
}

/** Text that troff shows as it is; what stands in backquotes is bold. A line of its own never begins with a request. */
function roff(text: string): string {
  return text
    .replaceAll('\\', String.raw`\e`)
    .replaceAll('-', String.raw`\-`)
    .replaceAll("'", String.raw`\(aq`)
    .replaceAll(/`([^`]*)`/g, String.raw`\fB$1\fR`)
    .replaceAll(/^\./gm, String.raw`\&.`);
}

const quoted = (text: string): string => `"${roff(text).replaceAll('"', String.raw`\(dq`)}"`;
