/** `spillway check`: is the configuration good, and what does it come to? */
import { Command, Option } from 'commander';
import { addressText } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { DEFAULT_CONFIG_FILE, type Files, loadConfig } from '../config/load.ts';
import { ConfigError, type Problem } from '../config/problems.ts';
import type { RuleOptions } from '../config/rules.ts';
import { shownUrl } from '../config/types.ts';
import { EXIT, SpillwayError } from '../model/errors.ts';
import type { ProgramStatus } from '../model/snapshot.ts';
import { columns, printable } from '../model/text.ts';
import type { WebConfig } from '../web/access/config.ts';
import { readWebConfig } from '../web/access/read.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';
import { webConfigText } from './web-config.ts';

interface CheckOptions extends RuleOptions {
  readonly files: Files;
  /** Loads and attaches, and takes it down again. @throws SpillwayError */
  readonly attach: (config: Config) => readonly ProgramStatus[];
}

interface CheckFlags {
  readonly output: Format;
  readonly attach?: true;
}

/** @param options what the agent knows of alerts, where files are, and how to attach */
export function checkCommand(options: CheckOptions): Command {
  return new Command('check')
    .description('validate the configuration and say what it comes to')
    .argument('[file]', `the configuration; without it ${DEFAULT_CONFIG_FILE}, which need not exist`)
    .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
    .option('--attach', 'load and attach every program too, as `run` would, and take them down again (root)')
    .addHelpText('after', HELP)
    .action((file: string | undefined, flags: CheckFlags) => check(file, flags, options));
}

const HELP = `
The exit status is 78 if there is anything wrong with the configuration. With --attach it is 3 if a program cannot be
attached, 69 if none can, and 77 if that takes privileges that are missing.

Examples:
  spillway check
  spillway check -o json new.yaml
  spillway check --attach`;

/** `spillway check -o json`. */
export interface CheckJson {
  readonly schema: 'spillway.check/1';
  readonly file: string;
  readonly ok: boolean;
  readonly problems: readonly Problem[];
  readonly found?: boolean;
  readonly config?: Config;
  readonly programs?: readonly Pick<ProgramStatus, 'name' | 'hook' | 'state' | 'reason'>[];
}

async function check(file: string | undefined, { output, attach }: CheckFlags, options: CheckOptions): Promise<void> {
  const path = file ?? DEFAULT_CONFIG_FILE;
  let config: Config;
  let web: WebConfig | null = null;
  try {
    config = loadConfig(path, { ...options, required: file !== undefined });
    if (config.web.configFile !== null) web = readWebConfig(config.web.configFile, options.files);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const document: CheckJson = { ...about(error.file), ok: false, problems: error.problems };
    await write(output === 'table' ? `${error.message}\n` : jsonText(document, output));
    process.exitCode = error.exitCode;
    return;
  }
  const found = file !== undefined || options.files.fileExists(path);
  const tried = attach === true ? attempt(config, options.attach) : null;
  const ok = tried?.ok ?? true;
  if (output === 'table') {
    const heading = `${printable(path)}: ${found ? 'ok' : 'is not there, so these are the defaults: ok'}`;
    await write(
      `${heading}\n${summary(config, web)}${tried === null ? '' : `programs\n${programLines(tried.programs)}`}`,
    );
  } else {
    const programs = tried === null ? {} : { programs: tried.programs.map(programOf) };
    const document: CheckJson = {
      ...about(path),
      ok,
      found,
      problems: [],
      config: withoutSecrets(config),
      ...programs,
    };
    await write(jsonText(document, output));
  }
  if (tried?.error !== undefined) throw tried.error;
  if (!ok) process.exitCode = EXIT.problems;
}

interface Tried {
  readonly ok: boolean;
  readonly programs: readonly ProgramStatus[];
  /** Why there are none. */
  readonly error?: SpillwayError;
}

function attempt(config: Config, attach: CheckOptions['attach']): Tried {
  try {
    const programs = attach(config);
    return { ok: programs.every(({ state }) => state !== 'unavailable'), programs };
  } catch (error) {
    if (!(error instanceof SpillwayError)) throw error;
    return { ok: false, programs: [], error };
  }
}

const programOf = ({ name, hook, state, reason }: ProgramStatus) => ({ name, hook, state, reason });

/** One for each program: `ok`, or why it is not attached. */
function programLines(programs: readonly ProgramStatus[]): string {
  if (programs.length === 0) return '  none could be attached\n';
  const rows = programs.map(({ name, hook, state, reason }) => [
    name,
    hook,
    state === 'attached' ? `ok${reason === '' ? '' : `, ${printable(reason)}`}` : `${state}: ${printable(reason)}`,
  ]);
  return indented(columns(rows, 3));
}

const indented = (lines: readonly string[]): string => lines.map((line) => `  ${line}\n`).join('');

const about = (file: string) => ({ schema: 'spillway.check/1', file }) as const;

/** The effective settings that one looks for first. */
function summary(config: Config, webConfig: WebConfig | null): string {
  const { web, tables, limits, confirm, latency, hooks, alerts, receivers } = config;
  const rules = alerts.rules.filter(({ enabled }) => enabled);
  const names = rules.map(({ name }) => name).join(', ');
  const rows = [
    ['serves', `on ${addressText(web.listenAddress)}${webConfig === null ? '' : `, ${webConfigText(webConfig)}`}`],
    ['tables', `${String(tables.flows)} flows, ${String(tables.processes)} processes`],
    ['series', `${String(limits.flows)} flows, ${String(limits.workloads)} workloads`],
    ['refusals', `confirm: ${confirm}`],
    ['hooks', hooks],
    ['latency', latency.enabled ? 'timed' : 'not timed'],
    [
      'alerts',
      alerts.enabled
        ? `${String(rules.length)} of ${String(alerts.rules.length)} rules${names && `: ${names}`}`
        : 'none are evaluated',
    ],
    ['state', `in ${alerts.stateDirectory}`],
    [
      'pagerduty',
      `${shownUrl(receivers.pagerduty.url)}, key ${receivers.pagerduty.routingKeyFile ?? 'where it is by default, if it is there'}`,
    ],
    ['webhook', receivers.webhook.url === null ? 'none' : shownUrl(receivers.webhook.url)],
  ];
  return indented(columns(rows, 2));
}

/** What follows the host in a webhook's URL may be one. */
function withoutSecrets(config: Config): Config {
  const { webhook, pagerduty } = config.receivers;
  const url = webhook.url === null ? null : shownUrl(webhook.url);
  return { ...config, receivers: { pagerduty, webhook: { ...webhook, url } } };
}
