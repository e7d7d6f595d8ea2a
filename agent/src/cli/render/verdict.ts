/** Does zero-copy work here? One sentence for each mechanism, and for rings that are in trouble; the worst first. Pure. */
import { type Mechanism, MECHANISMS } from '../../abi/layout.ts';
import type { IoUringSummary, MechanismSummary, Summary } from '../../model/summary.ts';
import { bytesText } from '../../model/text.ts';
import { count, countsText } from './text.ts';

/** What a mechanism amounts to, the worst first. */
const STANDINGS = [
  'fell back',
  'denied',
  'given up',
  'refused',
  'copied in the kernel',
  'failed',
  'passed on',
  'to be tried again',
  'nothing to move',
  'works',
] as const;
type Standing = (typeof STANDINGS)[number];

/** Mechanisms that were attempted, the worst first: the order of everything in a report. */
export function byStanding(summary: Summary): readonly (readonly [Mechanism, MechanismSummary])[] {
  return MECHANISMS.flatMap((name) => {
    const mechanism = summary.mechanisms[name];
    return mechanism === undefined ? [] : [[name, mechanism] as const];
  }).sort(
    ([, a], [, b]) => STANDINGS.indexOf(standingOf(a)) - STANDINGS.indexOf(standingOf(b)) || b.attempts - a.attempts,
  );
}

/** The sentences, without line breaks. */
export function verdicts(summary: Summary): string[] {
  const rescuer = rescuerOf(summary);
  return [
    ...ringVerdicts(summary.ioUring),
    ...byStanding(summary).map(([name, mechanism]) => `${name}: ${verdictOf(mechanism, rescuer)}`),
  ];
}

function standingOf({ outcomes, outcomeBytes, resolutions }: MechanismSummary): Standing {
  if (resolutions.confirmed + resolutions.presumed > 0) return 'fell back';
  if (outcomes.denied > 0) return 'denied';
  if (resolutions.abandoned > 0) return 'given up';
  if (resolutions.pending > 0) return 'refused';
  if (outcomes.copied > 0) return 'copied in the kernel';
  if (outcomeBytes.zerocopy > 0) return 'works';
  if (outcomes.failed > 0) return 'failed';
  if (resolutions.cascaded > 0) return 'passed on';
  return outcomes.zerocopy > 0 ? 'nothing to move' : 'to be tried again';
}

function verdictOf(mechanism: MechanismSummary, rescuer: string | null): string {
  const standing = standingOf(mechanism);
  return `${standing}: ${[mainClause(standing, mechanism, rescuer), ...otherClauses(standing, mechanism)].join('; ')}`;
}

function mainClause(standing: Standing, mechanism: MechanismSummary, rescuer: string | null): string {
  const { attempts, outcomes, outcomeBytes, resolutions } = mechanism;
  const of = (number: number) => `${String(number)} of ${count(attempts, 'attempt')}`;
  switch (standing) {
    case 'fell back': {
      const certainty = resolutions.confirmed === 0 ? 'presumably ' : '';
      const fallbacks = resolutions.confirmed + resolutions.presumed;
      return `${of(outcomes.refused)} refused, ${count(fallbacks, 'transfer')} ${certainty}by read/write`;
    }
    case 'denied':
      return `${of(outcomes.denied)} forbidden by policy`;
    case 'given up':
      return `${of(outcomes.refused)} refused, ${count(resolutions.abandoned, 'transfer')} not made`;
    case 'refused':
      return `${of(outcomes.refused)}, what came of ${String(resolutions.pending)} is not known yet`;
    case 'copied in the kernel':
      return `${of(outcomes.copied)}, ${bytesText(outcomeBytes.copied)}`;
    case 'failed':
      return of(outcomes.failed);
    case 'passed on':
      return `${of(outcomes.refused)} refused, then ${
        rescuer === null ? 'tried by another zero-copy call' : `moved by ${rescuer}`
      } (cascaded)`;
    case 'to be tried again':
      return of(outcomes.retry);
    case 'nothing to move':
      return `${of(outcomes.zerocopy)} found the end of the file at once`;
    case 'works':
      return `${of(outcomes.zerocopy)}, ${bytesText(outcomeBytes.zerocopy)} without a copy`;
  }
}

/** What the main clause leaves unsaid, and an operator should not have to find in the table. */
function otherClauses(standing: Standing, { outcomes, outcomeBytes, resolutions }: MechanismSummary): string[] {
  const clauses: string[] = [];
  const add = (number: number, text: string, saidBy: readonly Standing[]) => {
    if (number > 0 && !saidBy.includes(standing)) clauses.push(`${String(number)} ${text}`);
  };
  const { zerocopy, copied } = outcomeBytes;
  const uncopied = zerocopy > 0 ? `without a copy (${bytesText(zerocopy)})` : 'at the end of the file';
  add(outcomes.zerocopy, uncopied, ['works', 'nothing to move']);
  add(outcomes.copied, `copied in the kernel (${bytesText(copied)})`, ['copied in the kernel']);
  add(outcomes.denied, 'denied', ['denied']);
  const passedOn = resolutions.cascaded === outcomes.refused;
  add(outcomes.refused, passedOn ? 'refused (cascaded)' : 'refused', ['fell back', 'given up', 'refused', 'passed on']);
  add(outcomes.failed, 'failed', ['failed']);
  return clauses;
}

/**
 * The mechanism that moved what others were refused. It is known only if each refusal led to another attempt, and each mechanism
 * that can have taken over has moved something; with several it was one of them.
 */
function rescuerOf({ mechanisms }: Summary): string | null {
  const all = Object.values(mechanisms);
  const settled = all.every(
    ({ bytes, outcomes, resolutions }) =>
      outcomes.refused === resolutions.cascaded && (outcomes.retry + outcomes.zerocopy === 0 || bytes > 0),
  );
  const successful = Object.entries(mechanisms).filter(([, { bytes }]) => bytes > 0);
  return settled && successful.length > 0 ? successful.map(([name]) => name).join(' or ') : null;
}

function ringVerdicts({ setups, enters, cqOverflows }: IoUringSummary): string[] {
  const lines: string[] = [];
  const failed = Object.values(setups.errnos).reduce((sum, number) => sum + number, 0);
  // asking for much and then for less (EINVAL) is how programs find out what a kernel can do
  if (failed > 0 && (setups.ok === 0 || failed > (setups.errnos.EINVAL ?? 0))) {
    const which =
      setups.ok === 0 ? 'no ring could' : `${String(failed)} of ${count(setups.ok + failed, 'ring')} could not`;
    lines.push(`io_uring: ${which} be set up: ${countsText(setups.errnos)}`);
  }
  const full = enters.errnos.EAGAIN ?? 0;
  if (full > 0) lines.push(`io_uring: the kernel had no memory for requests: ${count(full, 'enter')} got EAGAIN`);
  if (cqOverflows > 0) lines.push(`io_uring: ${count(cqOverflows, 'completion')} found the queue full`);
  return lines;
}
