/** Alerts that fire, as a line above the table and as a view of their own. Pure. */
import { nameText, printable, widthOf } from '../model/text.ts';
import { type Line, lineWidth, span } from './line.ts';

export interface Alert {
  readonly state: 'firing' | 'pending';
  readonly rule: string;
  /** `host`, or program and unit: untrusted text. */
  readonly subject: string;
  /** A time of day, with the date where that was not today. */
  readonly since: string;
  /** A sentence; '' while no incident is open. Untrusted text. */
  readonly summary: string;
}

/** What is known of alerts. Without rules silence says nothing. */
export type Alerts =
  | { readonly kind: 'judged'; readonly alerts: readonly Alert[] }
  /** `unknown`: not asked yet. `nobody`: there is no daemon. `off`: it judges no rules. */
  | { readonly kind: 'unknown' | 'nobody' | 'off' };

/** Columns that the rest of an alert leaves its subject at least. */
const LEAST_SUBJECT = 10;
const RULE_WIDTH = 32;
const GAP = '; ';

export const firingOf = (alerts: Alerts): readonly Alert[] =>
  alerts.kind === 'judged' ? alerts.alerts.filter(({ state }) => state === 'firing') : [];

/**
 * `ALERTS 3  SendfileFallback nginx (nginx.service) since 02:41:07; … +1 more: a`: as many as fit, the first one always.
 * @param hint what leads to the others; '' where there are no keys
 */
export function alertsLine(firing: readonly Alert[], columns: number, hint: string): Line {
  const label: Line = [span(` ALERT${firing.length === 1 ? '' : `S ${firing.length}`} `, 'alarm'), span(' ')];
  const room = columns - lineWidth(label);
  for (let shown = firing.length; shown > 0; shown--) {
    const rest = firing.length - shown;
    const more = rest === 0 ? '' : `  +${rest} more${hint}`;
    const texts = firing.slice(0, shown).map((alert) => alertText(alert, Infinity));
    const whole = `${texts.join(GAP)}${more}`;
    if (widthOf(whole) <= room) return [...label, span(whole, 'warning')];
    const [first] = firing;
    if (shown === 1 && first !== undefined) {
      const left = room - widthOf(more);
      return [...label, span(alertText(first, left), 'warning'), span(more, 'warning')];
    }
  }
  return [];
}

/** One alert in so many columns: of a subject too long its middle goes, then the time. */
function alertText({ rule, subject, since }: Alert, width: number): string {
  const name = nameText(rule, RULE_WIDTH);
  const end = ` since ${since}`;
  if (width === Infinity) return `${name} ${printable(subject)}${end}`;
  const room = width - widthOf(name) - 1 - widthOf(end);
  if (room >= LEAST_SUBJECT || room >= widthOf(printable(subject))) return `${name} ${nameText(subject, room)}${end}`;
  const without = width - widthOf(name) - 1;
  return without > 1 ? `${name} ${nameText(subject, without)}` : name;
}

/** The view of them all, in so many lines; what does not fit is counted. */
export function alertsView(
  known: Alerts,
  clock: string,
  size: { readonly columns: number; readonly rows: number },
): Line[] {
  const end = span('any key goes back', 'dim');
  const lines = known.kind === 'judged' ? blocks(known.alerts, size.columns) : [];
  const head: Line = [span(headText(known, clock), 'bold')];
  // the head, and the end
  const room = size.rows - 2;
  if (lines.flat().length <= room) return [head, ...lines.flat(), [end]];
  const shown: Line[] = [];
  let whole = 0;
  for (const block of lines) {
    if (shown.length + block.length > room - 1) break;
    shown.push(...block);
    whole++;
  }
  const rest = span(`and ${lines.length - whole} more: spillway alerts list`, 'dim');
  return [head, ...shown, ...(room > 0 ? [[rest]] : []), [end]];
}

const UNJUDGED: Readonly<Record<Exclude<Alerts['kind'], 'judged'>, string>> = {
  unknown: 'waiting for the first answer',
  nobody: 'only an agent (spillway run) judges rules',
  off: 'switched off in the configuration of the agent',
};

function headText(known: Alerts, clock: string): string {
  if (known.kind !== 'judged') return `alerts: ${UNJUDGED[known.kind]}`;
  const { alerts } = known;
  const number = (state: Alert['state']) => alerts.filter((alert) => alert.state === state).length;
  const firing = number('firing');
  const pending = number('pending');
  const text = firing === 0 ? 'no alert fires' : firing === 1 ? '1 alert fires' : `${firing} alerts fire`;
  return `${text}${pending === 0 ? '' : `, ${pending} may soon`}${clock === '' ? '' : `, as of ${clock}`}`;
}

/** Each alert: what and since when, then its sentence. */
const blocks = (alerts: readonly Alert[], columns: number): Line[][] =>
  alerts.map((alert) => {
    const { state, rule, subject, since, summary } = alert;
    const begin: Line = [
      state === 'firing' ? span(' FIRING ', 'alarm') : span(' soon   ', 'reverse'),
      span(` ${nameText(rule, RULE_WIDTH)}`, 'bold'),
      span(`  ${printable(subject)}  since ${since}`),
    ];
    return [
      [],
      begin,
      ...(summary === '' ? [] : folded(printable(summary), columns - 2).map((text) => [span(`  ${text}`)])),
    ];
  });

/** A sentence in lines, broken between words. */
function folded(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const last = lines.at(-1);
    if (last !== undefined && widthOf(last) + 1 + widthOf(word) <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
