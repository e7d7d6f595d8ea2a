/** Running processes and what they have forked, for `spillway stat -p`. */
import { readdirSync, readFileSync } from 'node:fs';
import type { Kernel } from '../kernel/kernel.ts';
import { SpillwayError } from '../model/errors.ts';

/** Marks processes first and their children then: what they fork in between inherits the mark. */
export function markWithDescendants(kernel: Kernel, roots: readonly number[]): void {
  const marked = new Set<number>();
  for (const pid of roots) {
    kernel.mark(pid, ['TRACKED']);
    marked.add(pid);
  }
  for (let before = 0; before !== marked.size;) {
    before = marked.size;
    for (const [pid, parent] of parents()) {
      if (marked.has(pid) || !marked.has(parent)) continue;
      marked.add(pid);
      try {
        kernel.mark(pid, ['TRACKED']);
      } catch (error) {
        // it ended between the listing and here: nothing of it is left to watch
        if (!(error instanceof SpillwayError && error.code === 'NO_SUCH_PROCESS')) throw error;
      }
    }
  }
}

/** Parent by process, from /proc. */
function parents(): Map<number, number> {
  const map = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    if (!/^[0-9]+$/.test(entry)) continue;
    try {
      const text = readFileSync(`/proc/${entry}/stat`, 'latin1');
      // the name in parentheses may hold anything, also parentheses
      map.set(Number(entry), Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[1]));
    } catch {
      // ended meanwhile
    }
  }
  return map;
}
