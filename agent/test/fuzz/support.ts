/** What the fuzz tests share: how often, from which seed, how long one try may take, and bytes that are almost right. */
import { Script } from 'node:vm';
import fc from 'fast-check';

/**
 * `FUZZ_RUNS` times as often as in the suite, from FUZZ_SEED (`make fuzz`); what is found is printed with its seed and path, and
 * shrunk.
 */
export function runs<T = unknown>(numRuns: number): fc.Parameters<T> {
  const times = Number(process.env.FUZZ_RUNS ?? '1');
  return { numRuns: Math.ceil(numRuns * times), seed: Number(process.env.FUZZ_SEED ?? '20260101') };
}

/** A try that takes so long hangs: all of them together take less. */
const MOST_MS = 5000;

/** Does the work, which is ended with an error if it never ends by itself. */
export function bounded<T>(work: () => T): T {
  const holder = globalThis as { boundedWork?: () => unknown };
  holder.boundedWork = work;
  return CALL.runInThisContext({ timeout: MOST_MS }) as T;
}

const CALL = new Script('globalThis.boundedWork()');

/** Numbers that mean something as a count, an offset or an index. */
export const word: fc.Arbitrary<number> = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff),
  fc.nat(300),
  fc.integer({ min: 0, max: 0xffffffff }),
);

/** The bytes with some of them changed, missing, twice there, or cut off. */
export const changedBytes = (seed: Buffer): fc.Arbitrary<Buffer> =>
  fc
    .array(
      fc.record({
        at: fc.double({ min: 0, max: 1, noNaN: true }),
        what: fc.oneof(
          { weight: 4, arbitrary: fc.record({ word, width: fc.constantFrom(1, 2, 4) }) },
          { weight: 1, arbitrary: fc.record({ remove: fc.nat(40) }) },
          { weight: 1, arbitrary: fc.record({ repeat: fc.nat(40), times: fc.nat(3) }) },
          { weight: 1, arbitrary: fc.record({ insert: fc.uint8Array({ maxLength: 12 }) }) },
          { weight: 1, arbitrary: fc.constant({ cut: true }) },
        ),
      }),
      { minLength: 1, maxLength: 6 },
    )
    .map((changes) =>
      changes.reduce((bytes, { at, what }) => {
        const start = Math.floor(at * bytes.length);
        const [before, after] = [bytes.subarray(0, start), bytes.subarray(start)];
        if ('word' in what) {
          const changed = Buffer.from(bytes);
          if (start + what.width <= changed.length)
            changed.writeUIntLE(what.word % 2 ** (8 * what.width), start, what.width);
          return changed;
        }
        if ('remove' in what) return Buffer.concat([before, after.subarray(what.remove)]);
        if ('insert' in what) return Buffer.concat([before, what.insert, after]);
        if ('cut' in what) return before;
        return Buffer.concat([
          before,
          ...Array.from({ length: what.times }, () => after.subarray(0, what.repeat)),
          after,
        ]);
      }, seed),
    );

/** Text of the names that programs, cgroups and files can have: any bytes but NUL, and what terminals and formats obey. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom(
    '',
    'nginx',
    '\u001b[2J',
    '\u202e',
    '\ud800',
    '"\\\n',
    '{}',
    '__proto__',
    'constructor',
    'other',
    '…',
    '\r',
    '</b>',
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
);
