import { describe, expect, test } from 'vitest';
import { Bucket } from '../../../src/web/access/bucket.ts';
import { credentialsOf, Passwords } from '../../../src/web/access/passwords.ts';

const HASH = `$2y$10$${'a'.repeat(53)}`;
const users = new Map([['alice', HASH]]);

/** Checks that end when they are told to. A password is right if it is `right`. */
function slow() {
  const asked: { password: string; hash: string; end: () => void }[] = [];
  const slept: number[] = [];
  let now = 0;
  const passwords = new Passwords({
    check: (password, hash) =>
      new Promise((resolve) => {
        asked.push({
          password,
          hash,
          end: () => {
            now += 70;
            resolve(password === 'right');
          },
        });
      }),
    monotonicMs: () => now,
    sleep: (milliseconds) => Promise.resolve(slept.push(milliseconds)),
  });
  const settle = () => new Promise((resolve) => setImmediate(resolve));
  /** Ends checks until none is left. */
  const finish = async () => {
    for (let i = 0; i < asked.length; i++) {
      asked[i]?.end();
      await settle();
    }
  };
  const verify = (password: string, client = 'c', user = 'alice') => passwords.verify(users, user, password, client);
  return { asked, slept, verify, finish, settle };
}

describe('passwords', () => {
  test('one is checked at a time, the same question once, and what came of it is known from then on', async () => {
    const { asked, verify, finish } = slow();
    const verdicts = Promise.all([verify('right'), verify('right'), verify('wrong')]);
    expect(asked).toHaveLength(1);
    await finish();
    expect(await verdicts).toEqual(['right', 'right', 'wrong']);
    expect(await Promise.all([verify('right'), verify('wrong')])).toEqual(['right', 'wrong']);
    expect(asked).toHaveLength(2);
  });

  test('who is not known is checked against a hash as costly, and is wrong also if it fits', async () => {
    const { asked, verify, finish } = slow();
    const verdict = verify('right', 'c', 'bob');
    await finish();
    expect(await verdict).toBe('wrong');
    expect(asked[0]?.hash).toMatch(/^\$2b\$10\$[./A-Za-z0-9]{53}$/);
  });

  test('after a wrong one there is a pause of three times as long, after a right one none', async () => {
    const { slept, verify, finish } = slow();
    const verdicts = Promise.all([verify('right'), verify('wrong')]);
    await finish();
    await verdicts;
    expect(slept).toEqual([210]);
  });

  test('17 that wait are one too many, of whoever has most of them', async () => {
    const { asked, verify, finish } = slow();
    const first = verify('first');
    const hostile = Array.from({ length: 15 }, (_, i) => verify(`guess ${String(i)}`, 'hostile'));
    const honest = [verify('right', 'honest'), verify('right too', 'another')];
    await finish();
    const verdicts = await Promise.all(hostile);
    expect(verdicts.filter((each) => each === 'busy')).toHaveLength(1);
    expect(verdicts.at(-1)).toBe('busy');
    expect(await Promise.all([first, ...honest])).toEqual(['wrong', 'right', 'wrong']);
    // they take turns
    expect(asked.slice(1, 5).map(({ password }) => password)).toEqual(['guess 0', 'right', 'guess 1', 'right too']);
  });

  test('a flood of wrong ones does not make a right one forgotten', async () => {
    const { asked, verify, finish } = slow();
    const right = verify('right');
    await finish();
    await right;
    for (let i = 0; i < 1200; i++) {
      const wrong = verify(`guess ${String(i)}`);
      asked.at(-1)?.end();
      await wrong;
    }
    const before = asked.length;
    expect(await verify('right')).toBe('right');
    expect(await verify('guess 1199')).toBe('wrong');
    expect(asked).toHaveLength(before);
    // the oldest of them is
    void verify('guess 0');
    expect(asked).toHaveLength(before + 1);
  });

  test('a check that fails is told, and the next one is made', async () => {
    let times = 0;
    const passwords = new Passwords({
      check: () => (times++ === 0 ? Promise.reject(new Error('no thread')) : Promise.resolve(true)),
      monotonicMs: () => 0,
      sleep: () => Promise.resolve(),
    });
    await expect(passwords.verify(users, 'alice', 'x', 'c')).rejects.toThrow('no thread');
    expect(await passwords.verify(users, 'alice', 'x', 'c')).toBe('right');
  });
});

test.each([
  ['Basic YTpi', { user: 'a', password: 'b' }],
  ['bAsIc  YTpiOmM=', { user: 'a', password: 'b:c' }],
  ['Basic Og==', { user: '', password: '' }],
  ['Basic YQ==', undefined],
  ['Basic', undefined],
  ['Basic a b', undefined],
  ['Bearer YTpi', undefined],
  [undefined, undefined],
])('%s says %j', (header, credentials) => {
  expect(credentialsOf(header)).toEqual(credentials);
});

test('a bucket gives what it holds at once, then one every interval, and never holds more', () => {
  const bucket = new Bucket({ intervalMs: 100, burst: 2 }, 0);
  const taken = [0, 0, 0, 99, 100, 150, 200, 10_000, 10_000, 10_000].map((now) => bucket.take(now));
  expect(taken).toEqual([true, true, false, false, true, false, true, true, true, false]);
});
