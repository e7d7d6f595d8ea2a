import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { binding, runChild } from './fixture.ts';

/** Of linux/capability.h. */
const DAC_READ_SEARCH = 2;
const BPF = 39;
const BOTH = ((1n << 2n) | (1n << 39n)).toString(16);

interface Sets {
  readonly threads: number;
  /** Inheritable, permitted, effective, bounding, ambient: each combination that some thread has. */
  readonly sets: readonly string[];
}
type Told = Record<'before' | 'after' | 'afterwards', Sets>;

async function limited(prefix: readonly string[], keep: readonly number[]): Promise<Told> {
  const child = await runChild('limit-capabilities', prefix, keep.map(String));
  expect(child).toMatchObject({ code: 0, signal: null, stderr: '' });
  return JSON.parse(child.stdout) as Told;
}

/** NODE_OPTIONS behind `env`: without this one of Node's threads blocks all signals. */
const NODE = ['env', 'NODE_OPTIONS=--disable-sigusr1'];

test('limitCapabilities takes them from every thread, from those that begin later, and from programs that are executed', async () => {
  const { before, after, afterwards } = await limited(NODE, [DAC_READ_SEARCH, BPF]);
  // main, V8's, libuv's four, and the worker
  expect(before.threads).toBeGreaterThanOrEqual(8);
  expect(before.sets).toHaveLength(1);
  expect(before.sets[0]).not.toContain(` ${BOTH} `);
  expect(after).toEqual({ threads: before.threads, sets: [`0 ${BOTH} ${BOTH} ${BOTH} 0`] });
  expect(afterwards.threads).toBeGreaterThan(after.threads);
  expect(afterwards.sets).toEqual(after.sets);
});

test('limitCapabilities, without root: the ambient ones go with the others, and what was not there does not come', async () => {
  const sets = '+bpf,+sys_ptrace,+dac_read_search';
  const user = ['setpriv', '--reuid', '65534', '--regid', '65534', '--clear-groups'];
  const some = [...user, '--inh-caps', `-all,${sets}`, '--ambient-caps', sets, '--bounding-set', `-all,${sets}`];
  const all = ((1n << 2n) | (1n << 19n) | (1n << 39n)).toString(16);
  const { before, after } = await limited([...some, ...NODE], [DAC_READ_SEARCH, BPF, 21]);
  expect(before.sets).toEqual([`${all} ${all} ${all} ${all} ${all}`]);
  // without CAP_SETPCAP the bounding set stays
  expect(after.sets).toEqual([`${BOTH} ${BOTH} ${BOTH} ${all} ${BOTH}`]);
});

test('limitCapabilities of nothing leaves nothing', async () => {
  expect((await limited(NODE, [])).after.sets).toEqual(['0 0 0 0 0']);
});

test('limitCapabilities names a thread that does not answer, and is soon done', async () => {
  const began = Date.now();
  const child = await runChild('limit-capabilities', [], ['2']);
  expect(child.code).toBe(1);
  expect(child.stderr).toMatch(/limit capabilities of thread SignalInspector \(\d+\): ETIMEDOUT/);
  expect(Date.now() - began).toBeLessThan(20_000);
});

test('limitCapabilities refuses what is no list of capabilities, and changes nothing then', () => {
  const before = /^Cap[^]*?(?=NoNewPrivs)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[0];
  expect(() => binding.limitCapabilities(2 as never)).toThrow(TypeError);
  for (const wrong of [-1, 64, 1.5, NaN, '2'])
    expect(() => binding.limitCapabilities([2, wrong as number])).toThrow(RangeError);
  expect(/^Cap[^]*?(?=NoNewPrivs)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[0]).toBe(before);
});
