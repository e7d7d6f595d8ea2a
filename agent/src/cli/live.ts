/** The loop of `spillway top`: looks every so often, draws what changed, does what keys say. */
import { SpillwayError } from '../model/errors.ts';
import type { Alerts } from '../top/alerts.ts';
import { changes, follows, hostDelta, secondsOf, type Shown, totals, type Window } from '../top/delta.ts';
import { type Host, hostOf, type Sample, type View } from '../top/figures.ts';
import { type Palette, paint } from '../top/line.ts';
import { extentOf, type Picture, screen } from '../top/screen.ts';
import { select } from '../top/select.ts';
import { type Key, press, type State } from '../top/state.ts';
import type { AlertsJson } from '../web/alerts-json.ts';
import { shownAlerts } from './alerts-shown.ts';
import type { SnapshotSource } from './source.ts';
import { Terminal } from './terminal.ts';

/** A terminal is not drawn more often, however fast it changes its size or keys come. */
const DRAW_MS = 30;
/** An answer that takes longer is spoken of. */
const SLOW_MS = 3000;
/** Looking takes no more than this share of the time, of ours and the agent's. */
const BUSY_SHARE = 0.25;

export class Live {
  readonly #source: SnapshotSource;
  readonly #palette: Palette;
  readonly #terminal: Terminal;
  #state: State;
  #now: Sample | null = null;
  #window: Window | null = null;
  #alerts: Alerts = { kind: 'unknown' };
  /** What is wrong with the source. */
  #trouble = '';
  #lostAt: string | null = null;
  #looking: number | null = null;
  #timer: NodeJS.Timeout | undefined;
  #drawing: NodeJS.Timeout | undefined;
  #end: (error?: unknown) => void = () => undefined;
  readonly #rowsOf = remember((view: View, window: Window | null, now: Sample | null): readonly Shown[] => {
    if (window !== null) return changes(view, window);
    return now === null ? [] : totals(view, now);
  });
  readonly #select = remember(
    (rows: readonly Shown[], order: State['orders'][View], reversed: boolean, filter: string) =>
      select(rows, { order, reversed, filter }),
  );
  readonly #hostOf = remember((window: Window | null, now: Sample | null): Host | null => {
    if (window !== null) return hostDelta(window);
    return now === null ? null : hostOf(now);
  });

  constructor(source: SnapshotSource, state: State, palette: Palette) {
    this.#source = source;
    this.#state = state;
    this.#palette = palette;
    this.#terminal = new Terminal({
      key: (key) => this.#press(key),
      redraw: () => this.#draw(),
      end: () => this.#end(),
    });
  }

  /** Until somebody quits. The terminal is given back however it ends. */
  async run(): Promise<void> {
    const ended = new Promise<void>((resolve, reject) => {
      this.#end = (error) => {
        if (error === undefined) resolve();
        else reject(error instanceof Error ? error : new Error('looking failed', { cause: error }));
      };
    });
    const slow = setInterval(() => this.#sayIfSlow(), 1000);
    this.#terminal.open();
    try {
      this.#draw();
      void this.#look();
      await ended;
    } finally {
      clearInterval(slow);
      clearTimeout(this.#timer);
      clearTimeout(this.#drawing);
      this.#end = () => undefined;
      this.#terminal.close();
    }
  }

  async #look(): Promise<void> {
    const start = performance.now();
    this.#looking = start;
    try {
      const [sample, alerts] = await Promise.all([this.#source.sample(), this.#source.alerts()]);
      if (!this.#state.paused) this.#take(sample, alerts);
    } catch (error) {
      if (this.#source.kind === 'probes' || !isLost(error)) {
        this.#end(error);
        return;
      }
      this.#lose(error);
    }
    this.#looking = null;
    const took = performance.now() - start;
    this.#next(Math.max(this.#state.interval - took, took / BUSY_SHARE - took));
    this.#draw();
  }

  /** The next look, after so many milliseconds at the earliest. */
  #next(milliseconds: number): void {
    clearTimeout(this.#timer);
    if (!this.#state.paused) this.#timer = setTimeout(() => void this.#look(), milliseconds);
  }

  #take(sample: Sample, alerts: AlertsJson | null): void {
    this.#alerts = shownAlerts(alerts, this.#source.kind, 'local');
    // who was away may have counted anew: the next window begins here
    const before = this.#lostAt === null ? this.#now : null;
    this.#window = before !== null && follows(before, sample) ? { before, now: sample } : null;
    this.#now = sample;
    this.#lostAt = null;
    this.#trouble = '';
  }

  #lose(error: unknown): void {
    this.#lostAt ??= new Date().toTimeString().slice(0, 8);
    const [why = ''] = (error instanceof Error ? error.message : String(error)).split(': ');
    this.#trouble = `lost at ${this.#lostAt}, trying again: ${why}`;
  }

  #sayIfSlow(): void {
    const waited = this.#looking === null ? 0 : performance.now() - this.#looking;
    if (waited < SLOW_MS || this.#lostAt !== null) return;
    this.#trouble = `no answer for ${(waited / 1000).toFixed(0)} s`;
    this.#draw();
  }

  #press(key: Key): void {
    const { paused } = this.#state;
    const { state, action } = press(this.#state, key, extentOf(this.#state, this.#picture(), this.#terminal.size));
    const sooner = state.interval < this.#state.interval;
    this.#state = state;
    if (action === 'quit') this.#end();
    else if (action === 'suspend') this.#terminal.suspend();
    else if (action === 'redraw') this.#terminal.forget();
    if (state.paused) clearTimeout(this.#timer);
    // one that is under way sees to the next by itself
    else if ((paused || sooner) && this.#looking === null) this.#next(paused ? 0 : state.interval);
    this.#draw();
  }

  #picture(): Picture {
    const { view, orders, reversed, filter, totals: wanted } = this.#state;
    const window = wanted ? null : this.#window;
    const all = this.#rowsOf(view, window, this.#now);
    return {
      source: this.#source.name,
      clock: this.#now === null ? '' : new Date(this.#now.time).toTimeString().slice(0, 8),
      trouble: this.#trouble,
      rows: this.#select(all, orders[view], reversed, filter),
      all: all.length,
      host: this.#hostOf(window, this.#now),
      alerts: this.#alerts,
      seconds: window === null ? null : secondsOf(window),
    };
  }

  #draw(): void {
    this.#drawing ??= setTimeout(() => {
      this.#drawing = undefined;
      const lines = screen(this.#state, this.#picture(), this.#terminal.size);
      this.#terminal.draw(lines.map((line) => paint(line, this.#palette)));
    }, DRAW_MS);
  }
}

/** A daemon that went away, or was cut off in the middle of its answer. */
const isLost = (error: unknown): boolean =>
  error instanceof SyntaxError || (error instanceof SpillwayError && error.code === 'NO_DAEMON');

/** A function that gives its last result again for the same arguments: keys must not sort 65,536 rows anew. */
function remember<A extends readonly unknown[], R>(work: (...args: A) => R): (...args: A) => R {
  let last: { readonly args: A; readonly result: R } | null = null;
  return (...args) => {
    const known = last;
    if (known !== null && args.every((arg, i) => arg === known.args[i])) return known.result;
    const result = work(...args);
    last = { args, result };
    return result;
  };
}
