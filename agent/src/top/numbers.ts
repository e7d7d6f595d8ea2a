/** Numbers in few columns, and attempts by outcome as a bar. Pure. */
import { OUTCOMES, type Outcome } from '../abi/layout.ts';
import type { Line } from './line.ts';

const UNITS = ['', 'k', 'M', 'G', 'T', 'P'] as const;

/** A rate in at most five columns: `0`, `0.4`, `12`, `1.2k`, `34k`. What is not quite 0 does not look like it. */
export function rateText(rate: number): string {
  if (rate === 0) return '0';
  if (rate < 0.05) return '<0.1';
  return rate < 9.95 ? rate.toFixed(1).replace(/\.0$/, '') : scaled(rate);
}

/** A count: exact while there is room. */
export function countText(count: number, width: number): string {
  const exact = String(count);
  return exact.length <= width ? exact : scaled(count);
}

function scaled(number: number): string {
  let value = number;
  let unit = 0;
  while (value >= 999.5 && unit < UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value < 9.95 && unit > 0 ? value.toFixed(1) : value.toFixed(0)}${UNITS[unit] ?? ''}`;
}

/** `-` of nothing; what is not quite nothing or all does not look like it. At most four columns. */
export function percentText(part: number, whole: number): string {
  if (whole === 0) return '-';
  const percent = (100 * part) / whole;
  if (part === 0) return '0';
  if (percent < 0.05) return '<0.1';
  if (percent < 9.95) return percent.toFixed(1);
  if (percent >= 99.5 && part < whole) return '>99';
  return percent.toFixed(0);
}

/** The letter of each outcome, so that a bar can be read without colours. */
export const LETTERS: Readonly<Record<Outcome, string>> = {
  zerocopy: '=',
  copied: 'c',
  retry: 'r',
  refused: 'x',
  denied: 'd',
  failed: 'f',
};

/** Shares of attempts as so many columns; what occurred at all has one, as long as there are enough. Empty if nothing did. */
export function bar(outcomes: Readonly<Partial<Record<Outcome, number>>>, width: number): Line {
  const parts = OUTCOMES.map((outcome) => ({ outcome, count: outcomes[outcome] ?? 0 })).filter(
    ({ count }) => count > 0,
  );
  const sum = parts.reduce((all, { count }) => all + count, 0);
  const cells = parts.map(({ count }) => Math.max(1, Math.floor((width * count) / sum)));
  // what rounding left over or took too much of: from and to the largest, where it changes the picture least
  let rest = parts.length === 0 ? 0 : width - cells.reduce((all, cell) => all + cell, 0);
  while (rest !== 0) {
    const at = cells.indexOf(Math.max(...cells));
    if (rest < 0 && (cells[at] ?? 0) === 0) break;
    const by = rest > 0 ? rest : -1;
    cells[at] = (cells[at] ?? 0) + by;
    rest -= by;
  }
  return parts.flatMap(({ outcome }, i) => {
    const cell = cells[i] ?? 0;
    return cell === 0 ? [] : [{ text: LETTERS[outcome].repeat(cell), style: outcome }];
  });
}
