/** The agent as its service manager sees it. Without a manager nothing is sent. */
import type { BpfError } from '../../../native/lib/index.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { loading, PING, ready, reloading, statusOnly, stopping } from './notification.ts';
import { probesOf, ratesBetween, type Standing, statusText, type Totals, totalsOf } from './status.ts';
import { type Manager, Watchdog } from './watchdog.ts';

export interface SupervisorParts {
  readonly manager: Manager;
  /** @throws BpfError */
  readonly send: (socket: string, message: string) => void;
  readonly monotonicUs: () => number;
  readonly log: (level: 'warning', message: string) => void;
}

/** The manager tells everybody who listens of each new status: not more often than this. */
const STATUS_S = 10;
/** Messages that wait for a manager that takes none. There are few that must arrive. */
const MOST_WAITING = 16;

export class Supervisor {
  readonly #parts: SupervisorParts;
  readonly #watchdog: Watchdog;
  #phase: 'starting' | 'running' | 'stopping' = 'starting';
  /** Not sent yet; none is lost, and none overtakes another. */
  readonly #waiting: string[] = [];
  #failing = false;
  #before: Totals | null = null;
  /** What the latest line was made of, but for troubles. */
  #standing: Omit<Standing, 'trouble'> = { rates: null, firing: [], attached: 0, wanted: 0 };
  #told = '';
  /** Why the configuration in the file is not the one in use; '' if it is. */
  #reloadTrouble = '';
  #collectionTrouble = '';

  constructor(parts: SupervisorParts) {
    this.#parts = parts;
    this.#watchdog = new Watchdog(parts.manager.watchdogS);
  }

  /** Before the event loop stands still for a while. */
  loading(): void {
    this.#send(loading());
  }

  /** Attached and listening. */
  ready(programs: Snapshot['programs']): void {
    this.#phase = 'running';
    this.#standing = { ...this.#standing, ...probesOf(programs) };
    this.#send(ready(this.#status));
  }

  /** A new snapshot was taken and all that depends on it was done. `firing` names the alerts. */
  progress(snapshot: Pick<Snapshot, 'time' | 'totals' | 'programs'>, firing: readonly string[]): void {
    if (this.#phase !== 'running' || this.#parts.manager.socket === null) return;
    this.#collectionTrouble = '';
    this.#flush();
    // of now or never: a ping that came late would tell of what is no more
    if (this.#watchdog.isDue(snapshot.time.boottime)) this.#attempt(PING);
    const totals = totalsOf(snapshot);
    const probes = probesOf(snapshot.programs);
    const told = JSON.stringify([firing, probes, this.#reloadTrouble]);
    if (this.#before !== null && told === this.#told && totals.boottime - this.#before.boottime < STATUS_S) return;
    const rates = this.#before === null ? null : ratesBetween(this.#before, totals);
    this.#before = totals;
    this.#told = told;
    this.#standing = { rates, firing, ...probes };
    this.#attempt(statusOnly(this.#status));
  }

  /** No snapshot could be taken, or not be judged. If that lasts, the pings that stay away end the agent: this tells why. */
  stuck(why: string): void {
    if (this.#phase !== 'running' || why === this.#collectionTrouble) return;
    this.#collectionTrouble = why;
    // whatever comes next is news
    this.#told = '';
    this.#attempt(statusOnly(`collection fails: ${why}`));
  }

  /** The configuration is about to be read again. */
  reloading(): void {
    if (this.#phase === 'running') this.#send(reloading(this.#parts.monotonicUs()));
  }

  /** That has ended; `trouble` is why everything stays as it was, '' if it does not. */
  reloaded(trouble: string): void {
    this.#reloadTrouble = trouble === '' ? '' : `the configuration was not reloaded: ${trouble}`;
    // a manager that saw RELOADING waits for READY, and would end us if it never came
    if (this.#phase === 'running') this.#send(ready(this.#status));
  }

  /** The end begins; `why` is what people shall read where it is an error. */
  stopping(why = 'stopping'): void {
    if (this.#phase === 'stopping') return;
    this.#phase = 'stopping';
    this.#send(stopping(why));
  }

  get #status(): string {
    return statusText({ ...this.#standing, trouble: this.#reloadTrouble });
  }

  /** For what must arrive. */
  #send(message: string): void {
    if (this.#parts.manager.socket === null) return;
    this.#waiting.push(message);
    if (this.#waiting.length > MOST_WAITING) this.#waiting.shift();
    this.#flush();
  }

  #flush(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (!this.#attempt(next)) return;
      this.#waiting.shift();
    }
  }

  /** Whether it was sent. A manager that does not listen is told of once. */
  #attempt(message: string): boolean {
    const { manager, send, log } = this.#parts;
    if (manager.socket === null) return false;
    try {
      send(manager.socket, message);
      this.#failing = false;
      return true;
    } catch (error) {
      if (!this.#failing) log('warning', `telling the service manager: ${(error as BpfError).message}`);
      this.#failing = true;
      return false;
    }
  }
}
