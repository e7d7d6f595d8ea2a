/** Which rows, and in which order. Pure. */
import type { Shown } from './delta.ts';
import type { Figures, View } from './figures.ts';

export const ORDERS = ['attempts', 'fallbacks', 'ratio', 'copied', 'eagain', 'bytes', 'pid', 'name'] as const;
export type Order = (typeof ORDERS)[number];

/** What a view can be sorted by; the first is what it starts with. */
export const ORDERS_OF: Readonly<Record<View, readonly [Order, ...Order[]]>> = {
  processes: ['attempts', 'fallbacks', 'ratio', 'copied', 'eagain', 'name', 'pid'],
  workloads: ['attempts', 'fallbacks', 'ratio', 'copied', 'eagain', 'name'],
  flows: ['attempts', 'bytes', 'copied', 'name'],
  mechanisms: ['attempts', 'fallbacks', 'ratio', 'copied', 'eagain', 'bytes', 'name'],
};

export interface Selection {
  readonly order: Order;
  readonly reversed: boolean;
  /** Rows whose names or pid contain it, in upper or lower case; '' for all. */
  readonly filter: string;
}

/** Fallbacks of a hundred attempts, as a fraction. */
export const fallbackRatio = ({ fallbacks, attempts }: Figures): number => (attempts === 0 ? 0 : fallbacks / attempts);

/** Numbers fall, names and pids rise; what is equal keeps an order of its own from sample to sample. */
export function select(rows: readonly Shown[], { order, reversed, filter }: Selection): Shown[] {
  const wanted = filter.toLowerCase();
  const direction = reversed ? -1 : 1;
  return rows
    .filter(({ names, pid }) => {
      if (wanted === '') return true;
      return names.some((name) => name.toLowerCase().includes(wanted)) || (pid > 0 && String(pid).includes(wanted));
    })
    .sort(
      (a, b) => direction * COMPARE[order](a, b) || b.total - a.total || a.pid - b.pid || compareText(a.key, b.key),
    );
}

// by code units: the same on every host
const compareText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const COMPARE: Readonly<Record<Order, (a: Shown, b: Shown) => number>> = {
  attempts: (a, b) => b.attempts - a.attempts,
  fallbacks: (a, b) => b.fallbacks - a.fallbacks,
  ratio: (a, b) => fallbackRatio(b) - fallbackRatio(a),
  copied: (a, b) => (b.outcomes.copied ?? 0) - (a.outcomes.copied ?? 0),
  eagain: (a, b) => b.eagain - a.eagain,
  bytes: (a, b) => b.bytes - a.bytes,
  pid: (a, b) => a.pid - b.pid,
  name: (a, b) => a.names.reduce((result, name, i) => result || compareText(name, b.names[i] ?? ''), 0),
};
