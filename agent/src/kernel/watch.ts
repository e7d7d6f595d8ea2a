/**
 * What became of refusals: while there are pending ones, a probe on every system call's exit sees what their threads do next, and
 * what stays without an answer for too long is ended.
 */
import { LAYOUT } from '../abi/layout.ts';
import type { BpfError, BpfObject, Link, MappedRegion, Program } from '../../../native/lib/index.ts';
import type { ProgramStatus } from '../model/snapshot.ts';
import { EVIDENCE_PROGRAM } from './attach.ts';
import type { Confirm } from './options.ts';
import type { PinnedLink } from './pins.ts';

/** How often pending refusals are looked at. The kernel side allows each half a second. */
const LOOK_MS = 250;
/** While there are none: the first one is told by an event, and events get lost. */
const QUIET_MS = 1000;
/** The probe stays for so long after the last pending refusal: the next one of the same program is then watched from its beginning. */
const LINGER_MS = 750;

/** What the agent or the host is short of at a moment, and may have again later. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'ENOMEM', 'EAGAIN']);

const { pending_total: TOTAL, watching: WATCHING } = LAYOUT.variables;

export class Watch {
  readonly #confirm: Confirm;
  readonly #globals: MappedRegion;
  /** Null where the kernel refused it. */
  readonly #program: Program;
  readonly #refused: string | undefined;
  readonly #expire: Program;
  #timer: NodeJS.Timeout | undefined;
  readonly #pin: PinnedLink | null;
  readonly #onError: (error: unknown) => void;
  readonly #total = new Float64Array(1);
  #link: Link | null = null;
  #failure = '';
  #isRefusedForGood = false;
  /** It could not be pinned, which is said once. */
  #isUnpinned = false;
  #lastPending = -Infinity;
  #isClosed = false;

  /**
   * @param refused why the kernel did not take the probe, if it did not
   * @param pin where the probe outlives the agent: what threads do is then seen while there is none, as their refusals expect
   */
  constructor(
    object: BpfObject,
    globals: MappedRegion,
    confirm: Confirm,
    refused: string | undefined,
    pin: PinnedLink | null,
    onError: (error: unknown) => void,
  ) {
    this.#confirm = confirm;
    this.#globals = globals;
    this.#refused = refused;
    this.#program = object.program(EVIDENCE_PROGRAM);
    this.#expire = object.program('expire');
    this.#pin = pin;
    this.#onError = onError;
    if (confirm !== 'never' && refused === undefined) this.#link = pin?.adopt(this.#program) ?? null;
    this.#globals.storeU32(WATCHING.offset, this.#link === null ? 0 : 1);
    if (this.#link !== null) this.#lastPending = performance.now();
    if (confirm === 'always') this.#attach();
    this.#lookAfter(LOOK_MS);
  }

  /** Attaches the probe if there is something to see, ends what is overdue, and takes the probe away when all is quiet. */
  look(): void {
    if (this.pending > 0) {
      this.#lastPending = performance.now();
      if (this.#confirm !== 'never') this.#attach();
      this.#expire.iterate();
    } else if (this.#confirm === 'auto' && performance.now() - this.#lastPending >= LINGER_MS) {
      this.#detach();
    }
    const isQuiet = this.pending === 0 && (this.#link === null || this.#confirm === 'always');
    this.#lookAfter(isQuiet ? QUIET_MS : LOOK_MS);
  }

  #lookAfter(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = setTimeout(() => {
      try {
        this.look();
      } catch (error) {
        this.#lookAfter(milliseconds);
        this.#onError(error);
      }
    }, milliseconds).unref();
  }

  /** Refusals that are pending now. */
  get pending(): number {
    this.#globals.readU64(this.#total, TOTAL.offset, 8, 1, 1);
    return this.#total[0] ?? 0;
  }

  get status(): Pick<ProgramStatus, 'name' | 'hook' | 'state' | 'reason'> {
    const name = EVIDENCE_PROGRAM;
    const hook = this.#program.section;
    if (this.#link !== null) return { name, hook, state: 'attached', reason: '' };
    const failure = this.#refused ?? this.#failure;
    if (failure !== '') return { name, hook, state: 'unavailable', reason: failure };
    return { name, hook, state: 'off', reason: this.#confirm === 'never' ? 'confirm: never' : 'no refusal is pending' };
  }

  get program(): Program {
    return this.#program;
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    this.#link?.close();
  }

  #attach(): void {
    if (this.#link !== null || this.#refused !== undefined || this.#isRefusedForGood) return;
    try {
      this.#link = this.#program.attach();
      this.#failure = '';
    } catch (thrown) {
      const error = thrown as BpfError;
      this.#failure = error.message;
      // once is enough: it would fail again, and what is pending ends by itself
      this.#isRefusedForGood = !SHORTAGES.has(error.code);
      return;
    }
    // kept first: who is watched counts on it, whatever becomes of the agent
    this.#keep(this.#link);
    this.#globals.storeU32(WATCHING.offset, 1);
  }

  /** A probe that cannot be pinned is the agent's alone, and sees no less while it runs. */
  #keep(link: Link): void {
    if (this.#pin === null || this.#isUnpinned) return;
    try {
      this.#pin.set(link);
    } catch (error) {
      this.#isUnpinned = true;
      this.#onError(error);
    }
  }

  #detach(): void {
    if (this.#link === null) return;
    this.#globals.storeU32(WATCHING.offset, 0);
    // one that came in between counts on being watched
    if (this.pending > 0) {
      this.#globals.storeU32(WATCHING.offset, 1);
      return;
    }
    this.#pin?.remove();
    this.#link.close();
    this.#link = null;
  }
}
