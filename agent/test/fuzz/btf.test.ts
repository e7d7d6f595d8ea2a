/** BTF that is well-formed but for what it says: types that contain, refer to, or count what no compiler would write. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { elfSection, parseBtf } from '../../src/abi/btf.ts';
import { layoutHash, layoutOf } from '../../src/abi/generate.ts';
import { LAYOUT_HASH } from '../../src/abi/layout.ts';
import { bounded, changedBytes, runs, word } from './support.ts';

const OBJECT = readFileSync(fileURLToPath(new URL('../../../build/bpf/spillway.bpf.o', import.meta.url)));

interface RawType {
  readonly name: string;
  readonly kind: number;
  readonly flag?: boolean;
  readonly sizeOrType: number;
  /** Behind the header, in words: `name` stands for the offset of that string. */
  readonly body: readonly (number | string)[];
  /** Number of entries in the body. */
  readonly vlen: number;
}

const INT = 1;
const ARRAY = 3;
const STRUCT = 4;
const ENUM = 6;
const TYPEDEF = 8;
const DATASEC = 15;
const VAR = 14;

/** include/uapi/linux/btf.h: header, types, strings. */
function encodeBtf(types: readonly RawType[]): Buffer {
  const strings = [
    '',
    ...new Set(types.flatMap(({ name, body }) => [name, ...body.filter((one) => typeof one === 'string')])),
  ];
  const offsets = new Map<string, number>();
  let length = 0;
  for (const text of strings) {
    offsets.set(text, offsets.get(text) ?? length);
    length += Buffer.byteLength(text, 'latin1') + 1;
  }
  const words = types.flatMap(({ name, kind, flag, sizeOrType, body, vlen }) => [
    offsets.get(name) ?? 0,
    ((flag === true ? 0x80000000 : 0) | (kind << 24) | vlen) >>> 0,
    sizeOrType,
    ...body.map((one) => (typeof one === 'string' ? (offsets.get(one) ?? 0) : one)),
  ]);
  const body = Buffer.from(Uint32Array.from(words).buffer);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  [24, 0, body.length, body.length, length].forEach((value, i) => header.writeUInt32LE(value, 4 + 4 * i));
  return Buffer.concat([header, body, Buffer.from(`${strings.join('\0')}\0`, 'latin1')]);
}

/** The built object with other BTF: behind its end, where the section's header is made to point. */
function objectWith(btf: Buffer): Buffer {
  const elf = Buffer.concat([OBJECT, btf]);
  const headers = Number(elf.readBigUInt64LE(40));
  const names = Number(elf.readBigUInt64LE(headers + 64 * elf.readUInt16LE(62) + 24));
  for (let i = 0; i < elf.readUInt16LE(60); i++) {
    const header = headers + 64 * i;
    const name = names + elf.readUInt32LE(header);
    if (elf.toString('latin1', name, elf.indexOf(0, name)) !== '.BTF') continue;
    elf.writeBigUInt64LE(BigInt(OBJECT.length), header + 24);
    elf.writeBigUInt64LE(BigInt(btf.length), header + 32);
  }
  return elf;
}

/** Ends within bounds: with a result, or with an Error whose message is for people. */
function ends(work: () => unknown): 'result' | 'error' {
  try {
    bounded(work);
    return 'result';
  } catch (error) {
    expect(error).toBeInstanceOf(Error);
    const { message } = error as Error;
    expect(message).not.toMatch(/timed out|call stack|out of memory|undefined|is not a function|Invalid array length/);
    expect(message.length).toBeLessThan(1000);
    return 'error';
  }
}

/** Names that the layout asks for, so that what is generated is also walked. */
const name = fc.constantFrom(
  '',
  'counts',
  'FlowKey',
  'flow_record',
  'process_record',
  'mechanism',
  'a',
  'b',
  '__proto__',
);
const id = fc.oneof({ weight: 8, arbitrary: fc.nat(24) }, { weight: 1, arbitrary: word });
const size = fc.oneof({ weight: 4, arbitrary: fc.nat(64) }, { weight: 1, arbitrary: word });
const group = (members: fc.Arbitrary<(number | string)[]>) =>
  fc.array(members, { maxLength: 6 }).map((entries) => ({ body: entries.flat(), vlen: entries.length }));

/** Any types, of which the ids point into the list more often than not. */
const goodType: fc.Arbitrary<RawType> = fc.oneof(
  fc
    .record({ name, sizeOrType: size, word })
    .map(({ word: one, ...rest }) => ({ ...rest, kind: INT, body: [one], vlen: 0 })),
  fc
    .record({ name, kind: fc.constantFrom(2, 8, 9, 10, 11, 12, 18), sizeOrType: id })
    .map((rest) => ({ ...rest, body: [], vlen: 0 })),
  fc.tuple(name, id, id, size).map(([own, element, index, length]) => ({
    ...{ name: own, kind: ARRAY, sizeOrType: 0, vlen: 0 },
    body: [element, index, length],
  })),
  fc
    .record({
      name,
      kind: fc.constantFrom(4, 5),
      flag: fc.boolean(),
      sizeOrType: size,
      members: group(fc.tuple(name, id, size)),
    })
    .map(({ members, ...rest }) => ({ ...rest, ...members })),
  fc
    .record({ name, sizeOrType: size, members: group(fc.tuple(name, word)) })
    .map(({ members, ...rest }) => ({ ...rest, kind: ENUM, ...members })),
  fc
    .record({ name: fc.constantFrom('.bss', '.rodata'), sizeOrType: size, members: group(fc.tuple(id, size, size)) })
    .map(({ members, ...rest }) => ({ ...rest, kind: DATASEC, ...members })),
);
const anyType = fc.oneof(
  { weight: 40, arbitrary: goodType },
  {
    weight: 1,
    arbitrary: fc
      .record({ name, kind: fc.nat(31), sizeOrType: word, vlen: word.map((one) => one & 0xffff) })
      .map((rest): RawType => ({ ...rest, body: [] })),
  },
);

describe('BTF', () => {
  it('of any types is read or refused, in time', () => {
    const seen = { result: 0, error: 0 };
    fc.assert(
      fc.property(fc.array(anyType, { minLength: 1, maxLength: 24 }), (types) => {
        const btf = encodeBtf(types);
        seen[ends(() => parseBtf(btf))]++;
        ends(() => layoutOf(objectWith(btf)));
      }),
      runs(1000),
    );
    expect(seen.result).toBeGreaterThan(50);
    expect(seen.error).toBeGreaterThan(50);
  });

  it.each<[string, RawType[]]>([
    ['a type that is itself', [{ name: 'a', kind: TYPEDEF, sizeOrType: 1, body: [], vlen: 0 }]],
    ['an array of itself', [{ name: '', kind: ARRAY, sizeOrType: 0, body: [1, 1, 3], vlen: 0 }]],
    [
      'qualifiers in a circle',
      Array.from({ length: 1000 }, (_, i) => ({
        name: '',
        kind: 9,
        sizeOrType: ((i + 1) % 1000) + 1,
        body: [],
        vlen: 0,
      })),
    ],
    [
      'arrays of arrays',
      Array.from({ length: 50_000 }, (_, i) => ({
        name: '',
        kind: ARRAY,
        sizeOrType: 0,
        body: [i + 2, 1, 1],
        vlen: 0,
      })),
    ],
  ])('with %s is refused', (_, types) => {
    const user: RawType = { name: 'counts', kind: STRUCT, sizeOrType: 8, body: ['m', 1, 0], vlen: 1 };
    expect(ends(() => parseBtf(encodeBtf([...types, user])))).toBe('error');
  });

  it('with structs that double at each level is refused', () => {
    // real types, so that the layout is made; then `counts` becomes one of 2^30 members
    const levels = Array.from({ length: 30 }, (_, i): RawType => ({
      ...{ name: `l${String(i)}`, kind: STRUCT, sizeOrType: 0, vlen: 2 },
      body: ['a', i + 2, 0, 'b', i + 2, 0],
    }));
    const last: RawType = { name: 'end', kind: INT, sizeOrType: 4, body: [32], vlen: 0 };
    const flowKey: RawType = { name: 'FlowKey', kind: STRUCT, sizeOrType: 0, body: ['a', 1, 0], vlen: 1 };
    const self: RawType = { name: 'FlowKey', kind: STRUCT, sizeOrType: 0, body: ['a', 1, 0], vlen: 1 };
    expect(ends(() => layoutOf(objectWith(encodeBtf([...levels, last, flowKey]))))).toBe('error');
    expect(ends(() => layoutOf(objectWith(encodeBtf([self]))))).toBe('error');
  });

  it('is read as it was written', () => {
    const members = fc.array(fc.record({ type: fc.nat(2), at: fc.nat(2000) }), { maxLength: 8 });
    fc.assert(
      fc.property(
        fc.array(members, { maxLength: 5 }),
        fc.array(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
        (structs, values) => {
          // 1: an int of 4 bytes, 2: a typedef of it, 3: an array of 5 of those
          const base: RawType[] = [
            { name: 'int', kind: INT, sizeOrType: 4, body: [32], vlen: 0 },
            { name: 'number', kind: TYPEDEF, sizeOrType: 1, body: [], vlen: 0 },
            { name: '', kind: ARRAY, sizeOrType: 0, body: [2, 1, 5], vlen: 0 },
          ];
          const written = structs.map((list, i): RawType => ({
            ...{ name: `s${String(i)}`, kind: STRUCT, sizeOrType: 4096, vlen: list.length },
            body: list.flatMap(({ type, at }, m) => [`m${String(m)}`, type + 1, at * 8]),
          }));
          const enumerators: RawType = {
            ...{ name: 'e', kind: ENUM, sizeOrType: 4, vlen: values.length },
            body: values.flatMap((value, i) => [`v${String(i)}`, value >>> 0]),
          };
          const variable: RawType = { name: 'v', kind: VAR, sizeOrType: 1, body: [1], vlen: 0 };
          const types = [...base, ...written, enumerators, variable];
          const section: RawType = { name: '.bss', kind: DATASEC, sizeOrType: 8, body: [types.length, 4, 8], vlen: 1 };
          const btf = parseBtf(encodeBtf([...types, section]));
          expect([...btf.structs]).toEqual(
            structs.map((list, i) => [
              `s${String(i)}`,
              {
                name: `s${String(i)}`,
                size: 4096,
                members: list.map(({ type, at }, m) => ({
                  name: `m${String(m)}`,
                  offset: at,
                  size: type === 2 ? 20 : 4,
                  elements: type === 2 ? 5 : null,
                  elementSize: 4,
                  struct: null,
                })),
              },
            ]),
          );
          expect(btf.enums.get('e')).toEqual(values.map((value, i) => ({ name: `v${String(i)}`, value })));
          expect(btf.variables).toEqual([{ name: 'v', section: '.bss', offset: 4, size: 8 }]);
        },
      ),
      runs(200),
    );
  });
});

describe('the built object, changed', () => {
  it('anywhere, has its layout or is refused', () => {
    fc.assert(
      fc.property(changedBytes(OBJECT), (elf) => {
        ends(() => layoutOf(elf));
      }),
      runs(150),
    );
  });

  it('in its headers, has its layout or is refused', () => {
    const headers = Number(OBJECT.readBigUInt64LE(40));
    const at = fc.oneof(fc.integer({ min: 32, max: 62 }), fc.integer({ min: headers, max: OBJECT.length - 8 }));
    fc.assert(
      fc.property(fc.array(fc.tuple(at, word, fc.constantFrom(1, 2, 4)), { minLength: 1, maxLength: 4 }), (changes) => {
        const elf = Buffer.from(OBJECT);
        for (const [offset, value, width] of changes) elf.writeUIntLE(value % 2 ** (8 * width), offset, width);
        ends(() => elfSection(elf, '.BTF'));
        ends(() => layoutOf(elf));
      }),
      runs(400),
    );
  });

  it('in its BTF, has another hash if anything that the agent reads is another', () => {
    const btf = elfSection(OBJECT, '.BTF') ?? Buffer.alloc(0);
    fc.assert(
      fc.property(changedBytes(btf), (changed) => {
        let hash = '';
        if (ends(() => (hash = layoutHash(layoutOf(objectWith(changed))))) === 'result' && hash === LAYOUT_HASH) {
          expect(layoutOf(objectWith(changed))).toEqual(layoutOf(OBJECT));
        }
      }),
      runs(300),
    );
  });
});
