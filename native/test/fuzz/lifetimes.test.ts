/** Any order of opening, using, closing and collecting, also from inside of a ring buffer's callback. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BpfMap, BpfObject, Link, MappedRegion, Program, RingBuffer } from '../../lib/index.ts';
import { binding, bpfDescriptors, emitContext, loadFixture, openFixture } from '../fixture.ts';
import { runs } from './hostile.ts';

setFlagsFromString('--expose-gc');
globalThis.gc = runInNewContext('gc') as NonNullable<typeof globalThis.gc>;

/** What a sequence has at hand. */
interface Held {
  /** All that were opened, to be closed at the end. */
  readonly made: BpfObject[];
  objects: BpfObject[];
  maps: BpfMap[];
  programs: Program[];
  regions: MappedRegion[];
  rings: RingBuffer[];
  links: Link[];
}

/** Uses of a closed handle are TypeErrors; what the kernel or libbpf refuses are BpfErrors. */
function attempt(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof TypeError || (error instanceof Error && error.name === 'BpfError'))) throw error;
  }
}

function take({ objects, made }: Held, open: () => BpfObject): void {
  if (objects.length >= 3) return;
  const object = open();
  objects.push(object);
  made.push(object);
}

const pick = <T>(list: readonly T[], which: number): T | undefined => list[which % list.length];

const MAPS = ['records', 'odd', 'events', 'by_key', 'queue', 'per_cpu'];
const PROGRAMS = ['count_classic', 'count_btf', 'emit', 'refuse', 'tasks', 'nowhere'];

/** One step: `n` chooses what it is about. */
const STEPS: Readonly<Record<string, (held: Held, n: number, onRecords: () => void) => void>> = {
  load: (held) => {
    take(held, loadFixture);
  },
  open: (held) => {
    take(held, openFixture);
  },
  map: ({ objects, maps }, n) => {
    const map = pick(objects, n)?.map(MAPS[n % MAPS.length] ?? '');
    if (map !== undefined) maps.push(map);
  },
  program: ({ objects, programs }, n) => {
    const program = pick(objects, n)?.program(PROGRAMS[n % PROGRAMS.length] ?? '');
    if (program !== undefined) programs.push(program);
  },
  region: ({ maps, regions }, n) => {
    const region = pick(maps, n)?.mapRegion();
    if (region !== undefined) regions.push(region);
  },
  consume: ({ objects, rings }, _, onRecords) => {
    for (const object of objects) attempt(() => rings.push(object.map('events').consume(16, onRecords)));
  },
  attach: ({ programs, links }, n) => {
    const link = pick(programs, n)?.attach();
    if (link !== undefined) links.push(link);
  },
  emit: ({ objects }, n) => {
    for (const object of objects) {
      attempt(() => void object.program('emit').run(emitContext(0, (n % 50) + 1, n % 3 === 0 ? 8 : 16)));
    }
  },
  read: ({ regions }, n) => pick(regions, n)?.readU64(new Float64Array(4), 0, 16, 2, 2),
  write: ({ regions }, n) => pick(regions, n)?.writeBytes(0, Buffer.alloc(n % 100)),
  iterate: ({ programs }, n) => {
    if (n % 4 === 0) pick(programs, n)?.iterate();
  },
  info: ({ programs, maps }, n) => {
    pick(programs, n)?.info();
    pick(maps, n)?.info();
  },
  ref: ({ rings }, n) => (n % 2 === 0 ? pick(rings, n)?.ref() : pick(rings, n)?.unref()),
  malformed: ({ rings }, n) => {
    expect(pick(rings, n)?.malformed ?? 0).toBeGreaterThanOrEqual(0);
  },
  closeRing: ({ rings }, n) => pick(rings, n)?.close(),
  closeRegion: ({ regions }, n) => pick(regions, n)?.close(),
  closeLink: ({ links }, n) => pick(links, n)?.close(),
  closeObject: ({ objects }, n) => {
    pick(objects, n)?.close();
    if (n % 2 === 0 && objects.length > 0) objects.splice(n % objects.length, 1);
  },
  drop: ({ maps, programs, regions, links }, n) => void pick<unknown[]>([maps, programs, regions, links], n)?.splice(0),
  collect: () => globalThis.gc?.(),
  grace: () => void binding.gracePeriod(),
};

const step = fc.record({ name: fc.constantFrom(...Object.keys(STEPS)), n: fc.nat(1000) });

/** What it takes for a callback to be called: frequent. */
const busy = fc.record({ name: fc.constantFrom('consume', 'emit', 'emit', 'turn', 'turn'), n: fc.nat(1000) });

test('any sequence', async () => {
  const seen = { batches: 0 };
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.oneof({ weight: 6, arbitrary: step }, { weight: 2, arbitrary: busy }), {
        minLength: 30,
        maxLength: 80,
      }),
      fc.array(step, { maxLength: 6 }),
      async (steps, within) => {
        const held: Held = { made: [], objects: [], maps: [], programs: [], regions: [], rings: [], links: [] };
        take(held, loadFixture);
        // A callback that consumes would be asked for ever.
        let left = 20;
        const onRecords = (): void => {
          seen.batches++;
          if (left-- > 0) for (const { name, n } of within) attempt(() => STEPS[name]?.(held, n, onRecords));
        };
        for (const next of steps) {
          if (next.name === 'turn') await new Promise((resolve) => setImmediate(resolve));
          else attempt(() => STEPS[next.name]?.(held, next.n, onRecords));
        }
        for (const object of held.made) object.close();
        await new Promise((resolve) => setImmediate(resolve));
      },
    ),
    runs(25),
  );
  expect(seen.batches).toBeGreaterThan(4);
  await binding.gracePeriod();
});

test('and nothing is left of it', async () => {
  await expect
    .poll(() => {
      globalThis.gc?.();
      return [binding.liveHandles(), ...bpfDescriptors()];
    })
    .toEqual([0]);
});
