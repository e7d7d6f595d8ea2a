/** The HTTP server: limits, lifetime, and nothing of what is served. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { hostname } from 'node:os';
import { DEFAULT_LIMITS, figuresOf, processRegistry, type Limits } from '../metrics/index.ts';
import { SpillwayError } from '../model/errors.ts';
import { OPEN, type WebConfig } from './access/config.ts';
import { Guard } from './access/guard.ts';
import { bodyEnds } from './body.ts';
import { Door } from './door.ts';
import { Quiet } from './quiet.ts';
import { MAX_HEADER_BYTES } from './refusals.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { EVENTS, type Reply, send, text } from './reply.ts';
import { type Routes, routesOf, type Source } from './routes.ts';
import { DEFAULT_STREAM_OPTIONS, type StreamOptions } from './stream.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** How many flows and workloads are told apart. */
  readonly limits: Limits;
  /** Who may ask, and how; asked at every connection and request. */
  readonly access: { current(): WebConfig };
  /** Connections at a time; for one more another is cut: see connections.ts. */
  readonly maxConnections: number;
  /** Bytes of answers that may wait for clients to read them. */
  readonly maxUnread: number;
  /** Milliseconds in which a request's headers, and all of a request, must have arrived. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  /** Milliseconds after which a connection on which nothing moves is cut. */
  readonly idleTimeout: number;
  /** Milliseconds that close() gives to answers under way. */
  readonly closeGrace: number;
  /** Who listens to events, and for how long. */
  readonly streams: StreamOptions;
}

const DEFAULT_SERVER_OPTIONS: ServerOptions = {
  host: '127.0.0.1',
  port: 10190,
  limits: DEFAULT_LIMITS,
  access: { current: () => OPEN },
  maxConnections: 128,
  maxUnread: 32 * 1024 * 1024,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  idleTimeout: 30_000,
  closeGrace: 1000,
  streams: DEFAULT_STREAM_OPTIONS,
};

const MAX_URL = 2048;

export interface WebServer {
  /** `http://127.0.0.1:10190`, or https, with the port that was really taken. */
  readonly url: string;
  /** Somebody looks at the page, or follows its stream: then what observe() is given must have flows. */
  readonly watched: boolean;
  /** Shows a snapshot that was taken for another purpose: who gives one a second spares the server its own. */
  observe(snapshot: Snapshot): void;
  /** Lets answers under way end, cuts what remains, resolves when nothing listens any more. Any number of times. */
  close(): Promise<void>;
}

/**
 * Serves until `signal` aborts or close() is called.
 * @throws SpillwayError PORT_IN_USE or CANNOT_LISTEN
 */
export async function startServer(
  source: Source,
  options: Partial<ServerOptions> = {},
  signal?: AbortSignal,
): Promise<WebServer> {
  const all = { ...DEFAULT_SERVER_OPTIONS, ...options };
  signal?.throwIfAborted();
  const figures = figuresOf(process, Date.now());
  let registry: ReturnType<typeof processRegistry> | null = null;
  const quiet = new Quiet(
    (level, message) => source.log(level, message),
    () => performance.now(),
  );
  const routes = routesOf(source, {
    limits: all.limits,
    processMetrics: async () => (await (registry ??= processRegistry(figures))).metrics(),
    process: figures,
    hostName: hostname(),
    streams: all.streams,
    failed: (message) => quiet.say('collect', 'error', message),
    monotonicMs: () => performance.now(),
  });
  const guard = new Guard();
  const door = new Door(all, quiet);
  const server = newServer(all, (request, response) => {
    const asked = door.asked(request, response);
    const access = all.access.current();
    answer(routes, guard, access, request, asked.client)
      .catch((error: unknown) => {
        if (!request.socket.destroyed)
          quiet.say('answer', 'error', `${request.method ?? ''} ${pathOf(request)}: ${reason(error)}`);
        return text(500, 'internal error: see the log of spillway');
      })
      .then((reply) => {
        if (reply.status === 401 && request.headers.authorization !== undefined) {
          quiet.say('password', 'warning', `wrong user or password from ${asked.client}`);
        }
        const last = !server.listening || !request.complete;
        return send(request, response, { ...reply, headers: { ...reply.headers, ...access.headers } }, last);
      })
      .then((bytes) => asked.owe(bytes))
      .catch((error: unknown) => {
        quiet.say('send', 'error', `answering ${pathOf(request)}: ${reason(error)}`);
        response.destroy();
      });
  });
  door.guards(server);
  await listen(server, all);
  // e.g. accept: EMFILE; nobody else would hear it, and Node ends the process then
  server.on('error', (error) => quiet.say('listen', 'error', `listening: ${reason(error)}`));

  let closing: Promise<void> | null = null;
  const close = () => {
    routes.status.close();
    return (closing ??= closeServer(server, door, all.closeGrace).finally(() => guard.close()));
  };
  const onAbort = () => void close();
  signal?.addEventListener('abort', onAbort, { once: true });
  server.once('close', () => signal?.removeEventListener('abort', onAbort));
  // aborted while the port was being taken
  if (signal?.aborted === true) await close();
  signal?.throwIfAborted();
  return {
    url: urlOf(server, all.access.current().tls === null ? 'http' : 'https'),
    get watched() {
      return routes.status.watched;
    },
    observe: (snapshot) => routes.status.observe(snapshot),
    close,
  };
}

function newServer(options: ServerOptions, listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const { headersTimeout, requestTimeout } = options;
  const connectionsCheckingInterval = Math.min(1000, headersTimeout);
  const limits = { headersTimeout, requestTimeout, connectionsCheckingInterval, maxHeaderSize: MAX_HEADER_BYTES };
  const server = createServer(limits, listener);
  // who has said all is answered all the same
  Object.assign(server, { httpAllowHalfOpen: true });
  // also cuts clients that do not read their answer
  server.setTimeout(options.idleTimeout);
  return server;
}

async function answer(
  { pages, actions, streams, status }: Routes,
  guard: Guard,
  access: WebConfig,
  request: IncomingMessage,
  client: string,
): Promise<Reply> {
  if ((request.url ?? '').length > MAX_URL) return text(414, 'this address is too long');
  const refused = await guard.refuse(access, request, client);
  if (refused !== null) return refused;
  if (!(await bodyEnds(request))) return text(413, 'no body is needed here');
  const path = pathOf(request);
  const action = actions.get(path);
  if (action !== undefined) {
    if (request.method !== 'POST') return text(405, 'only POST', { allow: 'POST' });
    if (fromOtherSite(request)) return text(403, 'not for web pages');
    return action();
  }
  const page = pages.get(path);
  const stream = streams.get(path);
  if (page === undefined && stream === undefined) return text(404, 'not found: / lists what there is');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
  }
  if (page !== undefined) return page();
  // a page of another site could not read it, but hold a place
  if (fromOtherSite(request)) return text(403, 'not for web pages');
  const follow = (response: ServerResponse): void => {
    const lastId = request.headers['last-event-id'];
    stream?.add(response, client, typeof lastId === 'string' ? lastId : undefined);
    status.watch();
  };
  return { status: 200, type: EVENTS, body: '', follow };
}

/**
 * Whether a web page may have sent this: any page can make a browser POST to this host. Browsers send Origin with every POST
 * and Sec-Fetch-Site (none: the user's own doing) with every request; curl and the like send neither.
 */
function fromOtherSite({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin !== undefined || (site !== undefined && site !== 'same-origin' && site !== 'none');
}

const pathOf = (request: IncomingMessage): string => (request.url ?? '').replace(/[?#].*$/s, '');

const reason = (error: unknown): string => (error instanceof Error ? error.message : String(error));

async function listen(server: Server, { host, port }: ServerOptions): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<undefined>();
  server.once('error', reject);
  server.listen({ host, port }, () => resolve(undefined));
  try {
    await promise;
  } catch (error) {
    throw listenError(error, host, port);
  }
  server.off('error', reject);
}

function listenError(error: unknown, host: string, port: number): SpillwayError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : reason(error);
  const step = `listen on ${authority(host, port)}: ${code}`;
  switch (code) {
    case 'EADDRINUSE':
      return new SpillwayError(
        'PORT_IN_USE',
        `${step}; another program, or another spillway, serves there: \`ss -ltnp sport = :${port}\` names it; ` +
          'stop it, or listen elsewhere',
        { cause: error },
      );
    case 'EACCES':
      return new SpillwayError('CANNOT_LISTEN', `${step}; choose a port of 1024 or above`, { cause: error });
    default:
      return new SpillwayError('CANNOT_LISTEN', `${step}; is that an address of this host?`, { cause: error });
  }
}

function urlOf(server: Server, scheme: 'http' | 'https'): string {
  // a TCP server that listens has an address that is no string
  const { address, port } = server.address() as AddressInfo;
  return `${scheme}://${authority(address, port)}`;
}

const authority = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

async function closeServer(server: Server, door: Door, grace: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cut = setTimeout(() => door.cutAll(), grace);
  server.close(() => resolve(undefined));
  server.closeIdleConnections();
  door.cutStrangers();
  await promise;
  clearTimeout(cut);
}
