/** bench/history.ndjson: one line for each recorded run, the latest last. */
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Figures } from './stable.ts';
import { ROOT } from './watchers.ts';

export interface Entry {
  readonly date: string;
  readonly machine: string;
  /** What no machine changes: compared by CI. */
  readonly stable: Figures;
  /** Medians of what this machine measured: to look at, compared by nobody. */
  readonly measured: Figures;
}

const HISTORY = join(ROOT, 'bench/history.ndjson');

/** Other compilers and kernels do things a little differently. */
const TOLERANCE = 1.1;

/** @throws Error when nothing was recorded */
export function latest(text = readFileSync(HISTORY, 'utf8')): Entry {
  const line = text.trimEnd().split('\n').at(-1) ?? '';
  return JSON.parse(line) as Entry;
}

export function record(entry: Entry): void {
  appendFileSync(HISTORY, `${JSON.stringify(entry)}\n`);
}

/** What has grown by more than a tenth, or was not there before, a line each. What is gone is no longer a cost. */
export function grown(before: Figures, now: Figures): string[] {
  return Object.entries(now)
    .filter(([name, value]) => !(value <= (before[name] ?? NaN) * TOLERANCE))
    .map(([name, value]) => `${name}: ${String(value)}, was ${String(before[name] ?? 'not recorded')}`);
}
