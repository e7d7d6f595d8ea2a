/** An AlertsView as the document of /api/v1/alerts, which `spillway alerts list -o json` prints too. Pure. */
import type { Subject } from '../alerts/rule.ts';
import type { AlertsView } from '../alerts/view.ts';

export interface AlertsJson extends AlertsView {
  readonly schema: 'spillway.alerts/1';
}

/** The view and nothing else, whatever object it is. */
export function alertsJson({ statuses, firing, transitions, receivers }: AlertsView): AlertsJson {
  return { schema: 'spillway.alerts/1', statuses, firing, transitions, receivers };
}

/** `host`, or `nginx (nginx.service)`. A program has its parentheses always: one that calls itself `host` is not the host. */
export function subjectText(subject: Subject): string {
  return subject === null ? 'host' : `${subject.comm || '-'} (${subject.unit || 'no unit'})`;
}
