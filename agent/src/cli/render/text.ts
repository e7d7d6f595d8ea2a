/** Words, numbers and names for lines of a terminal. Pure. */
import { widthOf } from '../../model/text.ts';

export { nameText } from '../../model/text.ts';

/** Columns of a terminal that nobody has widened. */
export const WIDTH = 80;

/** The text in lines of at most WIDTH columns: the first behind `first`, the others behind `indent` spaces. */
export function wrap(first: string, text: string, indent = first.length): string[] {
  const lines: string[] = [];
  let line = first;
  let empty = true;
  for (const word of text.split(' ')) {
    if (!empty && widthOf(line) + 1 + widthOf(word) > WIDTH) {
      lines.push(line);
      line = ' '.repeat(indent);
      empty = true;
    }
    line += empty ? word : ` ${word}`;
    empty = false;
  }
  return [...lines, line];
}

/** `1 transfer`, `2 transfers`. */
export function count(number: number, noun: string): string {
  return `${String(number)} ${number === 1 ? noun : plural(noun)}`;
}

/** The plural of a noun that forms it regularly. */
function plural(noun: string): string {
  return `${noun}${noun.endsWith('s') ? 'es' : 's'}`;
}

/** `a`, `a and b`, `a, b and c`. */
export function listText(items: readonly string[]): string {
  return items.length < 2 ? items.join('') : `${items.slice(0, -1).join(', ')} and ${items.at(-1) ?? ''}`;
}

/** Errnos and how often, the most frequent first: `EAGAIN 2, EINVAL 1`. */
export function countsText(counts: Readonly<Record<string, number>>): string {
  return Object.entries(counts)
    .sort(([, a], [, b]) => b - a)
    .map(([name, number]) => `${name} ${String(number)}`)
    .join(', ');
}

const TIMES = [
  [1, 's'],
  [1e-3, 'ms'],
  [1e-6, 'us'],
  [1e-9, 'ns'],
] as const;

/** Seconds in the unit that suits them, with three digits: `2.05 us`. */
export function secondsText(seconds: number): string {
  const [size, unit] = TIMES.find(([smallest]) => seconds >= smallest) ?? [1e-9, 'ns'];
  return `${String(Number((seconds / size).toPrecision(3)))} ${unit}`;
}
