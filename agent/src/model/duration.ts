/** Times as people write them. Pure. */

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `10s`, `5m`, `1h`, or seconds without a unit -> milliseconds, 0 or more; undefined if it is no time. */
export function parseDuration(text: string): number | undefined {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text);
  const milliseconds = Number(match?.[1]) * (UNITS[match?.[2] ?? 's'] ?? NaN);
  return Number.isFinite(milliseconds) ? milliseconds : undefined;
}

/** Milliseconds -> the shortest text that `parseDuration` understands: `90s`, `5m`. */
export function durationText(milliseconds: number): string {
  const unit = Object.keys(UNITS).findLast((name) => milliseconds % (UNITS[name] ?? NaN) === 0);
  if (milliseconds === 0) return '0s';
  return unit === undefined ? `${String(milliseconds)}ms` : `${String(milliseconds / (UNITS[unit] ?? NaN))}${unit}`;
}
