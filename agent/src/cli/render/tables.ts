/** Tables of processes and flows, cut to what one looks at. Pure. */
import type { FlowSummary, ProcessSummary } from '../../model/summary.ts';
import { bytesText, columns } from '../../model/text.ts';
import { count, nameText } from './text.ts';

/** Rows of a table before it is cut, and the rest told in one line. */
const MOST_ROWS = 10;
const COMM_WIDTH = 16;
const UNIT_WIDTH = 24;
const ADDRESS_WIDTH = 30;

/** Who made the attempts; units and fallbacks only where there are any. */
export function renderProcesses(all: readonly ProcessSummary[], most = MOST_ROWS): string[] {
  // those that only set up rings have nothing to show here
  const processes = all.filter(({ attempts, fallen }) => attempts > 0 || fallen.length > 0);
  const units = processes.some(({ unit }) => unit !== '');
  const fallbacks = processes.some((process) => process.fallbacks > 0);
  return table(
    'process',
    ['comm', 'pid', ...(units ? ['unit'] : [])],
    ['attempts', ...(fallbacks ? ['fallbacks'] : [])],
    processes,
    most,
    (process) => [
      nameText(process.comm, COMM_WIDTH),
      String(process.pid),
      ...(units ? [nameText(process.unit === '' ? '-' : process.unit, UNIT_WIDTH)] : []),
      String(process.attempts),
      ...(fallbacks ? [String(process.fallbacks)] : []),
    ],
  );
}

/** Between which hosts. */
export function renderFlows(flows: readonly FlowSummary[], most = MOST_ROWS): string[] {
  return table(
    'flow',
    ['src', 'dst', 'proto'],
    ['attempts', 'bytes'],
    flows,
    most,
    ({ src, dst, proto, attempts, bytes }) => [
      src === '' ? '-' : nameText(src, ADDRESS_WIDTH),
      dst === '' ? '-' : nameText(dst, ADDRESS_WIDTH),
      proto === 'other' && src === '' ? 'not IP' : proto,
      String(attempts),
      bytesText(bytes),
    ],
  );
}

function table<T>(
  noun: string,
  names: readonly string[],
  numbers: readonly string[],
  rows: readonly T[],
  most: number,
  cells: (row: T) => readonly string[],
): string[] {
  if (rows.length === 0) return [];
  const lines = columns([[...names, ...numbers], ...rows.slice(0, most).map(cells)], names.length);
  const more = rows.length - most;
  return more > 0 ? [...lines, `and ${count(more, `more ${noun}`)}`] : lines;
}
