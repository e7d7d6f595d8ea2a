/** Lines of a terminal as pieces of one style each. Pure. */
import type { Outcome } from '../abi/layout.ts';
import { widthOf } from '../model/text.ts';

export type Style = 'plain' | 'bold' | 'dim' | 'reverse' | 'warning' | 'alarm' | Outcome;

export interface Span {
  readonly text: string;
  readonly style: Style;
}
/** From left to right. */
export type Line = readonly Span[];

/** What may be sent beside text: nothing, no colours (NO_COLOR), or the sixteen that every terminal has. */
export type Palette = 'text' | 'attributes' | 'colours';

export const span = (text: string, style: Style = 'plain'): Span => ({ text, style });

export const lineWidth = (line: Line): number => line.reduce((sum, { text }) => sum + widthOf(text), 0);

export const textOf = (line: Line): string => line.map(({ text }) => text).join('');

/** The beginning of a line, no wider than that. */
export function cut(line: Line, width: number): Line {
  const result: Span[] = [];
  let left = width;
  for (const { text, style } of line) {
    const whole = widthOf(text);
    if (whole <= left) {
      result.push({ text, style });
      left -= whole;
      continue;
    }
    let part = '';
    for (const character of text) {
      const columns = widthOf(character);
      if (columns > left) break;
      part += character;
      left -= columns;
    }
    return part === '' ? result : [...result, { text: part, style }];
  }
  return result;
}

/** Text in a field: cut or filled with spaces. */
export function field(text: string, width: number, align: 'left' | 'right' = 'left'): string {
  const [{ text: fitting } = span('')] = cut([span(text)], width);
  const space = ' '.repeat(Math.max(0, width - widthOf(fitting)));
  return align === 'left' ? fitting + space : space + fitting;
}

const ATTRIBUTES: Readonly<Partial<Record<Style, string>>> = {
  bold: '1',
  dim: '2',
  reverse: '7',
  warning: '1',
  alarm: '1;7',
};
const COLOURS: Readonly<Partial<Record<Style, string>>> = {
  ...ATTRIBUTES,
  warning: '1;31',
  alarm: '1;37;41',
  zerocopy: '32',
  copied: '33',
  retry: '36',
  refused: '31',
  denied: '35',
  failed: '1;35',
};
const CODES: Readonly<Record<Palette, Readonly<Partial<Record<Style, string>>>>> = {
  text: {},
  attributes: ATTRIBUTES,
  colours: COLOURS,
};

/** What to send to the terminal for a line. */
export function paint(line: Line, palette: Palette): string {
  return line
    .map(({ text, style }) => {
      const code = CODES[palette][style];
      return code === undefined || text === '' ? text : `\x1b[${code}m${text}\x1b[0m`;
    })
    .join('');
}
