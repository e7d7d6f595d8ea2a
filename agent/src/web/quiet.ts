/** A log that others cannot fill: of each kind of message one a minute, with how many more there were. */

type Level = 'error' | 'warning' | 'info';

const WINDOW_MS = 60_000;

export class Quiet {
  readonly #log: (level: Level, message: string) => void;
  readonly #monotonicMs: () => number;
  /** By kind. */
  readonly #said = new Map<string, { at: number; more: number }>();

  constructor(log: (level: Level, message: string) => void, monotonicMs: () => number) {
    this.#log = log;
    this.#monotonicMs = monotonicMs;
  }

  /** @param kind nothing that a client has chosen, so that there are few */
  say(kind: string, level: Level, message: string): void {
    const now = this.#monotonicMs();
    const last = this.#said.get(kind);
    if (last !== undefined && now - last.at < WINDOW_MS) {
      last.more++;
      return;
    }
    const more = last === undefined || last.more === 0 ? '' : ` (and ${String(last.more)} more like the one before)`;
    // what is long ago is forgotten, unless there is something left to tell of it
    for (const [other, { at, more }] of this.#said) if (more === 0 && now - at >= WINDOW_MS) this.#said.delete(other);
    this.#said.set(kind, { at: now, more: 0 });
    this.#log(level, message + more);
  }
}
