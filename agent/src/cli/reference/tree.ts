/** The tree of commands as plain data: what the man page, docs/cli.md and the completions are made of. */
import type { Argument, Command, Option } from 'commander';

/** What completes a value: one of some words, something of the host, or nothing that could be known. */
export type Values = readonly string[] | 'file' | 'directory' | 'command' | 'process' | null;

export interface ArgumentInfo {
  /** As the usage line writes it: `<pid>`, `[file]`, `[command...]`. */
  readonly term: string;
  readonly description: string;
  readonly variadic: boolean;
  readonly choices: readonly string[];
  readonly values: Values;
}

export interface OptionInfo {
  /** `-o`, or null. */
  readonly short: string | null;
  /** `--output`, or null. */
  readonly long: string | null;
  /** `<format>` behind the name, or null for a flag. */
  readonly value: string | null;
  readonly description: string;
  readonly choices: readonly string[];
  /** What stands if it is left out; null if that needs no word. */
  readonly standard: string | null;
  readonly values: Values;
}

export interface CommandInfo {
  /** `['spillway', 'alerts', 'list']` */
  readonly path: readonly string[];
  readonly description: string;
  readonly usage: string;
  readonly arguments: readonly ArgumentInfo[];
  readonly options: readonly OptionInfo[];
  /** Paragraphs of what --help says behind the lists. */
  readonly notes: readonly string[];
  readonly examples: readonly string[];
  readonly commands: readonly CommandInfo[];
}

/** Reads the tree; nothing of it is run. */
export function treeOf(command: Command, above: readonly string[] = []): CommandInfo {
  const path = [...above, command.name()];
  const help = command.createHelp();
  const below = help.visibleCommands(command);
  const names = below.map((each) => each.name());
  return {
    path,
    description: command.description(),
    usage: [...path, command.usage()].join(' '),
    arguments: command.registeredArguments.map(argumentOf),
    options: help.visibleOptions(command).map(optionOf),
    ...afterwordOf(command),
    // commander's own `help` is told of the others
    commands: below.map((each) => (each.name() === 'help' ? helpOf(each, path, names) : treeOf(each, path))),
  };
}

/** Every command of the tree, each before those below it. */
export function commandsOf(root: CommandInfo): readonly CommandInfo[] {
  return [root, ...root.commands.flatMap(commandsOf)];
}

function helpOf(command: Command, above: readonly string[], names: readonly string[]): CommandInfo {
  const help = treeOf(command, above);
  return { ...help, arguments: help.arguments.map((argument) => ({ ...argument, values: names })) };
}

function argumentOf(argument: Argument): ArgumentInfo {
  const { required, variadic, description } = argument;
  const words = `${argument.name()}${variadic ? '...' : ''}`;
  const choices = argument.argChoices ?? [];
  return {
    term: required ? `<${words}>` : `[${words}]`,
    description,
    variadic,
    choices,
    values: valuesOf(argument.name(), choices),
  };
}

/** What is no plain value needs a description of its own. */
const textOf = (value: unknown): string | null =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : null;

function optionOf(option: Option): OptionInfo {
  const { flags, short, long, description, argChoices, defaultValueDescription } = option;
  const value = /[<[].*$/.exec(flags)?.[0] ?? null;
  const choices = argChoices ?? [];
  return {
    short: short ?? null,
    long: long ?? null,
    value,
    description,
    choices,
    standard: defaultValueDescription ?? textOf(option.defaultValue),
    values: value === null ? null : valuesOf(value.replace(/[^a-z]/g, ''), choices),
  };
}

/** By the name of a placeholder: that is what it is for. */
const KINDS: Readonly<Record<string, Values>> = {
  file: 'file',
  directory: 'directory',
  command: 'command',
  pid: 'process',
  pids: 'process',
};

const valuesOf = (name: string, choices: readonly string[]): Values =>
  choices.length > 0 ? choices : (KINDS[name] ?? null);

const EXAMPLES = 'Examples:';

/** What --help adds behind its lists: paragraphs, and one with the examples at the end. */
function afterwordOf(command: Command): Pick<CommandInfo, 'notes' | 'examples'> {
  const output = command.configureOutput();
  let text = '';
  command.configureOutput({
    writeOut: (part) => {
      text += part;
    },
  });
  command.outputHelp();
  const lists = command.helpInformation();
  command.configureOutput(output);
  const paragraphs = text.slice(text.indexOf(lists) + lists.length).split('\n\n');
  const told = paragraphs.map((paragraph) => paragraph.trim()).filter((paragraph) => paragraph !== '');
  const isExamples = (paragraph: string) => paragraph.startsWith(EXAMPLES);
  return {
    notes: told.filter((paragraph) => !isExamples(paragraph)),
    examples: told.filter(isExamples).flatMap((paragraph) =>
      paragraph
        .split('\n')
        .slice(1)
        .map((line) => line.trim()),
    ),
  };
}
