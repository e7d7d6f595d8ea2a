/** What the kernel holds of ours, as bpftool sees it: an independent witness of what is attached. */
import { execFileSync } from 'node:child_process';
import { expect } from 'vitest';

interface Held {
  readonly id: number;
  readonly name?: string;
}

const list = (kind: 'prog' | 'map'): Held[] =>
  JSON.parse(execFileSync('bpftool', ['-j', kind, 'list'], { encoding: 'utf8' })) as Held[];

/** Names of which every running agent has exactly one. */
const OURS = { prog: ['attempt_exit', 'process_exit'], map: ['flow_index', 'process_states'] } as const;

/** What other agents on this host had loaded before the tests began. */
const before = new Set(held().map(({ key }) => key));

function held(): { name: string; key: string }[] {
  return (['prog', 'map'] as const).flatMap((kind) =>
    list(kind)
      .filter(({ name = '' }) => (OURS[kind] as readonly string[]).includes(name))
      .map(({ id, name = '' }) => ({ name, key: `${kind} ${String(id)}` })),
  );
}

/** How many agents that the tests started have their programs in the kernel. */
export const agentsAttached = (): number =>
  held().filter(({ name, key }) => name === 'attempt_exit' && !before.has(key)).length;

/** Waits until a condition holds. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 100_000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`not so after 100 s: ${condition.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The kernel frees programs and maps a moment after the last descriptor was closed. */
export async function expectNothingLeft(): Promise<void> {
  const left = () => held().filter(({ key }) => !before.has(key));
  const deadline = Date.now() + 60_000;
  while (left().length > 0 && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  expect(left()).toEqual([]);
}
