/** What the daemon says of alerts, as `spillway top` shows it. Pure. */
import type { Alerts } from '../top/alerts.ts';
import { type AlertsJson, subjectText } from '../web/alerts-json.ts';
import { type Moment, type Standing, standings } from './render/alerts.ts';
import type { SnapshotSource } from './source.ts';

/** In whose time of day people are told. */
export type Zone = 'local' | 'UTC';

/** What fires, the longest first, then what is about to. */
export function shownAlerts(json: AlertsJson | null, kind: SnapshotSource['kind'], zone: Zone): Alerts {
  if (json === null) return { kind: kind === 'probes' ? 'nobody' : 'off' };
  const now = momentOf(json);
  const all = standings(json, now);
  const alerts = (['firing', 'pending'] as const).flatMap((state) =>
    all
      .filter((standing) => standing.state === state)
      .sort((a, b) => a.sinceMs - b.sinceMs)
      .map(({ rule, subject, sinceMs, summary }) => ({
        state,
        rule,
        subject: subjectText(subject),
        since: sinceText(sinceMs, now.unixMs, zone),
        summary,
      })),
  );
  return { kind: 'judged', alerts };
}

export interface FiringJson extends Pick<Standing, 'rule' | 'subject' | 'summary'> {
  /** RFC 3339, UTC. */
  readonly since: string;
}

/** What fires, for programs. */
export const firingJson = (json: AlertsJson): FiringJson[] =>
  standings(json, momentOf(json))
    .filter(({ state }) => state === 'firing')
    .map(({ rule, subject, sinceMs, summary }) => ({
      rule,
      subject,
      since: `${isoOf(sinceMs, 'UTC') ?? ''}Z`,
      summary,
    }));

const momentOf = ({ time, boottime }: AlertsJson): Moment => ({ unixMs: Date.parse(time), boottime });

/** `02:41:07`, or `11-19 02:41` of another day. */
function sinceText(unixMs: number, nowMs: number, zone: Zone): string {
  const date = isoOf(unixMs, zone);
  if (date === null) return '-';
  return date.slice(0, 10) === isoOf(nowMs, zone)?.slice(0, 10)
    ? date.slice(11, 19)
    : `${date.slice(5, 10)} ${date.slice(11, 16)}`;
}

/** RFC 3339 without a zone; null for what is no time. */
function isoOf(unixMs: number, zone: Zone): string | null {
  const minutes = zone === 'UTC' ? 0 : new Date(unixMs).getTimezoneOffset();
  const date = new Date(unixMs - minutes * 60_000);
  return Number.isNaN(date.getTime()) ? null : date.toISOString().slice(0, -1);
}
