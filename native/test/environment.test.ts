import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { Worker } from 'node:worker_threads';
import { afterEach, describe, expect, test } from 'vitest';
import { CLASSIC, binding, bpfDescriptors, geteuid, loadFixture, readWord, runChild } from './fixture.ts';

function startWorker(name: string): Worker {
  // Vitest's own flags would reach the worker through execArgv.
  return new Worker(path.join(import.meta.dirname, 'children', `${name}.ts`), { execArgv: [] });
}

/** How many links the kernel lists as held by that process. */
function linksOf(pid: number): number {
  const links = JSON.parse(execFileSync('bpftool', ['--json', 'link', 'list'], { encoding: 'utf8' })) as { pids?: { pid: number }[] }[];
  return links.filter((link) => link.pids?.some((owner) => owner.pid === pid)).length;
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
    expect(await Promise.all(workers.map(async (worker) => (await once(worker, 'message')) as unknown[]))).toEqual([[4], [4]]);
    const [first, second] = workers;
    await first?.terminate();
    expect(new Set(bpfDescriptors())).toEqual(new Set(['prog', 'map', 'link']));
    await second?.terminate();
    expect(bpfDescriptors()).toEqual([]);
  });
});

describe('a process', () => {
  test.each(['return', 'exit', 'in-flight'])('that ends by %s with everything open exits with 0 and leaves no link', async (how) => {
    const child = await runChild('end-with-everything-open', [], [how]);
    expect(child).toMatchObject({ code: 0, signal: null, stderr: '' });
    const { pid, links } = JSON.parse(child.stdout) as { pid: number; links: number };
    expect(links).toBe(1);
    expect(linksOf(pid)).toBe(0);
  });
});
