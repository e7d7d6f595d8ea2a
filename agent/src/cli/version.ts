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
      const document: VersionJson = { schema: 'spillway.version/1', ...all };
      await write(jsonText(document, output));
    }
  });

/** The agent and what it is built from. */
interface Versions {
  readonly version: string;
  readonly revision: string;
  readonly node: string;
  readonly libbpf: string;
  readonly layout: string;
  readonly kernel: string;
}

/** `spillway version -o json`. */
export interface VersionJson extends Versions {
  readonly schema: 'spillway.version/1';
}

/** @throws SpillwayError BINDING_MISSING */
export function versions(): Versions {
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
