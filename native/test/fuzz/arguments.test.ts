/** Every method of every class with any arguments: it returns, or throws what is promised, and touches nothing else. */
import { closeSync } from 'node:fs';
import fc from 'fast-check';
import { afterAll, beforeEach, expect, test } from 'vitest';
import type { BpfObject } from '../../lib/index.ts';
import { FIXTURE, binding, loadFixture, openFixture } from '../fixture.ts';
import { anything, isThrown, runs } from './hostile.ts';

type Method = (...args: unknown[]) => unknown;
/** What a method may be called on, by class. */
type Receivers = Readonly<Record<string, object>>;

/** Nothing but these may come out, or what an argument has thrown itself. */
function isPromised(error: unknown): boolean {
  if (error instanceof TypeError || error instanceof RangeError) return true;
  return isThrown(error) || (error instanceof Error && error.name === 'BpfError' && 'errno' in error);
}

let opened: BpfObject;
let loaded: BpfObject;
let receivers: Receivers;

/** Again, because some calls close or load it. */
function renew(): void {
  opened.close();
  loaded.close();
  [opened, loaded] = [openFixture(), loadFixture()];
  receivers = receiversOf();
}

const receiversOf = (): Receivers => ({
  binding,
  opened,
  loaded,
  program: loaded.program('count_classic'),
  syscall: loaded.program('refuse'),
  unloaded: opened.program('emit'),
  array: loaded.map('records'),
  hash: loaded.map('by_key'),
  queue: loaded.map('queue'),
  perCpu: loaded.map('per_cpu'),
  ringMap: loaded.map('events'),
  unloadedMap: opened.map('records'),
  region: loaded.map('records').mapRegion(),
  odd: loaded.map('odd').mapRegion(),
  ring: loaded.map('events').consume(16, () => undefined),
  link: loaded.program('count_btf').attach(),
});

beforeEach(() => {
  [opened, loaded] = [openFixture(), loadFixture()];
  receivers = receiversOf();
  return () => {
    opened.close();
    loaded.close();
  };
});
afterAll(() => {
  expect(binding.liveHandles()).toBe(0);
});

/** All methods and getters there are, as `class.name`. */
const MEMBERS = (() => {
  [opened, loaded] = [openFixture(), loadFixture()];
  const members = Object.entries(receiversOf()).flatMap(([name, receiver]) => {
    const holder = name === 'binding' ? receiver : (Object.getPrototypeOf(receiver) as object);
    return Object.getOwnPropertyNames(holder)
      .filter((member) => member !== 'constructor' && member !== 'libbpfVersion')
      .map((member) => [name, member] as const);
  });
  opened.close();
  loaded.close();
  return members;
})();

function call(receiver: object, self: unknown, member: string, args: readonly unknown[]): void {
  let holder: object | null = receiver;
  while (holder !== null && !Object.hasOwn(holder, member)) holder = Object.getPrototypeOf(holder) as object | null;
  const property = Object.getOwnPropertyDescriptor(holder ?? {}, member);
  try {
    const result: unknown = Reflect.apply(
      (property?.value ?? Reflect.get(property ?? {}, 'get')) as Method,
      self,
      args,
    );
    if (member === 'pidfdOpen') closeSync(result as number);
    if (member === 'openObject') (result as BpfObject).close();
    if (result instanceof Promise) result.catch(() => undefined);
  } catch (error) {
    if (!isPromised(error)) throw error;
  }
}

test('there are as many members as the contract names', () => {
  expect(new Set(MEMBERS.map(([, member]) => member)).size).toBeGreaterThan(35);
});

test('any arguments', () => {
  fc.assert(
    fc.property(fc.constantFrom(...MEMBERS), fc.array(anything, { maxLength: 6 }), ([name, member], args) => {
      const receiver = receivers[name];
      if (receiver === undefined) throw new Error(name);
      call(receiver, receiver, member, args);
      if (member === 'close' || member === 'load') renew();
    }),
    runs(800),
  );
});

test('any `this`', () => {
  const self = fc.oneof(
    anything,
    fc.constantFrom(...Object.keys(receivers)).map((name) => ({ name })),
  );
  fc.assert(
    fc.property(fc.constantFrom(...MEMBERS), self, ([name, member], value) => {
      const other =
        value !== null && typeof value === 'object' && 'name' in value ? receivers[String(value.name)] : undefined;
      const receiver = receivers[name];
      if (receiver === undefined) throw new Error(name);
      call(receiver, other ?? value, member, []);
      if (member === 'close' || member === 'load') renew();
    }),
    runs(400),
  );
});

test('what is opened stays whole: the fixture still counts after all of it', () => {
  const before = Buffer.from(FIXTURE);
  fc.assert(
    fc.property(fc.array(anything, { maxLength: 4 }), (args) => {
      call(binding, binding, 'openObject', args);
    }),
    runs(200),
  );
  expect(FIXTURE.equals(before)).toBe(true);
});
