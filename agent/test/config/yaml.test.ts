import { expect, it, vi } from 'vitest';
import type * as Yaml from 'yaml';
import { problemsOf } from './support.ts';

vi.mock('yaml', async (original) => ({
  ...(await original<typeof Yaml>()),
  parseDocument: () => {
    throw new RangeError('Maximum call stack size exceeded');
  },
}));

it('a parser that throws, which it does not promise never to do, is a problem of the file', () => {
  expect(problemsOf('confirm: auto')).toEqual(['1:1: this cannot be parsed (RangeError)']);
});
