/** The configuration of a command. */
import { checkSelector, hasWorkloads } from '../alerts/counters.ts';
import { defaultRules } from '../alerts/default-rules.ts';
import type { Config } from '../config/config.ts';
import { DEFAULT_CONFIG_FILE, FILES, loadConfig } from '../config/load.ts';
import type { RuleOptions } from '../config/rules.ts';
import { Option } from 'commander';

/** What the agent knows of alerts. */
export const RULE_OPTIONS: RuleOptions = { defaultRules: defaultRules(), checkSelector, hasWorkloads };

/** The option that names another file. */
export function configOption(): Option {
  return new Option('-c, --config <file>', `the configuration; without it ${DEFAULT_CONFIG_FILE}, if it is there`);
}

/** The file that was named, which must be there, or else the one of the host. @throws ConfigError */
export function readConfig(file: string | undefined): Config {
  return loadConfig(file ?? DEFAULT_CONFIG_FILE, { ...RULE_OPTIONS, required: file !== undefined, files: FILES });
}
