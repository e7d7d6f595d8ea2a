/** Evidence on disk: whole, bounded, private; faults of the disk leave nothing behind. */
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { Evidence } from '../../../src/alerts/evidence.ts';
import { EvidenceStore, nodeStoreFs, type StoreFs } from '../../../src/alerts/evidence-store.ts';

const none = { items: [], leftOut: 0 };
const EVIDENCE: Evidence = { collectedAt: '', processes: none, cgroups: none, files: none, 'fs.aio-nr': 5 };
const KEY = `spillway:SendfileFallback:${'ab'.repeat(32)}`;
const AT = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const NAME = /^20260102T030405\.678Z-SendfileFallback-[0-9a-f]{16}\.json$/;

function directory(): string {
  const path = mkdtempSync(join(tmpdir(), 'spillway-'));
  onTestFinished(() => rmSync(path, { recursive: true }));
  return join(path, 'state', 'evidence');
}

const mode = (path: string): number => statSync(path).mode & 0o777;

describe('a save', () => {
  it('is the evidence as JSON, for its owner alone, and tells where', async () => {
    const path = directory();
    const file = await new EvidenceStore(path).save(KEY, AT, EVIDENCE);
    expect(file).toBe(join(path, basename(file)));
    expect(basename(file)).toMatch(NAME);
    expect(JSON.parse(readFileSync(file, 'utf8'))).toEqual(EVIDENCE);
    expect([mode(path), mode(file)]).toEqual([0o700, 0o600]);
    expect(readdirSync(path)).toEqual([basename(file)]);
  });

  it('makes a directory that is open to others private', async () => {
    const path = directory();
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o755);
    await new EvidenceStore(path).save(KEY, AT, EVIDENCE);
    expect(mode(path)).toBe(0o700);
  });

  it('of the same firing takes the place of the first; of another key or time it does not', async () => {
    const path = directory();
    const store = new EvidenceStore(path, nodeStoreFs, { files: 3 });
    const first = await store.save(KEY, AT, EVIDENCE);
    const others = [await store.save(`${KEY}x`, AT, EVIDENCE), await store.save(KEY, AT + 1, EVIDENCE)];
    expect(await store.save(KEY, AT + 1, { ...EVIDENCE, 'fs.aio-nr': 6 })).toBe(others[1]);
    expect(readdirSync(path).sort()).toEqual([first, ...others].map((file) => basename(file)).sort());
    expect(JSON.parse(readFileSync(others[1] ?? '', 'utf8'))).toMatchObject({ 'fs.aio-nr': 6 });
  });

  it('stays below the directory, whatever the key says', async () => {
    const path = directory();
    const store = new EvidenceStore(path);
    for (const key of ['', '../../x', 'spillway:../../etc/x:1', `a:${'b'.repeat(300)}:c`, 'a:\0\n:b', 'a:ä:b']) {
      const file = await store.save(key, AT, EVIDENCE);
      expect(file).toBe(join(path, basename(file)));
      expect(basename(file)).toMatch(/^20260102T030405\.678Z-\w{1,100}-[0-9a-f]{16}\.json$/);
    }
    expect(readdirSync(path)).toHaveLength(6);
  });

  it('does not write through a link that somebody laid', async () => {
    const path = directory();
    const store = new EvidenceStore(path);
    const file = await store.save(KEY, AT, EVIDENCE);
    const victim = join(path, 'victim');
    writeFileSync(victim, 'mine');
    rmSync(file);
    symlinkSync(victim, `${file}.tmp`);
    await store.save(KEY, AT, EVIDENCE);
    symlinkSync(victim, join(path, basename(file).replace('678Z', '679Z')));
    await store.save(KEY, AT + 1, EVIDENCE);
    expect(readFileSync(victim, 'utf8')).toBe('mine');
  });
});

describe('bounds', () => {
  const bytesOf = (path: string): number =>
    readdirSync(path).reduce((sum, name) => sum + statSync(join(path, name)).size, 0);

  it('in number: the oldest go first, whichever was written first', async () => {
    const path = directory();
    const store = new EvidenceStore(path, nodeStoreFs, { files: 3 });
    const files: string[] = [];
    for (const after of [5, 1, 3, 2, 4]) files.push(basename(await store.save(KEY, AT + after, EVIDENCE)));
    // 5 1 3, then 2 takes the place of 1, and 4 that of 2
    expect(readdirSync(path).sort()).toEqual([files[2], files[4], files[0]]);
  });

  it('in bytes, exactly', async () => {
    const path = directory();
    const size = Buffer.byteLength(JSON.stringify(EVIDENCE)) + 1;
    const store = new EvidenceStore(path, nodeStoreFs, { bytes: 3 * size });
    for (let i = 0; i < 3; i++) await store.save(KEY, AT + i, EVIDENCE);
    expect(readdirSync(path)).toHaveLength(3);
    await store.save(KEY, AT + 3, EVIDENCE);
    expect(bytesOf(path)).toBe(3 * size);
    await store.save(KEY, AT + 4, { ...EVIDENCE, kernel: '' });
    expect(readdirSync(path)).toHaveLength(2);
    await expect(store.save(KEY, AT + 5, { ...EVIDENCE, x: 'x'.repeat(3 * size) })).rejects.toThrow(RangeError);
    expect(readdirSync(path)).toHaveLength(2);
  });

  it('hold for any saves, also at the same time', async () => {
    const save = fc.record({ at: fc.integer({ min: 0, max: 30 }), length: fc.integer({ min: 0, max: 400 }) });
    await fc.assert(
      fc.asyncProperty(fc.array(save, { maxLength: 12 }), fc.boolean(), async (saves, together) => {
        const path = mkdtempSync(join(tmpdir(), 'spillway-'));
        const store = new EvidenceStore(path, nodeStoreFs, { files: 4, bytes: 1200 });
        const one = ({ at, length }: (typeof saves)[number]) =>
          store.save(KEY, AT + at, { ...EVIDENCE, x: 'x'.repeat(length) });
        if (together) await Promise.all(saves.map(one));
        else for (const each of saves) await one(each);
        const left = readdirSync(path);
        expect(left.length).toBeLessThanOrEqual(4);
        expect(bytesOf(path)).toBeLessThanOrEqual(1200);
        expect(left.length).toBeGreaterThanOrEqual(Math.min(1, saves.length));
        for (const name of left) JSON.parse(readFileSync(join(path, name), 'utf8'));
        rmSync(path, { recursive: true });
      }),
      { numRuns: 30 },
    );
  }, 30_000);

  it('files of others are not touched; what a crash has left is removed', async () => {
    const path = directory();
    mkdirSync(path, { recursive: true });
    const others = ['notes.txt', '20260101T000000.000Z-a-b.json', 'x.tmp'];
    for (const name of others) writeFileSync(join(path, name), 'x'.repeat(10_000));
    writeFileSync(join(path, '20200101T000000.000Z-a-0123456789abcdef.json.tmp'), '{');
    const store = new EvidenceStore(path, nodeStoreFs, { files: 1, bytes: 1000 });
    const file = await store.save(KEY, AT, EVIDENCE);
    expect(readdirSync(path).sort()).toEqual([...others, basename(file)].sort());
  });
});

describe('faults of the disk', () => {
  const failure = (code: string): Error => Object.assign(new Error(`${code}: no`), { code });

  /** The real file system, one of whose operations fails; what it did before failing stays done. */
  const failing = (operation: keyof StoreFs, code: string): StoreFs => ({
    ...nodeStoreFs,
    [operation]: async (path: string) => {
      if (operation === 'write') writeFileSync(path, '{"half');
      await Promise.reject(failure(code));
    },
  });

  it.each([
    ['makeDirectory', 'EROFS'],
    ['list', 'EIO'],
    ['write', 'ENOSPC'],
    ['rename', 'EIO'],
  ] as const)('%s: the save says %s, nothing of it is left, and the next one works', async (operation, code) => {
    const path = directory();
    const good = new EvidenceStore(path);
    const file = basename(await good.save(KEY, AT, EVIDENCE));
    const store = new EvidenceStore(path, failing(operation, code));
    await expect(store.save(KEY, AT + 1, EVIDENCE)).rejects.toMatchObject({ code });
    expect(readdirSync(path)).toEqual([file]);
    await good.save(KEY, AT + 2, EVIDENCE);
    expect(readdirSync(path)).toHaveLength(2);
  });

  it('one save that fails does not fail the next', async () => {
    const path = directory();
    let broken = true;
    const fs = {
      ...nodeStoreFs,
      list: (at: string) => (broken ? Promise.reject(failure('EIO')) : nodeStoreFs.list(at)),
    };
    const store = new EvidenceStore(path, fs);
    const [first, second] = [store.save(KEY, AT, EVIDENCE), store.save(KEY, AT + 1, EVIDENCE)];
    await expect(first).rejects.toMatchObject({ code: 'EIO' });
    await expect(second).rejects.toMatchObject({ code: 'EIO' });
    broken = false;
    expect(basename(await store.save(KEY, AT, EVIDENCE))).toMatch(NAME);
  });

  it('a remove that fails too does not hide what went wrong', async () => {
    const fs = { ...failing('rename', 'ENOSPC'), remove: () => Promise.reject(failure('EIO')) };
    await expect(new EvidenceStore(directory(), fs).save(KEY, AT, EVIDENCE)).rejects.toMatchObject({ code: 'ENOSPC' });
  });

  it('a time that is none is an error, not a file', async () => {
    const path = directory();
    const store = new EvidenceStore(path);
    await expect(store.save(KEY, NaN, EVIDENCE)).rejects.toThrow(RangeError);
    await store.save(KEY, AT, EVIDENCE);
    expect(readdirSync(path)).toHaveLength(1);
  });

  it('nothing is there under its name before all of it is on the disk', async () => {
    const path = directory();
    const steps: string[] = [];
    const fs: StoreFs = {
      ...nodeStoreFs,
      write: async (to, text) => {
        await nodeStoreFs.write(to, text);
        steps.push(`write ${basename(to)} ${readdirSync(path).join()}`);
      },
      rename: async (from, to) => {
        await nodeStoreFs.rename(from, to);
        steps.push(`rename ${readdirSync(path).join()}`);
      },
      sync: async (at) => {
        await nodeStoreFs.sync(at);
        steps.push(`sync ${at}`);
      },
    };
    const name = basename(await new EvidenceStore(path, fs).save(KEY, AT, EVIDENCE));
    expect(steps).toEqual([`write ${name}.tmp ${name}.tmp`, `rename ${name}`, `sync ${path}`]);
  });
});
