/** The agent with some of root's privileges: what works, what does not, and that it says so. */
import { appendFileSync, chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { until } from './support/kernel.ts';
import {
  asNobody,
  attachedBy,
  capabilitiesOf,
  reachable,
  REACHABLE_SPILLWAY,
  startedService,
} from './support/manager.ts';
import { run, scrape, sumOf, temporaryDirectory } from './support/run.ts';

interface Report {
  readonly findings: readonly { name: string; state: string; detail: string; remedy: string }[];
}

/** What packaging/spillway.service gives; SYS_ADMIN only matters where kernel.perf_event_paranoid is 3 on Debian's kernels. */
const UNIT = ['bpf', 'perfmon', 'sys_admin', 'sys_ptrace', 'dac_read_search'];
/** Sends to a file that appends, which sendfile refuses, and then does something else. */
const REFUSE = `
import os, sys, time
open('/proc/self/comm', 'w').write('refuse-20')
source, sink = os.open('/etc/passwd', os.O_RDONLY), os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for i in range(20):
  try: os.sendfile(sink, source, 0, 10)
  except OSError: pass
  time.sleep(0.02)
time.sleep(1.5)
`;

const without = (...names: readonly string[]): string[] => UNIT.filter((name) => !names.includes(name));

/** CapInh, CapPrm, CapEff and CapAmb of a process that has given up what it no longer needs: bits 2, 19 and 39. */
const KEPT = ((1n << 2n) | (1n << 19n) | (1n << 39n)).toString(16);

async function doctor(capabilities: readonly string[], change?: string) {
  const command = [...reachable(change), ...asNobody(capabilities), REACHABLE_SPILLWAY, 'doctor', '-o', 'json'];
  const { code, stdout, stderr } = await run(command);
  expect(stderr).toBe('');
  const { findings } = JSON.parse(stdout) as Report;
  const bad = findings.filter(({ state }) => state !== 'ok').map(({ name, state }) => `${name} ${state}`);
  return { code, bad, of: (name: string) => findings.find((finding) => finding.name === name) };
}

/** What the daemon would do: loads, attaches, prints its metrics once. */
const once = (capabilities: readonly string[]) =>
  run([...reachable(), ...asNobody(capabilities), REACHABLE_SPILLWAY, 'run', '--once']);

describe('doctor as nobody', () => {
  it.each([
    ['all that the unit gives', UNIT],
    ['those, but CAP_SYS_ADMIN', without('sys_admin')],
    ['CAP_SYS_ADMIN in place of the two that it includes', without('bpf', 'perfmon')],
  ])('with %s: all is seen', async (_, capabilities) => {
    expect(await doctor(capabilities)).toMatchObject({ code: 0, bad: [] });
  });

  it('without CAP_SYS_PTRACE: everything is counted, and evidence is incomplete', async () => {
    const { code, bad, of } = await doctor(without('sys_ptrace', 'sys_admin'));
    expect({ code, bad }).toEqual({ code: 3, bad: ['evidence degraded'] });
    expect(of('evidence')?.detail).toMatch(/^without CAP_SYS_PTRACE the open files/);
    expect((await once(without('sys_ptrace', 'sys_admin'))).code).toBe(0);
  });

  it.each([
    ['CAP_BPF', without('bpf', 'sys_admin')],
    ['CAP_PERFMON', without('perfmon', 'sys_admin')],
  ])('without %s: nothing can be counted, and which it is', async (name, capabilities) => {
    const { code, bad, of } = await doctor(capabilities);
    expect({ code, bad }).toEqual({ code: 3, bad: ['privilege missing', 'probes missing'] });
    expect(of('privilege')?.detail).toBe(`this process lacks ${name}`);
    expect(of('probes')?.detail).toContain(name);
    const { code: exit, stderr } = await once(capabilities);
    expect(exit).toBe(77);
    expect(stderr).toContain(`this process lacks ${name}: run as root`);
  });

  it('without CAP_DAC_READ_SEARCH: tracefs is there and shut, which is not said to be unmounted', async () => {
    const { code, bad, of } = await doctor(without('dac_read_search'));
    expect({ code, bad }).toEqual({
      code: 3,
      bad: ['tracefs missing', 'privilege missing', 'evidence degraded', 'probes missing'],
    });
    expect(of('tracefs')?.detail).toBe('it is mounted, but this process may not look into it');
    expect(of('privilege')?.detail).toBe('this process lacks CAP_DAC_READ_SEARCH');
    const { code: exit, stderr } = await once(without('dac_read_search'));
    expect(exit).toBe(77);
    expect(stderr).toMatch(/EACCES.*this process lacks CAP_DAC_READ_SEARCH/);
    expect(stderr).not.toContain('mount');
  });

  it('where kernel.perf_event_paranoid is 3: CAP_SYS_ADMIN is missing only if that stops a probe', async () => {
    const file = join(temporaryDirectory(), 'paranoid');
    writeFileSync(file, '3\n');
    chmodSync(file, 0o644);
    const change = `mount --bind ${file} /proc/sys/kernel/perf_event_paranoid`;
    expect(await doctor(UNIT, change)).toMatchObject({ code: 0, bad: [] });
    // only the file says 3: the kernel has not been told
    const { code, of } = await doctor(without('sys_admin'), change);
    expect(code).toBe(0);
    expect(of('privilege')).toMatchObject({
      state: 'ok',
      detail: 'this process lacks CAP_SYS_ADMIN, which this host does not ask for: every probe could be attached',
    });
  });
});

describe('the daemon', () => {
  it.each([
    ['root', []],
    ['nobody, with what the unit gives', [...reachable(), ...asNobody(UNIT)]],
  ])('as %s: keeps three capabilities once it is ready, in every thread, and counts with them', async (_, before) => {
    const spillway = before.length === 0 ? {} : { spillway: REACHABLE_SPILLWAY };
    const service = await startedService({ before, ...spillway });
    const pid = service.child.pid ?? 0;
    const ambient = before.length === 0 ? '' : KEPT;
    expect(capabilitiesOf(pid)).toEqual([`CapAmb ${ambient}`, `CapEff ${KEPT}`, `CapInh ${ambient}`, `CapPrm ${KEPT}`]);
    expect(service.stderr()).not.toContain('warning');

    // tables are read, the probe on what follows is attached now, its iterator runs, slots are given back
    const links = attachedBy(pid);
    const refusing = run(['python3', '-c', REFUSE, join(temporaryDirectory(), 'sink')]);
    await until(() => attachedBy(pid) === links + 1);
    expect(await refusing).toMatchObject({ code: 0, stderr: '' });
    await until(() => attachedBy(pid) === links);
    const samples = await scrape({ ...service, stop: () => service.exited });
    expect(sumOf(samples, 'workload_attempts_total', 'comm="refuse-20"', 'outcome="refused"')).toBe(20);
    expect(sumOf(samples, 'workload_fallbacks_total', 'comm="refuse-20"', 'evidence="presumed"')).toBe(1);

    // later threads have no more, a reload works
    appendFileSync(service.config, 'status_url: http://here/\n');
    service.child.kill('SIGHUP');
    await until(() => service.states().filter((line) => line === 'READY=1').length === 2);
    expect(service.status()).toMatch(/^no alert/);
    expect(capabilitiesOf(pid)).toEqual([`CapAmb ${ambient}`, `CapEff ${KEPT}`, `CapInh ${ambient}`, `CapPrm ${KEPT}`]);
    expect(service.stderr()).not.toMatch(/warning|error/);
  });

  it('says what it does not see for want of a capability', async () => {
    const before = [...reachable(), ...asNobody(without('sys_ptrace'))];
    const service = await startedService({ before, spillway: REACHABLE_SPILLWAY });
    expect(service.stderr()).toMatch(/warning: without CAP_SYS_PTRACE the open files, .* cannot be looked into/);
  });
});
