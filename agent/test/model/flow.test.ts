import { isIPv6 } from 'node:net';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { flowName } from '../../src/model/flow.ts';
import type { FlowTable } from '../../src/model/snapshot.ts';

/** A table whose rows are these literal bytes, as the kernel lays them out. */
function table(family: 4 | 6, ...rows: number[][]): FlowTable {
  const bytes = Uint8Array.from(rows.flat());
  return {
    family,
    length: rows.length,
    keys: new Uint32Array(bytes.buffer),
    counts: new Float64Array(8 * rows.length),
  };
}

describe('a flow key', () => {
  it('of twelve literal bytes is two addresses in network order and a protocol', () => {
    // 192.0.2.1 -> 198.51.100.200, TCP
    const key = [0xc0, 0x00, 0x02, 0x01, 0xc6, 0x33, 0x64, 0xc8, 0x06, 0x00, 0x00, 0x00];
    expect(flowName(table(4, key), 0)).toEqual({ src: '192.0.2.1', dst: '198.51.100.200', proto: 'tcp' });
  });

  it('is found in its row', () => {
    const first = [127, 0, 0, 1, 127, 0, 0, 2, 17, 0, 0, 0];
    const second = [10, 0, 0, 255, 255, 255, 255, 254, 99, 0, 0, 0];
    const flows = table(4, first, second);
    expect(flowName(flows, 0)).toEqual({ src: '127.0.0.1', dst: '127.0.0.2', proto: 'udp' });
    expect(flowName(flows, 1)).toEqual({ src: '10.0.0.255', dst: '255.255.255.254', proto: '99' });
  });

  it('of 36 bytes is written as RFC 5952 says', () => {
    const loopback = [...new Array<number>(15).fill(0), 1];
    const documentation = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1];
    const key = [...loopback, ...documentation, 6, 0, 0, 0];
    expect(flowName(table(6, key), 0)).toEqual({ src: '::1', dst: '2001:db8::1:0:0:1', proto: 'tcp' });
  });

  it('of any IPv6 address says that address', () => {
    const address = fc.array(fc.oneof(fc.constant(0), fc.nat(255)), { minLength: 16, maxLength: 16 });
    fc.assert(
      fc.property(address, (bytes) => {
        const { src } = flowName(table(6, [...bytes, ...new Array<number>(20).fill(0)]), 0);
        expect(isIPv6(src)).toBe(true);
        // URL parses and serializes IPv6 by the same RFC: an independent witness
        const groups = Array.from({ length: 8 }, (_, i) =>
          (((bytes[2 * i] ?? 0) << 8) | (bytes[2 * i + 1] ?? 0)).toString(16),
        );
        expect(`[${src}]`).toBe(new URL(`http://[${groups.join(':')}]/`).hostname);
      }),
    );
  });
});
