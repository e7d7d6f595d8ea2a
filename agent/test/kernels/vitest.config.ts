import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Apart from the others: these tests boot machines, which takes minutes; `make test-kernels` runs them. */
export default defineConfig({
  root: fileURLToPath(new URL('../../../', import.meta.url)),
  test: {
    name: 'kernels',
    include: ['agent/test/kernels/**/*.test.ts'],
    pool: 'forks',
    // One machine at a time: each is to have the processors for itself.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 3_600_000,
  },
});
