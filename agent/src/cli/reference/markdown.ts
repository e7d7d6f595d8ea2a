/** docs/cli.md */
import { type ArgumentInfo, type CommandInfo, commandsOf, type OptionInfo } from './tree.ts';

const PREFACE = `# Commands

Generated from the tree of commands (\`make reference\`); \`spillway help COMMAND\` says the same in a terminal, and so does \`man spillway\`.

Data goes to stdout, the log to stderr. The exit status is 0 if all went well, 1 if something failed, 2 for a wrong command line, 3 if
a check has found something, 69 if the kernel lacks what is needed, 77 if a privilege is missing, 78 if the configuration is wrong
([errors.md](errors.md)); that of \`stat\` is its command's.
`;

/** Without \`help\` and \`--help\`, which every command has. */
export function cliMarkdown(root: CommandInfo): string {
  const shown = commandsOf(root).filter(({ path }) => path.at(-1) !== 'help');
  return [PREFACE, ...shown.map(sectionOf)].join('\n');
}

function sectionOf(command: CommandInfo): string {
  const below = command.commands.filter(({ path }) => path.at(-1) !== 'help');
  const items = [
    ...below.map(({ path, description }) => `- [\`${path.join(' ')}\`](#${path.join('-')}): ${prose(description)}`),
    ...command.arguments.map(argumentItem),
    ...command.options.filter(({ long }) => long !== '--help').map(optionItem),
  ];
  return [
    `## ${command.path.join(' ')}\n`,
    `${prose(capital(command.description))}.\n`,
    `\`\`\`\n${command.usage}\n\`\`\`\n`,
    ...(items.length === 0 ? [] : [`${items.join('\n')}\n`]),
    ...command.notes.map((note) => `${prose(note)}\n`),
    ...(command.examples.length === 0 ? [] : [`\`\`\`sh\n${command.examples.join('\n')}\n\`\`\`\n`]),
  ].join('\n');
}

const argumentItem = ({ term, description, choices }: ArgumentInfo): string =>
  `- \`${term}\`: ${prose(description)}${choicesText(choices, null)}`;

function optionItem({ short, long, value, description, choices, standard }: OptionInfo): string {
  const names = [short, long].filter((name) => name !== null).join(', ');
  return `- \`${names}${value === null ? '' : ` ${value}`}\`: ${prose(description)}${choicesText(choices, standard)}`;
}

function choicesText(choices: readonly string[], standard: string | null): string {
  const parts: string[] = [];
  if (choices.length > 0) parts.push(`one of ${choices.map((choice) => `\`${choice}\``).join(', ')}`);
  if (standard !== null) parts.push(`\`${standard}\` if it is left out`);
  return parts.length === 0 ? '' : ` (${parts.join('; ')})`;
}

/** Outside of code, what Markdown would take for a tag or for emphasis. */
const prose = (text: string): string =>
  text
    .split(/(`[^`]*`)/)
    .map((part) => (part.startsWith('`') ? part : part.replace(/[<*_|]/g, String.raw`\$&`)))
    .join('');

/** The same with a capital at its beginning. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
