/** bcrypt in a thread of its own: the thread that collects and evaluates is never kept waiting. */
import { Worker } from 'node:worker_threads';

export interface Question {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

export interface Answer {
  readonly id: number;
  readonly matches: boolean;
}

interface Waiting {
  readonly resolve: (matches: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** What is built stands in build/agent as its sources do in agent/src, one folder deep; only the end of the name differs. */
const THREAD = new URL(`../web/password-thread${/\.\w+$/.exec(import.meta.url)?.[0] ?? ''}`, import.meta.url);

/** The thread begins with the first check, and never keeps the process alive. */
export class PasswordThread {
  #worker: Worker | null = null;
  readonly #waiting = new Map<number, Waiting>();
  #last = 0;

  /** Whether bcrypt makes this hash of the password. */
  check(password: string, hash: string): Promise<boolean> {
    const { promise, resolve, reject } = Promise.withResolvers<boolean>();
    const id = ++this.#last;
    this.#waiting.set(id, { resolve, reject });
    this.#worker ??= this.#start();
    this.#worker.postMessage({ id, password, hash } satisfies Question);
    return promise;
  }

  close(): void {
    void this.#worker?.terminate();
  }

  #start(): Worker {
    // its code and bcrypt's tables need 5 MB
    const worker = new Worker(THREAD, { resourceLimits: { maxOldGenerationSizeMb: 32 } });
    worker.unref();
    worker.on('message', ({ id, matches }: Answer) => {
      this.#waiting.get(id)?.resolve(matches);
      this.#waiting.delete(id);
    });
    let why = 'it has ended';
    worker.on('error', (error) => (why = error instanceof Error ? error.message : String(error)));
    // after an error too; the next check begins another
    worker.on('exit', () => {
      this.#worker = null;
      for (const { reject } of this.#waiting.values()) reject(new Error(`the thread that checks passwords: ${why}`));
      this.#waiting.clear();
    });
    return worker;
  }
}
