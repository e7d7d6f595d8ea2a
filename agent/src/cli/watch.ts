/** Something printed again and again, until a signal says to stop. */
import { setTimeout as sleep } from 'node:timers/promises';
import { SpillwayError } from '../model/errors.ts';
import { log } from './context.ts';

const ENDINGS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/**
 * Runs `show` every so many milliseconds. A daemon that does not answer is told once, and asked again; at the beginning there
 * must be one.
 * @throws SpillwayError
 */
export async function repeat(milliseconds: number, show: () => Promise<void>): Promise<void> {
  const stop = new AbortController();
  const end = () => stop.abort();
  for (const signal of ENDINGS) process.on(signal, end);
  let lost = false;
  try {
    for (let first = true; !stop.signal.aborted; first = false) {
      try {
        await show();
        if (lost) log('info', 'the daemon answers again');
        lost = false;
      } catch (error) {
        if (first || !(error instanceof SpillwayError) || error.code !== 'NO_DAEMON') throw error;
        if (!lost) log('warning', `${error.message.split(': ')[0] ?? ''}: trying again`);
        lost = true;
      }
      await sleep(milliseconds, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  } finally {
    for (const signal of ENDINGS) process.off(signal, end);
  }
}
