/** The files in bpffs that keep tables and probes when the agent is gone. Touches the file system and nothing else. */
import {
  closeSync,
  fstatSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmdirSync,
  statfsSync,
  unlinkSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { LAYOUT } from '../abi/layout.ts';
import type { Binding, BpfError, Link, MappedRegion, Program } from '../../../native/lib/index.ts';
import { SpillwayError } from '../model/errors.ts';
import { type Identity, parseIdentity } from './generation.ts';
import { noPrivilege } from './privileges.ts';

/** Where pins stand unless a test says otherwise. */
export const PIN_DIRECTORY = '/sys/fs/bpf/spillway';

/** Maps that all generations share: they say whose turn it is. */
export const SHARED_MAPS = ['turns', 'turn_marks'] as const;

/** include/uapi/linux/magic.h */
const BPF_FS_MAGIC = 0xcafe4a11;

const DISCARDED = 'discarded-';
const KINDS = ['links', 'programs', 'maps'] as const;
export type PinKind = (typeof KINDS)[number];

const { fields: TURN } = LAYOUT.structs.turn;

/** A file's name for what is called `.bss` or `category/name`: bpffs takes no dots. */
const fileName = (name: string): string => name.replace(/^.*\./, '').replaceAll('/', '-');

/** Not existsSync: that asks access(2), which knows no capability of one that is not root, and a bpffs is root's (mode 0700). */
const isThere = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

export class Pins {
  readonly root: string;
  readonly #binding: Binding;
  readonly #lock: number;

  /**
   * Makes the directory and locks it.
   * @throws SpillwayError PINS_IN_USE while another agent has it, NO_BPFFS if it cannot be made
   */
  constructor(binding: Binding, root = PIN_DIRECTORY) {
    this.#binding = binding;
    this.root = root;
    try {
      if (statfsSync(dirname(root)).type !== BPF_FS_MAGIC) {
        throw Object.assign(new Error(), { code: `${dirname(root)} is no bpffs` });
      }
      mkdirSync(root, { recursive: true, mode: 0o700 });
      this.#lock = openSync(root, 'r');
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      throw new SpillwayError('NO_BPFFS', `cannot keep anything under ${root} (${String(code)}): ${BPFFS_REMEDY}`, {
        cause: error,
      });
    }
    if (binding.lockFile(this.#lock)) return;
    closeSync(this.#lock);
    throw new SpillwayError(
      'PINS_IN_USE',
      `another agent counts under ${root}: stop it first (systemctl stop spillway)`,
    );
  }

  /** Gives the lock back; what is pinned stays. */
  close(): void {
    closeSync(this.#lock);
  }

  /** Numbers of the generations that have a directory, rising. */
  generations(): number[] {
    return readdirSync(this.root)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
      .sort((a, b) => a - b);
  }

  /** Whose turn it is; null before there was any. @throws SpillwayError NO_PRIVILEGE */
  turn(): MappedRegion | null {
    const path = this.sharedPath('turns');
    if (!isThere(path)) return null;
    try {
      return this.#binding.mapPinned(path);
    } catch (error) {
      throw noPrivilege(error as BpfError) ?? error;
    }
  }

  sharedPath(map: (typeof SHARED_MAPS)[number]): string {
    return join(this.root, map);
  }

  path(generation: number, kind: PinKind, name: string): string {
    return join(this.root, String(generation), kind, fileName(name));
  }

  /** Whether something is pinned there. */
  has(generation: number, kind: PinKind, name: string): boolean {
    return isThere(this.path(generation, kind, name));
  }

  /**
   * What is pinned of a generation, as `links/NAME`; null if the directory that this agent has locked is not the one that the next
   * one would look at.
   * @throws Error if nobody can tell
   */
  pinned(generation: number): string[] | null {
    const [locked, found] = [fstatSync(this.#lock), lstatSync(this.root, { throwIfNoEntry: false })];
    if (found?.dev !== locked.dev || found.ino !== locked.ino) return null;
    return KINDS.flatMap((kind) => namesIn(join(this.root, String(generation), kind)).map((name) => `${kind}/${name}`));
  }

  makeDirectories(generation: number): void {
    for (const kind of KINDS) mkdirSync(join(this.root, String(generation), kind), { recursive: true, mode: 0o700 });
  }

  /** @throws Error if it cannot be read */
  identity(generation: number): Identity {
    const region = this.#binding.mapPinned(this.path(generation, 'maps', 'identity'));
    try {
      const bytes = region.readBytes(0, region.size);
      return parseIdentity(bytes.toString('utf8', 0, bytes.indexOf(0)));
    } finally {
      region.close();
    }
  }

  /** Removes a generation that is not needed any more; one that was begun to be removed is no generation. */
  discard(generation: number): void {
    renameSync(join(this.root, String(generation)), join(this.root, `${DISCARDED}${String(generation)}`));
    this.removeDiscarded();
  }

  /** Completes what discard() has begun. */
  removeDiscarded(): void {
    for (const name of readdirSync(this.root)) if (name.startsWith(DISCARDED)) removeIn(join(this.root, name));
  }

  /** Removes one that has never counted. */
  remove(generation: number): void {
    removeIn(join(this.root, String(generation)));
  }

  /** Takes away everything: counting ends. The number of probes that were removed. */
  removeAll(): number {
    this.removeDiscarded();
    const probes = this.generations().reduce((sum, generation) => {
      const links = namesIn(join(this.root, String(generation), 'links')).length;
      this.remove(generation);
      return sum + links;
    }, 0);
    for (const map of SHARED_MAPS) if (isThere(this.sharedPath(map))) unlinkSync(this.sharedPath(map));
    rmdirSync(this.root);
    return probes;
  }
}

/** Probes first: they stop counting; programs and tables go when nothing holds them any more. */
function removeIn(directory: string): void {
  for (const kind of KINDS) {
    for (const name of namesIn(join(directory, kind))) unlinkSync(join(directory, kind, name));
    if (isThere(join(directory, kind))) rmdirSync(join(directory, kind));
  }
  rmdirSync(directory);
}

const BPFFS_REMEDY = 'mount it with: mount -t bpf bpf /sys/fs/bpf, as root, or set persist: false';

function namesIn(directory: string): string[] {
  return isThere(directory) ? readdirSync(directory) : [];
}

/** The pin of one link that comes and goes. */
export class PinnedLink {
  readonly #path: string;

  constructor(pins: Pins, generation: number, name: string) {
    this.#path = pins.path(generation, 'links', name);
  }

  /** The link that an agent before has left; null if there is none. */
  adopt(program: Program): Link | null {
    return isThere(this.#path) ? program.adoptLink(this.#path) : null;
  }

  /** Not where somebody has taken the directory away: the link is then the agent's alone, and sees no less while it runs. */
  set(link: Link): void {
    if (isThere(dirname(this.#path))) link.pin(this.#path);
  }

  remove(): void {
    if (isThere(this.#path)) unlinkSync(this.#path);
  }
}

/** The generation that counts; 0 while one takes over from another, and before there was any. */
export function countingGeneration(turn: MappedRegion): number {
  return readTurn(turn, 'generation');
}

/** One word of `struct turn`. */
export function readTurn(turn: MappedRegion, field: keyof typeof TURN): number {
  const value = new Float64Array(1);
  turn.readU64(value, TURN[field].offset, 8, 1, 1);
  return value[0] ?? 0;
}

export function writeTurn(turn: MappedRegion, field: keyof typeof TURN, value: number): void {
  turn.storeU64(TURN[field].offset, value);
}
