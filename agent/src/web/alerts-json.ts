/** How the alerts stand as the document of /api/v1/alerts, which `spillway alerts list -o json` prints too. Pure. */
import type { Subject } from '../alerts/rule.ts';
import type { AlertsReport, AlertsView } from '../alerts/view.ts';

export interface AlertsJson extends AlertsView {
  readonly schema: 'spillway.alerts/1';
  /** RFC 3339, UTC. */
  readonly time: string;
  /** Seconds since boot at that time, suspend included: with it `since` of a status is a time of day. */
  readonly boottime: number;
}

/** The view and when it was made, and nothing else, whatever object it is. */
export function alertsJson({ time, statuses, firing, transitions, receivers, undurable }: AlertsReport): AlertsJson {
  return {
    schema: 'spillway.alerts/1',
    time: new Date(time.unixMs).toISOString(),
    boottime: time.boottime,
    statuses,
    firing,
    transitions,
    receivers,
    undurable,
  };
}

/** `host`, or `nginx (nginx.service)`. A program has its parentheses always: one that calls itself `host` is not the host. */
export function subjectText(subject: Subject): string {
  return subject === null ? 'host' : `${subject.comm || '-'} (${subject.unit || 'no unit'})`;
}
