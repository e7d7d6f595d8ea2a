/**
 * Events on disk: a file for each, written before the event is sent and removed when all receivers are done with it. What is done
 * stands in the file's name, because a file can be renamed even when the disk is full: `000000000042.pagerduty-done.json`.
 */
import { join } from 'node:path';
import type { Log } from './receiver.ts';
import { decodeStored, encodeStored, MAX_FILE_BYTES, type StoredEvent } from './stored-event.ts';

/** What is used of the file system; node:fs/promises is one. */
export interface Disk {
  mkdir(path: string, options: { readonly recursive: true; readonly mode: number }): Promise<unknown>;
  chmod(path: string, mode: number): Promise<void>;
  readdir(path: string): Promise<string[]>;
  lstat(path: string): Promise<{ readonly size: number; isFile(): boolean }>;
  readFile(path: string, encoding: 'utf8'): Promise<string>;
  open(path: string, flags: 'r' | 'w', mode?: number): Promise<DiskFile>;
  rename(from: string, to: string): Promise<void>;
  unlink(path: string): Promise<void>;
}

export interface DiskFile {
  writeFile(text: string): Promise<void>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** `tried`: it may have left. `done`: the receiver needs it no more. */
export type Mark = 'tried' | 'done';

/** An event that the outbox holds. */
export interface Entry {
  readonly stored: StoredEvent;
  /** Grows from event to event, restarts included. */
  readonly sequence: number;
  readonly bytes: number;
  /** By receiver. Written by the store. */
  readonly marks: Map<string, Mark>;
  /** Name of its file; null: it could not be written, or is gone. Written by the store. */
  file: string | null;
}

const DEFAULT_DIRECTORY = '/var/lib/spillway/outbox';
const DIRECTORY_MODE = 0o700;
const FILE_MODE = 0o600;
const DIGITS = 12;
const NAME = new RegExp(`^(\\d{${String(DIGITS)}})((?:\\.[a-z][a-z0-9_]*-(?:tried|done))*)\\.json$`);
/** Files set aside that are kept, the newest ones. */
const MAX_BAD = 20;
/** Of a file's name. Leaves room for the suffix of a file that is being written or set aside. */
const MAX_NAME = 240;

export class Store {
  readonly directory: string;
  readonly #disk: Disk;
  readonly #log: Log;
  /** Unknown until the directory was read: a number that is taken would overwrite an event. */
  #next: number | null = null;
  /** Of events that stay in memory, because open() failed. */
  #unopened = -1;
  #setAside = 0;
  /** What failed and is to be done before anything else about that dedup key: a trigger never outlives its resolve. */
  readonly #owed = new Map<string, (() => Promise<void>)[]>();

  constructor(disk: Disk, log: Log, directory = DEFAULT_DIRECTORY) {
    this.#disk = disk;
    this.#log = log;
    this.directory = directory;
  }

  /** Files that were set aside since the start. */
  get setAside(): number {
    return this.#setAside;
  }

  /** What a former run left, in its order. What cannot be used is set aside. @throws if the directory cannot be used */
  async open(): Promise<Entry[]> {
    await this.#disk.mkdir(this.directory, { recursive: true, mode: DIRECTORY_MODE });
    await this.#disk.chmod(this.directory, DIRECTORY_MODE).catch((error: unknown) => {
      this.#log('warning', `outbox: chmod 0700 ${this.directory}: ${codeOf(error)}; others may read what it holds`);
    });
    const names = (await this.#disk.readdir(this.directory)).sort();
    const entries: Entry[] = [];
    for (const name of names) {
      if (name.endsWith('.json')) {
        const entry = await this.#load(name);
        if (entry !== null) entries.push(entry);
      } else if (name.endsWith('.json.tmp')) {
        // nobody was told that it is safe
        await this.#discard(name);
      }
    }
    this.#next = (entries.at(-1)?.sequence ?? 0) + 1;
    const bad = names.filter((name) => name.endsWith('.bad'));
    for (const name of bad.slice(0, Math.max(0, bad.length - MAX_BAD))) await this.#discard(name);
    return entries;
  }

  /**
   * Writes an event. `durable` is false if that failed, which is logged: the entry is good all the same, for as long as this
   * process lives.
   */
  async add(stored: StoredEvent): Promise<{ readonly entry: Entry; readonly durable: boolean }> {
    const text = encodeStored(stored);
    const opened = this.#next !== null;
    const sequence = this.#next ?? this.#unopened--;
    if (this.#next !== null) this.#next++;
    const entry: Entry = {
      stored,
      sequence,
      bytes: Buffer.byteLength(text),
      marks: new Map(),
      file: null,
    };
    const name = nameOf(entry);
    const temporary = `${name}.tmp`;
    try {
      if (!opened) throw new Error('the directory could not be read');
      // what could not be read again would be set aside at the next start
      decodeStored(text);
      await this.#write(temporary, text);
      await this.#disk.rename(this.#path(temporary), this.#path(name));
      entry.file = name;
      await this.#syncDirectory();
      return { entry, durable: true };
    } catch (error) {
      this.#log(
        'error',
        `outbox: write ${this.#path(name)}: ${codeOf(error)}; the event is lost if the agent ends now`,
      );
      if (entry.file === null) await this.#discard(temporary);
      return { entry, durable: false };
    }
  }

  /** Durable when it resolves. Failures are logged, and made up for before the next change of the same key. */
  async mark(entry: Entry, receiver: string, mark: Mark): Promise<void> {
    entry.marks.set(receiver, mark);
    await this.#apply(entry, async () => {
      if (entry.file === null) return;
      const name = nameOf(entry);
      if (name !== entry.file) await this.#disk.rename(this.#path(entry.file), this.#path(name));
      entry.file = name;
      await this.#syncDirectory();
    });
  }

  /** Durable when it resolves. Failures as with mark(). */
  async remove(entry: Entry): Promise<void> {
    await this.#apply(entry, async () => {
      if (entry.file === null) return;
      await this.#unlink(entry.file);
      await this.#syncDirectory();
      entry.file = null;
    });
  }

  async #apply(entry: Entry, change: () => Promise<void>): Promise<void> {
    const key = entry.stored.event.incident.dedupKey;
    const changes = [...(this.#owed.get(key) ?? []), change];
    this.#owed.delete(key);
    try {
      while (changes[0] !== undefined) {
        await changes[0]();
        changes.shift();
      }
    } catch (error) {
      this.#owed.set(key, changes);
      this.#log('error', `outbox: ${this.directory}: ${codeOf(error)}; events may be sent again after a restart`);
    }
  }

  async #load(name: string): Promise<Entry | null> {
    const path = this.#path(name);
    try {
      const [, digits, marks] = NAME.exec(name) ?? [];
      if (digits === undefined || marks === undefined) throw new Error('no name of the outbox');
      const stat = await this.#disk.lstat(path);
      if (!stat.isFile()) throw new Error('no file');
      if (stat.size > MAX_FILE_BYTES * 2) throw new Error('too large');
      const stored = decodeStored(await this.#disk.readFile(path, 'utf8'));
      return { stored, sequence: Number(digits), bytes: stat.size, marks: marksOf(marks), file: name };
    } catch (error) {
      this.#setAside++;
      this.#log('error', `outbox: ${path} is set aside as ${name}.bad: ${codeOf(error)}`);
      await this.#disk.rename(path, `${path}.bad`).catch((failure: unknown) => {
        this.#log('error', `outbox: rename ${path}: ${codeOf(failure)}`);
      });
      return null;
    }
  }

  async #write(name: string, text: string): Promise<void> {
    const file = await this.#disk.open(this.#path(name), 'w', FILE_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async #syncDirectory(): Promise<void> {
    const directory = await this.#disk.open(this.directory, 'r');
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  async #unlink(name: string): Promise<void> {
    try {
      await this.#disk.unlink(this.#path(name));
    } catch (error) {
      // somebody, or we before a failed sync, did it already
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }

  /** Removes what is of no use, if that can be done. */
  async #discard(name: string): Promise<void> {
    await this.#unlink(name).catch((error: unknown) => {
      this.#log('warning', `outbox: remove ${this.#path(name)}: ${codeOf(error)}`);
    });
  }

  readonly #path = (name: string): string => join(this.directory, name);
}

function nameOf({ sequence, marks }: Entry): string {
  const marked = [...marks].map(([receiver, mark]) => `.${receiver}-${mark}`).sort();
  return `${String(sequence).padStart(DIGITS, '0')}${marked.join('')}.json`;
}

/** `.pagerduty-done.webhook-tried` */
function marksOf(text: string): Map<string, Mark> {
  const marks = new Map<string, Mark>();
  for (const part of text.split('.').slice(1)) {
    const [receiver = '', mark] = part.split('-');
    marks.set(receiver, mark === 'done' ? 'done' : 'tried');
  }
  return marks;
}

/** @throws TypeError for names that could not stand in a file's name, all of them together */
export function checkReceiverNames(names: readonly string[]): void {
  for (const name of names) {
    if (!/^[a-z][a-z0-9_]*$/.test(name)) throw new TypeError(`receiver ${name}: a letter, then letters, digits and _`);
  }
  if (new Set(names).size < names.length) throw new TypeError(`receivers: a name is used twice: ${names.join(', ')}`);
  const longest = DIGITS + names.reduce((length, name) => length + name.length + '.-tried'.length, '.json'.length);
  if (longest > MAX_NAME) throw new TypeError('receivers: their names are too long');
}

const codeOf = (error: unknown): string =>
  error instanceof Error ? ('code' in error ? String(error.code) : error.message) : String(error);
