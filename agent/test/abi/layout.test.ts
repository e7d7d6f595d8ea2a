import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elfSection, parseBtf } from '../../src/abi/btf.ts';
import { layoutHash, layoutOf, layoutSource } from '../../src/abi/generate.ts';
import { LAYOUT, LAYOUT_HASH, MECHANISMS, OUTCOMES, TABLES } from '../../src/abi/layout.ts';

const OBJECT = fileURLToPath(new URL('../../../build/bpf/spillway.bpf.o', import.meta.url));
const elf = readFileSync(OBJECT);

describe('the generated layout', () => {
  it('is that of the built object', () => {
    expect(layoutOf(elf)).toEqual(LAYOUT);
    expect(layoutHash(layoutOf(elf))).toBe(LAYOUT_HASH);
  });

  it('has a FlowKey of twelve bytes: addresses, protocol, padding', () => {
    const { size, fields } = LAYOUT.structs.FlowKey;
    expect(size).toBe(12);
    expect(fields).toEqual({
      src_ip: { offset: 0, size: 4, elements: null },
      dst_ip: { offset: 4, size: 4, elements: null },
      proto: { offset: 8, size: 1, elements: null },
      pad: { offset: 9, size: 1, elements: null },
      reserved: { offset: 10, size: 2, elements: null },
    });
  });

  it('names mechanisms, outcomes and tables as contracts do', () => {
    expect(MECHANISMS.slice(0, 6)).toEqual([
      'sendfile',
      'splice',
      'tee',
      'vmsplice',
      'copy_file_range',
      'io_uring_splice',
    ]);
    expect(OUTCOMES).toEqual(['zerocopy', 'copied', 'retry', 'refused', 'denied', 'failed']);
    expect(TABLES).toEqual(['processes', 'flows', 'flows6', 'causes']);
    expect(layoutSource(LAYOUT)).toContain(`export const LAYOUT_HASH = '${LAYOUT_HASH}'`);
  });

  it('changes its hash with any offset', () => {
    const moved = structuredClone(layoutOf(elf)) as { structs: Record<string, { size: number }> };
    const counts = moved.structs.counts;
    if (counts !== undefined) counts.size++;
    expect(layoutHash(moved as never)).not.toBe(LAYOUT_HASH);
  });
});

describe('reading BTF', () => {
  const btf = elfSection(elf, '.BTF') ?? Buffer.alloc(0);

  it('refuses what is no ELF file and finds no section that is not there', () => {
    expect(() => elfSection(Buffer.from('#!/bin/sh\n'), '.BTF')).toThrow('not a 64-bit little-endian ELF file');
    expect(elfSection(elf, '.nothing')).toBeNull();
  });

  it('refuses an object without BTF and one without our types', () => {
    const renamed = Buffer.from(elf);
    renamed.write('.XYZ', renamed.indexOf('\0.BTF\0') + 1);
    expect(() => layoutOf(renamed)).toThrow('no .BTF section');
    const other = Buffer.from(elf);
    other.write('FlowKez', other.indexOf('\0FlowKey\0') + 1);
    expect(() => layoutOf(other)).toThrow('no struct FlowKey');
  });

  it('refuses a shared struct with bytes that no field names', () => {
    // struct counts: 64 bytes, two members; make it say 72
    const patched = Buffer.from(elf);
    const at = patched.indexOf(btf);
    const type = findStruct(btf, 64, 2, 'counts');
    patched.writeUInt32LE(72, at + type + 8);
    expect(() => layoutOf(patched)).toThrow('struct counts: 8 unnamed bytes at the end');
  });

  it('ends with an error or a result on any bytes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(btf.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (changes) => {
          const broken = Buffer.from(btf);
          for (const [offset, byte] of changes) broken[offset] = byte;
          try {
            parseBtf(broken);
          } catch (error) {
            expect(error).toBeInstanceOf(Error);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

/** Where the BTF type record of a struct with this size and number of members begins. */
function findStruct(btf: Buffer, size: number, members: number, name: string): number {
  const strings = btf.readUInt32LE(4) + btf.readUInt32LE(16);
  const nameOffset = btf.indexOf(`\0${name}\0`, strings) + 1 - strings;
  for (let at = btf.readUInt32LE(4); at < strings; at += 4) {
    const info = btf.readUInt32LE(at + 4);
    if (btf.readUInt32LE(at) === nameOffset && info === ((4 << 24) | members) && btf.readUInt32LE(at + 8) === size)
      return at;
  }
  throw new Error(`no struct ${name}`);
}
