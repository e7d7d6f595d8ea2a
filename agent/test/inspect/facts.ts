/** What was read of a process, from what a test wants to say. */
import type { Descriptor, InspectFacts, Mapping } from '../../src/inspect/facts.ts';

export function factsOf(facts: Partial<InspectFacts> = {}): InspectFacts {
  return {
    pid: 4711,
    comm: 'cp',
    status: { SigQ: '2/96365', State: 'S (sleeping)' },
    limits: { 'Max open files': { soft: 1024, hard: 'unlimited' } },
    descriptors: [],
    unread: null,
    mappings: [],
    ...facts,
  };
}

export function descriptorOf(descriptor: Partial<Descriptor> = {}): Descriptor {
  const file = { type: 'file', filesystem: 'ext4', name: '/srv/b', flags: ['O_RDONLY'] } as const;
  return { fd: 3, position: 0, ring: null, seals: null, ...file, ...descriptor };
}

export function mappingOf(mapping: Partial<Mapping> = {}): Mapping {
  return {
    name: '/srv/map',
    deleted: false,
    shared: true,
    bytes: 4096,
    owner: { uid: 0, mode: 0o644 },
    seals: null,
    ...mapping,
  };
}
