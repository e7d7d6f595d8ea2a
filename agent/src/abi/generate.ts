/** BTF of the object -> the layout that the agent is compiled with, and the text of the file that holds it. */
import { createHash } from 'node:crypto';
import { type Btf, type Struct, elfSection, parseBtf } from './btf.ts';

/** Of one struct, with those of the structs in it. Ours have a tenth. */
const MOST_FIELDS = 1000;

/** The structs of spillway.h that the agent reads or writes. */
const SHARED_STRUCTS = [
  'FlowKey',
  'Flow6Key',
  'counts',
  'shard',
  'flow_record',
  'flow6_record',
  'process_key',
  'ring_counts',
  'resolutions',
  'process_record',
  'cgroup_key',
  'cgroup_names',
  'culprit',
  'cause_key',
  'cause_record',
  'slot_pool',
  'event',
  'process_state',
  'pending',
  'thread_state',
  'latency',
  'retirement',
  'departed_record',
  'fold',
  'turn',
  'reported_key',
  'reported',
  'identity',
];

/** The enums of spillway.h and the prefix that their enumerators share. */
const SHARED_ENUMS: Readonly<Record<string, string>> = {
  mechanism: 'MECHANISM_',
  outcome: 'OUTCOME_',
  copy_reason: 'COPY_',
  refusal_reason: 'REFUSAL_',
  resolution: 'RESOLUTION_',
  cause_kind: 'CAUSE_',
  slot_state: 'SLOT_',
  reserved_slot: 'SLOT_',
  table: 'TABLE_',
  event_kind: 'EVENT_',
  process_flag: 'PROCESS_',
  handover: 'HANDOVER_',
  departed_place: 'DEPARTED_',
};

/** Sections of global variables that the agent sets before load or reads while it runs. */
const SHARED_SECTIONS = ['.rodata', '.bss'];

export interface Field {
  readonly offset: number;
  readonly size: number;
  readonly elements: number | null;
}

/** Everything that both sides must agree on. */
export interface Layout {
  readonly structs: Readonly<
    Record<string, { readonly size: number; readonly fields: Readonly<Record<string, Field>> }>
  >;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly variables: Readonly<
    Record<string, { readonly section: string; readonly offset: number; readonly size: number }>
  >;
}

/**
 * The layout of a built object.
 * @throws Error if the object lacks BTF or a shared type, or a shared struct holds padding that no field names
 */
export function layoutOf(elf: Buffer): Layout {
  const section = elfSection(elf, '.BTF');
  if (section === null) throw new Error('the object has no .BTF section: was it built with clang -g?');
  const btf = parseBtf(section);
  const structs: Record<string, { size: number; fields: Record<string, Field> }> = {};
  for (const name of SHARED_STRUCTS) {
    const struct = btf.structs.get(name);
    if (struct === undefined) throw new Error(`the object's BTF has no struct ${name}`);
    refusePadding(struct);
    structs[name] = { size: struct.size, fields: fieldsOf(btf, struct) };
  }
  const enums: Record<string, Record<string, number>> = {};
  for (const [name, prefix] of Object.entries(SHARED_ENUMS)) {
    const enumerators = btf.enums.get(name);
    if (enumerators === undefined) throw new Error(`the object's BTF has no enum ${name}`);
    enums[name] = Object.fromEntries(enumerators.map((e) => [e.name.slice(prefix.length), e.value]));
  }
  const variables = Object.fromEntries(
    btf.variables
      .filter((variable) => SHARED_SECTIONS.includes(variable.section))
      .map(({ name, section: of, offset, size }) => [name, { section: of, offset, size }]),
  );
  return { structs, enums, variables };
}

/** Members one behind the other, nested ones by their path: `key.src_ip`. Arrays of structs stay whole. */
function fieldsOf(btf: Btf, shared: Struct): Record<string, Field> {
  const fields: [string, Field][] = [];
  const add = (struct: Struct, prefix: string, base: number) => {
    for (const member of struct.members) {
      const { size, elements } = member;
      const offset = base + member.offset;
      fields.push([prefix + member.name, { offset, size, elements }]);
      // also what ends a struct that is a member of itself
      if (fields.length > MOST_FIELDS) throw new Error(`struct ${shared.name}: too many fields`);
      const inner = member.struct !== null && elements === null ? btf.structs.get(member.struct) : undefined;
      if (inner !== undefined) add(inner, `${prefix}${member.name}.`, offset);
    }
  };
  add(shared, '', 0);
  return Object.fromEntries(fields);
}

function refusePadding(struct: Struct): void {
  let end = 0;
  for (const member of struct.members) {
    if (member.offset !== end) {
      throw new Error(`struct ${struct.name}: ${String(member.offset - end)} unnamed bytes before ${member.name}`);
    }
    end = member.offset + member.size;
  }
  if (end !== struct.size) {
    throw new Error(`struct ${struct.name}: ${String(struct.size - end)} unnamed bytes at the end`);
  }
}

/** Identifies a layout: equal hashes mean that records can be read by either side. */
export function layoutHash(layout: Layout): string {
  return createHash('sha256').update(JSON.stringify(layout)).digest('hex').slice(0, 16);
}

/** TypeScript that exports the layout as constants. */
export function layoutSource(layout: Layout): string {
  const lower = (names: Readonly<Record<string, number>>, last: string) =>
    Object.keys(names)
      .filter((name) => name !== last)
      .map((name) => name.toLowerCase());
  return [
    '// Generated from the BTF of the BPF object by scripts/generate-layout.ts: do not edit.',
    '',
    `export const LAYOUT_HASH = '${layoutHash(layout)}';`,
    '',
    `export const LAYOUT = ${JSON.stringify(layout, null, 2)} as const;`,
    '',
    '/** Names of enumerators, in the order of their values; reasons begin with none. */',
    `export const MECHANISMS = ${JSON.stringify(lower(layout.enums.mechanism ?? {}, 'COUNT'))} as const;`,
    `export const OUTCOMES = ${JSON.stringify(lower(layout.enums.outcome ?? {}, 'COUNT'))} as const;`,
    `export const COPY_REASONS = ${JSON.stringify(lower(layout.enums.copy_reason ?? {}, 'COUNT'))} as const;`,
    `export const REFUSAL_REASONS = ${JSON.stringify(lower(layout.enums.refusal_reason ?? {}, 'COUNT'))} as const;`,
    `export const RESOLUTIONS = ${JSON.stringify(lower(layout.enums.resolution ?? {}, 'COUNT'))} as const;`,
    `export const TABLES = ${JSON.stringify(lower(layout.enums.table ?? {}, 'COUNT'))} as const;`,
    '',
    'export type Mechanism = (typeof MECHANISMS)[number];',
    'export type Outcome = (typeof OUTCOMES)[number];',
    'export type CopyReason = (typeof COPY_REASONS)[number];',
    'export type RefusalReason = (typeof REFUSAL_REASONS)[number];',
    'export type Resolution = (typeof RESOLUTIONS)[number];',
    'export type TableName = (typeof TABLES)[number];',
    '',
  ].join('\n');
}
