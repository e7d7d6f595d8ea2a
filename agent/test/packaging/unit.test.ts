/** The unit, as systemd reads it. None has to run. */
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { KEPT_CAPABILITIES, missingCapabilities } from '../../src/kernel/privileges.ts';
import { EXIT } from '../../src/model/errors.ts';

const FILE = fileURLToPath(new URL('../../../packaging/spillway.service', import.meta.url));
const TEXT = readFileSync(FILE, 'utf8');
/** All values of a setting. */
const settings = (name: string): string[] =>
  [...TEXT.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value = '']) => value);

/** include/uapi/linux/capability.h */
const BITS: Readonly<Record<string, number>> = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_SYS_PTRACE: 19,
  CAP_SYS_ADMIN: 21,
  CAP_PERFMON: 38,
  CAP_BPF: 39,
};

function analyze(...args: readonly string[]): { status: number | null; output: string } {
  const { status, stdout, stderr } = spawnSync('systemd-analyze', args, { encoding: 'utf8' });
  return { status, output: stdout + stderr };
}

/** What the unit names, in a root of its own: this host may have none of it. */
const OTHERS = [
  ...['sysinit', 'basic', 'shutdown', 'multi-user', 'network-online', 'local-fs', 'umount'].map(
    (name) => `${name}.target`,
  ),
  ...['-.mount', 'sys-kernel-tracing.mount', 'tmp.mount'],
];

function verify(text: string): { status: number | null; output: string } {
  const root = mkdtempSync(join(tmpdir(), 'spillway-'));
  onTestFinished(() => {
    rmSync(root, { recursive: true });
  });
  const write = (path: string, content: string, mode?: number) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content, { mode });
  };
  for (const command of ['/usr/bin/spillway', '/bin/kill', '/bin/sh']) write(command, '', 0o755);
  for (const name of OTHERS) {
    const where = name === '-.mount' ? '/' : `/${name.replace('.mount', '').replaceAll('-', '/')}`;
    const mount = name.endsWith('.mount') ? `DefaultDependencies=no\n[Mount]\nWhat=none\nWhere=${where}\n` : '';
    write(`/usr/lib/systemd/system/${name}`, `[Unit]\nDescription=${name}\n${mount}`);
  }
  write('/usr/lib/systemd/system/spillway.service', text);
  return analyze('verify', `--root=${root}`, '--man=no', 'spillway.service');
}

it('has nothing that systemd does not understand', () => {
  expect(verify(TEXT)).toEqual({ status: 0, output: '' });
  // and it would say so
  expect(verify(TEXT.replace('WatchdogSec=30s', 'WatchdogSec=soon')).output).toContain('Failed to parse');
  expect(verify(TEXT.replace('RestrictRealtime', 'RestrictRealTime')).output).toContain('Unknown key');
  expect(verify(TEXT.replace('ExecStart=/usr/bin/spillway', 'ExecStart=/usr/bin/spilway')).status).not.toBe(0);
});

it('exposes as little as the issue asks for: at most 3.0', () => {
  const threshold = ['security', '--offline=yes', '--threshold=30'];
  expect(analyze(...threshold, FILE).status).toBe(0);
  expect(analyze('security', '--offline=yes', '--threshold=10', FILE).status).not.toBe(0);
});

it('gives what loading and attaching need, what the agent keeps, and nothing else', () => {
  const [ambient = ''] = settings('AmbientCapabilities');
  expect(settings('CapabilityBoundingSet')).toEqual([ambient]);
  const bits = ambient.split(' ').map((name) => BITS[name] ?? NaN);
  const mask = (of: readonly number[]) => of.reduce((sum, bit) => sum | (1n << BigInt(bit)), 0n).toString(16);
  const status = (of: readonly number[]) => `Name:\tx\nCapEff:\t${mask(of)}\n`;
  expect(missingCapabilities(status(bits), 3)).toEqual([]);
  expect(bits).toEqual(expect.arrayContaining([...KEPT_CAPABILITIES]));
  // each is there for something
  for (const bit of bits) {
    const others = bits.filter((other) => other !== bit);
    const isNeeded =
      missingCapabilities(status(others), 3).length > 0 ||
      missingCapabilities(status(others.filter((other) => other !== BITS.CAP_SYS_ADMIN)), 2).length > 0;
    expect({ bit, isNeeded: isNeeded || KEPT_CAPABILITIES.includes(bit) }).toEqual({ bit, isNeeded: true });
  }
});

it('does not start again what another start cannot mend', () => {
  expect(settings('RestartPreventExitStatus')).toEqual([
    [EXIT.usage, EXIT.kernel, EXIT.privilege, EXIT.config].join(' '),
  ]);
});
