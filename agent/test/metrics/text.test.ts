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

/** What a reader may expect of a value. */
const shown = (value: string): string => value.slice(0, MAX_LABEL_LENGTH).toWellFormed();
