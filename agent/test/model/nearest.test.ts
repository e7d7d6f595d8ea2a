import { expect, it } from 'vitest';
import { didYouMean, nearest } from '../../src/model/nearest.ts';

const words = ['auto', 'always', 'never', 'listen_address', 'for'];

it.each([
  ['alway', 'always'],
  ['alwyas', 'always'],
  ['ALWAYS', 'always'],
  ['nevr', 'never'],
  ['nevver', 'never'],
  ['listen-adress', 'listen_address'],
  ['fro', 'for'],
])('%s was to be %s', (text, word) => {
  expect(nearest(text, words)).toBe(word);
});

it.each(['', 'sometimes', 'a', 'foobar', 'reven', 'x'.repeat(1000)])('%j is near none', (text) => {
  expect(nearest(text, words)).toBeUndefined();
});

it('the nearest of several', () => {
  expect(nearest('workload', ['workloads', 'workload', 'work'])).toBe('workload');
});

it('is said in words, or not at all', () => {
  expect(didYouMean('nver', words)).toBe('; did you mean never?');
  expect(didYouMean('nothing', words)).toBe('');
});
