import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { binding, bpfErrorOf } from './fixture.ts';

test('pidfdOpen gives a descriptor of that process', () => {
  const fd = binding.pidfdOpen(process.pid);
  expect(readFileSync(`/proc/self/fdinfo/${String(fd)}`, 'utf8')).toContain(`Pid:\t${String(process.pid)}\n`);
  closeSync(fd);
});

test('pidfdOpen says ESRCH of a process that has ended', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  expect(bpfErrorOf(() => binding.pidfdOpen(child.pid ?? 0))).toMatchObject({
    code: 'ESRCH',
    message: `pidfd_open ${String(child.pid)}: ESRCH (No such process)`,
  });
});

test('bootTimeNs is the clock of /proc/uptime', () => {
  const before = binding.bootTimeNs();
  const uptime = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  const after = binding.bootTimeNs();
  // /proc/uptime is cut to hundredths of a second.
  expect(uptime).toBeGreaterThanOrEqual(before / 1e9 - 0.01);
  expect(uptime).toBeLessThanOrEqual(after / 1e9);
});

test('libbpfVersion is that of the vendored libbpf', () => {
  const pin = readFileSync(new URL('../vendor/libbpf.pin', import.meta.url), 'utf8');
  expect(pin).toContain(`LIBBPF_VERSION=${binding.libbpfVersion}.`);
});
