/** A disk that forgets, a clock that is set by hand, receivers that keep book: what tests of the delivery need. */
import type { Incident, NotificationEvent } from '../../../src/alerts/incident.ts';
import { Outbox, type OutboxOptions } from '../../../src/alerts/outbox.ts';
import type { Clock, Log, Outcome, Receiver } from '../../../src/alerts/receiver.ts';
import { type Disk, type DiskFile, Store } from '../../../src/alerts/store.ts';

export const DIRECTORY = '/state/outbox';
/** An arbitrary moment: when incidents fire, unless they say otherwise. */
export const NOON = Date.UTC(2026, 0, 2, 12);
export const KEY = 'R0123456789abcdefghijABCDEFGHIJ9';

export function incidentOf(dedupKey: string, changes: Partial<Incident> = {}): Incident {
  return {
    dedupKey,
    rule: 'SendfileFallback',
    subject: null,
    severity: 'error',
    host: 'web-1',
    summary: `summary of ${dedupKey}`,
    firedAtMs: NOON,
    resolvedAtMs: null,
    value: 0.02,
    threshold: 0.005,
    details: {},
    links: [],
    ...changes,
  };
}

export function trigger(dedupKey: string, changes: Partial<Incident> = {}): NotificationEvent {
  return { action: 'trigger', incident: incidentOf(dedupKey, changes) };
}

export function resolve(dedupKey: string, changes: Partial<Incident> = {}): NotificationEvent {
  return { action: 'resolve', incident: incidentOf(dedupKey, { resolvedAtMs: NOON + 60_000, ...changes }) };
}

/** Lets everything happen that waits for nothing but other promises. */
export const settle = (): Promise<void> => new Promise((done) => setImmediate(done));

/** Time that passes only when told to. The wall clock can be stepped apart from it. */
export class FakeClock implements Clock {
  wallMs = NOON;
  #now = 0;
  readonly #timers = new Set<{ readonly at: number; readonly call: () => void }>();

  unixMs(): number {
    return this.wallMs;
  }

  monotonicMs(): number {
    return this.#now;
  }

  after(ms: number, call: () => void): () => void {
    const timer = { at: this.#now + ms, call };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Timers that nobody took back. */
  get pending(): number {
    return this.#timers.size;
  }

  get nextAt(): number | null {
    return this.#timers.size === 0 ? null : Math.min(...[...this.#timers].map(({ at }) => at));
  }

  /** Passes so many milliseconds, and whatever is due in them. */
  async advance(ms: number): Promise<void> {
    const end = this.#now + ms;
    await settle();
    for (let next = this.nextAt; next !== null && next <= end; next = this.nextAt) {
      this.#pass(next - this.#now);
      for (const timer of [...this.#timers].filter(({ at }) => at <= this.#now)) {
        if (this.#timers.delete(timer)) timer.call();
      }
      await settle();
    }
    this.#pass(end - this.#now);
  }

  #pass(ms: number): void {
    const passed = Math.max(0, ms);
    this.#now += passed;
    this.wallMs += passed;
  }
}

interface Inode {
  text: string;
  /** What is sure to be there after the power failed. */
  synced: string;
  mode: number;
}

const errno = (code: string): Error => Object.assign(new Error(`${code}: of the fake disk`), { code });

/** One directory in memory, with operations that can be made to fail, and a process on it that can be made to die. */
export class FakeDisk implements Disk {
  files = new Map<string, Inode>();
  directoryMode: number | null = null;
  operations = 0;
  /** From this operation on the process is dead: nothing it does has an effect. */
  dieAt = Infinity;
  dead = false;
  /** These fail, with this code, and change nothing. */
  failing: (operation: number, name: string) => string | null = () => null;
  /** Every operation, for what it shows of their order. */
  readonly log: string[] = [];
  #durable = new Map<string, Inode>();
  /** Names that were given or taken since the directory was synced. */
  readonly #changed = new Set<string>();

  /** The next process finds what is left: all that was done (kill), or only what was synced (power). */
  reboot(mode: 'kill' | 'power'): void {
    if (mode === 'power') {
      this.files = new Map(this.#durable);
      for (const inode of this.files.values()) inode.text = inode.synced;
    }
    for (const inode of this.files.values()) inode.synced = inode.text;
    this.#durable = new Map(this.files);
    this.#changed.clear();
    this.dieAt = Infinity;
    this.dead = false;
    this.operations = 0;
  }

  put(name: string, text: string): void {
    this.files.set(name, { text, synced: text, mode: 0o600 });
    this.#changed.add(name);
    this.#syncDirectory();
  }

  names(): string[] {
    return [...this.files.keys()].sort();
  }

  mkdir(_path: string, options: { readonly mode: number }): Promise<unknown> {
    return this.#operation('mkdir', () => void (this.directoryMode ??= options.mode));
  }

  chmod(_path: string, mode: number): Promise<void> {
    return this.#operation('chmod', () => void (this.directoryMode = mode));
  }

  readdir(): Promise<string[]> {
    return this.#operation('readdir', () => this.names().reverse());
  }

  lstat(path: string): Promise<{ readonly size: number; isFile(): boolean }> {
    return this.#operation(`lstat ${nameOf(path)}`, () => {
      const { text } = this.#inode(path);
      return { size: Buffer.byteLength(text), isFile: () => true };
    });
  }

  readFile(path: string): Promise<string> {
    return this.#operation(`read ${nameOf(path)}`, () => this.#inode(path).text);
  }

  open(path: string, flags: 'r' | 'w', mode = 0): Promise<DiskFile> {
    if (path === DIRECTORY) {
      return this.#operation('open directory', () =>
        this.#handle('directory', {
          write: () => undefined,
          sync: () => this.#syncDirectory(),
        }),
      );
    }
    const name = nameOf(path);
    return this.#operation(`open ${name}`, () => {
      const inode = flags === 'w' ? { text: '', synced: '', mode } : this.#inode(path);
      this.files.set(name, inode);
      this.#changed.add(name);
      return this.#handle(name, {
        write: (text) => void (inode.text = text),
        sync: () => void (inode.synced = inode.text),
      });
    });
  }

  rename(from: string, to: string): Promise<void> {
    return this.#operation(`rename ${nameOf(from)} ${nameOf(to)}`, () => {
      const inode = this.#inode(from);
      this.files.delete(nameOf(from));
      this.files.set(nameOf(to), inode);
      this.#changed.add(nameOf(from)).add(nameOf(to));
    });
  }

  unlink(path: string): Promise<void> {
    return this.#operation(`unlink ${nameOf(path)}`, () => {
      this.#inode(path);
      this.files.delete(nameOf(path));
      this.#changed.add(nameOf(path));
    });
  }

  #syncDirectory(): void {
    for (const name of this.#changed) {
      const inode = this.files.get(name);
      if (inode === undefined) this.#durable.delete(name);
      else this.#durable.set(name, inode);
    }
    this.#changed.clear();
  }

  #handle(name: string, does: { write: (text: string) => void; sync: () => void }): DiskFile {
    return {
      writeFile: (text) =>
        this.#operation(
          `write ${name}`,
          () => does.write(text),
          () => does.write(text.slice(0, text.length / 2)),
        ),
      sync: () => this.#operation(`sync ${name}`, does.sync),
      close: () => this.#operation(`close ${name}`, () => undefined),
    };
  }

  #inode(path: string): Inode {
    const inode = this.files.get(nameOf(path));
    if (inode === undefined) throw errno('ENOENT');
    return inode;
  }

  async #operation<T>(name: string, does: () => T, halfway: () => void = () => undefined): Promise<T> {
    await Promise.resolve();
    const index = this.operations++;
    if (this.dead) throw errno('EDEAD');
    if (index >= this.dieAt) {
      this.dead = true;
      halfway();
      throw errno('EDEAD');
    }
    this.log.push(name);
    const code = this.failing(index, name);
    if (code !== null) {
      halfway();
      throw errno(code);
    }
    return does();
  }
}

const nameOf = (path: string): string => path.slice(DIRECTORY.length + 1);

export const SENT: Outcome = { kind: 'sent' };
export const failure = (changes: Partial<Extract<Outcome, { kind: 'failed' }>> = {}): Outcome => ({
  kind: 'failed',
  reason: 'server_error',
  why: '500 oops',
  left: true,
  retryAfterMs: null,
  ...changes,
});
/** Nothing reached the server. */
export const REFUSED = failure({ reason: 'network', why: 'ECONNREFUSED', left: false });

/** A receiver that answers as told and keeps what it took, like PagerDuty: in the order in which it came. */
export class FakeReceiver implements Receiver {
  readonly name: string;
  /** All attempts, `trigger a`. */
  readonly attempts: string[] = [];
  readonly accepted: NotificationEvent[] = [];
  /** Monotonic time of each attempt. */
  readonly times: number[] = [];
  answer: (event: NotificationEvent, attempt: number) => Outcome | Promise<Outcome> = () => SENT;
  /** Whose process died hears nothing any more. */
  isDead: () => boolean = () => false;
  underWay = 0;
  mostUnderWay = 0;
  clock: Clock | null = null;

  constructor(name = 'pagerduty') {
    this.name = name;
  }

  async deliver(event: NotificationEvent): Promise<Outcome> {
    if (this.isDead()) return new Promise(() => undefined);
    const attempt = this.attempts.push(textOf(event));
    this.times.push(this.clock?.monotonicMs() ?? 0);
    this.underWay++;
    this.mostUnderWay = Math.max(this.mostUnderWay, this.underWay);
    await Promise.resolve();
    const outcome = await this.answer(event, attempt);
    this.underWay--;
    if (outcome.kind === 'sent') this.accepted.push(event);
    return outcome;
  }

  get texts(): string[] {
    return this.accepted.map(textOf);
  }
}

const textOf = ({ action, incident }: NotificationEvent): string => `${action} ${incident.dedupKey}`;

/** What one process has: an outbox over a disk that outlives it. */
export interface Life {
  readonly outbox: Outbox;
  readonly clock: FakeClock;
  readonly disk: FakeDisk;
  readonly lines: string[];
}

export function lifeOn(
  disk: FakeDisk,
  receivers: readonly Receiver[],
  changes: Partial<OutboxOptions> & { readonly clock?: FakeClock } = {},
): Life {
  const clock = changes.clock ?? new FakeClock();
  const lines: string[] = [];
  const log: Log = (level, message) => void lines.push(`${level}: ${message}`);
  const store = new Store(disk, log, DIRECTORY);
  for (const receiver of receivers) if (receiver instanceof FakeReceiver) receiver.clock = clock;
  // the agent was there a moment before
  clock.wallMs--;
  const outbox = new Outbox({ store, receivers, random: () => 0.5, log, ...changes, clock });
  clock.wallMs++;
  return { outbox, clock, disk, lines };
}
