/**
 * Where tables outlive the agent: going on with those of the agent before, or taking over from them.
 *
 * At every moment either one generation counts or one hands over to the next, `struct turn` in bpffs says which, and everything else
 * follows from that: an agent that is killed anywhere in here leaves a state that the next one completes. See bpf/turn.bpf.c for the
 * handover itself, and docs/reliability.md.
 */
import { createHash } from 'node:crypto';
import { LAYOUT, LAYOUT_HASH } from '../abi/layout.ts';
import type { Binding, BpfError, BpfObject, MappedRegion } from '../../../native/lib/index.ts';
import { type Attachment, attachAll, EVIDENCE_PROGRAM } from './attach.ts';
import { carry, type OldTables } from './carry.ts';
import { readOldTables, storeCarried } from './carried-tables.ts';
import { type Identity, type Takeover, takeoverOf } from './generation.ts';
import { leftOut } from './hooks.ts';
import { type Loaded, programsArePreempted, programsOff, size } from './load.ts';
import type { KernelOptions } from './options.ts';
import { startProbes } from './probes.ts';
import { countingGeneration, type Pins, readTurn, SHARED_MAPS, writeTurn } from './pins.ts';
import { noPrivilege } from './privileges.ts';

/** A generation that counts, and how it came to. */
export interface Taken {
  readonly loaded: Loaded;
  readonly attachments: readonly Attachment[];
  readonly generation: number;
  readonly how: Takeover | 'fresh';
}

const STEP = LAYOUT.enums.handover;
/** Maps of one generation alone: constants, and its identity. */
const isOwn = (map: string): boolean =>
  /(?:\.rodata|^license|^identity|^claims|^skipped_claims)$/.test(map) || isShared(map);
const isShared = (map: string): map is (typeof SHARED_MAPS)[number] => SHARED_MAPS.some((name) => name === map);
/** Maps that generations with other tables share, if these structs are the same. */
const COMMON_MAPS: readonly (readonly [string, readonly string[]])[] = [
  ['cgroups', ['cgroup_key', 'cgroup_names']],
  ['reported_requests', ['reported_key', 'reported']],
];

export class TakeoverRun {
  readonly #binding: Binding;
  readonly #elf: Buffer;
  readonly #options: KernelOptions;
  readonly #pins: Pins;
  readonly #prepare: (object: BpfObject) => void;
  readonly #onWarning: (message: string) => void;

  /** @param prepare called with the loaded object before anything is attached */
  constructor(
    binding: Binding,
    elf: Buffer,
    options: KernelOptions,
    pins: Pins,
    prepare: (object: BpfObject) => void,
    onWarning: (message: string) => void,
  ) {
    this.#binding = binding;
    this.#elf = elf;
    this.#options = options;
    this.#pins = pins;
    this.#prepare = prepare;
    this.#onWarning = onWarning;
  }

  /** @throws SpillwayError like load() and attachAll(); whatever counted before goes on counting then */
  async run(): Promise<Taken> {
    const turn = this.#pins.turn();
    try {
      const current = turn === null ? 0 : await this.#settle(turn);
      const found = current === 0 ? null : this.#identityOf(current);
      const wanted = this.#identity();
      const how = found === null ? 'fresh' : takeoverOf(found, wanted);
      const adopted = how === 'adopt' && found !== null ? this.#adopt(current, found) : null;
      const taken = adopted ?? (await this.#replace(turn, current, found, wanted, how === 'adopt' ? 'reuse' : how));
      for (const generation of this.#pins.generations()) {
        if (generation < taken.generation) this.#pins.discard(generation);
      }
      return taken;
    } finally {
      turn?.close();
    }
  }

  /** Completes what an agent that was killed has begun; the generation that counts. */
  async #settle(turn: MappedRegion): Promise<number> {
    this.#pins.removeDiscarded();
    if (countingGeneration(turn) === 0 && readTurn(turn, 'to') !== 0) await this.#handOver(turn);
    const current = countingGeneration(turn);
    for (const generation of this.#pins.generations()) {
      // attached, and never had its turn
      if (generation > current) this.#pins.remove(generation);
    }
    return this.#pins.generations().includes(current) ? current : 0;
  }

  #identity(): Identity {
    const { processes, flows, causes, shards, latency, confirm, hooks } = this.#options;
    return {
      schema: 1,
      tables: 0,
      layoutHash: LAYOUT_HASH,
      layout: LAYOUT,
      object: createHash('sha256').update(this.#elf).digest('hex'),
      capacities: { processes, flows, causes, shards: shards.lines },
      options: JSON.stringify({ hooks, latency, evidence: confirm !== 'never' }),
      hooks: 'tracepoint',
      unattached: [],
    };
  }

  /** Null for one that cannot be read: it is not used any more, but its probes count until the next ones do. */
  #identityOf(generation: number): Identity | null {
    try {
      return this.#pins.identity(generation);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#onWarning(`what an earlier agent has counted cannot be read, and is lost: ${why}`);
      return null;
    }
  }

  /**
   * The same programs and tables: nothing is loaded, nothing attached, and no moment is missed. Null if somebody has taken away
   * some of the pins.
   */
  #adopt(generation: number, found: Identity): Taken | null {
    const { hooks } = found;
    const object = this.#binding.openObject(this.#elf, 'spillway');
    try {
      size(object, this.#options, generation);
      for (const map of object.mapNames()) if (isShared(map) || !isOwn(map)) this.#reuse(object, map, generation);
      for (const name of object.programNames()) object.setAutoload(name, false);
      object.load();
      const off = programsOff(this.#options);
      for (const name of object.programNames()) {
        if (!off.has(name) && !leftOut(hooks).has(name))
          object.program(name).adopt(this.#pins.path(generation, 'programs', name));
      }
      this.#prepare(object);
      this.#carryOver(object, found.tables);
      const preempted = programsArePreempted(object);
      const loaded = { object, refused: new Map<string, string>(), off, hooks, preempted };
      const attachments = attachAll(loaded, '', (program, hook) =>
        program.adoptLink(this.#pins.path(generation, 'links', linkName(program.name, hook))),
      );
      const missing = attachments.find(({ status }) => status.state === 'unavailable')?.status;
      if (missing === undefined) return { loaded, attachments, generation, how: 'adopt' };
      this.#onWarning(`a probe of the agent before is gone, all are attached anew: ${missing.name}: ${missing.reason}`);
    } catch (error) {
      const unprivileged = noPrivilege(error as BpfError);
      if (unprivileged !== null) {
        object.close();
        throw unprivileged;
      }
      const why = error instanceof Error ? error.message : String(error);
      this.#onWarning(`what the agent before has left is not whole, probes are attached anew: ${why}`);
    }
    object.close();
    return null;
  }

  /** Loads and attaches a generation of its own, and lets it take over from the one that counts. */
  async #replace(
    turn: MappedRegion | null,
    current: number,
    found: Identity | null,
    wanted: Identity,
    how: Exclude<Taken['how'], 'adopt'>,
  ): Promise<Taken> {
    const generation = Math.max(current, ...this.#pins.generations()) + 1;
    const tables = how === 'reuse' && found !== null ? found.tables : generation;
    const { loaded, attachments } = startProbes(
      this.#binding,
      this.#elf,
      this.#options,
      (object) => {
        this.#prepare(object);
        if (how === 'reuse') this.#carryOver(object, tables);
      },
      {
        generation,
        maps: (object) => {
          if (turn !== null) for (const map of SHARED_MAPS) object.map(map).reuse(this.#pins.sharedPath(map));
          object.setMaxEntries('identity', identityChunks(wanted));
          if (how === 'reuse') for (const map of object.mapNames()) if (!isOwn(map)) this.#reuse(object, map, current);
          if (how === 'import' && found !== null) this.#reuseCommon(object, found, current);
        },
      },
    );
    const { object } = loaded;
    try {
      this.#pin(loaded, attachments, generation, { ...wanted, tables });
      // what is pending counts on being watched without a pause
      if (how === 'reuse' && this.#pins.has(current, 'links', EVIDENCE_PROGRAM)) {
        object
          .program(EVIDENCE_PROGRAM)
          .attach()
          .pin(this.#pins.path(generation, 'links', EVIDENCE_PROGRAM));
      }
      const shared = turn ?? object.map('turns').mapRegion();
      if (turn === null) for (const map of SHARED_MAPS) object.map(map).pin(this.#pins.sharedPath(map));
      if (found === null) writeTurn(shared, 'generation', generation);
      else await this.#begin(shared, current, generation);
      if (how === 'import') this.#carryOver(object, tables);
      return { loaded, attachments, generation, how };
    } catch (error) {
      object.close();
      throw error;
    }
  }

  #reuse(object: BpfObject, map: string, generation: number): void {
    if (isShared(map)) object.map(map).reuse(this.#pins.sharedPath(map));
    else if (this.#pins.has(generation, 'maps', map)) {
      object.map(map).reuse(this.#pins.path(generation, 'maps', map));
    }
  }

  #reuseCommon(object: BpfObject, found: Identity, generation: number): void {
    const structs: Readonly<Record<string, unknown>> = LAYOUT.structs;
    for (const [map, names] of COMMON_MAPS) {
      if (!names.every((name) => JSON.stringify(found.layout.structs[name]) === JSON.stringify(structs[name])))
        continue;
      try {
        this.#reuse(object, map, generation);
      } catch (error) {
        // of another size: then it begins empty
        if ((error as BpfError).code !== 'EINVAL') throw error;
      }
    }
  }

  /** Links last: a generation without them does no harm. */
  #pin(loaded: Loaded, attachments: readonly Attachment[], generation: number, wanted: Identity): void {
    const { object, off, refused, hooks } = loaded;
    this.#pins.makeDirectories(generation);
    const unattached = attachments
      .filter(({ status }) => status.state === 'unavailable')
      .map(({ status }) => status.name);
    object
      .map('identity')
      .mapRegion()
      .writeBytes(0, Buffer.from(`${JSON.stringify({ ...wanted, hooks, unattached })}\0`));
    for (const name of object.mapNames()) {
      if (!isShared(name)) object.map(name).pin(this.#pins.path(generation, 'maps', name));
    }
    for (const name of object.programNames()) {
      if (off.has(name) || refused.has(name) || leftOut(hooks).has(name)) continue;
      object.program(name).pin(this.#pins.path(generation, 'programs', name));
    }
    for (const { program, links } of attachments) {
      for (const [hook, link] of links) link.pin(this.#pins.path(generation, 'links', linkName(program.name, hook)));
    }
  }

  async #begin(turn: MappedRegion, from: number, to: number): Promise<void> {
    writeTurn(turn, 'from', from);
    writeTurn(turn, 'to', to);
    writeTurn(turn, 'step', STEP.PREPARE);
    writeTurn(turn, 'generation', 0);
    await this.#handOver(turn);
  }

  /** From wherever it stands: each step may be taken twice. */
  async #handOver(turn: MappedRegion): Promise<void> {
    await this.#binding.gracePeriod();
    writeTurn(turn, 'step', STEP.SWITCH);
    await this.#binding.gracePeriod();
    writeTurn(turn, 'generation', readTurn(turn, 'to'));
  }

  /**
   * Brings what earlier tables hold into those of `object`, which generation `tables` has made. Nothing is folded before this is
   * done, and sums are set, not added: done again after a crash it has the same result.
   */
  #carryOver(object: BpfObject, tables: number): void {
    const earlier = new Map<number, OldTables>();
    for (const generation of this.#pins.generations()) {
      const old = generation < tables ? this.#identityOf(generation) : null;
      if (old !== null && old.tables !== tables)
        earlier.set(old.tables, readOldTables(this.#binding, this.#pins, generation, old, object, this.#options));
    }
    if (earlier.size === 0) return;
    try {
      storeCarried(object, this.#options, carry([...earlier.values()]));
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#onWarning(`what an earlier agent has counted cannot be carried over, and is lost: ${why}`);
    }
  }
}

const CHUNK = LAYOUT.structs.identity.size;
/** One more byte ends it, and some room is left for the names of programs that cannot be attached. */
const identityChunks = (identity: Identity): number => Math.ceil((JSON.stringify(identity).length + CHUNK) / CHUNK);

/** The name of a link's pin. */
const linkName = (program: string, hook: string): string => `${program}/${hook}`;
