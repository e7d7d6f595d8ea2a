/** Programs for the 32-bit system calls of x86, without a compiler for them. */
import { chmodSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryDirectory } from './run.ts';

const LOAD_ADDRESS = 0x0804_8000;
const HEADERS = 52 + 32;

/** An i386 executable of a few instructions. */
export function i386Executable(code: readonly number[]): string {
  const size = HEADERS + code.length;
  const file = Buffer.alloc(size);
  file.set([0x7f, 0x45, 0x4c, 0x46, 1, 1, 1]);
  const words = [0x0003_0002, 1, LOAD_ADDRESS + HEADERS, 52, 0, 0, 0x0020_0034, 1, 0];
  for (const [i, word] of words.entries()) file.writeUInt32LE(word, 16 + 4 * i);
  const segment = [1, 0, LOAD_ADDRESS, LOAD_ADDRESS, size, size, 5, 0x1000];
  for (const [i, word] of segment.entries()) file.writeUInt32LE(word, 52 + 4 * i);
  file.set(code, HEADERS);
  const path = join(temporaryDirectory(), 'i386');
  writeFileSync(path, file);
  chmodSync(path, 0o755);
  return path;
}
