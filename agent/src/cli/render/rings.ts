/** io_uring: rings, calls and what goes wrong with them. Pure. */
import { type Advice, ASYNC_ADVICE, ENTER_ADVICE, OVERFLOW_ADVICE, SETUP_ADVICE } from '../../model/advice.ts';
import type { ErrnoCounts, IoUringSummary } from '../../model/summary.ts';
import { count, countsText, wrap } from './text.ts';

/** One line of numbers, and a remark for each trouble. */
export function renderRings(rings: IoUringSummary): string[] {
  const { setups, enters, queuedAsync, asyncWork, cqOverflows } = rings;
  const failedEnters = countsText(enters.errnos);
  if (setups.ok + enters.calls + queuedAsync + cqOverflows === 0 && Object.keys(setups.errnos).length === 0) return [];
  // beside rings that were set up, EINVAL is how programs find out what the kernel can do
  const probing = setups.ok > 0 ? { EINVAL: 0 } : {};
  const sends = (asyncWork.send_zc ?? 0) + (asyncWork.sendmsg_zc ?? 0);
  const numbers = [
    `${count(setups.ok, 'ring')} set up`,
    `${count(enters.calls, 'enter')}${failedEnters === '' ? '' : ` (failed: ${failedEnters})`}`,
    `${count(enters.submitted, 'request')} submitted`,
    ...(queuedAsync > 0 ? [`${String(queuedAsync)} handed to workers`] : []),
  ];
  return [
    ...wrap('io_uring: ', numbers.join(', '), 2),
    ...remarks('set-up', { ...setups.errnos, ...probing }, SETUP_ADVICE),
    ...remarks('enter', enters.errnos, ENTER_ADVICE),
    ...(cqOverflows > 0 ? remark(`${count(cqOverflows, 'completion')} found the queue full`, OVERFLOW_ADVICE) : []),
    ...(sends > 0 ? remark(`${count(sends, 'send')} handed to workers`, ASYNC_ADVICE) : []),
  ];
}

function remarks(step: string, errnos: ErrnoCounts, advice: Readonly<Record<string, Advice>>): string[] {
  return Object.entries(errnos)
    .sort(([, a], [, b]) => b - a)
    .flatMap(([errno, number]) => {
      const known = advice[errno];
      return known === undefined || number === 0 ? [] : remark(`${String(number)} ${step} ${errno}`, known);
    });
}

const remark = (finding: string, { meaning, remedy }: Advice): string[] => [
  ...wrap('  ', `${finding}: ${meaning}`, 4),
  ...wrap('    -> ', remedy),
];
