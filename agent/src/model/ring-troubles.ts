/** What goes wrong with rings, in words. Pure. */
import { type Advice, ASYNC_ADVICE, ENTER_ADVICE, OVERFLOW_ADVICE, SETUP_ADVICE } from './advice.ts';
import type { Errnos, ProcessRings } from './process-calls.ts';

export interface RingTrouble extends Advice {
  /** `20 enter EAGAIN`. */
  readonly finding: string;
}

/** Those that there is something to say about; of a kind the most frequent first. */
export function ringTroubles({ setups, enters, asyncWork, cqOverflows }: ProcessRings): RingTrouble[] {
  // beside rings that were set up, EINVAL is how programs find out what the kernel can do
  const probing = setups.ok > 0 ? { EINVAL: 0 } : {};
  const sends = (asyncWork.send_zc ?? 0) + (asyncWork.sendmsg_zc ?? 0);
  return [
    ...failures('set-up', { ...setups.errnos, ...probing }, SETUP_ADVICE),
    ...failures('enter', enters.errnos, ENTER_ADVICE),
    ...(cqOverflows > 0
      ? [{ finding: `${many(cqOverflows, 'completion')} found the queue full`, ...OVERFLOW_ADVICE }]
      : []),
    ...(sends > 0 ? [{ finding: `${many(sends, 'send')} handed to workers`, ...ASYNC_ADVICE }] : []),
  ];
}

const failures = (step: string, errnos: Errnos, advice: Readonly<Record<string, Advice>>): RingTrouble[] =>
  Object.entries(errnos)
    .sort(([, a], [, b]) => b - a)
    .flatMap(([errno, number]) => {
      const known = advice[errno];
      return known === undefined || number === 0 ? [] : [{ finding: `${String(number)} ${step} ${errno}`, ...known }];
    });

const many = (number: number, noun: string): string => `${String(number)} ${noun}${number === 1 ? '' : 's'}`;
