/** A flow's key -> the text that people read. */
import type { FlowTable } from './snapshot.ts';

export interface FlowName {
  readonly src: string;
  readonly dst: string;
  readonly proto: string;
}

/** What stands for sockets without an IP flow. */
export const NON_IP_FLOW: FlowName = { src: '', dst: '', proto: 'other' };

/** include/uapi/linux/in.h; the rest is shown by number. */
const PROTOCOLS: Readonly<Record<number, string>> = { 1: 'icmp', 6: 'tcp', 17: 'udp', 58: 'icmpv6', 132: 'sctp' };

/** Names the flow in a row of a table. */
export function flowName(table: FlowTable, row: number): FlowName {
  const words = wordsOf(table);
  const key = table.keys.subarray(row * words, (row + 1) * words);
  const address = table.family === 4 ? ipv4 : ipv6;
  const length = (words - 1) / 2;
  return {
    src: address(key.subarray(0, length)),
    dst: address(key.subarray(length, 2 * length)),
    proto: protocolName((key[words - 1] ?? 0) & 0xff),
  };
}

/** 32-bit words of one key. */
export const wordsOf = (table: FlowTable): number => (table.family === 4 ? 3 : 9);

/** `tcp`, `udp`, ... or the number of an IP protocol. */
export function protocolName(protocol: number): string {
  return PROTOCOLS[protocol] ?? String(protocol);
}

/** An address in network order, read as little-endian words: one for IPv4, four for IPv6; v4-mapped ones as IPv4. */
export function addressText(words: Uint32Array): string {
  const mapped = words.length === 4 && words[0] === 0 && words[1] === 0 && words[2] === 0xffff0000;
  if (mapped) return ipv4(words.subarray(3));
  return words.length === 1 ? ipv4(words) : ipv6(words);
}

/** Four bytes in network order, read as a little-endian word. */
function ipv4(words: Uint32Array): string {
  const word = words[0] ?? 0;
  return `${String(word & 0xff)}.${String((word >>> 8) & 0xff)}.${String((word >>> 16) & 0xff)}.${String(word >>> 24)}`;
}

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function ipv6(words: Uint32Array): string {
  const groups = Array.from({ length: 8 }, (_, i) => {
    const word = words[i >> 1] ?? 0;
    return i % 2 === 0 ? ((word & 0xff) << 8) | ((word >>> 8) & 0xff) : ((word >>> 8) & 0xff00) | (word >>> 24);
  });
  const zeros = longestZeroRun(groups);
  const text = (part: readonly number[]) => part.map((group) => group.toString(16)).join(':');
  if (zeros.length < 2) return text(groups);
  return `${text(groups.slice(0, zeros.start))}::${text(groups.slice(zeros.start + zeros.length))}`;
}

function longestZeroRun(groups: readonly number[]): { start: number; length: number } {
  let best = { start: 0, length: 0 };
  let start = 0;
  groups.forEach((group, i) => {
    if (group !== 0) start = i + 1;
    else if (i + 1 - start > best.length) best = { start, length: i + 1 - start };
  });
  return best;
}
