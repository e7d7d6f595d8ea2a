import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // One group after the other: nothing else runs while the live tests count what the kernel sees. (Group 0 is vitest's
    // default, and does not keep its place where there is one worker.)
    projects: [
      {
        test: {
          name: 'unit',
          sequence: { groupOrder: 1 },
          // One core is left idle otherwise.
          maxWorkers: '100%',
          include: ['agent/test/**/*.test.ts', 'dashboards/**/*.test.ts'],
          exclude: ['agent/test/{live,kernels,e2e}/**'],
          // A hang ends some day; how fast the machine is decides nothing.
          testTimeout: 60_000,
          expect: { poll: { timeout: 50_000 } },
        },
      },
      {
        test: {
          name: 'native',
          sequence: { groupOrder: 2 },
          include: ['native/test/**/*.test.ts'],
          // Each file in a process of its own: a binding that crashes takes only its own file along, and
          // handles that a test leaves open cannot be seen by another.
          pool: 'forks',
          testTimeout: 60_000,
          // Vitest's own is a second: too little for a sanitized binding on a busy machine.
          expect: { poll: { timeout: 50_000 } },
        },
      },
      {
        test: {
          name: 'live',
          sequence: { groupOrder: 3 },
          include: ['agent/test/live/**/*.test.ts'],
          pool: 'forks',
          // The kernel is one for all: what one file attempts, the programs of another would count.
          fileParallelism: false,
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'package',
          sequence: { groupOrder: 4 },
          include: ['packaging/test/*.test.ts'],
          // Packages of Node are large.
          testTimeout: 300_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
