/** The table of `spillway alerts list`: a line for each rule and what it is about. Pure. */
import type { AlertStatus, Subject } from '../../alerts/rule.ts';
import type { AlertsView, FiringView } from '../../alerts/view.ts';
import { columns } from '../../model/text.ts';
import { subjectText } from '../../web/alerts-json.ts';
import { nameText } from './text.ts';

const RULE_WIDTH = 32;
const COMM_WIDTH = 15;
const UNIT_WIDTH = 24;

/** What comes first. */
const STATES: readonly AlertStatus['state'][] = ['firing', 'pending', 'inactive'];

/** One moment of the daemon's host by both of its clocks. */
export interface Moment {
  readonly unixMs: number;
  /** Seconds since boot. */
  readonly boottime: number;
}

/** A rule and what it is about, as it stands. */
export interface Standing {
  readonly state: AlertStatus['state'];
  readonly rule: string;
  readonly subject: Subject;
  readonly value: number | null;
  readonly limit: number | null;
  readonly sinceMs: number;
  /** Of the incident; '' while none is open. */
  readonly summary: string;
}

/** The same view with firing alerts only. */
export function onlyFiring<V extends AlertsView>(view: V): V {
  return { ...view, statuses: view.statuses.filter(({ state }) => state === 'firing') };
}

/** A line for each alert below the names of the columns, firing ones first; none for none. */
export function renderAlerts(view: AlertsView, now: Moment): string[] {
  const rows = standings(view, now);
  if (rows.length === 0) return [];
  const head = ['STATE', 'RULE', 'SUBJECT', 'VALUE', 'LIMIT', 'SINCE'];
  return columns([head, ...rows.map(cellsOf)], head.length);
}

/** Firing ones first. An incident that lasts has one also while its rule has no status: after a restart, or when its rule was removed. */
export function standings({ statuses, firing }: AlertsView, now: Moment): Standing[] {
  const incidents = new Map<string, FiringView>(firing.map((incident) => [keyOf(incident), incident]));
  const rows = statuses.map((status): Standing => {
    const { state, rule, subject, value, threshold, since } = status;
    const incident = state === 'firing' ? incidents.get(keyOf(status)) : undefined;
    const sinceMs = incident?.firedAtMs ?? now.unixMs - (now.boottime - since) * 1000;
    return { state, rule, subject, value, limit: threshold, sinceMs, summary: incident?.summary ?? '' };
  });
  const known = new Set(statuses.filter(({ state }) => state === 'firing').map(keyOf));
  const others = firing.filter((incident) => !known.has(keyOf(incident)));
  return [
    ...rows,
    ...others.map(({ rule, subject, firedAtMs, summary }): Standing => ({
      state: 'firing',
      rule,
      subject,
      value: null,
      limit: null,
      sinceMs: firedAtMs,
      summary,
    })),
  ].sort((a, b) => order(a) - order(b) || byText(keyOf(a), keyOf(b)));
}

const cellsOf = ({ state, rule, subject, value, limit, sinceMs }: Standing): string[] => [
  nameText(state, RULE_WIDTH),
  nameText(rule, RULE_WIDTH),
  subjectText(
    subject === null ? null : { unit: nameText(subject.unit, UNIT_WIDTH), comm: nameText(subject.comm, COMM_WIDTH) },
  ),
  numberText(value),
  numberText(limit),
  timeText(sinceMs),
];

/** With four digits; `-` for what is not known. */
const numberText = (value: number | null): string => (value === null ? '-' : String(Number(value.toPrecision(4))));

/** RFC 3339, UTC, to the second. */
function timeText(unixMs: number): string {
  const date = new Date(unixMs);
  return Number.isNaN(date.getTime()) ? '-' : date.toISOString().replace(/\.\d+Z$/, 'Z');
}

const order = ({ state }: Standing): number => STATES.indexOf(state);

/** The host before its workloads. */
const keyOf = ({ rule, subject }: { readonly rule: string; readonly subject: Subject }): string =>
  JSON.stringify([rule, subject === null ? 0 : [subject.unit, subject.comm]]);

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));
