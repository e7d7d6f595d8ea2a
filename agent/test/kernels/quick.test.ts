/** Each kernel boots, the agent attaches all it has, and counts known calls number for number. */
import { beforeAll, describe, expect, it } from 'vitest';
import { flowSet, knownMechanisms, ringCounts } from '../live/support/run.ts';
import { flowTotals, mechanismTotals, ringTotals } from '../live/support/totals.ts';
import { ask, type Guest, groupOf } from './support/guest.ts';
import { isWanted, KERNELS, record } from './support/kernels.ts';
import { boot } from './support/vm.ts';

/** What a kernel lacks of what the probes hook, by name of the probe. Anything else must be attached. */
const MISSING: Readonly<Record<string, readonly string[]>> = {
  // its tracepoint is another one, io_uring_submit_sqe
  '6.1': ['probe time_request'],
};

describe.each(KERNELS.filter((kernel) => kernel !== '5.10'))('Linux %s', (kernel) => {
  let guest: Guest;

  beforeAll(async () => {
    ({ guest } = await ask({ kernel, timeoutSeconds: 300 }, ['doctor', 'calls']));
    const findings = guest.doctor?.findings ?? [];
    record(kernel, 'doctor', { release: guest.release, preemption: guest.preemption, findings });
  });

  it('is the one that was asked for', () => {
    if (/^\d/.test(kernel)) expect(`${guest.release}.`.startsWith(`${kernel}.`)).toBe(true);
    else expect(guest.release).toMatch(/^\d+\.\d+/);
  });

  it('takes every program, but those whose hooks it does not have', () => {
    const findings = guest.doctor?.findings ?? [];
    expect(findings.length).toBeGreaterThan(12);
    const wrong = findings.filter(({ state }) => state !== 'ok').map(({ name }) => name);
    expect(wrong).toEqual(MISSING[kernel] ?? []);
  });

  it('has every call and every ring request counted by outcome, errno, bytes and flow as it happened', () => {
    const { report, witnesses } = groupOf(guest, 'calls');
    const told = { mechanisms: mechanismTotals(witnesses) };
    const attempts = Object.values(report.mechanisms).reduce((sum, one) => sum + one.attempts, 0);
    const remember = (exact: boolean) => record(kernel, 'calls', { release: guest.release, attempts, exact });
    remember(false);
    expect(witnesses).toHaveLength(10);
    expect(Object.keys(told.mechanisms).sort()).toEqual(
      expect.arrayContaining(['copy_file_range', 'io_uring_splice', 'sendfile', 'splice', 'tee', 'vmsplice']),
    );
    expect(knownMechanisms(report, told)).toEqual(told.mechanisms);
    expect(flowSet(report.flows)).toEqual(flowSet(flowTotals(witnesses)));
    expect(ringCounts(report)).toEqual(ringTotals(witnesses));
    expect(report.lost).toEqual({ overflow: 0, events: 0, missedRuns: 0 });
    expect(report.unattributed).toEqual({ attempts: 0 });
    remember(true);
  });
});

describe.each(['5.10'].filter(isWanted))('Linux %s', (kernel) => {
  it('is refused with what it lacks, and which Linux has it', async () => {
    const machine = boot({ kernel, checkout: true, timeoutSeconds: 200 });
    const { code, output } = await machine.run('uname -r; bin/spillway stat -- true');
    const [release = '', ...said] = output.trimEnd().split('\n');
    expect(release).toMatch(/^5\.10\./);
    expect(said[0]).toContain('task storage');
    expect(said[0]).toContain('Linux 5.11');
    expect(said.join('\n')).toContain('Linux 6.1 or newer');
    expect(code).toBe(69);
    record(kernel, 'refused', { release, code, said });
  }, 600_000);
});
