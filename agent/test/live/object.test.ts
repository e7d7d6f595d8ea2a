/** The object, however it was linked: the same programs, the same layout, and it loads. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { layoutOf } from '../../src/abi/generate.ts';
import { load } from '../../src/kernel/load.ts';
import { DEFAULT_OPTIONS } from '../../src/kernel/options.ts';
import { loadBinding } from '../../../native/lib/index.ts';
import { ROOT } from './support/run.ts';

const binding = loadBinding(join(ROOT, 'build/native/spillway.node'));
const object = (name: string) => readFileSync(join(ROOT, 'build/bpf', name));

/** The kernel's tag of every program: a hash of its instructions. */
function tagsOf(elf: Buffer): Record<string, string> {
  const { object: loaded, refused } = load(binding, elf, { ...DEFAULT_OPTIONS, trackedOnly: true });
  try {
    expect([...refused]).toEqual([]);
    return Object.fromEntries(loaded.programNames().map((name) => [name, loaded.program(name).info().tag]));
  } finally {
    loaded.close();
  }
}

it('linked by bpf-linker and by bpftool has the same programs, instruction for instruction', () => {
  const tags = tagsOf(object('spillway.bpf.o'));
  expect(Object.keys(tags).length).toBeGreaterThan(10);
  expect(tagsOf(object('spillway-bpftool.bpf.o'))).toEqual(tags);
});

it('linked by bpf-linker and by bpftool has the same layout', () => {
  expect(layoutOf(object('spillway-bpftool.bpf.o'))).toEqual(layoutOf(object('spillway.bpf.o')));
});

it('takes a verifier’s effort that is a small part of what the kernel allows', () => {
  const { object: loaded } = load(binding, object('spillway.bpf.o'), { ...DEFAULT_OPTIONS, trackedOnly: true });
  try {
    for (const name of loaded.programNames()) {
      // of a million; functions that many programs share must stay global ones, which are walked once
      expect(loaded.program(name).info().verifiedInstructions).toBeLessThan(20_000);
    }
  } finally {
    loaded.close();
  }
});
