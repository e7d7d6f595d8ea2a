import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { CLASSIC, binding, bpfDescriptors, geteuid, loadFixture, readWord, runChild } from './fixture.ts';

function startWorker(name: string): Worker {
  // Vitest's own flags would reach the worker through execArgv.
  return new Worker(path.join(import.meta.dirname, 'children', `${name}.ts`), { execArgv: [] });
}

/** Whether the kernel still has that program: a link of it would keep it, whoever holds the link. */
function exists(program: number): boolean {
  return spawnSync('bpftool', ['prog', 'show', 'id', String(program)]).status === 0;
}

describe('a worker', () => {
  afterEach(() => {
    expect(binding.liveHandles()).toBe(0);
  });

  test('terminated with everything open gives everything back, and this thread goes on', async () => {
    const worker = startWorker('hold-everything');
    await once(worker, 'message');
    expect(new Set(bpfDescriptors())).toEqual(new Set(['prog', 'map', 'link']));
    // The handles are the worker's, not this environment's.
    expect(binding.liveHandles()).toBe(0);
    await worker.terminate();
    expect(bpfDescriptors()).toEqual([]);
    const object = loadFixture();
    const link = object.program('count_classic').attach();
    geteuid(10);
    link.close();
    expect(readWord(object, CLASSIC)).toBe(10);
    object.close();
  });

  test('terminated inside a callback of its ring buffer ends cleanly', async () => {
    const worker = startWorker('busy-callback');
    await once(worker, 'message');
    await worker.terminate();
    expect(bpfDescriptors()).toEqual([]);
  });

  test('terminated during a grace period ends cleanly', async () => {
    for (let i = 0; i < 20; i++) {
      const worker = startWorker('grace-in-flight');
      await once(worker, 'message');
      await worker.terminate();
    }
    await binding.gracePeriod();
  });

  test('and another use the addon at the same time, each with its own handles', async () => {
    const workers = [startWorker('hold-everything'), startWorker('hold-everything')];
    expect(await Promise.all(workers.map(async (worker) => (await once(worker, 'message')) as unknown[]))).toEqual([
      [4],
      [4],
    ]);
    const [first, second] = workers;
    await first?.terminate();
    expect(new Set(bpfDescriptors())).toEqual(new Set(['prog', 'map', 'link']));
    await second?.terminate();
    expect(bpfDescriptors()).toEqual([]);
  });
});

describe('a process', () => {
  test.each(['return', 'exit', 'in-flight'])(
    'that ends by %s with everything open exits with 0 and leaves no link',
    async (how) => {
      const child = await runChild('end-with-everything-open', [], [how]);
      expect(child).toMatchObject({ code: 0, signal: null, stderr: '' });
      const { program, seen } = JSON.parse(child.stdout) as { program: number; seen: boolean };
      expect(seen).toBe(true);
      await expect.poll(() => exists(program)).toBe(false);
    },
  );
});
