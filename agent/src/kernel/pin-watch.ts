/** Notices that somebody has taken away what outlives the agent. The agent holds all of it and counts on; it is the next one that has nothing to go on with. */
import { EVIDENCE_PROGRAM } from './attach.ts';
import type { PinKind, Pins } from './pins.ts';

/** About as often as the tables are read. */
const LOOK_MS = 1000;

export class PinWatch {
  readonly #pins: Pins;
  readonly #generation: number;
  readonly #onGone: (message: string) => void;
  readonly #expected: readonly string[];
  readonly #timer: NodeJS.Timeout;

  /** @param onGone is told once, what is missing and what to do */
  constructor(pins: Pins, generation: number, onGone: (message: string) => void) {
    this.#pins = pins;
    this.#generation = generation;
    this.#onGone = onGone;
    this.#expected = (pins.pinned(generation) ?? []).filter((name) => !comesAndGoes(name));
    this.#timer = setInterval(() => {
      this.look();
    }, LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    let found: readonly string[] | null;
    try {
      found = this.#pins.pinned(this.#generation);
    } catch {
      // out of descriptors, or of privileges: nobody knows
      return;
    }
    const there = new Set(found);
    const missing = this.#expected.filter((name) => !there.has(name));
    if (missing.length === 0) return;
    this.close();
    this.#onGone(found === null ? allGone(this.#pins.root) : someGone(this.#pins.root, missing));
  }

  close(): void {
    clearInterval(this.#timer);
  }
}

/** The probe that watches what refused programs do is pinned while it is attached. */
const comesAndGoes = (name: string): boolean => name === (`links/${EVIDENCE_PROGRAM}` satisfies `${PinKind}/${string}`);

const allGone = (root: string): string =>
  `what was kept under ${root} is gone: counting goes on, and ends with this agent. To keep counts again, from 0 on, mount the bpffs ` +
  'if it is not (mount -t bpf bpf /sys/fs/bpf), and start the agent again (systemctl restart spillway)';

const MOST_NAMES = 3;

function someGone(root: string, missing: readonly string[]): string {
  const more = missing.length > MOST_NAMES ? ` and ${String(missing.length - MOST_NAMES)} more` : '';
  return (
    `some of what was kept under ${root} is gone (${missing.slice(0, MOST_NAMES).join(', ')}${more}): counting goes on, but the next ` +
    'agent may find less than all. Start it again now (systemctl restart spillway), and it keeps what is missing anew'
  );
}
