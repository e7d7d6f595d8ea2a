import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

/** Apart from the others: it needs a docker daemon, which `make test-container` has. */
export default defineConfig({
  root: fileURLToPath(new URL('../../../', import.meta.url)),
  test: {
    name: 'image',
    include: ['packaging/test/image/*.test.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});
