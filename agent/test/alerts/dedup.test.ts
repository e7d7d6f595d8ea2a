import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { dedupKey } from '../../src/alerts/dedup.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

test('a key stays the same from one version of the agent to the next', () => {
  expect(dedupKey('h', 'SendfileFallback', { unit: 'nginx.service', comm: 'nginx' })).toBe(
    `spillway:SendfileFallback:${sha256(String.raw`["h","SendfileFallback","[\"nginx.service\",\"nginx\"]"]`)}`,
  );
  expect(dedupKey('h', 'CqOverflow', null)).toBe(`spillway:CqOverflow:${sha256('["h","CqOverflow","host"]')}`);
});

test('what differs in host, rule or subject has another key', () => {
  const keys = [
    dedupKey('h', 'R', null),
    dedupKey('g', 'R', null),
    dedupKey('h', 'S', null),
    dedupKey('h', 'R', { unit: '', comm: 'host' }),
    dedupKey('h', 'R', { unit: 'a', comm: 'bc' }),
    dedupKey('h', 'R', { unit: 'ab', comm: 'c' }),
    dedupKey('h', 'R', { unit: 'a","b', comm: 'c' }),
    dedupKey('h', 'R', { unit: 'a', comm: 'b","c' }),
    dedupKey('h', 'R'.repeat(500), null),
    dedupKey('h', 'R'.repeat(501), null),
  ];
  expect(new Set(keys).size).toBe(keys.length);
});

test('a key is at most 255 characters long', () => {
  const key = dedupKey('h'.repeat(500), 'R'.repeat(500), { unit: 'u'.repeat(500), comm: 'c' });
  expect(key).toMatch(/^spillway:R+:[0-9a-f]{64}$/);
  expect(key.length).toBeLessThanOrEqual(255);
});
