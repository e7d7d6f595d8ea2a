import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { bytesText, columns, printable, widthOf } from '../../src/model/text.ts';

describe('printable', () => {
  it('shows what a terminal would obey', () => {
    expect(printable('a\n\u001b[31mred\u0007')).toBe('a\\x0a\\x1b[31mred\\x07');
    expect(printable('\u202eevil\u2028\ud800')).toBe('\\u{202e}evil\\u{2028}\\u{d800}');
    expect(printable('naïve "quoted" {x} 字')).toBe('naïve "quoted" {x} 字');
  });

  it('never lets a control character through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(printable(text)).not.toMatch(/[\p{Cc}\p{Cf}]/u);
      }),
    );
  });
});

it('bytesText keeps small numbers exact and large ones readable', () => {
  expect([0, 1023, 1024, 49_152, 1_572_864].map(bytesText)).toEqual([
    '0 B',
    '1023 B',
    '1.0 KiB',
    '48.0 KiB',
    '1.5 MiB',
  ]);
});

it('columns aligns names left and numbers right', () => {
  const rows = [
    ['comm', 'pid'],
    ['nginx', '7'],
    ['a', '12345'],
  ];
  expect(columns(rows, 1)).toEqual(['comm     pid', 'nginx      7', 'a      12345']);
});

it.each([
  ['', 0],
  ['nginx…', 6],
  ['漢字', 4],
  ['ｗ', 2],
  ['한', 2],
  ['😀', 2],
  ['✅', 2],
  ['e\u0301', 2],
])('%s takes %d columns', (text, width) => {
  expect(widthOf(text)).toBe(width);
});

it('columns are as wide as a terminal shows them', () => {
  const rows = [
    ['漢字', '1', 'x'],
    ['nginx', '漢', 'x'],
    ['😀', '12345', 'x'],
  ];
  expect(columns(rows, 1)).toEqual(['漢字       1  x', 'nginx     漢  x', '😀     12345  x']);
});
