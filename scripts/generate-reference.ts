/**
 * What is made of the tree of commands: docs/cli.md, the man page, the completions.
 *
 *   node scripts/generate-reference.ts DIRECTORY SECONDS
 *
 * SECONDS since 1970 is the date on the man page.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { COMPLETIONS } from '../agent/src/cli/completion.ts';
import { build } from '../agent/src/cli/context.ts';
import { makeProgram } from '../agent/src/cli/program.ts';
import { cliMarkdown } from '../agent/src/cli/reference/markdown.ts';
import { manualPage } from '../agent/src/cli/reference/manual.ts';
import { treeOf } from '../agent/src/cli/reference/tree.ts';

const [directory, seconds] = process.argv.slice(2);
if (directory === undefined || !/^[0-9]+$/.test(seconds ?? '')) {
  throw new Error('generate-reference: a directory and a time in seconds');
}
const tree = treeOf(makeProgram());
mkdirSync(directory, { recursive: true });
const save = (name: string, text: string) => writeFileSync(join(directory, name), text);
save('cli.md', cliMarkdown(tree));
save('spillway.1', manualPage(tree, { version: build().version, time: Number(seconds) }));
for (const [shell, script] of Object.entries(COMPLETIONS)) save(`completion.${shell}`, script(tree));
