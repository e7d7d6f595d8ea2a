/** The numbers of mechanisms: attempts by outcome, bytes, errnos, durations. Pure. */
import { type Mechanism, OUTCOMES } from '../../abi/layout.ts';
import type { MechanismSummary } from '../../model/summary.ts';
import { bytesText, columns } from '../../model/text.ts';
import { countsText, secondsText, wrap } from './text.ts';

type Rows = readonly (readonly [Mechanism, MechanismSummary])[];

/** Outcomes that did not occur have no column; errnos stand below the mechanism that they belong to. */
export function renderNumbers(rows: Rows): string[] {
  const occurred = OUTCOMES.filter((outcome) => rows.some(([, { outcomes }]) => outcomes[outcome] > 0));
  const lines = columns(
    [
      ['mechanism', 'attempts', ...occurred, 'bytes'],
      ...rows.map(([name, { attempts, outcomes, bytes }]) => [
        name,
        String(attempts),
        ...occurred.map((outcome) => String(outcomes[outcome])),
        bytesText(bytes),
      ]),
    ],
    1,
  );
  return lines.flatMap((line, i) => {
    const errnos = countsText(rows[i - 1]?.[1].errnos ?? {});
    return errnos === '' ? [line] : [line, ...wrap('  ', errnos)];
  });
}

/** Durations, where they were measured. The bounds are those of buckets that double: no call took longer than they say. */
export function renderLatency(rows: Rows): string[] {
  const measured = rows.flatMap(([name, { latency }]) =>
    OUTCOMES.flatMap((outcome) => {
      const percentiles = latency?.[outcome];
      if (percentiles === undefined) return [];
      const { count, p50, p99 } = percentiles;
      return [[name, outcome, String(count), secondsText(p50), secondsText(p99)]];
    }),
  );
  return measured.length === 0 ? [] : columns([['duration of', '', 'calls', 'P50 <=', 'P99 <='], ...measured], 2);
}
