import { expect, test } from 'vitest';
import { figuresOf, processRegistry } from '../../src/metrics/process.ts';
import { parseExposition } from '../support/exposition.ts';

test('the agent shows its own CPU time, memory and start, each time as they are', async () => {
  let cpu = 1.5;
  const registry = processRegistry({ cpuSeconds: () => cpu, residentBytes: () => 4096, startedAtSeconds: 1000 });
  const read = async () =>
    [...parseExposition(await registry.metrics()).values()]
      .flatMap(({ samples }) => samples)
      .map(({ name, value }) => `${name} ${String(value)}`);
  await read();
  cpu = 2;
  expect(await read()).toEqual([
    'process_cpu_seconds_total 2',
    'process_resident_memory_bytes 4096',
    'process_start_time_seconds 1000',
  ]);
});

test('two registries do not share a metric', () => {
  const figures = figuresOf(process, Date.now());
  processRegistry(figures);
  expect(() => processRegistry(figures)).not.toThrow();
  expect(figures.cpuSeconds()).toBeGreaterThan(0);
  expect(figures.residentBytes()).toBeGreaterThan(1e6);
  expect(Math.abs(figures.startedAtSeconds - Date.now() / 1000)).toBeLessThan(600);
});
