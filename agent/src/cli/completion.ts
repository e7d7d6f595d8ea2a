/** `spillway completion`: a script that completes command lines. */
import { Argument, Command } from 'commander';
import { write } from './output.ts';
import { bashCompletion } from './reference/bash.ts';
import { fishCompletion } from './reference/fish.ts';
import { type CommandInfo, treeOf } from './reference/tree.ts';
import { zshCompletion } from './reference/zsh.ts';

/** By shell: the script for a tree of commands. */
export const COMPLETIONS = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} as const satisfies Record<string, (root: CommandInfo) => string>;

/** @param program what is completed; asked for when the command runs, for it holds this one too */
export function completionCommand(program: () => Command): Command {
  return new Command('completion')
    .description('print the script that completes command lines in a shell')
    .addArgument(new Argument('<shell>', 'for which shell').choices(Object.keys(COMPLETIONS)))
    .addHelpText(
      'after',
      `
The package has installed all three. A script from here knows exactly this version.

Examples:
  source <(spillway completion bash)
  spillway completion fish > ~/.config/fish/completions/spillway.fish`,
    )
    .action((shell: keyof typeof COMPLETIONS) => write(COMPLETIONS[shell](treeOf(program()))));
}
