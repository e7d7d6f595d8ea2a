/** A Summary -> the lines of a terminal. Pure. */
import { OUTCOMES } from '../abi/layout.ts';
import type { ErrnoCounts, FlowSummary, IoUringSummary, ProcessSummary, Summary } from '../model/summary.ts';
import { bytesText, columns, printable } from '../model/text.ts';

/** Rows of a table before it is cut, and the rest told in one line. */
const MOST_ROWS = 10;

/** Everything of a summary that occurred, most important first. */
export function renderSummary(summary: Summary): string[] {
  return [
    ...renderMechanisms(summary),
    ...renderIoUring(summary.ioUring),
    ...renderRows('flow', summary.flows, flowCells),
    ...renderRows('process', summary.processes, processCells),
    ...renderLosses(summary),
  ];
}

function renderMechanisms({ mechanisms }: Summary): string[] {
  const entries = Object.entries(mechanisms);
  if (entries.length === 0) return ['no zero-copy attempts'];
  const lines = columns(
    [
      ['mechanism', 'attempts', ...OUTCOMES, 'bytes'],
      ...entries.map(([name, { attempts, outcomes, bytes }]) => [
        name,
        String(attempts),
        ...OUTCOMES.map((outcome) => String(outcomes[outcome])),
        bytesText(bytes),
      ]),
    ],
    1,
  );
  // errors stand below the mechanism that they belong to
  return lines.flatMap((line, i) => {
    const errnos = errnoText(entries[i - 1]?.[1].errnos ?? {});
    return errnos === '' ? [line] : [line, `  ${errnos}`];
  });
}

function errnoText(errnos: ErrnoCounts): string {
  return Object.entries(errnos)
    .sort(([, a], [, b]) => b - a)
    .map(([name, count]) => `${name} ${String(count)}`)
    .join(', ');
}

function renderIoUring({ setups, enters, queuedAsync, cqOverflows }: IoUringSummary): string[] {
  const failedSetups = errnoText(setups.errnos);
  const failedEnters = errnoText(enters.errnos);
  if (setups.ok === 0 && enters.calls === 0 && failedSetups === '' && queuedAsync === 0) return [];
  const parts = [
    `${String(setups.ok)} rings set up${failedSetups === '' ? '' : ` (failed: ${failedSetups})`}`,
    `${String(enters.calls)} enters${failedEnters === '' ? '' : ` (failed: ${failedEnters})`}`,
    `${String(enters.submitted)} requests submitted`,
  ];
  if (queuedAsync > 0) parts.push(`${String(queuedAsync)} zero-copy requests queued to workers`);
  if (cqOverflows > 0) parts.push(`${String(cqOverflows)} completions found their queue full`);
  return ['', `io_uring: ${parts.join(', ')}`];
}

function renderRows<T>(
  name: string,
  rows: readonly T[],
  cells: { head: string[]; of: (row: T) => string[] },
): string[] {
  if (rows.length === 0) return [];
  const shown = rows.slice(0, MOST_ROWS);
  const lines = columns([cells.head, ...shown.map((row) => cells.of(row))], cells.head.length - 2);
  const more = rows.length - shown.length;
  return ['', ...lines, ...(more > 0 ? [`and ${String(more)} more ${name}${name.endsWith('s') ? 'es' : 's'}`] : [])];
}

const flowCells = {
  head: ['src', 'dst', 'proto', 'attempts', 'bytes'],
  of: ({ src, dst, proto, attempts, bytes }: FlowSummary) => [
    src === '' ? '-' : src,
    dst === '' ? '-' : dst,
    proto === 'other' && src === '' ? 'not IP' : proto,
    String(attempts),
    bytesText(bytes),
  ],
};

const processCells = {
  head: ['comm', 'pid', 'attempts'],
  of: ({ comm, pid, attempts }: ProcessSummary) => [printable(comm), String(pid), String(attempts)],
};

function renderLosses({ unattributed, lost }: Summary): string[] {
  const lines: string[] = [];
  if (unattributed.attempts > 0) {
    lines.push(`${String(unattributed.attempts)} attempts belong to no process that could be found`);
  }
  if (lost.overflow > 0) {
    lines.push(`${String(lost.overflow)} counts found a table full: the sums hold, their process or flow is not known`);
  }
  if (lost.missedRuns > 0) {
    lines.push(
      `${String(lost.missedRuns)} events were not seen: the kernel skipped our programs (seen + missed = all)`,
    );
  }
  return lines.length === 0 ? [] : ['', ...lines];
}
