/** What the page and its stream show: from snapshots that are taken anyway, and from its own while somebody watches. */
import type { AlertsReport } from '../alerts/view.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { Connections } from './connections.ts';
import { type Identity, statusPage, updateAfter, updateOf, type View, type WholeUpdate } from './page.ts';
import { History, sampleOf } from './page/history.ts';
import { overviewOf } from './page/overview.ts';
import { Workloads } from './page/workloads.ts';
import { once } from './shared.ts';
import { type Message, Stream, type StreamOptions } from './stream.ts';

export interface StatusOptions {
  readonly identity: Identity;
  /** One collection; rejects with an Error for the user. */
  collect(): Promise<Snapshot>;
  ready(): boolean;
  alerts(): AlertsReport | undefined;
  readonly own: { cpuSeconds(): number; residentBytes(): number | null; readonly startedAtSeconds: number };
  /** Of the last collection for the server; null: there was none. */
  collectionSeconds(): number | null;
  monotonicMs(): number;
  readonly streams: StreamOptions;
}

/** While somebody watches there is a snapshot every so often, whoever takes it. */
const EVERY_MS = 1000;
/** Who takes snapshots anyway takes them about as often: so late is it gone. */
const FED_MS = 2 * EVERY_MS;

export class Status {
  /** `/api/v1/stream` */
  readonly overviews: Stream;
  /** What the page changes by. */
  readonly updates: Stream;
  readonly #options: StatusOptions;
  readonly #history = new History();
  readonly #workloads = new Workloads();
  /** Tells the messages of this agent from those of one before. */
  readonly #epoch: string;
  #number = 0;
  #latest: { readonly view: View; readonly at: number } | null = null;
  /** What pages that watch were sent last. */
  #before: { readonly id: string; readonly update: () => WholeUpdate } | null = null;
  #fedAt = -Infinity;
  #collecting = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: StatusOptions) {
    this.#options = options;
    const connections = new Connections(options.streams.most, Infinity);
    this.overviews = new Stream(options.streams, connections);
    this.updates = new Stream(options.streams, connections);
    this.#epoch = String(options.own.startedAtSeconds);
  }

  /** A snapshot that somebody has taken for another purpose: nothing is read from the kernel for it again. */
  observe(snapshot: Snapshot): void {
    this.#fedAt = this.#options.monotonicMs();
    if (this.watched) this.#show(snapshot);
    else this.#keep(snapshot);
  }

  /** Somebody has begun to watch. */
  watch(): void {
    if (this.#timer !== undefined) return;
    this.#timer = setInterval(() => {
      if (!this.watched) {
        clearInterval(this.#timer);
        this.#timer = undefined;
      } else if (this.#options.monotonicMs() - this.#fedAt >= FED_MS) void this.#collect();
    }, EVERY_MS).unref();
    // who begins to watch does not wait for the next one
    if (this.#recent() === null) void this.#collect();
  }

  /** The whole page. @throws what collecting throws */
  async page(): Promise<string> {
    const { identity } = this.#options;
    return statusPage(identity, this.#options.ready() ? await this.#fresh() : null);
  }

  close(): void {
    clearInterval(this.#timer);
    this.overviews.close();
    this.updates.close();
  }

  /** Whether anybody is shown what observe() is given. */
  get watched(): boolean {
    return this.overviews.watched || this.updates.watched;
  }

  async #fresh(): Promise<View> {
    return this.#recent() ?? this.#show(await this.#options.collect());
  }

  #recent(): View | null {
    const now = this.#options.monotonicMs();
    return this.#latest !== null && now - this.#latest.at < EVERY_MS ? this.#latest.view : null;
  }

  async #collect(): Promise<void> {
    if (this.#collecting || !this.#options.ready()) return;
    this.#collecting = true;
    try {
      this.#show(await this.#options.collect());
    } catch (error) {
      const data = (error instanceof Error ? error.message : String(error)).replace(/\s+/g, ' ');
      const message: Message = { id: '', event: 'failure', data: () => data };
      this.overviews.send(message);
      this.updates.send(message);
    } finally {
      this.#collecting = false;
    }
  }

  #keep(snapshot: Snapshot): void {
    this.#history.add(sampleOf(snapshot, this.#options.own.cpuSeconds()));
  }

  #show(snapshot: Snapshot): View {
    this.#keep(snapshot);
    const view = this.#view(snapshot);
    this.#latest = { view, at: this.#options.monotonicMs() };
    const id = `${this.#epoch}-${String(++this.#number)}`;
    this.overviews.send({ id, event: 'message', data: () => JSON.stringify(view.overview) });
    const update = once(() => updateOf(this.#options.identity, view));
    const before = this.#before;
    this.updates.send({
      id,
      event: 'message',
      data: () => JSON.stringify(update()),
      after:
        before === null
          ? undefined
          : { id: before.id, data: () => JSON.stringify(updateAfter(before.id, before.update(), update())) },
    });
    this.#before = this.updates.watched ? { id, update } : null;
    return view;
  }

  #view(snapshot: Snapshot): View {
    const { own } = this.#options;
    const overview = overviewOf(snapshot, {
      now: this.#history.now(),
      workloads: this.#workloads.top(snapshot),
      alerts: this.#options.alerts(),
      own: {
        cpus: this.#history.cpu(),
        residentBytes: own.residentBytes(),
        collectionSeconds: this.#options.collectionSeconds(),
        startedAt: new Date(own.startedAtSeconds * 1000).toISOString(),
      },
    });
    return { overview, rates: this.#history.rates() };
  }
}
