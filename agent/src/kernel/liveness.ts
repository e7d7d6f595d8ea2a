/**
 * Processes that have ended without a word: the event was lost and ended_at never written (the agent was stopped meanwhile, or a
 * thread other than the main one called exec, which takes the state of the former main thread away).
 */
import { LAYOUT } from '../abi/layout.ts';
import type { Rows } from './collect.ts';
import { SHAPES } from './tables.ts';

const { fields: PROCESS } = LAYOUT.structs.process_record;
const WORDS = SHAPES.processes.keyWords;
const START = PROCESS['key.start_time'].offset / 4;
const EXEC = PROCESS['key.exec_id'].offset / 4;
const TGID = PROCESS['key.tgid'].offset / 4;

/** Clock ticks a second in /proc (USER_HZ): 100 on every architecture that we run on. */
const TICKS_NS = 1e7;

const u64 = (words: Uint32Array, at: number) => (words[at] ?? 0) + (words[at + 1] ?? 0) * 2 ** 32;

/** Rows whose process has gone on to another program: the same process stands in a row with a higher exec id. */
export function supersededRows({ keys, length }: Rows): Set<number> {
  const latest = new Map<string, number>();
  const superseded = new Set<number>();
  for (let row = 0; row < length; row++) {
    const at = row * WORDS;
    const process = `${String(keys[at + TGID])} ${String(u64(keys, at + START))}`;
    const other = latest.get(process);
    if (other === undefined) {
      latest.set(process, row);
    } else {
      const newer = u64(keys, at + EXEC) > u64(keys, other * WORDS + EXEC);
      superseded.add(newer ? other : row);
      if (newer) latest.set(process, row);
    }
  }
  return superseded;
}

/**
 * Is the process of a row still there? `statOf` gives the text of /proc/PID/stat, or null when there is none. In a pid namespace
 * of our own we find nobody: then a live process loses its slot while it is idle, and gets another with its next attempt.
 */
export function isGone({ keys }: Rows, row: number, statOf: (pid: number) => string | null): boolean {
  const at = row * WORDS;
  const text = statOf(keys[at + TGID] ?? 0);
  if (text === null) return true;
  // the name in parentheses may hold anything; starttime is field 22, the twentieth behind it
  const startTicks = Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  return Math.floor(u64(keys, at + START) / TICKS_NS) !== startTicks;
}
