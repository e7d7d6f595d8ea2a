/** Figures that no machine, however slow or busy, changes: what CI can hold against the past. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { elfSection } from '../agent/src/abi/btf.ts';
import { LAYOUT } from '../agent/src/abi/layout.ts';
import { readRows } from '../agent/src/kernel/collect.ts';
import { SHAPES, type SlotTable } from '../agent/src/kernel/tables.ts';
import { DEFAULT_LIMITS, Exporter } from '../agent/src/metrics/index.ts';
import { snapshotOf } from '../agent/test/support/snapshots.ts';
import { loadBinding } from '../native/lib/index.ts';
import { ROOT } from './watchers.ts';

export type Figures = Readonly<Record<string, number>>;

const ROWS = 4096;

/** By name. What was built must be there. */
export function stableFigures(): Figures {
  const bytesOf = (file: string) => statSync(join(ROOT, 'build', file)).size;
  return {
    'bundle bytes': bytesOf('agent/cli/agent.cjs'),
    'compiled bundle bytes': bytesOf('agent/cli/agent.cache'),
    'snapshot bytes per flow': keptBytes('flows') / ROWS,
    'snapshot bytes per process': keptBytes('processes') / ROWS,
    'text bytes per flow': textBytesPerFlow(),
    'record bytes of a process': LAYOUT.structs.process_record.size,
    'record bytes of a flow': LAYOUT.structs.flow_record.size,
    'record bytes of an IPv6 flow': LAYOUT.structs.flow6_record.size,
    'record bytes of a cause': LAYOUT.structs.cause_record.size,
    ...instructions(),
  };
}

/** Bytes of the columns that one table is read into. */
function keptBytes(name: 'flows' | 'processes'): number {
  const table = { name, shape: SHAPES[name], used: ROWS, select: () => ROWS };
  const { slots, states, keys, counters } = readRows(table as unknown as SlotTable);
  // columns may share what they stand in
  const memory = new Set([slots, states, keys, counters].map(({ buffer }) => buffer));
  return [...memory].reduce((sum, { byteLength }) => sum + byteLength, 0);
}

/** What one more flow adds to a scrape that names all of them. */
function textBytesPerFlow(): number {
  const flows = Array.from({ length: ROWS }, (_, i) => ({
    src: '192.0.2.100',
    dst: `198.51.${String(100 + (i >> 8))}.${String(i & 255)}`,
    counts: { zerocopy: 1000, bytes: 1_000_000 },
  }));
  const bytes = (shown: typeof flows) => {
    const exporter = new Exporter({ version: '', revision: '', kernel: '' }, { ...DEFAULT_LIMITS, flows: ROWS });
    return Buffer.byteLength(exporter.render(snapshotOf({ flows: shown }), { seconds: 0, success: true }));
  };
  return Math.round((bytes(flows) - bytes(flows.slice(0, 1))) / (ROWS - 1));
}

/** Instructions of the object by section: a program, or those that are called. */
function instructions(): Figures {
  const elf = readFileSync(join(ROOT, 'build/bpf/spillway.bpf.o'));
  const object = loadBinding(join(ROOT, 'build/native/spillway.node')).openObject(elf, 'spillway');
  try {
    const sections = new Set(['.text', ...object.programNames().map((name) => object.program(name).section)]);
    return Object.fromEntries(
      [...sections].map((name) => [`instructions of ${name}`, (elfSection(elf, name)?.length ?? 0) / 8]),
    );
  } finally {
    object.close();
  }
}
