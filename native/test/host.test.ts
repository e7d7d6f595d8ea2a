import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
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

test('sealsOf reads the seals of a memfd of another process, opens nothing else, and leaves nothing open', async () => {
  const program = `
import fcntl, os, sys
fds = [os.memfd_create('a', os.MFD_ALLOW_SEALING), os.memfd_create('b'), os.open('/proc/self/status', os.O_RDONLY)]
fcntl.fcntl(fds[0], fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
os.mkfifo(sys.argv[1])
fds.append(os.open(sys.argv[1], os.O_RDWR))
print(*fds, flush=True)
sys.stdin.read()`;
  const directory = mkdtempSync(join(tmpdir(), 'spillway-seals-'));
  const child = spawn('python3', ['-c', program, join(directory, 'fifo')], { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const lines = createInterface({ input: child.stdout });
  const [line] = (await once(lines, 'line')) as [string];
  const paths = line.split(' ').map((fd) => `/proc/${String(child.pid)}/fd/${fd}`);
  const [sealed = '', plain = '', ...others] = paths;
  const open = readdirSync('/proc/self/fd').length;
  expect(binding.sealsOf(sealed)).toBe(2 | 4);
  // F_SEAL_SEAL: no seals, and none can be set
  expect(binding.sealsOf(plain)).toBe(1);
  for (const path of others) {
    expect(bpfErrorOf(() => binding.sealsOf(path))).toMatchObject({ code: 'EINVAL', operation: `seals of ${path}` });
  }
  expect(bpfErrorOf(() => binding.sealsOf('/nowhere'))).toMatchObject({ code: 'ENOENT' });
  expect(readdirSync('/proc/self/fd').length).toBe(open);
  child.stdin.end();
  await ended;
  rmSync(directory, { recursive: true });
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

test('releaseFilePages takes pages of programs and libraries out of the process, and nothing else', () => {
  const kib = (field: string) =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]);
  // reads the figures once before, so that doing it brings nothing more
  kib('RssFile');
  const files = kib('RssFile');
  const own = kib('RssAnon');
  const text = 'what is in memory stays as it is '.repeat(10_000);
  const released = binding.releaseFilePages();
  expect(released).toBeGreaterThan(10 * 2 ** 20);
  // some are needed at once, each with those around it
  expect(kib('RssFile')).toBeLessThan(files - released / 1024 / 4);
  expect(kib('RssAnon')).toBeGreaterThan(own - 4096);
  expect(text.length).toBe(330_000);
  // relocated data and code still work
  expect(JSON.parse(JSON.stringify({ a: [1, 'b'] }))).toEqual({ a: [1, 'b'] });
  expect(binding.libbpfVersion).toMatch(/^1\./);
});
