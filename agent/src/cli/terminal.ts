/** The terminal while it is ours: the alternate screen, raw keys, its size; and given back as it was, whatever happens. */
import { writeSync } from 'node:fs';
import { emitKeypressEvents } from 'node:readline';
import type { Size } from '../top/screen.ts';
import type { Key } from '../top/state.ts';

export interface TerminalEvents {
  key(key: Key): void;
  /** The size is another one, or what was drawn is gone. */
  redraw(): void;
  /** Nobody looks any more: the terminal is gone, or a signal says to end. */
  end(): void;
}

/** Alternate screen; no cursor; lines are cut, not wrapped. */
const ENTER = '\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J';
const LEAVE = '\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l';
const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
/** A terminal may say that it has no size, or one that no screen has. */
const MOST = 1000;

export class Terminal {
  readonly #events: TerminalEvents;
  #entered = false;
  #closed = false;
  /** The lines that are on the screen. */
  #drawn: readonly string[] = [];
  /** What others had to say on stderr while the screen was ours. */
  #held: string[] = [];
  #writeError: typeof process.stderr.write | null = null;
  /** What was waiting to be drawn while the terminal had not read what was sent. */
  #waiting = false;

  constructor(events: TerminalEvents) {
    this.#events = events;
  }

  /** Takes the terminal. */
  open(): void {
    for (const signal of ENDINGS) process.on(signal, this.#onEnding);
    process.on('SIGTSTP', this.#onStop);
    process.on('SIGCONT', this.#onContinue);
    process.on('exit', this.#onExit);
    process.stdout.on('resize', this.#onResize);
    if (process.stdin.isTTY) {
      // the time that the rest of a sequence of Escape may take, e.g. over a network
      emitKeypressEvents(process.stdin);
      process.stdin.on('keypress', this.#onKey);
      process.stdin.once('end', this.#onEnding);
      process.stdin.once('error', this.#onEnding);
      process.stdin.resume();
    }
    this.#enter();
  }

  get size(): Size {
    const { columns, rows } = process.stdout;
    const within = (size: number, standard: number) => (size > 0 ? Math.min(size, MOST) : standard);
    return { columns: within(columns, 80), rows: within(rows, 24) };
  }

  /** Shows these lines; sends only those that have changed. A terminal that does not read is given no more: it gets the next ones. */
  draw(lines: readonly string[]): void {
    if (!this.#entered) return;
    if (process.stdout.writableNeedDrain) {
      if (!this.#waiting) {
        this.#waiting = true;
        process.stdout.once('drain', this.#onDrain);
      }
      return;
    }
    // erased before, not behind: the cursor stays on the last column, and would take what stands there along
    const changed = lines.map((line, i) => (line === this.#drawn[i] ? '' : `\x1b[${i + 1};1H\x1b[K${line}`));
    this.#drawn = lines;
    const text = changed.join('');
    if (text !== '') process.stdout.write(text);
  }

  /** Forgets what is on the screen: the next draw sends all. */
  forget(): void {
    this.#drawn = [];
    if (this.#entered) process.stdout.write('\x1b[2J');
  }

  /** Stops this process as Ctrl-Z does; it goes on with `fg`. */
  suspend(): void {
    this.#leave();
    process.off('SIGTSTP', this.#onStop);
    process.kill(process.pid, 'SIGTSTP');
    // comes after SIGCONT; or soon, where nobody could continue us and so the kernel has not stopped us
    setTimeout(this.#onContinue, 50);
  }

  /** Gives the terminal back. Any number of times. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const signal of ENDINGS) process.off(signal, this.#onEnding);
    process.off('SIGTSTP', this.#onStop);
    process.off('SIGCONT', this.#onContinue);
    process.off('exit', this.#onExit);
    process.stdout.off('resize', this.#onResize);
    process.stdout.off('drain', this.#onDrain);
    process.stdin.off('keypress', this.#onKey);
    process.stdin.off('end', this.#onEnding);
    process.stdin.pause();
    this.#leave();
  }

  readonly #onEnding = (): void => this.#events.end();
  readonly #onStop = (): void => this.suspend();
  readonly #onExit = (): void => this.close();
  readonly #onResize = (): void => {
    this.#drawn = [];
    this.#events.redraw();
  };
  readonly #onDrain = (): void => {
    this.#waiting = false;
    this.#events.redraw();
  };
  readonly #onContinue = (): void => {
    if (this.#closed) return;
    process.off('SIGTSTP', this.#onStop);
    process.on('SIGTSTP', this.#onStop);
    // also after SIGSTOP, of which nobody told us: a shell has set the terminal up for itself meanwhile
    this.#leave();
    this.#enter();
    this.#events.redraw();
  };
  readonly #onKey = (text: string | undefined, key: { name?: string; ctrl?: boolean; shift?: boolean }): void => {
    const { name = '', ctrl = false, shift = false } = key;
    // a sequence that stands for a key types nothing
    this.#events.key({ name, ctrl, shift, text: text !== undefined && Array.from(text).length === 1 ? text : '' });
  };

  #enter(): void {
    this.#entered = true;
    this.#drawn = [];
    if (process.stdin.isTTY) process.stdin.setRawMode(true);
    this.#send(ENTER);
    if (process.stderr.isTTY && this.#writeError === null) {
      this.#writeError = process.stderr.write.bind(process.stderr);
      process.stderr.write = (chunk: string | Uint8Array): boolean => {
        this.#held.push(typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString());
        return true;
      };
    }
  }

  #leave(): void {
    if (!this.#entered) return;
    this.#entered = false;
    this.#send(LEAVE);
    try {
      if (process.stdin.isTTY) process.stdin.setRawMode(false);
    } catch {
      // the terminal is gone: there is nothing to give back
    }
    if (this.#writeError !== null) process.stderr.write = this.#writeError;
    this.#writeError = null;
    for (const text of this.#held.splice(0)) process.stderr.write(text);
  }

  /** At once: what leaves the screen must be out before the process is stopped or ends. */
  #send(text: string): void {
    try {
      writeSync(process.stdout.fd, text);
    } catch (error) {
      // it is gone; or it does not read just now
      if ((error as NodeJS.ErrnoException).code === 'EAGAIN') process.stdout.write(text);
    }
  }
}
