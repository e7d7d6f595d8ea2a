/** Numbers as the page writes them. Pure. */

/** Every digit, in groups: `1,234,567`. */
export const countText = (count: number): string => count.toLocaleString('en-US', { maximumFractionDigits: 0 });

/** Three digits that matter: `0.4`, `12`, `1.23 k`, `45.6 M`; `0` only for nothing at all. */
export function rateText(rate: number): string {
  if (rate === 0) return '0';
  if (rate < 0.1) return '< 0.1';
  for (const [unit, size] of [
    ['G', 1e9],
    ['M', 1e6],
    ['k', 1e3],
  ] as const) {
    if (rate >= size) return `${(rate / size).toPrecision(3)} ${unit}`;
  }
  return rate < 10 ? rate.toFixed(1) : rate.toFixed(0);
}

/** A part of a whole: `0.3 %`; never `0 %` or `100 %` unless it is. */
export function shareText(part: number, whole: number): string {
  if (whole === 0) return '–';
  const percent = (100 * part) / whole;
  if (percent === 0 || percent === 100) return `${String(percent)} %`;
  if (percent < 0.1) return '< 0.1 %';
  if (percent > 99.9) return '> 99.9 %';
  return `${percent.toFixed(1)} %`;
}

/** `14:03:07`, UTC, of a time in RFC 3339. */
export const clockText = (time: string): string => time.slice(11, 19);
