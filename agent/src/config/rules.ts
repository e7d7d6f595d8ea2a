/** alerts.rules: the default rules with what the file changes, and the rules that it adds. */
import { isMap, type YAMLMap } from 'yaml';
import type { Condition, CounterSelector, Rule } from '../alerts/rule.ts';
import { didYouMean } from '../model/nearest.ts';
import { type Problems, quote } from './problems.ts';
import { RULE_SETTINGS } from './rule-settings.ts';
import { type Given, pairs, readSection } from './section.ts';
import { isNothing, kindOf, rangeOf } from './yaml.ts';

/** What of the alerts the configuration must know. */
export interface RuleOptions {
  readonly defaultRules: readonly Rule[];
  /** What is wrong with a counter, its labels or their values; null if nothing is. */
  readonly checkSelector: (selector: CounterSelector) => string | null;
  /** Whether workloads have the counter; others are counted for the host alone. */
  readonly hasWorkloads: (selector: CounterSelector) => boolean;
}

type GivenRule = Given<typeof RULE_SETTINGS>;
type Kind = Condition['kind'];

const NO_CONDITION = 'a new rule has a ratio or a rate';

const selectorsOf = (condition: Condition) =>
  condition.kind === 'ratio'
    ? ([
        ['ratio.numerator', condition.numerator],
        ['ratio.denominator', condition.denominator],
      ] as const)
    : ([['rate.counter', condition.counter]] as const);

/** What a condition is made of, beside `clear`. */
const NEEDED = {
  ratio: ['ratio.numerator', 'ratio.denominator', 'ratio.above', 'ratio.minimum'],
  rate: ['rate.counter', 'rate.above'],
} as const;

/** All rules: the defaults in their order, then the new ones in theirs. */
export function readRules(section: YAMLMap.Parsed | null, options: RuleOptions, problems: Problems): Rule[] {
  const rules = new Map(options.defaultRules.map((rule) => [rule.name, rule]));
  const names = [...rules.keys()];
  if (section === null) return [...rules.values()];
  for (const { name, key, value } of pairs(section, 'alerts.rules.', problems)) {
    const standard = rules.get(name) ?? null;
    if (!/^[A-Za-z][A-Za-z0-9_]{0,63}$/.test(name)) {
      problems.add(
        rangeOf(key),
        `the name of a rule is a letter, then at most 63 letters, digits and _, not ${quote(name)}`,
      );
    } else if (isMap(value)) {
      const place = `alerts.rules.${name}`;
      const given = readSection(value, RULE_SETTINGS, `${place}.`, problems);
      const reader = new RuleReader(
        place,
        given,
        didYouMean(name, names),
        [rangeOf(key)[0], rangeOf(value)[1]],
        problems,
      );
      const known = reader.checkSelectors(options.checkSelector);
      const rule = reader.rule(name, standard);
      if (known && rule !== null) reader.checkScopes(rule, options.hasWorkloads);
      if (rule !== null) rules.set(name, rule);
    } else if (value !== null && !isNothing(value)) {
      problems.add(rangeOf(value), `alerts.rules.${name}: expected a section, not ${kindOf(value)}`);
    } else if (standard === null) {
      problems.add(rangeOf(key), `alerts.rules.${name}: ${NO_CONDITION}${didYouMean(name, names)}`);
    }
  }
  return [...rules.values()];
}

/** One rule of the file. */
class RuleReader {
  readonly #place: string;
  readonly #values: GivenRule['values'];
  readonly #nodes: GivenRule['nodes'];
  readonly #meant: string;
  readonly #range: readonly [number, number];
  readonly #problems: Problems;

  /** @param meant the rule that this one may have been to change, for messages */
  constructor(place: string, given: GivenRule, meant: string, range: readonly [number, number], problems: Problems) {
    this.#place = place;
    this.#values = given.values;
    this.#nodes = given.nodes;
    this.#meant = meant;
    this.#range = range;
    this.#problems = problems;
  }

  /** Whether nothing is wrong with them. */
  checkSelectors(check: RuleOptions['checkSelector']): boolean {
    let good = true;
    for (const key of ['ratio.numerator', 'ratio.denominator', 'rate.counter'] as const) {
      const selector = this.#values[key];
      const wrong = selector === undefined || selector === null ? null : check(selector);
      if (wrong === null) continue;
      this.#complain(key, wrong);
      good = false;
    }
    return good;
  }

  /** A rule for workloads on a counter that they do not have would never fire. */
  checkScopes({ scopes, condition }: Rule, hasWorkloads: RuleOptions['hasWorkloads']): void {
    if (!scopes.includes('workload')) return;
    for (const [key, selector] of selectorsOf(condition)) {
      if (hasWorkloads(selector)) continue;
      const message = `${selector.metric} is counted for the host alone, and the rule is for workloads: write scopes: [host]`;
      this.#complain(this.#nodes.has(key) ? key : 'scopes', message);
    }
  }

  /** Null if it cannot be made; the problems then say why. @param standard the rule that it changes, if any */
  rule(name: string, standard: Rule | null): Rule | null {
    const kind = this.#kind(standard?.condition ?? null);
    if (kind === null) return null;
    this.#lookForMissing(kind, standard);
    const condition = kind === 'ratio' ? this.#ratio(standard?.condition) : this.#rate(standard?.condition);
    const windowSeconds = this.#values.window ?? standard?.windowSeconds;
    const severity = this.#values.severity ?? standard?.severity;
    const summary = this.#values.summary ?? standard?.summary;
    if (condition !== null && condition.clear > condition.above) this.#clearAbove(condition);
    if (condition === null || windowSeconds === undefined || severity === undefined || summary === undefined)
      return null;
    return {
      name,
      enabled: this.#values.enabled ?? standard?.enabled ?? true,
      scopes: this.#values.scopes ?? standard?.scopes ?? ['host'],
      condition,
      windowSeconds,
      forSeconds: this.#values.for ?? standard?.forSeconds ?? 0,
      severity,
      repeatSeconds: this.#values.repeat ?? standard?.repeatSeconds ?? 0,
      summary,
      runbook: this.#values.runbook ?? standard?.runbook ?? '',
    };
  }

  #kind(standard: Condition | null): Kind | null {
    const kinds = (['ratio', 'rate'] as const).filter((kind) =>
      [...this.#nodes.keys()].some((key) => key.startsWith(`${kind}.`)),
    );
    const kind = kinds[0] ?? standard?.kind;
    if (kinds.length < 2 && kind !== undefined) return kind;
    const message =
      kinds.length === 2 ? 'a rule has either a ratio or a rate, not both' : `${NO_CONDITION}${this.#meant}`;
    this.#problems.add(this.#range, `${this.#place}: ${message}`);
    return null;
  }

  /** Keys that are there but wrong have been complained about. */
  #lookForMissing(kind: Kind, standard: Rule | null): void {
    const needed = [
      ...(standard?.condition.kind === kind ? [] : NEEDED[kind]),
      ...(standard === null ? (['window', 'severity', 'summary'] as const) : []),
    ];
    const missing = needed.filter((key) => !this.#nodes.has(key));
    if (missing.length === 0) return;
    const whose = standard === null ? 'a new rule' : `a ${kind} instead of the default ${standard.condition.kind}`;
    this.#problems.add(this.#range, `${this.#place}: ${whose} needs ${missing.join(', ')} too${this.#meant}`);
  }

  #ratio(standard: Condition | undefined): Condition | null {
    const base = standard?.kind === 'ratio' ? standard : undefined;
    const numerator = this.#values['ratio.numerator'] ?? base?.numerator;
    const denominator = this.#values['ratio.denominator'] ?? base?.denominator;
    const above = this.#values['ratio.above'] ?? base?.above;
    const minimum = this.#values['ratio.minimum'] ?? base?.minimum;
    if (numerator === undefined || denominator === undefined || above === undefined || minimum === undefined)
      return null;
    const clear = this.#values['ratio.clear'] ?? base?.clear ?? above;
    return { kind: 'ratio', numerator, denominator, above, clear, minimum };
  }

  #rate(standard: Condition | undefined): Condition | null {
    const base = standard?.kind === 'rate' ? standard : undefined;
    const counter = this.#values['rate.counter'] ?? base?.counter;
    const above = this.#values['rate.above'] ?? base?.above;
    if (counter === undefined || above === undefined) return null;
    return { kind: 'rate', counter, above, clear: this.#values['rate.clear'] ?? base?.clear ?? above };
  }

  #clearAbove({ kind, above, clear }: Condition): void {
    const { type } = RULE_SETTINGS[`${kind}.above`];
    const given = this.#nodes.has(`${kind}.clear`);
    this.#complain(
      given ? `${kind}.clear` : `${kind}.above`,
      `clear (${type.format(clear)}${given ? '' : ' by default'}) is higher than above (${type.format(above)})` +
        (given ? '' : ': set clear too'),
    );
  }

  #complain(key: keyof typeof RULE_SETTINGS, message: string): void {
    const node = this.#nodes.get(key);
    this.#problems.add(node === undefined ? this.#range : rangeOf(node), `${this.#place}.${key}: ${message}`);
  }
}
