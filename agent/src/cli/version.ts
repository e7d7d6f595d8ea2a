/** `spillway version` */
import { Command, Option } from 'commander';
import { LAYOUT_HASH } from '../abi/layout.ts';
import { binding, build } from './context.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';

export const versionCommand = new Command('version')
  .description('versions of the agent and of what it is built from')
  .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
  .addHelpText('after', '\nExamples:\n  spillway version\n  spillway version -o json')
  .action(async ({ output }: { output: Format }) => {
    const all = versions();
    if (output === 'table') {
      const lines = Object.entries(all).map(([name, value]) => `${name.padEnd(9)} ${value}`);
      await write(`${lines.join('\n')}\n`);
    } else {
      await write(jsonText({ schema: 'spillway.version/1', ...all }, output));
    }
  });

/** By name: the agent and what it is built from. @throws SpillwayError BINDING_MISSING */
export function versions(): Readonly<Record<string, string>> {
  const { version, revision, kernel } = build();
  return {
    version,
    revision,
    node: process.versions.node,
    libbpf: binding().libbpfVersion,
    layout: LAYOUT_HASH,
    kernel,
  };
}
