import { expect, it } from 'vitest';
import { missingFeature } from '../../src/kernel/load.ts';

it('a kernel without task storage is known by the table that it does not make', () => {
  // what libbpf says on Linux 5.10
  const log = `libbpf: Error in bpf_create_map_xattr(call_starts): -EINVAL. Retrying without BTF.
libbpf: map 'call_starts': failed to create: -EINVAL
libbpf: failed to load object 'spillway'
`;
  expect(missingFeature(log)).toContain('task storage');
  expect(missingFeature(log)).toContain('Linux 5.11');
});

it('other tables, and other reasons, are no sign of it', () => {
  expect(missingFeature("libbpf: map 'flows': failed to create: -EINVAL\n")).toBeNull();
  expect(missingFeature("libbpf: map 'call_starts': failed to create: -ENOMEM\n")).toBeNull();
  expect(missingFeature('')).toBeNull();
});
