/** Text that others chose, and numbers, for a terminal. */

/** Control and format characters, lone surrogates and line separators: what a terminal would obey instead of show. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

/** The text with everything that a terminal would act on as `\xNN` or `\u{N}`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.codePointAt(0) ?? 0;
    return code < 0x100 ? `\\x${code.toString(16).padStart(2, '0')}` : `\\u{${code.toString(16)}}`;
  });
}

/** Characters that take two columns: CJK, full-width forms, emoji. */
const WIDE =
  /[\u{1100}-\u{115f}\u{2e80}-\u{a4cf}\u{ac00}-\u{d7a3}\u{f900}-\u{faff}\u{fe30}-\u{fe6f}\u{ff00}-\u{ff60}\u{1f000}-\u{3fffd}]|\p{Emoji_Presentation}/u;

/** Columns that the text takes in a terminal. Marks that combine count too: a name may consist of nothing else. */
export function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** Untrusted text, harmless and at most so many columns wide: of a longer one the beginning and, rather, the end. */
export function nameText(name: string, most: number): string {
  const text = printable(name);
  if (widthOf(text) <= most) return text;
  // by character of the name: an escape is shown whole or not at all
  const shown = Array.from(name, printable);
  const head = leading(shown, Math.floor((most - 1) / 3));
  const tail = leading(shown.toReversed(), most - 1 - widthOf(head.join(''))).toReversed();
  return `${head.join('')}…${tail.join('')}`;
}

/** As many of these from the beginning as fit. */
function leading(texts: readonly string[], most: number): readonly string[] {
  let width = 0;
  const end = texts.findIndex((text) => (width += widthOf(text)) > most);
  return end === -1 ? texts : texts.slice(0, end);
}

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB', 'PiB'];

/** `49152` -> `48.0 KiB`. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${String(bytes)} B` : `${value.toFixed(1)} ${UNITS[unit] ?? ''}`;
}

/** Rows of cells in columns, two spaces apart; the first `left` columns are aligned left, the others right. */
export function columns(rows: readonly (readonly string[])[], left: number): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    row.forEach((cell, i) => {
      widths[i] = Math.max(widths[i] ?? 0, widthOf(cell));
    });
  }
  return rows.map((row) =>
    row
      .map((cell, i) => {
        const padding = ' '.repeat((widths[i] ?? 0) - widthOf(cell));
        return i < left ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd(),
  );
}
