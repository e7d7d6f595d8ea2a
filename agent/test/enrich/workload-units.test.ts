import { describe, expect, it } from 'vitest';
import { LAYOUT } from '../../src/abi/layout.ts';
import { WorkloadUnits } from '../../src/enrich/workload-units.ts';

/** A `struct cgroup_names`; bytes that were there before follow the names' ends, as in the kernel's scratch. */
function namesOf(...names: (string | Buffer)[]): Buffer {
  const value = Buffer.alloc(LAYOUT.structs.cgroup_names.size, 'old');
  for (let i = 0; i < 4; i++) {
    const name = Buffer.from(names[i] ?? '').subarray(0, 95);
    name.copy(value, 96 * i);
    value[96 * i + name.length] = 0;
  }
  return value;
}

/** A map of cgroups that says how often it was asked. */
class Cgroups {
  readonly names = new Map<string, Buffer>();
  asked: string[] = [];

  readonly lookup = (key: Buffer): Buffer | null => {
    this.asked.push(key.toString('hex'));
    return this.names.get(key.toString('hex')) ?? null;
  };
}

/** `struct cgroup_key` { u64 id, u32 hierarchy, u32 reserved } in memory. */
const KEY_7_OF_3 = '07000000080000000300000000000000';
const keyOf = (id: number) => `${Buffer.of(id & 0xff, id >> 8).toString('hex')}${'0'.repeat(28)}`;

describe('WorkloadUnits', () => {
  it('reads the names of a cgroup once', () => {
    const cgroups = new Cgroups();
    cgroups.names.set(KEY_7_OF_3, namesOf('worker', 'nginx.service', 'system.slice'));
    const units = new WorkloadUnits(cgroups.lookup);
    expect([units.of(7, 8, 3), units.of(7, 8, 3)]).toEqual(['nginx.service', 'nginx.service']);
    expect(cgroups.asked).toEqual([KEY_7_OF_3]);
  });

  it('tells cgroups apart by both words of the id and by the hierarchy', () => {
    const cgroups = new Cgroups();
    cgroups.names.set(KEY_7_OF_3, namesOf('nginx.service'));
    const units = new WorkloadUnits(cgroups.lookup);
    expect(units.of(7, 8, 3)).toBe('nginx.service');
    expect([units.of(7, 9, 3), units.of(6, 8, 3), units.of(7, 8, 0)]).toEqual(['', '', '']);
  });

  it('remembers that names say nothing', () => {
    const cgroups = new Cgroups();
    cgroups.names.set(KEY_7_OF_3, namesOf('mine'));
    const units = new WorkloadUnits(cgroups.lookup);
    expect([units.of(7, 8, 3), units.of(7, 8, 3)]).toEqual(['', '']);
    expect(cgroups.asked).toHaveLength(1);
  });

  it('says nothing of a cgroup that the map has lost, until it is back', () => {
    const cgroups = new Cgroups();
    const units = new WorkloadUnits(cgroups.lookup);
    expect(units.of(7, 8, 3)).toBe('');
    cgroups.names.set(KEY_7_OF_3, namesOf('nginx.service'));
    expect(units.of(7, 8, 3)).toBe('nginx.service');
    cgroups.names.clear();
    expect(units.of(7, 8, 3)).toBe('nginx.service');
  });

  it('does not ask about processes in no cgroup', () => {
    const cgroups = new Cgroups();
    expect(new WorkloadUnits(cgroups.lookup).of(0, 0, 0)).toBe('');
    expect(cgroups.asked).toEqual([]);
  });

  it('forgets a cgroup that was not asked about while many others were', () => {
    const cgroups = new Cgroups();
    for (let id = 1; id <= 4; id++) cgroups.names.set(keyOf(id), namesOf(`${String(id)}.service`));
    const units = new WorkloadUnits(cgroups.lookup, 2);
    for (const id of [1, 2, 3, 1, 4]) units.of(id, 0, 0);
    cgroups.asked = [];
    expect([1, 3, 4].map((id) => units.of(id, 0, 0))).toEqual(['1.service', '3.service', '4.service']);
    expect(cgroups.asked).toEqual([]);
    expect(units.of(2, 0, 0)).toBe('2.service');
    expect(cgroups.asked).toEqual([keyOf(2)]);
  });

  it('remembers as many cgroups as a process table of the usual size can name, and not many more', () => {
    const cgroups = new Cgroups();
    const units = new WorkloadUnits(cgroups.lookup);
    const ask = (count: number) => {
      cgroups.asked = [];
      for (let id = 1; id <= count; id++) units.of(id, 0, 0);
      return cgroups.asked.length;
    };
    for (let id = 1; id <= 3 * 4096; id++) cgroups.names.set(keyOf(id), namesOf('a.service'));
    expect([ask(4096), ask(4096), ask(3 * 4096), ask(4096)]).toEqual([4096, 0, 2 * 4096, 4096]);
    expect([ask(4096), ask(4096)]).toEqual([0, 0]);
  });

  it('marks a name that was cut, and takes bytes that are no text', () => {
    const cgroups = new Cgroups();
    const read = (...names: (string | Buffer)[]) => {
      cgroups.names.set(KEY_7_OF_3, namesOf(...names));
      return new WorkloadUnits(cgroups.lookup).of(7, 8, 3);
    };
    expect(read('x'.repeat(94), 'system.slice')).toBe('');
    expect(read('x'.repeat(95), 'system.slice')).toBe(`${'x'.repeat(95)}…`);
    expect(read(Buffer.from('a\xff.service', 'latin1'))).toBe('a\ufffd.service');
    expect(read('a', 'b', 'c', 'd.service')).toBe('d.service');
  });
});
