/** What has happened between two samples. Pure. */
import { type Outcome, OUTCOMES } from '../abi/layout.ts';
import { type Host, hostOf, type Reason, type Row, rowsOf, type Sample, type View } from './figures.ts';

/** A row whose figures are those of a window of time, or of all time. */
export interface Shown extends Row {
  /** Attempts of all time: what orders rows in which nothing happens. */
  readonly total: number;
}

export interface Window {
  readonly before: Sample;
  readonly now: Sample;
}

/** Seconds between the two, never 0. */
export const secondsOf = ({ before, now }: Window): number => Math.max(now.boottime - before.boottime, 1e-3);

/** Whether the second can follow the first: an agent that has begun anew counts from 0. */
export function follows(before: Sample, now: Sample): boolean {
  return (
    now.boottime > before.boottime &&
    Object.entries(before.mechanisms).every(
      ([name, { attempts }]) => (now.mechanisms[name as keyof Sample['mechanisms']]?.attempts ?? 0) >= attempts,
    )
  );
}

/** Rows as they stand. */
export const totals = (view: View, sample: Sample): Shown[] =>
  Array.from(rowsOf(view, sample).values(), (row) => ({ ...row, total: row.attempts }));

/** The host's figures of the window. */
export const hostDelta = ({ before, now }: Window): Host => {
  const first = hostOf(before);
  const last = hostOf(now);
  return { ...differ(first, last), enterEagain: rise(first.enterEagain, last.enterEagain) };
};

/** Rows with the figures of the window; those that have gone are left out. */
export function changes(view: View, window: Window): Shown[] {
  const before = rowsOf(view, window.before);
  const most = hostDelta(window).attempts;
  return Array.from(rowsOf(view, window.now).values(), (row) => {
    const known = before.get(row.key);
    // fewer than before: something else under an old name, of which all is new
    const old = known === undefined || known.attempts > row.attempts ? NOTHING : known;
    const delta = differ(old, row);
    // more than has happened on the whole host: a count that came from another row, e.g. when a unit's name got known
    return Object.assign(delta.attempts > most ? differ(row, row) : delta, { total: row.attempts });
  });
}

const NOTHING: Pick<Row, 'attempts' | 'outcomes' | 'bytes' | 'fallbacks' | 'eagain' | 'reasons'> = {
  attempts: 0,
  outcomes: {},
  bytes: 0,
  fallbacks: 0,
  eagain: 0,
  reasons: [],
};

const rise = (before: number, now: number): number => Math.max(0, now - before);

function differ(before: typeof NOTHING, now: Row): Row {
  return {
    ...now,
    attempts: rise(before.attempts, now.attempts),
    outcomes: outcomesBetween(before.outcomes, now.outcomes),
    bytes: rise(before.bytes, now.bytes),
    fallbacks: rise(before.fallbacks, now.fallbacks),
    eagain: rise(before.eagain, now.eagain),
    reasons: now.reasons.map((reason) => ({ ...reason, count: rise(countOf(before.reasons, reason), reason.count) })),
  };
}

/** A loop over those that occurred: there may be 65,536 rows. */
function outcomesBetween(before: Row['outcomes'], now: Row['outcomes']): Row['outcomes'] {
  const result: Partial<Record<Outcome, number>> = {};
  for (const outcome of OUTCOMES) {
    const count = now[outcome];
    if (count !== undefined) result[outcome] = rise(before[outcome] ?? 0, count);
  }
  return result;
}

const countOf = (reasons: readonly Reason[], { outcome, name }: Reason): number =>
  reasons.find((reason) => reason.outcome === outcome && reason.name === name)?.count ?? 0;
