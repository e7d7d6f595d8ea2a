/** The table of `spillway flows`: a line for each. Pure. */
import type { FlowSummary } from '../../model/summary.ts';
import { bytesText, columns } from '../../model/text.ts';
import { matches, shareText } from './procs.ts';
import { nameText } from './text.ts';

/** What flows can be sorted by; numbers fall, names rise. */
export const FLOW_ORDERS = ['attempts', 'bytes', 'copied', 'src', 'dst'] as const;
export type FlowOrder = (typeof FLOW_ORDERS)[number];

/** The longest address that there is. */
const ADDRESS_WIDTH = 39;

export interface FlowSelection {
  readonly sort: FlowOrder;
  readonly limit: number;
  /** Only those of which an address or the protocol contains it. */
  readonly filter?: string;
}

/** The flows that are asked for, in the order asked for. */
export function selectFlows(flows: readonly FlowSummary[], { sort, limit, filter = '' }: FlowSelection): FlowSummary[] {
  return flows
    .filter(({ src, dst, proto }) => matches(filter, src, dst, proto))
    .sort((a, b) => ORDER[sort](a, b) || b.attempts - a.attempts || byText(a.src, b.src) || byText(a.dst, b.dst))
    .slice(0, limit);
}

const byText = (a: string, b: string): number => (a < b ? -1 : Number(a > b));

const ORDER: Readonly<Record<FlowOrder, (a: FlowSummary, b: FlowSummary) => number>> = {
  attempts: (a, b) => b.attempts - a.attempts,
  bytes: (a, b) => b.bytes - a.bytes,
  copied: (a, b) => (b.outcomes.copied ?? 0) - (a.outcomes.copied ?? 0),
  src: (a, b) => byText(a.src, b.src),
  dst: (a, b) => byText(a.dst, b.dst),
};

/** A line for each flow below the names of the columns. */
export function renderFlowList(flows: readonly FlowSummary[]): string[] {
  const head = ['SRC', 'DST', 'PROTO', 'ATTEMPTS', 'ZEROCOPY%', 'COPIED', 'RETRY', 'BYTES'];
  const rows = flows.map(({ src, dst, proto, attempts, outcomes, bytes }) => [
    src === '' ? '-' : nameText(src, ADDRESS_WIDTH),
    dst === '' ? '-' : nameText(dst, ADDRESS_WIDTH),
    src === '' && proto === 'other' ? 'not IP' : nameText(proto, ADDRESS_WIDTH),
    String(attempts),
    shareText(outcomes.zerocopy ?? 0, attempts),
    String(outcomes.copied ?? 0),
    String(outcomes.retry ?? 0),
    bytesText(bytes),
  ]);
  return columns([head, ...rows], head.length);
}
