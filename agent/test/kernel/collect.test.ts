import { describe, expect, it } from 'vitest';
import { causeKey, decodeText } from '../../src/kernel/collect.ts';

describe('decodeText', () => {
  it('ends at the first NUL, or at the sixteenth byte', () => {
    expect(decodeText(Buffer.from('nginx\0garbage...'))).toBe('nginx');
    expect(decodeText(Buffer.from('0123456789abcdef'))).toBe('0123456789abcdef');
  });

  it('replaces what is no UTF-8', () => {
    expect(decodeText(Buffer.from([0x61, 0xff, 0xfe, 0x62, 0]))).toBe('a\ufffd\ufffdb');
  });
});

it('a cause key is decoded from its literal bytes', () => {
  // process 0x01020304, code 0x0102, kind 2 (enter_errno), mechanism 9
  const bytes = Uint8Array.from([4, 3, 2, 1, 2, 1, 2, 9]);
  expect(causeKey(new Uint32Array(bytes.buffer), 0)).toEqual({
    process: 0x01020304,
    code: 0x0102,
    kind: 'enter_errno',
    mechanism: 9,
  });
});
