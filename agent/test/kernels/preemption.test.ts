/**
 * What is lost where the kernel can preempt a task inside our programs, or inside a bpf() call: there it skips the runs of
 * the programs of whoever comes next on that processor. Sixteen threads share two processors. What was seen and what the
 * kernel says it skipped must be all there was.
 */
import { beforeAll, describe, expect, it } from 'vitest';
import { ask, type Group, type Guest, groupOf } from './support/guest.ts';
import { isWanted, record } from './support/kernels.ts';

const ROUNDS = 2_000;

/** Kernel and how it preempts. */
const MACHINES: readonly (readonly [kernel: string, preemption: string])[] = [
  ['6.1', 'voluntary'],
  ['6.1', 'full'],
  ['6.12', 'voluntary'],
  ['6.12', 'full'],
  ['7', 'lazy'],
  ['7', 'full'],
];

/** Further options of `stat`, by which other hooks can be measured: SPILLWAY_STAT_FLAGS="--hooks fexit". */
const FLAGS = process.env.SPILLWAY_STAT_FLAGS ?? '';

/** Kernels that do not count the runs that they skip while somebody is in a bpf() call. */
const COUNTS_SKIPPED_RUNS = (kernel: string): boolean => kernel !== '6.1';

function account({ report, witnesses }: Group): { all: number; seen: number; missed: number } {
  const attempts = (mechanisms: Group['report']['mechanisms']) => mechanisms.sendfile?.attempts ?? 0;
  return {
    all: attempts(witnesses[0]?.mechanisms ?? {}),
    seen: attempts(report.mechanisms),
    missed: report.lost.missedRuns,
  };
}

describe.each(MACHINES.filter(([kernel]) => isWanted(kernel)))('Linux %s, preemption %s', (kernel, preemption) => {
  let guest: Guest;

  beforeAll(async () => {
    const machine = { kernel, append: `preempt=${preemption}`, timeoutSeconds: 900 };
    const variables = { SPILLWAY_ROUNDS: String(ROUNDS), SPILLWAY_STAT_FLAGS: FLAGS };
    ({ guest } = await ask(machine, ['threads', 'maps'], variables));
    const groups = Object.fromEntries(Object.entries(guest.groups).map(([name, group]) => [name, account(group)]));
    const { release } = guest;
    record(kernel, `preemption-${preemption} ${FLAGS}`.trimEnd(), {
      release,
      preemption: guest.preemption,
      flags: FLAGS,
      groups,
    });
  });

  it('preempts as it was told', () => {
    expect(guest.preemption).toBe(preemption);
  });

  it('tells what it has skipped: seen and missed are all there was', () => {
    const { all, seen, missed } = account(groupOf(guest, 'threads'));
    expect(all).toBe(16 * ROUNDS);
    expect(seen + missed).toBe(all);
    // fexit is preempted on every preemptible kernel
    if (!FLAGS.includes('fexit')) expect(missed).toBe(0);
  });

  it('also while others make bpf() calls', () => {
    const { all, seen, missed } = account(groupOf(guest, 'maps'));
    expect(all).toBe(16 * ROUNDS);
    if (COUNTS_SKIPPED_RUNS(kernel)) expect(seen + missed).toBe(all);
    // what is lost here is told nowhere: see docs/kernels.md
    else expect(seen + missed).toBeLessThanOrEqual(all);
  });
});
