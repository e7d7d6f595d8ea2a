/**
 * Reads BTF (Documentation/bpf/btf.rst) out of an ELF object: the structs, enums and global variables that the
 * layout is generated from. Pure: bytes in, plain data out.
 */

const BTF_MAGIC = 0xeb9f;

/** Typedefs, qualifiers and arrays within one another: more the kernel does not take either (kernel/bpf/btf.c, MAX_RESOLVE_DEPTH). */
const MOST_NESTED = 32;
/** Bytes of a name. The kernel takes 512 at most (KSYM_NAME_LEN). */
const MOST_NAME = 512;
/** Of a section's header in a 64-bit file: Elf64_Shdr. */
const ELF_SECTION_BYTES = 64;

/** Kinds of include/uapi/linux/btf.h that carry no bytes behind their header, or whose bytes are known. */
const Kind = {
  INT: 1,
  PTR: 2,
  ARRAY: 3,
  STRUCT: 4,
  UNION: 5,
  ENUM: 6,
  FWD: 7,
  TYPEDEF: 8,
  VOLATILE: 9,
  CONST: 10,
  RESTRICT: 11,
  FUNC: 12,
  FUNC_PROTO: 13,
  VAR: 14,
  DATASEC: 15,
  FLOAT: 16,
  DECL_TAG: 17,
  TYPE_TAG: 18,
  ENUM64: 19,
} as const;

/** One member of a struct: where it starts, what it takes, and how many elements it has if it is an array. */
export interface Member {
  readonly name: string;
  /** In bytes. */
  readonly offset: number;
  readonly size: number;
  /** Elements of an array, else null; `elementSize` is `size` for what is no array. */
  readonly elements: number | null;
  readonly elementSize: number;
  /** Name of the struct it is (or consists of), else null. */
  readonly struct: string | null;
}

export interface Struct {
  readonly name: string;
  readonly size: number;
  readonly members: readonly Member[];
}

export interface Variable {
  readonly name: string;
  readonly section: string;
  readonly offset: number;
  readonly size: number;
}

export interface Btf {
  readonly structs: ReadonlyMap<string, Struct>;
  /** Enumerators by enum name, in order. */
  readonly enums: ReadonlyMap<string, readonly { readonly name: string; readonly value: number }[]>;
  readonly variables: readonly Variable[];
}

interface Type {
  readonly kind: number;
  readonly name: string;
  readonly vlen: number;
  /** size or type, as the kind says */
  readonly sizeOrType: number;
  readonly body: number;
}

/** The named section of a 64-bit little-endian ELF file; null when there is none. */
export function elfSection(elf: Buffer, wanted: string): Buffer | null {
  if (elf.length < 64 || elf.readUInt32BE(0) !== 0x7f454c46 || elf[4] !== 2 || elf[5] !== 1) {
    throw new Error('not a 64-bit little-endian ELF file');
  }
  const tableOffset = Number(elf.readBigUInt64LE(40));
  const entrySize = elf.readUInt16LE(58);
  const count = elf.readUInt16LE(60);
  if (entrySize !== ELF_SECTION_BYTES) throw new Error('an ELF file whose section headers have another size');
  const header = (index: number) => {
    const at = tableOffset + index * entrySize;
    return {
      name: elf.readUInt32LE(at),
      offset: Number(elf.readBigUInt64LE(at + 24)),
      size: Number(elf.readBigUInt64LE(at + 32)),
    };
  };
  const names = header(elf.readUInt16LE(62));
  for (let i = 0; i < count; i++) {
    const section = header(i);
    if (cString(elf, names.offset + section.name) === wanted) {
      return elf.subarray(section.offset, section.offset + section.size);
    }
  }
  return null;
}

/**
 * Parses the .BTF section of a BPF object.
 * @throws Error on anything that is not BTF of the known kinds, or that refers to itself; RangeError when it is cut short
 */
export function parseBtf(section: Buffer): Btf {
  if (section.readUInt16LE(0) !== BTF_MAGIC) throw new Error('no BTF magic: not a .BTF section');
  const headerLength = section.readUInt32LE(4);
  const typesAt = headerLength + section.readUInt32LE(8);
  const typesEnd = typesAt + section.readUInt32LE(12);
  const stringsAt = headerLength + section.readUInt32LE(16);
  const types = readTypes(section, typesAt, typesEnd, stringsAt);
  const nameAt = (offset: number) => cString(section, stringsAt + offset);

  const structs = new Map<string, Struct>();
  const enums = new Map<string, { name: string; value: number }[]>();
  const variables: Variable[] = [];
  for (const type of types) {
    if (type.kind === Kind.STRUCT && type.name !== '') {
      structs.set(type.name, {
        name: type.name,
        size: type.sizeOrType,
        members: membersOf(section, types, type, nameAt),
      });
    } else if (type.kind === Kind.ENUM && type.name !== '') {
      enums.set(
        type.name,
        Array.from({ length: type.vlen }, (_, i) => ({
          name: nameAt(section.readUInt32LE(type.body + 8 * i)),
          value: section.readInt32LE(type.body + 8 * i + 4),
        })),
      );
    } else if (type.kind === Kind.DATASEC) {
      for (let i = 0; i < type.vlen; i++) {
        const at = type.body + 12 * i;
        const variable = typeAt(types, section.readUInt32LE(at));
        variables.push({
          name: variable.name,
          section: type.name,
          offset: section.readUInt32LE(at + 4),
          size: section.readUInt32LE(at + 8),
        });
      }
    }
  }
  return { structs, enums, variables };
}

function readTypes(section: Buffer, start: number, end: number, stringsAt: number): Type[] {
  // type ids start at 1; 0 is void
  const types: Type[] = [{ kind: 0, name: '', vlen: 0, sizeOrType: 0, body: 0 }];
  for (let at = start; at < end;) {
    const info = section.readUInt32LE(at + 4);
    const kind = (info >>> 24) & 0x1f;
    const vlen = info & 0xffff;
    const body = at + 12;
    types.push({
      kind,
      vlen,
      body,
      name: cString(section, stringsAt + section.readUInt32LE(at)),
      sizeOrType: section.readUInt32LE(at + 8),
    });
    at = body + bodyLength(kind, vlen);
  }
  return types;
}

function bodyLength(kind: number, vlen: number): number {
  switch (kind) {
    case Kind.INT:
    case Kind.VAR:
    case Kind.DECL_TAG:
      return 4;
    case Kind.ARRAY:
      return 12;
    case Kind.STRUCT:
    case Kind.UNION:
    case Kind.DATASEC:
    case Kind.ENUM64:
      return 12 * vlen;
    case Kind.ENUM:
    case Kind.FUNC_PROTO:
      return 8 * vlen;
    case Kind.PTR:
    case Kind.FWD:
    case Kind.TYPEDEF:
    case Kind.VOLATILE:
    case Kind.CONST:
    case Kind.RESTRICT:
    case Kind.FUNC:
    case Kind.FLOAT:
    case Kind.TYPE_TAG:
      return 0;
    default:
      throw new Error(`unknown BTF kind ${String(kind)}`);
  }
}

function membersOf(section: Buffer, types: readonly Type[], type: Type, nameAt: (offset: number) => string): Member[] {
  const bitfields = (section.readUInt32LE(type.body - 8) & 0x80000000) !== 0;
  return Array.from({ length: type.vlen }, (_, i) => {
    const at = type.body + 12 * i;
    const bits = section.readUInt32LE(at + 8) & (bitfields ? 0xffffff : 0xffffffff);
    const id = section.readUInt32LE(at + 4);
    const target = resolve(types, id);
    const isArray = target.kind === Kind.ARRAY;
    const element = isArray ? resolve(types, section.readUInt32LE(target.body)) : target;
    return {
      name: nameAt(section.readUInt32LE(at)),
      offset: bits / 8,
      size: sizeOf(section, types, target),
      elements: isArray ? section.readUInt32LE(target.body + 8) : null,
      elementSize: sizeOf(section, types, element),
      struct: element.kind === Kind.STRUCT ? element.name : null,
    };
  });
}

/** Follows typedefs and qualifiers. */
function resolve(types: readonly Type[], id: number): Type {
  let type = typeAt(types, id);
  for (let depth = 0; depth < MOST_NESTED; depth++) {
    if (
      type.kind !== Kind.TYPEDEF &&
      type.kind !== Kind.VOLATILE &&
      type.kind !== Kind.CONST &&
      type.kind !== Kind.RESTRICT &&
      type.kind !== Kind.TYPE_TAG
    ) {
      return type;
    }
    type = typeAt(types, type.sizeOrType);
  }
  throw new Error('BTF types are nested too deep');
}

function sizeOf(section: Buffer, types: readonly Type[], type: Type): number {
  let size = 1;
  let element = type;
  for (let depth = 0; depth < MOST_NESTED; depth++) {
    if (element.kind === Kind.PTR) return 8 * size;
    if (element.kind !== Kind.ARRAY) return element.sizeOrType * size;
    size *= section.readUInt32LE(element.body + 8);
    element = resolve(types, section.readUInt32LE(element.body));
  }
  throw new Error('BTF types are nested too deep');
}

function typeAt(types: readonly Type[], id: number): Type {
  const type = types[id];
  if (type === undefined) throw new Error(`BTF refers to type ${String(id)}, which it does not have`);
  return type;
}

/** '' where no string begins, as offsets beyond the end say. */
function cString(bytes: Buffer, at: number): string {
  const length = bytes.subarray(at, at + MOST_NAME).indexOf(0);
  if (length === -1 && at < bytes.length) throw new Error('a name without an end');
  return bytes.toString('latin1', at, at + Math.max(0, length));
}
