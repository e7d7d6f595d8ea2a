/** Memory in which answers are written: taken again as soon as nobody reads what stood in it. */

/** Bytes of a page. */
export const PAGE_BYTES = 64 * 1024;

/** Something long that several may send at a time. */
export class Body {
  readonly pieces: readonly Uint8Array[];
  /** Of all pieces together. */
  readonly bytes: number;
  readonly #unused: () => void;
  #users = 0;

  /** @param unused is called once, when the last one who used it has ended */
  constructor(pieces: readonly Uint8Array[], unused: () => void) {
    this.pieces = pieces;
    this.bytes = pieces.reduce((sum, { length }) => sum + length, 0);
    this.#unused = unused;
  }

  /**
   * Somebody reads it, until the function that is returned is called. Who comes while nobody reads it any more may find something
   * else: it is for those who wait for it when it is made.
   */
  use(): () => void {
    this.#users++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      if (--this.#users === 0) this.#unused();
    };
  }
}

export class Pages {
  #free: Buffer[] = [];

  take(): Buffer {
    // of its own, not a part of what Node shares out: it stays for long
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PAGE_BYTES);
  }

  /** Gives back those of one answer. So many are kept: the next one is about as long. */
  give(pages: readonly Buffer[]): void {
    this.#free = [...this.#free, ...pages].slice(0, pages.length);
  }
}
