import { fileURLToPath } from 'node:url';
import { Argument, Command, Option } from 'commander';
import { expect, it } from 'vitest';
import { makeProgram } from '../../src/cli/program.ts';
import { cliMarkdown } from '../../src/cli/reference/markdown.ts';
import { manualPage } from '../../src/cli/reference/manual.ts';
import { commandsOf, treeOf } from '../../src/cli/reference/tree.ts';

const tree = treeOf(makeProgram());

it('docs/cli.md is what the commands say (make reference writes it)', async () => {
  await expect(cliMarkdown(tree)).toMatchFileSnapshot(fileURLToPath(new URL('../../../docs/cli.md', import.meta.url)));
});

it('every command has two examples, each of which begins with its own name', () => {
  for (const { path, examples } of commandsOf(tree)) {
    if (path.at(-1) === 'help') continue;
    expect(examples.length, path.join(' ')).toBeGreaterThanOrEqual(2);
    const own = examples.filter((example) => example.includes(path.join(' ')));
    expect(own, path.join(' ')).toHaveLength(examples.length);
  }
});

const small = new Command('tool')
  .description('does things')
  .version('1')
  .addHelpText('after', '\nA word, and\nanother.\n\nMore of `it`.\n\nExamples:\n  tool put a\n  tool put b');
small
  .command('put')
  .description('puts <it> somewhere')
  .addArgument(new Argument('<file>', 'what to put'))
  .addArgument(new Argument('[pids...]', 'for whom'))
  .addOption(new Option('-w, --where <place>', 'where to').choices(['here', 'there']).default('here'))
  .addOption(new Option('--into <directory>', 'the room').default(3, 'three'))
  .option('--dry-run', '.nothing is done')
  .addOption(new Option('--hidden').hideHelp())
  .addHelpText('after', '\nMore of `that`.\n\nExamples:\n  tool put -w here');

it('the tree has what is shown of commands, arguments and options, and no more', () => {
  const { commands, notes, examples, options } = treeOf(small);
  expect({ notes, examples }).toEqual({
    notes: ['A word, and\nanother.', 'More of `it`.'],
    examples: ['tool put a', 'tool put b'],
  });
  expect(options.map(({ long }) => long)).toEqual(['--version', '--help']);
  const [put, help] = commands;
  expect(put).toEqual({
    path: ['tool', 'put'],
    description: 'puts <it> somewhere',
    usage: 'tool put [options] <file> [pids...]',
    arguments: [
      { term: '<file>', description: 'what to put', variadic: false, choices: [], values: 'file' },
      { term: '[pids...]', description: 'for whom', variadic: true, choices: [], values: 'process' },
    ],
    options: [
      {
        short: '-w',
        long: '--where',
        value: '<place>',
        description: 'where to',
        choices: ['here', 'there'],
        standard: 'here',
        values: ['here', 'there'],
      },
      {
        short: null,
        long: '--into',
        value: '<directory>',
        description: 'the room',
        choices: [],
        standard: 'three',
        values: 'directory',
      },
      {
        short: null,
        long: '--dry-run',
        value: null,
        description: '.nothing is done',
        choices: [],
        standard: null,
        values: null,
      },
      {
        short: '-h',
        long: '--help',
        value: null,
        description: 'display help for command',
        choices: [],
        standard: null,
        values: null,
      },
    ],
    notes: ['More of `that`.'],
    examples: ['tool put -w here'],
    commands: [],
  });
  expect(help?.arguments[0]?.values).toEqual(['put', 'help']);
});

it('a command shows its help as before, when its tree has been read', () => {
  let shown = '';
  small.configureOutput({ writeOut: (text) => (shown += text) });
  treeOf(small);
  expect(shown).toBe('');
  small.outputHelp();
  expect(shown).toContain('tool put b');
});

it('Markdown shows text as it is', () => {
  const markdown = cliMarkdown(treeOf(small));
  expect(markdown).toContain('Puts \\<it> somewhere.');
  expect(markdown).toContain('- `-w, --where <place>`: where to (one of `here`, `there`; `here` if it is left out)\n');
  expect(markdown).not.toContain('hidden');
});

it('the man page shows text as it is: dashes to copy, quotes, and no line that is a request by chance', () => {
  const page = manualPage(treeOf(small), { version: '1.2-3', time: 86_400 });
  expect(page).toContain('.TH SPILLWAY 1 1970-01-02 "spillway 1.2\\-3" "User Commands"\n');
  expect(page).toContain(
    '\\fB\\-w\\fR, \\fB\\-\\-where\\fR \\fI<place>\\fR\nwhere to (one of here, there; default: here)\n',
  );
  expect(page).toContain('\n\\&.nothing is done\n');
  expect(page).toContain('.PP\nMore of \\fBthat\\fR.\n');
  expect(page).toContain('.nf\n.RS\ntool put \\-w here\n.RE\n.fi\n');
  for (const { path } of commandsOf(tree).slice(1)) {
    if (path.at(-1) === 'help') continue;
    expect(manualPage(tree, { version: '1', time: 0 })).toContain(`.SS "${path.join(' ')}`);
  }
});
