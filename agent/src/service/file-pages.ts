/** Gives back what only a start, or a burst, has needed of Node's code: it stays in the page cache, but is no longer the agent's. Pure. */

export interface FilePagesOptions {
  /** Milliseconds of a clock that is never set back. */
  readonly monotonicMs: () => number;
  /** Resident bytes that are those of files. */
  readonly resident: () => number;
  readonly release: () => void;
}

/** By then all that a start needs was needed, and what runs every second is compiled. */
const FIRST_MS = 8000;
/** What is needed again comes back 64 KiB at a time, and that takes time too. */
const EVERY_MS = 60_000;
/** What an agent with nothing to do comes back to is below this. */
const MOST_BYTES = 32 * 1024 * 1024;

export class FilePages {
  readonly #options: FilePagesOptions;
  #nextMs: number;

  constructor(options: FilePagesOptions) {
    this.#options = options;
    this.#nextMs = options.monotonicMs() + FIRST_MS;
  }

  /** To be called about once a second. */
  tick(): void {
    const now = this.#options.monotonicMs();
    if (now < this.#nextMs) return;
    this.#nextMs = now + EVERY_MS;
    if (this.#options.resident() > MOST_BYTES) this.#options.release();
  }
}

/** The same from the text of /proc/PID/status. */
export const residentOfFiles = (status: string): number =>
  Number(/^RssFile:\s+(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
