/** Whatever stands in a file: a configuration, or problems with their places in it. */
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { type Files, loadConfig, MOST_KIB } from '../../src/config/load.ts';
import { ConfigError } from '../../src/config/problems.ts';
import { OPTIONS } from './support.ts';

vi.setConfig({ testTimeout: 60_000 });

const packaged = readFileSync(new URL('../../../packaging/config.yaml', import.meta.url), 'utf8');
const VALID = packaged.replace(/^#(?=[^ \n]| {2})/gm, '');

/** Loads bytes; what is thrown must be a ConfigError with places inside the text. Says whether there were problems. */
function loads(bytes: Uint8Array): boolean {
  const files: Files = { readFile: () => bytes, fileExists: () => true };
  try {
    loadConfig('c.yaml', { ...OPTIONS, required: true, files });
    return true;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    const lines = new TextDecoder().decode(bytes).split('\n');
    expect(error.problems.length).toBeGreaterThan(0);
    for (const { line, column, message } of error.problems) {
      expect(message).not.toBe('');
      // The line break belongs to its line.
      const length = (lines[(line ?? 0) - 1]?.length ?? -1) + (line === lines.length ? 0 : 1);
      expect(column).toBeGreaterThanOrEqual(1);
      expect(column).toBeLessThanOrEqual(length);
    }
    return false;
  }
}

/** What means something to YAML or to the schema. */
const piece = fc.oneof(
  fc.stringMatching(/^[\t\n\r :\-?,[\]{}#&*!|>'"%@`~<=\\0]$/),
  fc.constantFrom(
    '\n---\n',
    '\n...\n',
    '\n\t',
    ': ',
    ' #',
    '&a ',
    '*a',
    '!!int ',
    '<<: *a',
    '%YAML 1.1\n',
    '\u2028',
    '\ufeff',
    '\x00',
    '💥',
  ),
  fc.constantFrom(...VALID.split(/\s+/)),
  fc.constantFrom(...VALID.split('\n').map((line) => `\n${line}\n`)),
  fc.string({ unit: 'binary', maxLength: 5 }),
);

const mutation = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  remove: fc.nat(40),
  insert: fc.option(piece, { nil: '' }),
});

function mutate(text: string, { at, remove, insert }: { at: number; remove: number; insert: string }): string {
  const start = Math.floor(at * text.length);
  return text.slice(0, start) + insert + text.slice(start + remove);
}

it('a valid file is valid', () => {
  expect(loads(Buffer.from(VALID))).toBe(true);
});

it('mutations of a valid file', () => {
  const outcomes = new Set<boolean>();
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 6 }), (mutations) => {
      outcomes.add(loads(Buffer.from(mutations.reduce(mutate, VALID))));
    }),
    { numRuns: 500 },
  );
  expect(outcomes.size).toBe(2);
});

it('beginnings of a valid file, at each character', () => {
  for (let end = 0; end <= VALID.length; end++) loads(Buffer.from(VALID.slice(0, end)));
});

it('pieces of YAML', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => void loads(Buffer.from(pieces.join('')))),
    { numRuns: 500 },
  );
});

it('bytes', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => void loads(bytes)),
    { numRuns: 500 },
  );
});

describe('a file that is made to take long', () => {
  // what stands around it has room too
  const many = (text: string) => text.repeat(Math.floor((MOST_KIB * 1024 - 100) / text.length));
  const levels = Array.from(
    { length: 40 },
    (_, i) => `a${String(i)}: &a${String(i)} [${`*a${String(i - 1)}, `.repeat(9)}]`,
  );

  it.each([
    ['aliases of aliases', `a: &a-1 [x]\n${levels.join('\n')}\nconfirm: *a39\nalerts: {rules: *a39}`],
    ['keys', Array.from({ length: 10_000 }, (_, i) => `key${String(i)}: 1`).join('\n')],
    ['the same key', many('confirm: auto\n')],
    [
      'rules',
      `alerts:\n  rules:\n${Array.from({ length: 4000 }, (_, i) => `    Sendfile${String(i)}: {x: 1}`).join('\n')}`,
    ],
    ['lists', many('[')],
    ['maps', many('{a: ')],
    ['items', many('- ')],
    ['complex keys', many('? ')],
    ['anchors', many('&a ')],
    ['quotes', many('"')],
    ['tabs', many('a:\n\tb\n')],
    ['directives', many('%a\n')],
    ['labels', `alerts: {rules: {SendfileFallback: {ratio: {numerator: 'x{${many('a="b", ')}'}}}}`],
    ['values', `alerts: {rules: {SendfileFallback: {ratio: {numerator: 'x{a="${many('|')}"}'}}}}`],
    ['placeholders', `alerts: {rules: {SendfileFallback: {summary: '${many('{{')}'}}}`],
  ])(
    '%s',
    (_name, text) => {
      expect(loads(Buffer.from(text))).toBe(false);
    },
    10_000,
  );
});
