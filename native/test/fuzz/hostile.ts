/** Arguments that no caller in its senses passes, and how often each property is tried. */
import fc from 'fast-check';

/**
 * `FUZZ_RUNS` times as many runs as the suite takes, from a random seed unless FUZZ_SEED names one. fast-check prints seed and
 * path with what it finds.
 */
export function runs<T = unknown>(numRuns: number): fc.Parameters<T> {
  const times = Number(process.env.FUZZ_RUNS ?? '1');
  const seed = process.env.FUZZ_SEED;
  return { numRuns: Math.ceil(numRuns * times), seed: seed === undefined ? 20260101 : Number(seed) };
}

const TYPED = [
  ...[Int8Array, Uint8Array, Uint8ClampedArray, Int16Array, Uint16Array, Int32Array, Uint32Array],
  ...[Float32Array, Float64Array, BigInt64Array, BigUint64Array],
];

/** Lengths from nothing to more than any of the fixture's maps. */
const length = fc.constantFrom(0, 1, 2, 4, 7, 8, 12, 16, 64, 128, 1024, 4096);

/** Typed arrays of every kind over memory of every kind; some of it is gone. */
const view: fc.Arbitrary<unknown> = fc
  .record({
    type: fc.constantFrom(...TYPED, DataView, Buffer),
    memory: fc.constantFrom('plain', 'detached', 'resizable', 'shrunk', 'shared', 'growable'),
    bytes: length,
    offset: fc.constantFrom(0, 8, 16),
  })
  .map(({ type, memory, bytes, offset }) => {
    const most = { maxByteLength: 8192 };
    const size = offset + bytes * 8;
    const buffer = {
      plain: () => new ArrayBuffer(size),
      detached: () => new ArrayBuffer(size),
      resizable: () => new ArrayBuffer(Math.min(size, 8192), most),
      shrunk: () => new ArrayBuffer(8192, most),
      shared: () => new SharedArrayBuffer(size),
      growable: () => new SharedArrayBuffer(Math.min(size, 8192), most),
    }[memory]();
    const at = Math.min(offset, Math.floor(buffer.byteLength / 8) * 8);
    const made = type === Buffer ? Buffer.from(buffer as ArrayBuffer, at) : new (type as typeof Uint8Array)(buffer, at);
    if (memory === 'detached') (buffer as ArrayBuffer).transfer();
    if (memory === 'shrunk') (buffer as ArrayBuffer).resize(8);
    return made;
  });

class Thrown extends Error {}

/** What an object of a test throws from inside. */
export const isThrown = (error: unknown): boolean => error instanceof Thrown;

const objects = fc.constantFrom<() => unknown>(
  () => ({}),
  () => [],
  () => [1, 2, 3],
  () => ({ length: 2 ** 32, byteLength: 16 }),
  () => ({ valueOf: () => 8, toString: () => 'records' }),
  () => ({
    [Symbol.toPrimitive]() {
      throw new Thrown();
    },
  }),
  () =>
    new Proxy(
      {},
      {
        get() {
          throw new Thrown();
        },
        getPrototypeOf() {
          throw new Thrown();
        },
      },
    ),
  () => new Proxy(new Float64Array(8), {}),
  () => Object.create(Float64Array.prototype) as unknown,
  () => Proxy.revocable({}, {}).proxy,
  () => () => undefined,
  () => new Date(NaN),
  () => new ArrayBuffer(64),
  () => new SharedArrayBuffer(64),
  () => new Number(8),
  () => new String('records'),
);

/** Numbers at all edges that the binding has. */
export const number = fc.oneof(
  fc.constantFrom(0, -0, 1, 4, 7, 8, 16, 63, 64, 960, 1016, 1020, 1023, 1024, 1025, 4096),
  fc.constantFrom(-1, 0.5, NaN, Infinity, -Infinity, Number.MIN_VALUE, Number.MAX_VALUE),
  fc.constantFrom(
    ...[31, 32, 33, 52, 53, 61, 63, 64].flatMap((bits) => [2 ** bits - 8, 2 ** bits - 1, 2 ** bits, -(2 ** bits)]),
  ),
  fc.nat(1100),
  fc.double(),
);

const text = fc.oneof(
  fc.constantFrom(
    '',
    'records',
    'events',
    '.rodata',
    'count_classic',
    'tp/syscalls',
    'syscalls/sys_enter_geteuid',
    '/',
    '\0',
    '__proto__',
  ),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('x'.repeat(70_000), '\ud800', '%s%n%p', '../'.repeat(300)),
);

/** Anything at all. */
export const anything: fc.Arbitrary<unknown> = fc.oneof(
  { weight: 4, arbitrary: number },
  { weight: 4, arbitrary: view },
  { weight: 2, arbitrary: text },
  { weight: 1, arbitrary: objects.map((make) => make()) },
  { weight: 1, arbitrary: fc.constantFrom<unknown>(undefined, null, true, false, 0n, -1n, 2n ** 64n, Symbol('a')) },
);
