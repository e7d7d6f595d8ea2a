/** io_uring: rings, calls and what goes wrong with them. Pure. */
import type { ProcessRings } from '../../model/process-calls.ts';
import { ringTroubles } from '../../model/ring-troubles.ts';
import { count, countsText, wrap } from './text.ts';

/** One line of numbers, and a remark for each trouble; nothing where there is nothing. */
export function renderRings(rings: ProcessRings): string[] {
  const { setups, enters, queuedAsync, cqOverflows } = rings;
  if (setups.ok + enters.calls + queuedAsync + cqOverflows === 0 && Object.keys(setups.errnos).length === 0) return [];
  return [
    ...wrap('io_uring: ', ringNumbers(rings).join(', '), 2),
    ...ringTroubles(rings).flatMap(({ finding, meaning, remedy }) => [
      ...wrap('  ', `${finding}: ${meaning}`, 4),
      ...wrap('    -> ', remedy),
    ]),
  ];
}

/** `1 ring set up`, `12 enters (failed: EAGAIN 2)`, ... */
export function ringNumbers({ setups, enters, queuedAsync }: ProcessRings): string[] {
  const failedEnters = countsText(enters.errnos);
  return [
    `${count(setups.ok, 'ring')} set up`,
    `${count(enters.calls, 'enter')}${failedEnters === '' ? '' : ` (failed: ${failedEnters})`}`,
    `${count(enters.submitted, 'request')} submitted`,
    ...(queuedAsync > 0 ? [`${String(queuedAsync)} handed to workers`] : []),
  ];
}
