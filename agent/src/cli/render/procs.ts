/** The table of `spillway procs`: a line for each process. Pure. */
import type { ProcessSummary } from '../../model/summary.ts';
import { columns } from '../../model/text.ts';
import { nameText } from './text.ts';

/** What processes can be sorted by; numbers fall, names and pids rise. */
export const PROCESS_ORDERS = ['attempts', 'fallbacks', 'pid', 'comm'] as const;
export type ProcessOrder = (typeof PROCESS_ORDERS)[number];

const COMM_WIDTH = 15;
const UNIT_WIDTH = 24;

export interface ProcessSelection {
  readonly sort: ProcessOrder;
  readonly limit: number;
  /** Only those with something that fell back and has not worked since. */
  readonly fallen?: boolean;
  /** Only those whose comm, unit or pid contains it. */
  readonly filter?: string;
}

/** Whether one of the texts contains it, in upper or lower case. */
export const matches = (filter: string, ...texts: readonly string[]): boolean =>
  texts.some((text) => text.toLowerCase().includes(filter.toLowerCase()));

/** The processes that are asked for, in the order asked for. */
export function selectProcesses(
  processes: readonly ProcessSummary[],
  { sort, limit, fallen = false, filter = '' }: ProcessSelection,
): ProcessSummary[] {
  return processes
    .filter((process) => !fallen || process.fallen.length > 0)
    .filter(({ comm, unit, pid }) => matches(filter, comm, unit, String(pid)))
    .sort((a, b) => ORDER[sort](a, b) || b.attempts - a.attempts || a.pid - b.pid)
    .slice(0, limit);
}

const ORDER: Readonly<Record<ProcessOrder, (a: ProcessSummary, b: ProcessSummary) => number>> = {
  attempts: (a, b) => b.attempts - a.attempts,
  fallbacks: (a, b) => b.fallbacks - a.fallbacks,
  pid: (a, b) => a.pid - b.pid,
  // by code points: the same on every host
  comm: (a, b) => (a.comm < b.comm ? -1 : Number(a.comm > b.comm)),
};

/** A line for each process below the names of the columns. */
export function renderProcessList(processes: readonly ProcessSummary[]): string[] {
  const head = ['PID', 'COMM', 'UNIT', 'ATTEMPTS', 'ZEROCOPY%', 'FALLBACKS', 'MECHANISM', 'STATE'];
  const rows = processes.map((process) => [
    String(process.pid),
    nameText(process.comm, COMM_WIDTH),
    process.unit === '' ? '-' : nameText(process.unit, UNIT_WIDTH),
    String(process.attempts),
    shareText(process.outcomes.zerocopy ?? 0, process.attempts),
    String(process.fallbacks),
    mechanismText(process),
    stateText(process),
  ]);
  return columns([head, ...rows], head.length);
}

/** Percent without fractions, for a table; what is not quite nothing or all does not look like it. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '-';
  const percent = Math.round((100 * part) / whole);
  if (percent === 0 && part > 0) return '<1';
  if (percent === 100 && part < whole) return '>99';
  return String(percent);
}

/** The mechanism with the most attempts, and how many others there are. */
function mechanismText({ mechanisms }: ProcessSummary): string {
  const names = Object.entries(mechanisms).sort(([, a], [, b]) => b - a);
  return firstText(names.map(([name]) => name)) ?? '-';
}

/** The first of these, and how many others there are. */
function firstText([first, ...others]: readonly string[]): string | undefined {
  return others.length === 0 ? first : `${first ?? ''} +${String(others.length)}`;
}

/** Whether something fell back and has not worked since. */
function stateText({ fallen }: ProcessSummary): string {
  const first = firstText(fallen.map((name) => (name === 'io_uring_setup' ? 'rings' : name)));
  return first === undefined ? 'ok' : `fell back: ${first}`;
}
