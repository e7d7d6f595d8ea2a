/** How the agent is doing, in one line for who reads `systemctl status` at night. Pure. */
import { MECHANISMS } from '../abi/layout.ts';
import { fallbacksOf, totalAttempts } from '../model/counters.ts';
import type { Snapshot } from '../model/snapshot.ts';

/** What the line is made of. */
export interface Standing {
  /** A second, since the line before; null in the first. */
  readonly rates: { readonly attempts: number; readonly fallbacks: number } | null;
  /** Of the alerts that fire: what they are about. */
  readonly firing: readonly string[];
  readonly attached: number;
  /** Programs that this configuration wants. */
  readonly wanted: number;
  /** What went wrong, and stays so until somebody mends it; '' if nothing. */
  readonly trouble: string;
}

/** How many alerts are named. */
const MOST_NAMED = 3;

/** What comes first is what one gets up for. */
export function statusText({ rates, firing, attached, wanted, trouble }: Standing): string {
  const named = firing.slice(0, MOST_NAMED).join(', ');
  const more = firing.length > MOST_NAMED ? ` and ${String(firing.length - MOST_NAMED)} more` : '';
  return [
    trouble,
    firing.length === 0
      ? 'no alert'
      : `${String(firing.length)} ${firing.length === 1 ? 'alert' : 'alerts'}: ${named}${more}`,
    rates === null ? '' : `${perSecond(rates.attempts)} attempts/s, ${perSecond(rates.fallbacks)} fallbacks/s`,
    attached === wanted
      ? `all ${String(wanted)} probes attached`
      : `only ${String(attached)} of ${String(wanted)} probes attached (spillway doctor)`,
  ]
    .filter((part) => part !== '')
    .join('; ');
}

/** Growth a second between two snapshots; null where no time has passed. */
export function ratesBetween(before: Totals, now: Totals): Standing['rates'] {
  const seconds = now.boottime - before.boottime;
  if (seconds <= 0) return null;
  return {
    attempts: (now.attempts - before.attempts) / seconds,
    fallbacks: (now.fallbacks - before.fallbacks) / seconds,
  };
}

/** What rates are made of. */
export interface Totals {
  /** Seconds since boot. */
  readonly boottime: number;
  readonly attempts: number;
  readonly fallbacks: number;
}

export const totalsOf = ({ time, totals }: Pick<Snapshot, 'time' | 'totals'>): Totals => ({
  boottime: time.boottime,
  attempts: totalAttempts(totals),
  fallbacks: MECHANISMS.reduce((sum, mechanism) => sum + fallbacksOf(totals, mechanism), 0),
});

/** Programs that are attached, and those that should be. */
export function probesOf(programs: Snapshot['programs']): Pick<Standing, 'attached' | 'wanted'> {
  const wanted = programs.filter(({ state }) => state !== 'off');
  return { attached: wanted.filter(({ state }) => state === 'attached').length, wanted: wanted.length };
}

/** `12,346`, but `0.4`: a few are not none. */
function perSecond(rate: number): string {
  if (rate > 0 && rate < 10) return rate < 0.1 ? '<0.1' : rate.toFixed(1);
  // not toLocaleString(): the first one takes 40 ms, to load what all the world's languages need
  return String(Math.round(rate)).replace(/\B(?=(?:\d{3})+$)/g, ',');
}
