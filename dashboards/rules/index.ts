/** The files of rules that Prometheus takes, as they are shipped. */
import { readFileSync } from 'node:fs';

/** Their names. */
export const RULE_FILES = ['spillway-alerts.yaml', 'spillway-alerts-optional.yaml'] as const;

/** By name, put in by the bundler (Makefile): an installed agent has no checkout beside it. */
declare const EMBEDDED_RULES: Readonly<Record<(typeof RULE_FILES)[number], string>> | undefined;

/** By the name of each file: its text. */
export const ruleFiles = (): ReadonlyMap<string, string> => new Map(RULE_FILES.map((name) => [name, textOf(name)]));

function textOf(name: (typeof RULE_FILES)[number]): string {
  if (typeof EMBEDDED_RULES !== 'undefined') return EMBEDDED_RULES[name];
  return readFileSync(new URL(name, import.meta.url), 'utf8');
}
