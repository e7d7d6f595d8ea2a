/** `spillway dashboards`: boards for Grafana and rules for Prometheus, as files. */
import { Command } from 'commander';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { boardFiles } from '../../../dashboards/boards/index.ts';
import { ruleFiles } from '../../../dashboards/rules/index.ts';
import { SpillwayError } from '../model/errors.ts';
import { printable } from '../model/text.ts';
import { write } from './output.ts';

interface ExportFlags {
  readonly directory: string;
  readonly grafana?: boolean;
  readonly rules?: boolean;
  readonly force?: boolean;
}

const exportCommand = new Command('export')
  .description('write the boards (JSON) and the rules (YAML) into a directory')
  .option('-d, --directory <directory>', 'where to; made if it is not there', '.')
  .option('--grafana', 'only the boards')
  .option('--rules', 'only the rules')
  .option('--force', 'replace files that are already there')
  .addHelpText(
    'after',
    `
Prints the names of the files that it has written. If one of them is already there, none is written.

Examples:
  spillway dashboards export --directory /tmp/spillway
  spillway dashboards export --rules --directory /etc/prometheus --force`,
  )
  .action(exportFiles);

export const dashboardsCommand = new Command('dashboards')
  .description('boards for Grafana, and recording and alerting rules for Prometheus')
  .addCommand(exportCommand)
  .addHelpText(
    'after',
    `
spillway-fleet.json, spillway-host.json and spillway-health.json are for Grafana 11 and newer: Dashboards, New, Import. The
.yaml files are for rule_files of Prometheus; what they ask of scrape_interval stands at their heads.

Examples:
  spillway dashboards export --directory /tmp/spillway
  spillway dashboards export --grafana`,
  );

async function exportFiles({ directory, grafana = false, rules = false, force = false }: ExportFlags): Promise<void> {
  const both = grafana === rules;
  const files = [...(both || grafana ? boardFiles() : []), ...(both || rules ? ruleFiles() : [])].map(
    ([name, text]) => ({ path: join(directory, name), text }),
  );
  try {
    mkdirSync(directory, { recursive: true });
  } catch (error) {
    throw cannotWrite('make', directory, codeOf(error), 'name another with --directory', error);
  }
  const inTheWay = force ? [] : files.filter(({ path }) => existsSync(path));
  for (const { path } of inTheWay) throw cannotWrite('write', path, ALREADY_THERE, NEXT);
  for (const { path, text } of files) {
    try {
      writeFileSync(path, text, { flag: force ? 'w' : 'wx' });
    } catch (error) {
      const code = codeOf(error);
      throw cannotWrite('write', path, code === 'EEXIST' ? ALREADY_THERE : code, NEXT, error);
    }
  }
  await write(files.map(({ path }) => `${printable(path)}\n`).join(''));
}

const ALREADY_THERE = 'it is already there (EEXIST)';
const NEXT = 'name another directory with --directory, or replace it with --force';

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? String(error);

const cannotWrite = (step: string, path: string, why: string, next: string, cause?: unknown): SpillwayError =>
  new SpillwayError('CANNOT_WRITE', `${step} ${printable(path)}: ${why}; ${next}`, { cause });
