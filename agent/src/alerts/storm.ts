/** One summary for many incidents that began at about the same time. */
import { createHash } from 'node:crypto';
import type { Incident, Json, NotificationEvent } from './incident.ts';
import { SEVERITIES } from './rule.ts';

/** Incidents, rules and links that a summary names; the rest it only counts. */
const MAX_LISTED = 100;
const MAX_RULES = 10;
const MAX_LINKS = 5;

/** The rule that a summary goes by. */
const STORM_RULE = 'AlertStorm';

/**
 * The trigger that stands for these incidents. `previous` is a summary that it replaces: it keeps its key, and counts what that
 * counted. `threshold` is how many are told one by one.
 */
export function stormEvent(
  incidents: readonly [Incident, ...Incident[]],
  receiver: string,
  threshold: number,
  previous: Incident | null,
): NotificationEvent {
  const [first] = incidents;
  const all = previous === null ? incidents : [previous, ...incidents];
  const counts = countsOf(previous);
  for (const { rule } of incidents) counts.set(rule, (counts.get(rule) ?? 0) + 1);
  const count = [...counts.values()].reduce((sum, one) => sum + one, 0);
  const listed = [...listOf(previous), ...incidents.slice(0, MAX_LISTED).map(lineOf)].slice(0, MAX_LISTED);
  const links = new Map(all.flatMap((incident) => incident.links).map((link) => [link.href, link]));
  return {
    action: 'trigger',
    incident: {
      dedupKey: previous?.dedupKey ?? stormKey(first, receiver),
      rule: STORM_RULE,
      subject: null,
      severity: SEVERITIES.find((severity) => all.some((one) => one.severity === severity)) ?? first.severity,
      host: first.host,
      summary: `${String(count)} alerts at once on ${first.host}: ${rulesText(counts)}`,
      firedAtMs: Math.min(...all.map(({ firedAtMs }) => firedAtMs)),
      resolvedAtMs: null,
      value: count,
      threshold,
      details: { rules: Object.fromEntries(counts), alerts: listed, not_listed: Math.max(0, count - listed.length) },
      links: [...links.values()].slice(0, MAX_LINKS),
    },
  };
}

/** The resolve of a summary. */
export function stormResolve(trigger: Incident, unixMs: number): NotificationEvent {
  return { action: 'resolve', incident: { ...trigger, resolvedAtMs: unixMs } };
}

function stormKey({ dedupKey, firedAtMs }: Incident, receiver: string): string {
  const text = JSON.stringify([receiver, dedupKey, firedAtMs]);
  return `spillway:storm:${createHash('sha256').update(text).digest('hex')}`;
}

function lineOf({ rule, subject, summary, severity }: Incident): Json {
  return { rule, severity, summary, workload: subject === null ? null : `${subject.unit} ${subject.comm}`.trim() };
}

/** Alerts of each rule, as an earlier summary counted them. */
function countsOf(previous: Incident | null): Map<string, number> {
  const rules = Object.entries(previous?.details.rules ?? {}) as [string, Json][];
  return new Map(rules.filter((rule): rule is [string, number] => typeof rule[1] === 'number'));
}

function listOf(previous: Incident | null): readonly Json[] {
  const alerts = previous?.details.alerts;
  return Array.isArray(alerts) ? (alerts as readonly Json[]) : [];
}

/** `SendfileFallback (30), IoUringSubmitEagain (17)`: most alerts first. */
function rulesText(counts: ReadonlyMap<string, number>): string {
  const rules = [...counts].sort(([, a], [, b]) => b - a);
  const texts = rules.slice(0, MAX_RULES).map(([rule, count]) => `${rule} (${String(count)})`);
  return texts.join(', ') + (rules.length > MAX_RULES ? ', …' : '');
}
