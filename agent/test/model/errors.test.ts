import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { EXIT_CODES, SpillwayError } from '../../src/model/errors.ts';

it('every code is documented with its exit status and a remedy', () => {
  const page = readFileSync(new URL('../../../docs/errors.md', import.meta.url), 'utf8');
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| (\d+) \| .+ \| .+ \|$/gm)].map(([, code, status]) => [
    code,
    Number(status),
  ]);
  expect(Object.fromEntries(rows)).toEqual(EXIT_CODES);
});

it('an error carries its code’s exit status', () => {
  expect(new SpillwayError('NO_PRIVILEGE', 'x').exitCode).toBe(77);
});
