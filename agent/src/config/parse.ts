/** Text -> configuration, or everything that is wrong with it. Pure. */
import { isMap } from 'yaml';
import { type Config, configOf } from './config.ts';
import { ConfigError, Problems } from './problems.ts';
import { readRules, type RuleOptions } from './rules.ts';
import { type Given, readSection } from './section.ts';
import { SETTINGS, type Values } from './settings.ts';
import { isNothing, kindOf, parseYaml, rangeOf } from './yaml.ts';

export interface ParseOptions extends RuleOptions {
  /** Whether there is a file that can be read; left out, all files that the configuration names are. */
  readonly fileExists?: (path: string) => boolean;
}

/** An empty text is the default configuration. @param file its name, for messages @throws ConfigError with every problem */
export function parseConfig(text: string, file: string, options: ParseOptions): Config {
  const problems = new Problems(text);
  const given = readDocument(text, problems);
  checkFiles(given, options, problems);
  const rules = readRules(given.values['alerts.rules'] ?? null, options, problems);
  const list = problems.list();
  if (list.length > 0) throw new ConfigError(file, list);
  return configOf({ ...DEFAULTS, ...given.values }, rules);
}

const DEFAULTS = Object.fromEntries(
  Object.entries(SETTINGS).map(([key, setting]) => [key, setting.default]),
) as unknown as Values<typeof SETTINGS>;

function readDocument(text: string, problems: Problems): Given<typeof SETTINGS> {
  const contents = parseYaml(text, problems);
  if (isMap(contents)) return readSection(contents, SETTINGS, '', problems);
  if (contents !== null && !isNothing(contents)) {
    problems.add(rangeOf(contents), `expected keys such as alerts: or web:, not ${kindOf(contents)}`);
  }
  return { values: {}, nodes: new Map() };
}

/** What concerns more than one key, or the world outside. */
function checkFiles({ values, nodes }: Given<typeof SETTINGS>, { fileExists }: ParseOptions, problems: Problems): void {
  const web = nodes.get('web.config_file');
  if (web !== undefined && values['web.config_file'] && fileExists?.(values['web.config_file']) === false) {
    problems.add(rangeOf(web), 'web.config_file: there is no such file, or it cannot be read');
  }
  const token = nodes.get('receivers.webhook.bearer_token_file');
  if (token !== undefined && !nodes.has('receivers.webhook.url')) {
    problems.add(
      rangeOf(token),
      'receivers.webhook.bearer_token_file: without receivers.webhook.url there is nothing to send it to',
    );
  }
}
