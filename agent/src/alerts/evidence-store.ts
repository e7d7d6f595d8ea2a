/** Evidence on disk: bounded in number and bytes, the oldest first out, each file whole or not there at all. */
import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Evidence } from './evidence.ts';

/** As much of a file system as the store takes. All reject with an errno as `code`. */
export interface StoreFs {
  /** With the directories above it; mode 0700. */
  makeDirectory(path: string): Promise<void>;
  /** Names in a directory. */
  list(path: string): Promise<string[]>;
  /** Bytes of a file. */
  size(path: string): Promise<number>;
  /** A new file, mode 0600, on the disk when it resolves. Rejects if there is one of that name. */
  write(path: string, text: string): Promise<void>;
  /** Over the file that is there. */
  rename(from: string, to: string): Promise<void>;
  /** No error if it is not there. */
  remove(path: string): Promise<void>;
  /** What was renamed in a directory is so after a crash, too. */
  sync(directory: string): Promise<void>;
}

/** The real one. */
export const nodeStoreFs: StoreFs = {
  makeDirectory: async (path) => {
    await mkdir(path, { recursive: true, mode: 0o700 });
    // made by somebody else, or before
    await chmod(path, 0o700);
  },
  list: (path) => readdir(path),
  size: async (path) => (await stat(path)).size,
  write: async (path, text) => {
    const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = await open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  },
  rename,
  remove: (path) => rm(path, { force: true }),
  sync: async (directory) => {
    const handle = await open(directory, constants.O_RDONLY | constants.O_DIRECTORY);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  },
};

export interface StoreLimits {
  readonly files: number;
  readonly bytes: number;
}

const DEFAULT_LIMITS: StoreLimits = { files: 100, bytes: 4 * 1024 * 1024 };

/** What this store has written, and nothing else: `20260102T030405.123Z-SendfileFallback-0123456789abcdef.json`. */
const OURS = /^\d{8}T\d{6}\.\d{3}Z-[A-Za-z0-9_]+-[0-9a-f]{16}\.json$/;
const TEMPORARY = /^\d{8}T\d{6}\.\d{3}Z-[A-Za-z0-9_]+-[0-9a-f]{16}\.json\.tmp$/;

export class EvidenceStore {
  readonly #directory: string;
  readonly #fs: StoreFs;
  readonly #limits: StoreLimits;
  /** One save after the other: each counts what the one before has left. */
  #last: Promise<unknown> = Promise.resolve();

  constructor(directory: string, fs: StoreFs = nodeStoreFs, limits: Partial<StoreLimits> = {}) {
    this.#directory = directory;
    this.#fs = fs;
    this.#limits = { ...DEFAULT_LIMITS, ...limits };
  }

  /**
   * Writes the evidence of one firing and returns its file; the same firing again takes the place of the first.
   * @throws what the disk says (ENOSPC, EROFS, ...): then nothing of it is left, and older evidence may have made room for it
   */
  save(dedupKey: string, firedAtMs: number, evidence: Evidence): Promise<string> {
    const saved = this.#last.then(() => this.#save(nameOf(dedupKey, firedAtMs), `${JSON.stringify(evidence)}\n`));
    this.#last = saved.catch(() => undefined);
    return saved;
  }

  async #save(name: string, text: string): Promise<string> {
    const bytes = Buffer.byteLength(text);
    if (bytes > this.#limits.bytes) throw new RangeError(`evidence of ${String(bytes)} bytes: the store holds fewer`);
    await this.#fs.makeDirectory(this.#directory);
    await this.#makeRoom(name, bytes);
    const file = join(this.#directory, name);
    const temporary = `${file}.tmp`;
    try {
      await this.#fs.write(temporary, text);
      await this.#fs.rename(temporary, file);
    } catch (error) {
      // it takes room that is lacking; what went wrong first is what to tell
      await this.#fs.remove(temporary).catch(() => undefined);
      throw error;
    }
    await this.#fs.sync(this.#directory);
    return file;
  }

  /** Removes what a crash has left half written, and the oldest files until one more of `bytes` fits. */
  async #makeRoom(name: string, bytes: number): Promise<void> {
    const names = await this.#fs.list(this.#directory);
    for (const other of names.filter((candidate) => TEMPORARY.test(candidate))) await this.#remove(other);
    // names begin with the time: sorted is oldest first. The one that is to be replaced does not count
    const kept = names.filter((candidate) => OURS.test(candidate) && candidate !== name).sort();
    const sizes = await Promise.all(kept.map((other) => this.#fs.size(join(this.#directory, other)).catch(() => 0)));
    let total = sizes.reduce((sum, size) => sum + size, 0);
    for (let i = 0; i < kept.length; i++) {
      if (kept.length - i < this.#limits.files && total + bytes <= this.#limits.bytes) break;
      await this.#remove(kept[i] ?? '');
      total -= sizes[i] ?? 0;
    }
  }

  #remove(name: string): Promise<void> {
    return this.#fs.remove(join(this.#directory, name));
  }
}

/** Of what a dedup key may hold only what a file name may. The hash tells keys apart that look alike without the rest. */
function nameOf(dedupKey: string, firedAtMs: number): string {
  const time = new Date(firedAtMs).toISOString().replace(/[-:]/g, '');
  const rule = (dedupKey.split(':')[1] ?? '').replace(/\W/g, '_').slice(0, 100) || 'alert';
  const hash = createHash('sha256').update(dedupKey).digest('hex').slice(0, 16);
  return `${time}-${rule}-${hash}.json`;
}
