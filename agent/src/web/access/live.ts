/** A web configuration that follows its files. */
import { statSync } from 'node:fs';
import type { Files } from '../../config/load.ts';
import type { WebConfig } from './config.ts';
import { readWebConfig } from './read.ts';

interface LiveOptions {
  readonly files: Pick<Files, 'readFile'>;
  /** What changes whenever the file does. */
  readonly stampOf: (path: string) => string;
  /** Milliseconds of a clock that is never set back. */
  readonly monotonicMs: () => number;
  readonly log: (level: 'error' | 'info', message: string) => void;
}

/** Milliseconds in which the files are looked at once: a flood of connections is none of stat(2). */
const LOOK_MS = 100;

/** Asked at every connection and every request. What is broken is told once, and what was good before stays. */
export class LiveWebConfig {
  readonly #file: string;
  readonly #options: LiveOptions;
  #config: WebConfig;
  /** Of all files that the last attempt has read, as they were just before. */
  #stamps = new Map<string, string>();
  #lookedAt: number;
  #broken = false;

  /** @throws ConfigError if the files are no good to begin with */
  constructor(file: string, options: LiveOptions) {
    this.#file = file;
    this.#options = options;
    this.#config = this.#read();
    this.#lookedAt = options.monotonicMs();
  }

  current(): WebConfig {
    const now = this.#options.monotonicMs();
    if (now - this.#lookedAt < LOOK_MS) return this.#config;
    this.#lookedAt = now;
    if ([...this.#stamps].every(([path, stamp]) => this.#options.stampOf(path) === stamp)) return this.#config;
    try {
      this.#config = this.#read();
      this.#options.log('info', `${this.#file} has been read again${this.#broken ? ', and is good' : ''}`);
      this.#broken = false;
    } catch (error) {
      this.#broken = true;
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log('error', `the web configuration stays as it was:\n${why}`);
    }
    return this.#config;
  }

  #read(): WebConfig {
    // Before a file is read, so that a change meanwhile is seen the next time. A broken attempt may not have come as far
    // as files that it names: those of before are still looked at.
    const stamps = new Map([...this.#stamps.keys()].map((path) => [path, this.#options.stampOf(path)]));
    this.#stamps = stamps;
    const named = new Set<string>();
    const readFile: Files['readFile'] = (path, atMost) => {
      stamps.set(path, this.#options.stampOf(path));
      named.add(path);
      return this.#options.files.readFile(path, atMost);
    };
    const config = readWebConfig(this.#file, { readFile });
    for (const path of stamps.keys()) if (!named.has(path)) stamps.delete(path);
    return config;
  }
}

/** Links are followed: a new target is a change. The time of change tells what keeps size and time of writing. */
export function stampOf(path: string): string {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(' ');
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? 'unknown';
  }
}
