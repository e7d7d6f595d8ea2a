import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { metricsMarkdown } from '../../src/metrics/docs.ts';

test('docs/metrics.md is what the catalogue says (vitest --update=all writes it)', async () => {
  await expect(metricsMarkdown()).toMatchFileSnapshot(
    fileURLToPath(new URL('../../../docs/metrics.md', import.meta.url)),
  );
});
