import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { labelSet, labelText, MAX_LABEL_LENGTH, TextWriter } from '../../src/metrics/text.ts';
import { parseExposition } from '../support/exposition.ts';

/** Any text, and often what has a meaning in the format. */
const untrusted = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({
    unit: fc.constantFrom('\\', '"', '\n', '\r', '{', '}', ',', '=', ' ', '#', 'n', '\u2028', '\ud800', '😀'),
  }),
);

describe('label values', () => {
  test('come back as they were, whatever they hold', () => {
    fc.assert(
      fc.property(untrusted, untrusted, (program, hook) => {
        const writer = new TextWriter();
        writer.sample('program_attached', labelSet('program_attached', [program, hook]), 1);
        writer.sample('program_attached', labelSet('program_attached', ['a', 'b']), 0);
        const samples = parseExposition(writer.text).get('spillway_program_attached')?.samples;
        expect(samples).toEqual([
          { name: 'spillway_program_attached', labels: { program: shown(program), hook: shown(hook) }, value: 1 },
          { name: 'spillway_program_attached', labels: { program: 'a', hook: 'b' }, value: 0 },
        ]);
      }),
    );
  });

  test('are valid UTF-8 and of bounded length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 4 * MAX_LABEL_LENGTH }), (value) => {
        const text = labelText(value);
        expect(text.isWellFormed()).toBe(true);
        // every character may become two
        expect(text.length).toBeLessThanOrEqual(2 * MAX_LABEL_LENGTH);
      }),
    );
  });

  test('a cut through a surrogate pair leaves no half of it', () => {
    expect(labelText('x'.repeat(MAX_LABEL_LENGTH - 1) + '😀')).toBe('x'.repeat(MAX_LABEL_LENGTH - 1) + '\ufffd');
  });

  test('backslash, quote and newline are escaped, and nothing else', () => {
    expect(labelText('a\\b"c\nd{e}f\rg')).toBe('a\\\\b\\"c\\nd{e}f\rg');
  });
});

describe('the writer', () => {
  test('writes each header once, before the first sample of the family', () => {
    const writer = new TextWriter();
    writer.sample('events_lost_total', '', 3);
    writer.sample('collection_success', '', 1);
    expect(writer.text.split('\n')).toEqual([
      expect.stringMatching(/^# HELP spillway_events_lost_total ./),
      '# TYPE spillway_events_lost_total counter',
      'spillway_events_lost_total 3',
      expect.stringMatching(/^# HELP spillway_collection_success ./),
      '# TYPE spillway_collection_success gauge',
      'spillway_collection_success 1',
      '',
    ]);
  });

  test('refuses a family that is torn apart', () => {
    const writer = new TextWriter();
    writer.sample('events_lost_total', '', 3);
    writer.sample('collection_success', '', 1);
    expect(() => writer.sample('events_lost_total', '', 3)).toThrow(/events_lost_total/);
  });

  test.each([
    [2 ** 53 - 1, '9007199254740991'],
    [0.125, '0.125'],
    [1e-7, '1e-7'],
    [Infinity, '+Inf'],
    [-Infinity, '-Inf'],
    [NaN, 'NaN'],
  ])('writes %d as Prometheus reads it', (value, text) => {
    const writer = new TextWriter();
    writer.sample('collection_duration_seconds', '', value);
    expect(writer.text).toContain(`_seconds ${text}\n`);
  });
});

test('every number is written as JavaScript does', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof(
          fc.nat(),
          fc.constantFrom(2 ** 31 - 1, 2 ** 31, 2 ** 32 + 1),
          fc.maxSafeNat(),
          fc.double({ min: -1e300, max: 1e300 }),
        ),
        { maxLength: 20 },
      ),
      (values) => {
        const writer = new TextWriter();
        for (const value of values) writer.sample('table_entries', labelSet('table_entries', ['x'.repeat(128)]), value);
        const lines = writer.text.split('\n').filter((line) => line.startsWith('spillway_'));
        expect(lines.map((line) => line.replace(/.* /, ''))).toEqual(values.map(String));
      },
    ),
  );
});

test('lines are whole wherever a page ends', () => {
  const writer = new TextWriter();
  const samples = Array.from({ length: 3000 }, (_, i) => ['ü'.repeat(i % 128) + String(i), 1 / (i + 3)] as const);
  for (const [table, value] of samples) writer.sample('table_entries', labelSet('table_entries', [table]), value);
  const lines = samples.map(([table, value]) => `spillway_table_entries{table="${labelText(table)}"} ${String(value)}`);
  expect(writer.text.split('\n').slice(2, -1)).toEqual(lines);
});

test('text that is longer than a page is in one piece', () => {
  const writer = new TextWriter();
  const long = `# ${'ü'.repeat(100_000)}\n`;
  writer.sample('events_lost_total', '', 3);
  writer.raw(long);
  writer.sample('collection_success', '', 1);
  expect(writer.text).toMatch(/^# HELP spillway_events_lost_total /);
  expect(writer.text).toContain(`\nspillway_events_lost_total 3\n${long}# HELP spillway_collection_success `);
});

/** What a reader may expect of a value. */
const shown = (value: string): string => value.slice(0, MAX_LABEL_LENGTH).toWellFormed();
