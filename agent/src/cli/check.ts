/** `spillway check`: is the configuration good, and what does it come to? */
import { Command, Option } from 'commander';
import { addressText } from '../config/address.ts';
import type { Config } from '../config/config.ts';
import { DEFAULT_CONFIG_FILE, type Files, loadConfig } from '../config/load.ts';
import { ConfigError } from '../config/problems.ts';
import type { RuleOptions } from '../config/rules.ts';
import { shownUrl } from '../config/types.ts';
import { columns, printable } from '../model/text.ts';
import { type Format, FORMATS, jsonText, write } from './output.ts';

/** @param options what the agent knows of alerts, and where files are */
export function checkCommand(options: RuleOptions & { readonly files: Files }): Command {
  return new Command('check')
    .description('validate the configuration and say what it comes to')
    .argument('[file]', `the configuration; without it ${DEFAULT_CONFIG_FILE}, which need not exist`)
    .addOption(new Option('-o, --output <format>', 'format').choices(FORMATS).default('table'))
    .addHelpText(
      'after',
      '\nThe exit status is 78 if there is anything wrong with it.\n\nExamples:\n  spillway check\n  spillway check -o json new.yaml',
    )
    .action(async (file: string | undefined, { output }: { output: Format }) => {
      const path = file ?? DEFAULT_CONFIG_FILE;
      try {
        const config = loadConfig(path, { ...options, required: file !== undefined });
        const found = file !== undefined || options.files.fileExists(path);
        const heading = `${printable(path)}: ${found ? 'ok' : 'is not there, so these are the defaults: ok'}`;
        const document = { ...about(path), ok: true, found, problems: [], config: withoutSecrets(config) };
        await write(output === 'table' ? `${heading}\n${summary(config)}` : jsonText(document, output));
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        const document = { ...about(path), ok: false, problems: error.problems };
        await write(output === 'table' ? `${error.message}\n` : jsonText(document, output));
        process.exitCode = error.exitCode;
      }
    });
}

const about = (file: string) => ({ schema: 'spillway.check/1', file });

/** The effective settings that one looks for first. */
function summary({ web, tables, limits, confirm, latency, alerts, receivers }: Config): string {
  const rules = alerts.rules.filter(({ enabled }) => enabled);
  const names = rules.map(({ name }) => name).join(', ');
  const rows = [
    ['serves', `on ${addressText(web.listenAddress)}`],
    ['tables', `${String(tables.flows)} flows, ${String(tables.processes)} processes`],
    ['series', `${String(limits.flows)} flows, ${String(limits.workloads)} workloads`],
    ['refusals', `confirm: ${confirm}`],
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
  return `${columns(rows, 2)
    .map((line) => `  ${line}`)
    .join('\n')}\n`;
}

/** What follows the host in a webhook's URL may be one. */
function withoutSecrets(config: Config): Config {
  const { webhook, pagerduty } = config.receivers;
  const url = webhook.url === null ? null : shownUrl(webhook.url);
  return { ...config, receivers: { pagerduty, webhook: { ...webhook, url } } };
}
