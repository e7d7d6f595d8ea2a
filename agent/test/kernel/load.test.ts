import { expect, it } from 'vitest';
import { missingFeature, whyRefused } from '../../src/kernel/load.ts';

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

it('tells what a kernel lacks that a program needs, and else the verifier’s last words', () => {
  const lacking = (what: string) => `libbpf: prog 'time_request': BPF program load failed: Invalid argument
libbpf: prog 'time_request': -- BEGIN PROG LOAD LOG --
reg type unsupported for arg#0 function time_request#5
0: (bf) r6 = r1
failed to resolve CO-RE relocation <byte_off> [305] ${what} (0:0 @ offset 0)
processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0
-- END PROG LOAD LOG --
libbpf: prog 'time_request': failed to load: -22
`;
  expect(whyRefused(lacking('struct trace_event_raw_io_uring_submit_req.req'))).toBe(
    'this kernel has no tracepoint io_uring_submit_req, or one without req',
  );
  expect(whyRefused(lacking('struct io_kiocb.opcode'))).toBe('this kernel has no struct io_kiocb.opcode');
  expect(whyRefused('0: (b7) r0 = 0\nR6 invalid mem access\nprocessed 9 insns\n')).toBe('R6 invalid mem access');
});
