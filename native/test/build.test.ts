import { execFile, execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { loadBinding } from '../lib/index.ts';
import { ADDON } from './fixture.ts';

const SCRIPT = path.resolve(import.meta.dirname, '../vendor/fetch-libbpf.sh');
const CARGO_HOME = process.env.CARGO_HOME ?? path.join(homedir(), '.cargo');

let scratch: string;
beforeEach(() => {
  scratch = mkdtempSync(path.join(tmpdir(), 'spillway-native-'));
});
afterEach(() => rmSync(scratch, { recursive: true }));

const fetch = (cargoHome: string) =>
  promisify(execFile)(SCRIPT, [path.join(scratch, 'vendor')], { env: { ...process.env, CARGO_HOME: cargoHome } });

/** A cargo home in the scratch directory whose cache holds `bytes` as the crate. */
function cargoHomeWith(bytes: (crate: Buffer) => Buffer): string {
  const cache = path.join(CARGO_HOME, 'registry/cache');
  const found = readdirSync(cache, { recursive: true, encoding: 'utf8' }).find((file) =>
    /libbpf-sys-[^/]*\.crate$/.test(file),
  );
  if (found === undefined) throw new Error('the crate is not cached: build first');
  const copy = path.join(scratch, 'cargo/registry/cache', found);
  mkdirSync(path.dirname(copy), { recursive: true });
  writeFileSync(copy, bytes(readFileSync(path.join(cache, found))));
  return path.join(scratch, 'cargo');
}

test('the addon exports its entry points and nothing of what is linked into it', () => {
  const symbols = execFileSync('nm', ['--dynamic', '--defined-only', '--format=just-symbols', ADDON], {
    encoding: 'utf8',
  });
  expect(symbols.trim().split('\n').sort()).toEqual(['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
});

test('a binding that was not built is an error with the next step', () => {
  expect(() => loadBinding('/nonexistent/spillway.node')).toThrow(
    '/nonexistent/spillway.node was not built; run `make` in the checkout',
  );
});

test('fetch-libbpf.sh leaves the sources and headers once, and then nothing to do', async () => {
  const home = cargoHomeWith((crate) => crate);
  await fetch(home);
  const [version = ''] = readdirSync(path.join(scratch, 'vendor')).filter((name) => name.startsWith('libbpf-'));
  const tree = path.join(scratch, 'vendor', version);
  expect(readdirSync(path.join(tree, 'include/bpf'))).toEqual(
    expect.arrayContaining(['bpf_core_read.h', 'bpf_endian.h', 'bpf_helper_defs.h', 'bpf_helpers.h', 'bpf_tracing.h']),
  );
  expect(readdirSync(path.join(tree, 'include/uapi/linux'))).toContain('bpf.h');
  // Nothing is read again: not even the crate is needed.
  rmSync(home, { recursive: true });
  cpSync(tree, path.join(scratch, 'before'), { recursive: true, preserveTimestamps: true });
  await fetch('/nonexistent');
  expect(readdirSync(tree)).toEqual(readdirSync(path.join(scratch, 'before')));
});

test('fetch-libbpf.sh run twice at once does it once', async () => {
  const home = cargoHomeWith((crate) => crate);
  await Promise.all([fetch(home), fetch(home), fetch(home)]);
  expect(readdirSync(path.join(scratch, 'vendor'))).toEqual(['.lock', expect.stringMatching(/^libbpf-[\d.]+$/)]);
});

test('fetch-libbpf.sh refuses a tampered crate, says what to do, and leaves nothing', async () => {
  const home = cargoHomeWith((crate) => Buffer.concat([crate, Buffer.from('x')]));
  await expect(fetch(home)).rejects.toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /is not the pinned libbpf[^]*sha256 expected: [0-9a-f]{64}[^]*next: delete that file and run again/,
    ) as string,
  });
  expect(readdirSync(path.join(scratch, 'vendor'))).toEqual(['.lock']);
});

test('fetch-libbpf.sh that was killed in the middle is made good by the next run', async () => {
  const home = cargoHomeWith((crate) => crate);
  mkdirSync(path.join(scratch, 'vendor/.partial.abandoned/tree/libbpf'), { recursive: true });
  mkdirSync(path.join(scratch, 'vendor/libbpf-1.7.0/libbpf'), { recursive: true });
  await fetch(home);
  expect(readdirSync(path.join(scratch, 'vendor/libbpf-1.7.0'))).toContain('pin');
  expect(readdirSync(path.join(scratch, 'vendor'))).toEqual(['.lock', 'libbpf-1.7.0']);
});
