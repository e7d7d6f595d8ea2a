/** What a reload changes. Pure. */
import type { Rule } from '../alerts/rule.ts';
import { type Config, valuesOf } from './config.ts';
import { RULE_SETTINGS } from './rule-settings.ts';
import { type Setting, SETTINGS, type Settings, type Values } from './settings.ts';

export interface Change {
  /** `alerts.rules.SendfileFallback.ratio.above` */
  readonly key: string;
  /** As in the file; null where there is nothing. What may be a secret is cut. */
  readonly from: string | null;
  readonly to: string | null;
  /** A running agent keeps the old value. */
  readonly needsRestart: boolean;
}

/** All differences: keys in the order of docs/configuration.md, then rules by name. */
export function describeChanges(from: Config, to: Config): Change[] {
  const rules = rulesByName(from, to).flatMap(([name, before, after]) =>
    differences(RULE_SETTINGS, before && ruleValues(before), after && ruleValues(after), `alerts.rules.${name}.`),
  );
  return [...differences(SETTINGS, valuesOf(from), valuesOf(to), ''), ...rules];
}

/** `confirm: auto -> never (needs a restart)` */
export function changeText({ key, from, to, needsRestart }: Change): string {
  return `${key}: ${from ?? 'not set'} -> ${to ?? 'not set'}${needsRestart ? ' (needs a restart)' : ''}`;
}

type Text = Readonly<Record<string, unknown>> | null;

function differences(settings: Settings, before: Text, after: Text, place: string): Change[] {
  const changes: Change[] = [];
  for (const [key, setting] of Object.entries(settings)) {
    const [from, to] = [textOf(setting, before?.[key]), textOf(setting, after?.[key])];
    // Compared as they are: two secrets may look the same when they are cut.
    if (JSON.stringify(before?.[key] ?? null) === JSON.stringify(after?.[key] ?? null)) continue;
    changes.push({ key: place + key, from, to, needsRestart: setting.change === 'restart' });
  }
  return changes;
}

function textOf({ type }: Setting<unknown>, value: unknown): string | null {
  return value === null || value === undefined ? null : type.format(value);
}

function rulesByName(from: Config, to: Config): [name: string, before: Rule | null, after: Rule | null][] {
  const [before, after] = [from, to].map(({ alerts }) => new Map(alerts.rules.map((rule) => [rule.name, rule])));
  const names = new Set([...(before?.keys() ?? []), ...(after?.keys() ?? [])]);
  return [...names].map((name) => [name, before?.get(name) ?? null, after?.get(name) ?? null]);
}

/** A rule as the file would give it. */
function ruleValues({ condition, ...rule }: Rule): Partial<Values<typeof RULE_SETTINGS>> {
  return {
    enabled: rule.enabled,
    scopes: rule.scopes,
    ...(condition.kind === 'ratio'
      ? {
          'ratio.numerator': condition.numerator,
          'ratio.denominator': condition.denominator,
          'ratio.above': condition.above,
          'ratio.clear': condition.clear,
          'ratio.minimum': condition.minimum,
        }
      : { 'rate.counter': condition.counter, 'rate.above': condition.above, 'rate.clear': condition.clear }),
    window: rule.windowSeconds,
    for: rule.forSeconds,
    severity: rule.severity,
    repeat: rule.repeatSeconds,
    summary: rule.summary,
    runbook: rule.runbook,
  };
}
