import { expect, it } from 'vitest';
import { FilePages, residentOfFiles } from '../../src/service/file-pages.ts';

const MIB = 2 ** 20;

it('gives pages back once a start is over, and later each time that they have become many, at most once a minute', () => {
  let now = 5000;
  let resident = 50 * MIB;
  const released: number[] = [];
  const pages = new FilePages({
    monotonicMs: () => now,
    resident: () => resident,
    release: () => {
      released.push(now);
    },
  });
  const run = (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      now += 1000;
      pages.tick();
    }
  };
  run(7);
  expect(released).toEqual([]);
  run(1);
  expect(released).toEqual([13_000]);
  run(59);
  expect(released).toEqual([13_000]);
  run(61);
  expect(released).toEqual([13_000, 73_000, 133_000]);
  resident = 20 * MIB;
  run(300);
  expect(released.length).toBe(3);
});

it('reads how many there are from /proc, or that there are none to be seen', () => {
  expect(residentOfFiles('VmRSS:\t  70000 kB\nRssAnon:\t  20000 kB\nRssFile:\t   47616 kB\n')).toBe(47_616 * 1024);
  expect(residentOfFiles('')).toBe(0);
});
