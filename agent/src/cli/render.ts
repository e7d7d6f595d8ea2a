/** A Summary -> the lines of a terminal: does zero-copy work, if not why and what to do, then the numbers. Pure. */
import type { Summary } from '../model/summary.ts';
import { renderCauses, renderFallen } from './render/causes.ts';
import { renderLatency, renderNumbers } from './render/numbers.ts';
import { renderRings } from './render/rings.ts';
import { renderFlows, renderProcesses } from './render/tables.ts';
import { count, nameText, wrap } from './render/text.ts';
import { byStanding, verdicts } from './render/verdict.ts';

/** Room for the first line of a report: one that is wider says little more. */
const HEADLINE_WIDTH = 100;

/** What ran and what became of it, as the first line of its report: the arguments are cut where they leave no room. */
export function renderHeadline(command: readonly string[], how: string): string {
  const end = `: ${how}`;
  return `${nameText(command.join(' '), HEADLINE_WIDTH - end.length)}${end}`;
}

/**
 * Everything of a summary that occurred, most important first; a program that just works needs few lines.
 * @param most rows of the tables of flows and processes
 */
export function renderSummary(summary: Summary, most?: number): string[] {
  const rows = byStanding(summary);
  return paragraphs([
    [...verdicts(summary), ...(rows.length === 0 ? [NO_ATTEMPTS] : [])].flatMap((sentence) => wrap('', sentence, 2)),
    rows.length === 0 ? [] : renderNumbers(rows),
    ...renderCauses(rows, summary),
    renderFallen(summary.processes),
    renderRings(summary.ioUring),
    renderLatency(rows),
    renderFlows(summary.flows, most),
    renderProcesses(summary.processes, most),
    renderLosses(summary),
  ]);
}

const NO_ATTEMPTS = 'no zero-copy attempts: none was made, so none was refused';

/** With an empty line between those that say anything. */
function paragraphs(all: readonly (readonly string[])[]): string[] {
  return all.filter((lines) => lines.length > 0).flatMap((lines, i) => (i === 0 ? [...lines] : ['', ...lines]));
}

function renderLosses({ unattributed, lost }: Summary): string[] {
  const lines: string[] = [];
  if (unattributed.attempts > 0) {
    lines.push(...wrap('', `${count(unattributed.attempts, 'attempt')} of no process that could be found`));
  }
  if (lost.overflow > 0) {
    lines.push(`${count(lost.overflow, 'count')} found a table full: the sums hold, process or flow is not known`);
  }
  if (lost.missedRuns > 0) {
    lines.push(`${count(lost.missedRuns, 'event')} not seen: the kernel skipped our programs (seen + missed = all)`);
  }
  return lines;
}
