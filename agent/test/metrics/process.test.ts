import { expect, test } from 'vitest';
import { figuresOf, processRegistry } from '../../src/metrics/process.ts';
import { parseExposition } from '../support/exposition.ts';

const FILES = {
  residentBytes: () => 4096,
  openDescriptors: () => 60,
  mostDescriptors: () => 1024,
  readErrors: () => 3,
};

test('the agent shows its own CPU time, memory and start, each time as they are', async () => {
  let cpu = 1.5;
  const registry = await processRegistry({ cpuSeconds: () => cpu, ...FILES, startedAtSeconds: 1000 });
  const read = async () =>
    [...parseExposition(await registry.metrics()).values()]
      .flatMap(({ samples }) => samples)
      .map(({ name, value }) => `${name} ${String(value)}`);
  await read();
  cpu = 2;
  expect(await read()).toEqual([
    'process_cpu_seconds_total 2',
    'process_resident_memory_bytes 4096',
    'process_open_fds 60',
    'process_max_fds 1024',
    'process_start_time_seconds 1000',
    'spillway_process_read_errors_total 3',
  ]);
});

test('two registries do not share a metric', async () => {
  const figures = figuresOf(process, Date.now());
  await processRegistry(figures);
  await expect(processRegistry(figures)).resolves.toBeDefined();
  expect(figures.cpuSeconds()).toBeGreaterThan(0);
  expect(figures.residentBytes()).toBeGreaterThan(1e6);
  const [open, most] = [figures.openDescriptors() ?? 0, figures.mostDescriptors() ?? 0];
  expect(open).toBeGreaterThan(2);
  expect(most).toBeGreaterThan(open);
  expect(figures.readErrors()).toBe(0);
  expect(Math.abs(figures.startedAtSeconds - Date.now() / 1000)).toBeLessThan(600);
});

test('what cannot be read is left out, and counted; it is there again when it can', async () => {
  let works = true;
  const rss = () => {
    if (!works) throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
    return 4096;
  };
  const [cpuUsage, uptime] = [() => process.cpuUsage(), () => process.uptime()];
  const registry = await processRegistry(
    figuresOf({ cpuUsage, uptime, memoryUsage: { rss } as typeof process.memoryUsage }, Date.now()),
  );
  const read = async () => {
    const families = parseExposition(await registry.metrics());
    const of = (name: string) => families.get(name)?.samples.map(({ value }) => value);
    return [of('process_resident_memory_bytes'), of('spillway_process_read_errors_total')];
  };
  expect(await read()).toEqual([[4096], [0]]);
  works = false;
  expect(await read()).toEqual([[], [1]]);
  expect(await read()).toEqual([[], [2]]);
  works = true;
  expect(await read()).toEqual([[4096], [2]]);
});
