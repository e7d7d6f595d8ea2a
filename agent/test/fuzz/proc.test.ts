/** Texts of /proc, of which programs choose parts: names with line breaks, ends in the middle, fields that are missing or too many. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  cgroupDirectory,
  cgroupMountsOf,
  fieldsOf,
  limitOf,
  memoryCgroupOf,
  numberOr,
  openFlagsOf,
  pairsOf,
  pressureOf,
  READ_LIMIT,
  ringOf,
  startTicksOf,
} from '../../src/alerts/proc.ts';
import { filesystemsOf } from '../../src/inspect/facts.ts';
import { mappedFilesOf } from '../../src/inspect/maps.ts';
import { bounded, changedBytes, hostileText, runs } from './support.ts';

const own = (name: string) => readFileSync(`/proc/self/${name}`, 'latin1');

/** What each reads, and what holds for whatever it makes of it. */
const READERS: Readonly<Record<string, { readonly seed: string; readonly read: (text: string) => unknown }>> = {
  status: { seed: own('status'), read: (text) => Object.fromEntries(fieldsOf(text)) },
  stat: { seed: own('stat'), read: (text) => ({ ticks: startTicksOf(text) }) },
  limits: { seed: own('limits'), read: (text) => limitOf(text, 'Max open files') },
  cgroup: { seed: own('cgroup'), read: memoryCgroupOf },
  mountinfo: {
    seed: own('mountinfo'),
    read: (text) => {
      const mounts = cgroupMountsOf(text);
      return [mounts, mounts.map(({ version, root }) => cgroupDirectory({ version, path: `${root}/a` }, mounts))];
    },
  },
  filesystems: { seed: own('mountinfo'), read: (text) => [...filesystemsOf(text)] },
  maps: { seed: own('maps'), read: mappedFilesOf },
  'memory.events': { seed: 'low 0\nhigh 0\nmax 12\noom 1\noom_kill 0\n', read: pairsOf },
  'memory.pressure': {
    seed: 'some avg10=0.00 avg60=1.20 avg300=0.00 total=0\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=7\n',
    read: pressureOf,
  },
  ring: {
    seed: 'pos:\t0\nflags:\t02000002\nSqMask:\t0x7\nSqHead:\t1\nSqTail:\t2\nCqMask:\t0xf\nCqHead:\t3\nCqTail:\t4\nSqThread:\t-1\nCqOverflowList:\n  user_data=1, res=0, flags=0\n',
    read: ringOf,
  },
};

/** Nothing of a type that JSON does not have, no more of it than there was text, and no member that is not its own. */
function isPlain(value: unknown, most: number): void {
  const json = JSON.stringify(value);
  expect(json.length).toBeLessThanOrEqual(200 + 40 * most);
  expect(Object.getPrototypeOf(value ?? {})).toBe(Array.isArray(value) ? Array.prototype : Object.prototype);
}

describe.each(Object.entries(READERS))('%s', (_, { seed, read }) => {
  it('changed in any way is read as far as it goes', () => {
    fc.assert(
      fc.property(changedBytes(Buffer.from(seed, 'latin1')), (bytes) =>
        isPlain(read(bytes.toString('latin1')), bytes.length),
      ),
      runs(150),
    );
  });

  it('with any text in its lines is read as far as it goes', () => {
    const lines = seed.split('\n').slice(0, 30);
    const text = fc
      .array(fc.tuple(fc.nat(lines.length - 1), hostileText, fc.boolean()), { maxLength: 5 })
      .map((changes) => {
        const changed = [...lines];
        for (const [at, put, behind] of changes)
          changed[at] = behind ? `${changed[at] ?? ''}${put}` : `${put}${changed[at] ?? ''}`;
        return changed.join('\n');
      });
    fc.assert(
      fc.property(text, (changed) => isPlain(read(changed), changed.length)),
      runs(100),
    );
  });

  it.each(['a', ' ', '0', 'a ', 'a=', '-', '/', '\\', ' - ', ':', '\n', 'some a', '1 - ', '0-0 ', '()'])(
    'with nothing but %j, as long as it may be, takes no time to speak of',
    (piece) => {
      const text = piece.repeat(READ_LIMIT / piece.length);
      const [first = ''] = /^.*?[ :]/.exec(seed) ?? [];
      for (const long of [text, first + text, seed + text, `some ${text}`, `CqOverflowList:\n${text}`]) {
        bounded(() => read(long));
      }
    },
  );
});

it('numbers and flags of any text', () => {
  fc.assert(
    fc.property(fc.oneof(hostileText, fc.bigInt().map(String), fc.double().map(String)), (text) => {
      const value = numberOr(text);
      if (typeof value === 'number')
        expect(String(value)).toBe(
          text
            .trim()
            .replace(/^(-?)0+(?=\d)/, '$1')
            .replace(/^-0$/, '0'),
        );
      expect(openFlagsOf(text).length).toBeGreaterThan(0);
    }),
    runs(1000),
  );
});
