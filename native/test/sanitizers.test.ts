/** That the sanitizers would tell, if there were something to tell: each fault is planted, and must end a process. */
import { execFile, execFileSync } from 'node:child_process';
import { globSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

const ROOT = path.resolve(import.meta.dirname, '../..');
const BUILD = path.join(ROOT, 'build/native-address-undefined');
const CHILD = path.join(import.meta.dirname, 'children/planted.ts');

/** Runs a planted fault as scripts/sanitized runs the tests. */
async function plant(fault: string, where = 'main'): Promise<{ code: number; stderr: string }> {
  const env = { PATH: process.env.PATH, DETECT_LEAKS: '1' };
  const args = [process.execPath, CHILD, fault, where];
  return promisify(execFile)(path.join(ROOT, 'scripts/sanitized'), args, { env }).then(
    ({ stderr }) => ({ code: 0, stderr }),
    (error: unknown) => error as { code: number; stderr: string },
  );
}

describe.each(['main', 'worker'])('in the %s thread', (where) => {
  test.each([
    ['heap-overflow', 'AddressSanitizer: heap-buffer-overflow'],
    ['use-after-free', 'AddressSanitizer: heap-use-after-free'],
    ['signed-overflow', 'signed integer overflow'],
    ['shift', 'shift exponent 32 is too large'],
    ['misaligned', 'load of misaligned address'],
    ['buffer-overflow', 'AddressSanitizer: heap-buffer-overflow'],
    ['leak', 'Direct leak of 4096 byte(s)'],
  ])('%s is found', async (fault, report) => {
    expect(await plant(fault, where)).toMatchObject({ code: 86, stderr: expect.stringContaining(report) as string });
  });

  test('no fault is no finding', async () => {
    expect(await plant('nothing', where)).toEqual({ code: 0, stderr: '' });
  });
});

test('every object of the binding and of its libraries is built with both sanitizers', () => {
  const objects = globSync(`${BUILD}/**/*.o`);
  expect(objects.length).toBeGreaterThan(80);
  for (const [symbol, least] of [
    ['__asan_init', objects.length],
    // objects without arithmetic have nothing to check
    ['__ubsan_handle_', 70],
  ] as const) {
    const symbols = execFileSync('nm', ['-A', '--undefined-only', ...objects], {
      encoding: 'utf8',
      maxBuffer: 1 << 26,
    });
    const found = new Set(
      symbols
        .split('\n')
        .filter((line) => line.includes(symbol))
        .map((line) => line.split(':')[0]),
    );
    expect(found.size).toBeGreaterThanOrEqual(least);
  }
});
