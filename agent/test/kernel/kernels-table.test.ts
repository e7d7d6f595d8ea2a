import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { aboutOf, type Found, pageWith, tablesOf } from '../../../scripts/generate-kernels.ts';

const textOf = (path: string) => readFileSync(fileURLToPath(new URL(`../../../${path}`, import.meta.url)), 'utf8');

it('docs/kernels.md says what docs/kernels.json says (make kernels-table)', () => {
  const found = JSON.parse(textOf('docs/kernels.json')) as Record<string, Found>;
  const page = textOf('docs/kernels.md');
  expect(Object.keys(found).length).toBeGreaterThan(1);
  expect(pageWith(page, tablesOf(found))).toBe(page);
});

it('knows what a result is about by its name, also with other options of stat', () => {
  expect(aboutOf('6.12.live-stat.json')).toEqual({ kernel: '6.12', part: 'live-stat' });
  expect(aboutOf('6.1.preemption-full --hooks fexit.json')).toEqual({
    kernel: '6.1',
    part: 'preemption-full --hooks fexit',
  });
  expect(() => aboutOf('notes.txt')).toThrow('notes.txt');
});

it('tells a loss that the kernel did not count from one that it did', () => {
  const loads = { threads: { all: 100, seen: 90, missed: 10 }, maps: { all: 100, seen: 90, missed: 3 } };
  const tables = tablesOf({ '9': { release: '9.9.9', preemptions: { full: loads } } });
  expect(tables).toContain('| 9.9.9 | full | 10 of 100 (10.0 %), all told | 10 of 100 (10.0 %), 7 of them not told |');
});

it('tells the further options that a loss was measured with', () => {
  const loads = { threads: { all: 100, seen: 100, missed: 0 } };
  const tables = tablesOf({ '9': { release: '9.9.9', preemptions: { 'full --hooks fexit': loads } } });
  expect(tables).toContain('| 9.9.9 | full, with `--hooks fexit` | none of 100 |  |');
});

it('leaves empty what was not run', () => {
  const tables = tablesOf({
    b: { release: '9.10.1', calls: { attempts: 5, exact: false } },
    a: { release: '9.9.9' },
  });
  expect(tables).toContain('|  | 9.9.9 | 9.10.1 |');
  expect(tables).toContain('| known calls and requests, number for number |  | differs (5) |');
});

it('tells how much of the package works under systemd, and what does not', () => {
  const tables = tablesOf({ '9': { release: '9.9.9', package: { passed: 9, failed: ['is removed'] } } });
  expect(tables).toContain('| the package under systemd | 9 of 10 |');
  expect(tables).toContain('- 9.9.9: package: is removed');
});

it('tells how many live tests passed of each file, which did not, and where there was no time for all', () => {
  const live = {
    stat: { passed: 4, failed: [], isWhole: true },
    hooks: { passed: 2, failed: ['is blind'], isWhole: false },
  };
  const tables = tablesOf({ '9': { release: '9.9.9', live } });
  expect(tables).toContain('| live tests: hooks | 2 of 3, no time for the others |\n| live tests: stat | 4 of 4 |');
  expect(tables).toContain('- 9.9.9: hooks: is blind');
});
