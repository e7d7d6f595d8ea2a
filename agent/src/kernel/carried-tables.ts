/** The tables of an earlier generation, read for carry(), and where what they held is put. */
import { LAYOUT, TABLES } from '../abi/layout.ts';
import type { Binding, BpfObject } from '../../../native/lib/index.ts';
import { WorkloadUnits } from '../enrich/workload-units.ts';
import { addRow } from '../model/counters.ts';
import type { Carried, OldTables } from './carry.ts';
import { DepartedTables } from './departed.ts';
import type { Identity } from './generation.ts';
import type { KernelOptions } from './options.ts';
import type { Pins } from './pins.ts';
import { mapTables, SLOT_DEPARTED, SLOT_NOBODY, type SlotTable } from './tables.ts';

const { OVERFLOW, NOBODY } = LAYOUT.enums.departed_place;

/** What carry() reads. */
const OLD_MAPS = [
  'processes',
  'departed',
  'flows',
  'flows6',
  'causes',
  'departed_causes',
  'latencies',
  'pools',
  'shards',
] as const;

/** Copies the tables of a generation that counts no more. Names of cgroups are those that `object` knows. */
export function readOldTables(
  binding: Binding,
  pins: Pins,
  generation: number,
  { layout, capacities }: Identity,
  object: BpfObject,
  { processes }: KernelOptions,
): OldTables {
  const maps = new Map<string, Buffer>();
  for (const name of OLD_MAPS) {
    if (!pins.has(generation, 'maps', name)) continue;
    const region = binding.mapPinned(pins.path(generation, 'maps', name));
    maps.set(name, region.readBytes(0, region.size));
    region.close();
  }
  const cgroups = object.map('cgroups');
  const units = new WorkloadUnits((key) => cgroups.lookup(key), processes);
  const shardLines = capacities.shards ?? 0;
  return { layout, shardLines, maps, unitOf: (low, high, hierarchy) => units.of(low, high, hierarchy) };
}

/** Sets what other tables held, where nothing was added yet. */
export function storeCarried(object: BpfObject, options: KernelOptions, carried: Carried): void {
  const tables = mapTables(object, options);
  const departed = new DepartedTables(object);
  const sums = new Map<number, Float64Array>([
    [OVERFLOW, carried.overflow],
    [NOBODY, carried.nobody],
  ]);
  for (const { counters, ...workload } of carried.workloads) {
    const place = departed.placeOf(workload);
    const sum = sums.get(place) ?? new Float64Array(counters.length);
    addRow(sum, counters);
    sums.set(place, sum);
  }
  for (const [place, counters] of sums) departed.setCounters(place, counters);
  const causes = new Map<number, { count: number; culprit: Buffer | null }>();
  for (const { kind, mechanism, code, count, culprit, ...workload } of carried.causes) {
    const place = departed.causePlaceOf({ process: departed.placeOf(workload), kind, mechanism, code });
    const known = causes.get(place);
    causes.set(place, { count: count + (known?.count ?? 0), culprit: known?.culprit ?? culprit });
  }
  for (const [place, { count, culprit }] of causes) departed.setCause(place, count, culprit);
  setRow(tables.flows, SLOT_DEPARTED, carried.flows);
  setRow(tables.flows6, SLOT_NOBODY, carried.nonIpFlows);
  for (const name of TABLES) tables[name].setCarriedOverflows(carried.overflows.get(name) ?? 0);
  const latencies = object.map('latencies').mapRegion();
  carried.latencies.forEach((count, i) => {
    latencies.storeU64(carried.latencies.length * 8 + 8 * i, count);
  });
}

function setRow({ records, shape }: SlotTable, slot: number, counts: Float64Array): void {
  counts.forEach((count, column) => {
    records.storeU64(slot * shape.size + shape.counters + 8 * column, count);
  });
}
