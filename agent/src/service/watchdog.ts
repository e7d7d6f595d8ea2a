/** When the service manager hears that the agent makes progress. */

/** What the manager told us in the environment. */
export interface Manager {
  /** Where it listens; null where nobody does. */
  readonly socket: string | null;
  /** How long it waits for a ping before it restarts us, in seconds; null if it does not. */
  readonly watchdogS: number | null;
}

const NAMES = ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID'] as const;

/** Takes what is meant for this process out of the environment: what it starts shall not speak in its name. */
export function takeManager(env: Record<string, string | undefined>, pid: number): Manager {
  const { NOTIFY_SOCKET: socket = '', WATCHDOG_USEC: us = '', WATCHDOG_PID: whose } = env;
  for (const name of NAMES) Reflect.deleteProperty(env, name);
  const ours = whose === undefined || whose === String(pid);
  return {
    socket: socket === '' ? null : socket,
    watchdogS: socket !== '' && ours && /^[1-9][0-9]*$/.test(us) ? Number(us) / 1e6 : null,
  };
}

/** Pings come so many times as often as they must: one that is late, or lost, is no restart. */
const SPARE = 3;

/** Feeds on snapshots: without new ones there is no ping, whatever else still runs. */
export class Watchdog {
  /** Null where nobody waits. */
  readonly #everyS: number | null;
  #pinged = -Infinity;

  constructor(watchdogS: number | null) {
    this.#everyS = watchdogS === null ? null : watchdogS / SPARE;
  }

  /** A snapshot of this time (seconds since boot) was taken and judged. Is a ping due? The clock of one that is repeated stands still. */
  isDue(boottime: number): boolean {
    if (this.#everyS === null || !(boottime - this.#pinged >= this.#everyS)) return false;
    this.#pinged = boottime;
    return true;
  }
}
