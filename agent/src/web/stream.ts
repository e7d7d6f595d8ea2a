/**
 * Server-sent events: one message made for all who listen. Who does not read gets no more until it has, then what is newest, and
 * is cut if it takes too long; so each listener holds one message at most. Who has the message before is sent what changed, if
 * that is known; all others everything.
 */
import type { ServerResponse } from 'node:http';
import type { Connections } from './connections.ts';
import { once } from './shared.ts';

/** What a listener is sent, made only if somebody wants it. */
export interface Message {
  /** Grows. */
  readonly id: string;
  /** `message` is an event without a name. */
  readonly event: 'message' | 'failure';
  /** One line. */
  readonly data: () => string;
  /** The same, in less, for who has the message `id`. */
  readonly after?: { readonly id: string; readonly data: () => string } | undefined;
}

export interface StreamOptions {
  /** Listeners at a time; for one more another is cut, of the client that has most. */
  readonly most: number;
  /** Milliseconds in which a listener must have read what it was sent. */
  readonly patience: number;
  /** Milliseconds without a message after which it is told that all is well. */
  readonly beat: number;
  /** Milliseconds after which a listener has to ask anew: passwords and certificates change. */
  readonly longest: number;
}

export const DEFAULT_STREAM_OPTIONS: StreamOptions = { most: 32, patience: 10_000, beat: 5000, longest: 900_000 };

/** Milliseconds after which a client whose connection has ended comes again. */
const RETRY_MS = 2000;

/** One listener. */
class Listener {
  readonly client: string;
  readonly #response: ServerResponse;
  readonly #patience: number;
  #slow: NodeJS.Timeout | null = null;
  #missed: Text | null = null;
  /** The last message that it was sent. */
  #has: string | undefined;

  /** @param has what it says that it has */
  constructor(response: ServerResponse, client: string, patience: number, has: string | undefined) {
    this.#response = response;
    this.client = client;
    this.#patience = patience;
    this.#has = has;
    response.on('drain', () => this.#drained());
    response.once('close', () => clearTimeout(this.#slow ?? undefined));
  }

  cut = (): void => {
    this.#response.destroy();
  };

  end(): void {
    this.#response.end();
  }

  send(text: Text): void {
    if (this.#slow !== null) {
      // that all is well is no news later
      if (text !== BEAT) this.#missed = text;
      return;
    }
    if (this.#response.destroyed || this.#response.writableEnded) return;
    const { id, whole, after } = text;
    const written = (after !== null && after.id === this.#has ? after.text : whole)();
    this.#has = id ?? this.#has;
    if (this.#response.write(written)) return;
    this.#slow = setTimeout(this.cut, this.#patience).unref();
  }

  #drained(): void {
    clearTimeout(this.#slow ?? undefined);
    this.#slow = null;
    const missed = this.#missed;
    this.#missed = null;
    if (missed !== null) this.send(missed);
  }
}

/** All who listen to one thing. */
export class Stream {
  readonly #options: StreamOptions;
  readonly #connections: Connections;
  readonly #listeners = new Set<Listener>();
  #last: Message | null = null;
  #beat: NodeJS.Timeout | undefined;

  /** @param connections shared by the streams of one server */
  constructor(options: StreamOptions, connections: Connections) {
    this.#options = options;
    this.#connections = connections;
  }

  get watched(): boolean {
    return this.#listeners.size > 0;
  }

  /** Headers are sent already. @param lastId of the last message that the client has */
  add(response: ServerResponse, client: string, lastId: string | undefined): void {
    const { patience, longest } = this.#options;
    const listener = new Listener(response, client, patience, lastId);
    const end = setTimeout(() => listener.end(), longest).unref();
    response.once('close', () => {
      clearTimeout(end);
      this.#listeners.delete(listener);
      this.#connections.remove(listener);
      if (this.watched) return;
      clearInterval(this.#beat);
      // it would be old for who comes next
      this.#last = null;
    });
    if (!this.watched) this.#startBeat();
    this.#listeners.add(listener);
    this.#connections.add(listener);
    const last = this.#last;
    listener.send(plain(`retry: ${String(RETRY_MS)}\n\n`));
    if (last !== null && last.id !== lastId) listener.send(wire(last));
  }

  /** To all; the newest is kept for who joins them. */
  send(message: Message): void {
    if (!this.watched) return;
    if (message.event === 'message') this.#last = message;
    const text = wire(message);
    for (const listener of this.#listeners) listener.send(text);
    this.#startBeat();
  }

  /** Nobody listens any more. */
  close(): void {
    clearInterval(this.#beat);
    for (const listener of this.#listeners) listener.end();
  }

  #startBeat(): void {
    clearInterval(this.#beat);
    this.#beat = setInterval(() => {
      for (const listener of this.#listeners) listener.send(BEAT);
    }, this.#options.beat).unref();
  }
}

/** As it goes over the wire, made once for all. */
interface Text {
  /** null: it changes nothing of what a listener has. */
  readonly id: string | null;
  readonly whole: () => string;
  readonly after: { readonly id: string; readonly text: () => string } | null;
}

const plain = (text: string): Text => ({ id: null, whole: () => text, after: null });

const BEAT = plain('event: beat\ndata:\n\n');

function wire({ id, event, data, after }: Message): Text {
  const head = event === 'message' ? `id: ${id}\n` : `event: ${event}\n`;
  const block = (data: () => string) => once(() => `${head}data: ${data()}\n\n`);
  return {
    id: event === 'message' ? id : null,
    whole: block(data),
    after: after === undefined ? null : { id: after.id, text: block(after.data) },
  };
}
