/** The labels of a flow as bytes, out of its key: there may be a hundred thousand of them, and no string is made for any. Pure. */
import type { Outcome } from '../abi/layout.ts';
import { protocolName } from '../model/flow.ts';
import { putBytes, putCount } from './text.ts';

/** The longest: two IPv6 addresses. */
export const FLOW_LABELS_BYTES = 192;

const SRC = Buffer.from('{src="');
const DST = Buffer.from('",dst="');
const PROTO = Buffer.from('",proto="');
const PROTOCOLS = Array.from({ length: 256 }, (_, protocol) => Buffer.from(protocolName(protocol)));

/** What stands behind the protocol. */
export const outcomeBytes = (outcome: Outcome): Uint8Array => Buffer.from(`",outcome="${outcome}"}`);

/** Writes them from `at` on. Returns the index behind them. */
export function putFlowLabels(
  page: Uint8Array,
  at: number,
  family: 4 | 6,
  keys: Uint32Array,
  key: number,
  outcome: Uint8Array,
): number {
  const length = family === 4 ? 1 : 4;
  const put = family === 4 ? putIpv4 : putIpv6;
  let end = put(page, putBytes(page, at, SRC), keys, key);
  end = put(page, putBytes(page, end, DST), keys, key + length);
  end = putBytes(page, end, PROTO);
  end = putBytes(page, end, PROTOCOLS[(keys[key + 2 * length] ?? 0) & 0xff] ?? PROTO);
  return putBytes(page, end, outcome);
}

const DOT = 0x2e;
const COLON = 0x3a;

/** Four bytes in network order, read as a little-endian word. */
function putIpv4(page: Uint8Array, at: number, keys: Uint32Array, key: number): number {
  const word = keys[key] ?? 0;
  let end = putCount(page, at, word & 0xff);
  page[end++] = DOT;
  end = putCount(page, end, (word >>> 8) & 0xff);
  page[end++] = DOT;
  end = putCount(page, end, (word >>> 16) & 0xff);
  page[end++] = DOT;
  return putCount(page, end, word >>> 24);
}

const GROUPS = 8;

/** RFC 5952: lower case, no leading zeros, the first longest run of two or more zero groups as `::`. */
function putIpv6(page: Uint8Array, at: number, keys: Uint32Array, key: number): number {
  let zerosAt = -1;
  let zeros = 1;
  for (let group = 0, run = 0; group < GROUPS; group++) {
    run = groupOf(keys, key, group) === 0 ? run + 1 : 0;
    if (run > zeros) {
      zeros = run;
      zerosAt = group + 1 - run;
    }
  }
  let end = at;
  for (let group = 0; group < GROUPS; group++) {
    if (group === zerosAt) {
      page[end++] = COLON;
      group += zeros - 1;
      if (group === GROUPS - 1) page[end++] = COLON;
      continue;
    }
    if (group > 0) page[end++] = COLON;
    end = putHex(page, end, groupOf(keys, key, group));
  }
  return end;
}

/** Sixteen bits of an address in network order, which is read as little-endian words. */
function groupOf(keys: Uint32Array, key: number, group: number): number {
  const word = keys[key + (group >> 1)] ?? 0;
  return group % 2 === 0 ? ((word & 0xff) << 8) | ((word >>> 8) & 0xff) : ((word >>> 8) & 0xff00) | (word >>> 24);
}

const HEX = Buffer.from('0123456789abcdef');

function putHex(page: Uint8Array, at: number, group: number): number {
  let end = at;
  for (let shift = group > 0xfff ? 12 : group > 0xff ? 8 : group > 0xf ? 4 : 0; shift >= 0; shift -= 4) {
    page[end++] = HEX[(group >>> shift) & 0xf] ?? 0;
  }
  return end;
}
