/** What stands between the port and HTTP: who is connected, TLS, and answers to what is no request. */
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import type { WebConfig } from './access/config.ts';
import { TlsDoor } from './access/tls.ts';
import { clientOf, type Connection, Connections } from './connections.ts';
import type { Quiet } from './quiet.ts';
import { type Refusal, refusalOf, refuse } from './refusals.ts';

interface DoorOptions {
  readonly access: { current(): WebConfig };
  readonly maxConnections: number;
  readonly maxUnread: number;
  /** Milliseconds for the first byte, and for a handshake. */
  readonly headersTimeout: number;
}

/** The first byte of a TLS handshake. */
const HANDSHAKE = 0x16;

/** One connection, with TLS or without. */
class Visitor implements Connection {
  readonly client: string;
  readonly raw: Socket;
  /** What HTTP is spoken on; null: nothing yet. */
  stream: Duplex | null = null;
  /** Answers that have not come to their end. */
  readonly open = new Set<ServerResponse>();
  /** It has asked something. */
  asked = false;
  /** To be said after the answers that are still to come. */
  refusal: Refusal | null = null;

  constructor(raw: Socket) {
    this.raw = raw;
    this.client = clientOf(raw.remoteAddress);
  }

  /** A client that has asked nothing yet, and would understand, is told why. */
  cut = (): void => {
    if (this.stream === this.raw && !this.asked) refuse(this.raw, 503, 'too many connections', 'Retry-After: 1\r\n');
    // no matter how much is still to be sent
    (this.stream ?? this.raw).destroy();
    this.raw.destroy();
  };
}

/** An answer that is to come. */
export interface Asked {
  readonly client: string;
  /** It has so many bytes, which wait to be read. */
  owe(bytes: number): void;
}

export class Door {
  readonly #options: DoorOptions;
  readonly #connections: Connections;
  readonly #visitors = new WeakMap<Duplex, Visitor>();
  /** Connections on which HTTP is not spoken yet, by both ends. */
  readonly #strangers = new Map<string, Visitor>();
  readonly #tls: TlsDoor;
  #http: (stream: Duplex) => void = () => undefined;

  constructor(options: DoorOptions, quiet: Quiet) {
    this.#options = options;
    this.#connections = new Connections(options.maxConnections, options.maxUnread);
    this.#tls = new TlsDoor(options.headersTimeout, {
      ready: (socket) => {
        const visitor = this.#strangers.get(endsOf(socket));
        // gone meanwhile: it has no ends any more
        if (visitor === undefined) socket.destroy();
        else this.#enter(visitor, socket);
      },
      failed: (socket, why) => {
        // a client that goes away in the middle, as scanners of ports do, is no news
        if (why !== 'ECONNRESET') {
          const from = this.#strangers.get(endsOf(socket))?.client ?? 'a client that has gone';
          quiet.say('handshake', 'warning', `TLS with ${from}: ${why}`);
        }
        socket.destroy();
      },
    });
  }

  /** All that comes to this server's port comes through here. */
  guards(server: Server): void {
    // Node's own listener, which speaks HTTP on what it is given
    const [http] = server.listeners('connection') as ((stream: Duplex) => void)[];
    server.removeAllListeners('connection');
    this.#http = (stream) => http?.call(server, stream);
    server.on('connection', (raw) => this.#arrive(raw));
    server.on('clientError', (error, stream) => this.#garbage(error, stream));
    server.on('connect', (_request: IncomingMessage, stream: Duplex) => {
      refuse(stream, 405, 'only GET and HEAD', 'Allow: GET, HEAD\r\n');
    });
  }

  /** A request has come. */
  asked(request: IncomingMessage, response: ServerResponse): Asked {
    const visitor = this.#visitors.get(request.socket);
    if (visitor === undefined) return { client: '', owe: () => undefined };
    let owed = 0;
    visitor.asked = true;
    visitor.open.add(response);
    this.#connections.touch(visitor);
    response.once('close', () => {
      visitor.open.delete(response);
      this.#connections.paid(visitor, owed);
      this.#connections.touch(visitor);
      if (visitor.refusal !== null && visitor.open.size === 0)
        refuse(request.socket, visitor.refusal, WHY[visitor.refusal]);
    });
    const owe = (bytes: number) => {
      if (!visitor.open.has(response)) return;
      owed = bytes;
      this.#connections.owe(visitor, bytes);
    };
    return { client: visitor.client, owe };
  }

  /** Ends connections that have not come as far as HTTP. */
  cutStrangers(): void {
    for (const visitor of this.#strangers.values()) visitor.cut();
  }

  /** Ends everything. */
  cutAll(): void {
    this.#connections.cutAll();
  }

  #arrive(raw: Socket): void {
    const visitor = new Visitor(raw);
    const ends = endsOf(raw);
    raw.once('close', () => {
      this.#connections.remove(visitor);
      this.#strangers.delete(ends);
    });
    this.#connections.add(visitor);
    const { tls } = this.#options.access.current();
    if (tls === null) {
      this.#enter(visitor, raw);
      return;
    }
    this.#strangers.set(ends, visitor);
    raw.on('error', () => raw.destroy());
    const timer = setTimeout(() => raw.destroy(), this.#options.headersTimeout).unref();
    raw.once('readable', () => {
      clearTimeout(timer);
      const bytes = raw.read() as Buffer | null;
      if (bytes === null) raw.destroy();
      else if (bytes[0] === HANDSHAKE) {
        raw.unshift(bytes);
        this.#tls.open(tls, raw);
      } else refuse(raw, 400, 'this port speaks TLS: use https://');
    });
  }

  #enter(visitor: Visitor, stream: Duplex): void {
    this.#strangers.delete(endsOf(visitor.raw));
    visitor.stream = stream;
    this.#visitors.set(stream, visitor);
    this.#http(stream);
  }

  /** What is no request, or takes too long to become one. */
  #garbage(error: Error & { code?: string }, stream: Duplex): void {
    const visitor = this.#visitors.get(stream);
    // what is wrong with TLS, or with the connection, cannot be answered on it
    const ofHttp = /^(?:HPE_|ERR_HTTP_)/.test(error.code ?? '');
    if (visitor === undefined || !ofHttp || !stream.writable) {
      stream.destroy();
      return;
    }
    const status = refusalOf(error);
    const open = [...visitor.open];
    // Out of time while it sends a body: the answer is this one, unless another has begun already.
    if (open.length === 0 || (status === 408 && open.length === 1 && open[0]?.headersSent === false)) {
      refuse(stream, status, WHY[status]);
    } else if (status === 408) {
      stream.destroy();
    } else {
      visitor.refusal = status;
    }
  }
}

const WHY: Readonly<Record<Refusal, string>> = {
  400: 'this is no HTTP',
  405: 'only GET and HEAD',
  408: 'the request took too long to arrive',
  413: 'no body is needed here',
  414: 'this address is too long',
  431: 'the headers are too long',
  503: 'too many connections',
};

/** Two connections of one client can differ in the address that they go to, too. */
const endsOf = ({ localAddress, remoteAddress, remotePort }: Socket): string =>
  `${localAddress ?? ''} ${remoteAddress ?? ''} ${String(remotePort)}`;
