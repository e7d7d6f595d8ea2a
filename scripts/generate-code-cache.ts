/**
 * Compiles the bundle: generate-code-cache.ts BUNDLE CACHE. Half of a start would be spent on that otherwise. The same bundle and
 * Node give the same bytes.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { Script } from 'node:vm';

/** Where V8 writes down with which flags it compiled (v8/src/snapshot/code-serializer.h, SerializedCodeData). */
const FLAGS_AT = 12;
const FLAGS_BYTES = 4;

const [, self = '', bundle = '', cache, seeded] = process.argv;
const source = readFileSync(bundle, 'latin1');
if (/[^\0-\x7f]/.test(source)) throw new Error(`${bundle} is not plain ASCII`);
const compiled = new Script(source, { filename: bundle }).createCachedData();
if (seeded === undefined) {
  // The bytes depend on the seed of V8's hashes, which is another one in each process. One that was given is a flag like any other,
  // under which nobody runs: so the cache says that it was made without.
  const bytes = execFileSync(process.execPath, ['--hash-seed=1', self, bundle, '-', 'seeded'], { maxBuffer: 2 ** 28 });
  compiled.copy(bytes, FLAGS_AT, FLAGS_AT, FLAGS_AT + FLAGS_BYTES);
  const { cachedDataRejected } = new Script(source, { filename: bundle, cachedData: bytes });
  if (cachedDataRejected !== false) throw new Error('V8 does not take the code that it has compiled');
  writeFileSync(cache ?? '', bytes);
} else {
  process.stdout.write(compiled);
}
