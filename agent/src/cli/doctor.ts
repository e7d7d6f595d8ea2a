/** `spillway doctor`: can this host be observed, and how well. */
import { Command, Option } from 'commander';
import { readFacts } from '../doctor/facts.ts';
import { type Finding, findingsOf, type Probes } from '../doctor/findings.ts';
import type { Hooks } from '../kernel/hooks.ts';
import { DEFAULT_OPTIONS } from '../kernel/options.ts';
import { EXIT, SpillwayError } from '../model/errors.ts';
import { tryToAttach } from './attach.ts';
import { build } from './context.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { renderFindings } from './render/doctor.ts';
import { hooksOption } from './values.ts';

export const doctorCommand = new Command('doctor')
  .description('looks whether this host can be observed, and how well; tries every probe for a moment')
  .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
  .addOption(hooksOption(DEFAULT_OPTIONS.hooks))
  .addHelpText(
    'after',
    '\nExits with 0 if all is ok, with 3 if something is degraded or missing.' +
      '\n\nExamples:\n  spillway doctor\n  spillway doctor -o json',
  )
  .action(async ({ output, hooks }: { output: Format; hooks: Hooks }) => {
    const report = examine(hooks);
    const { findings } = report;
    await write(output === 'table' ? `${renderFindings(findings).join('\n')}\n` : jsonText(report, output));
    process.exitCode = exitCodeOf(findings);
  });

/** `spillway doctor -o json`. */
export interface DoctorJson {
  readonly schema: 'spillway.doctor/1';
  readonly version: string;
  readonly kernel: string;
  readonly findings: readonly Finding[];
}

/** Looks at the host, and tries every probe. */
export function examine(hooks: Hooks = DEFAULT_OPTIONS.hooks): DoctorJson {
  const { version, kernel } = build();
  return { schema: 'spillway.doctor/1', version, kernel, findings: findingsOf(readFacts(), tryProbes(hooks)) };
}

const exitCodeOf = (findings: readonly Finding[]): number =>
  findings.every(({ state }) => state === 'ok') ? EXIT.ok : EXIT.problems;

function tryProbes(hooks: Hooks): Probes {
  try {
    return tryToAttach({ ...DEFAULT_OPTIONS, latency: true, hooks });
  } catch (error) {
    if (error instanceof SpillwayError) return { failure: error.message };
    throw error;
  }
}
