/** The HTTP server: limits, lifetime, and nothing of what is served. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { DEFAULT_LIMITS, figuresOf, processRegistry, type Limits } from '../metrics/index.ts';
import { SpillwayError } from '../model/errors.ts';
import { type Reply, send, text } from './reply.ts';
import { type Routes, routesOf, type Source } from './routes.ts';

export interface ServerOptions {
  readonly host: string;
  /** 0 takes any free one. */
  readonly port: number;
  /** How many flows and workloads are told apart. */
  readonly limits: Limits;
  /** Connections at a time; more are refused. */
  readonly maxConnections: number;
  /** Milliseconds in which a request's headers, and all of a request, must have arrived. */
  readonly headersTimeout: number;
  readonly requestTimeout: number;
  /** Milliseconds after which a connection on which nothing moves is cut. */
  readonly idleTimeout: number;
  /** Milliseconds that close() gives to answers under way. */
  readonly closeGrace: number;
}

const DEFAULT_SERVER_OPTIONS: ServerOptions = {
  host: '127.0.0.1',
  port: 10190,
  limits: DEFAULT_LIMITS,
  maxConnections: 64,
  headersTimeout: 5000,
  requestTimeout: 10_000,
  idleTimeout: 30_000,
  closeGrace: 1000,
};

const MAX_HEADER_BYTES = 8192;

export interface WebServer {
  /** `http://127.0.0.1:10190`, with the port that was really taken. */
  readonly url: string;
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
  const registry = processRegistry(figuresOf(process, Date.now()));
  const routes = routesOf(source, {
    limits: all.limits,
    processMetrics: () => registry.metrics(),
    monotonicMs: () => performance.now(),
  });
  const server = newServer(all, (request, response) => {
    answer(routes, request)
      .catch((error: unknown) => {
        source.log('error', `${request.method ?? ''} ${pathOf(request)}: ${reason(error)}`);
        return text(500, 'internal error: see the log of spillway');
      })
      .then((reply) => send(request, response, reply, !server.listening))
      .catch((error: unknown) => {
        source.log('error', `answering ${pathOf(request)}: ${reason(error)}`);
        response.destroy();
      });
  });
  await listen(server, all);
  // e.g. accept: EMFILE; nobody else would hear it, and Node ends the process then
  server.on('error', (error) => source.log('error', `listening: ${reason(error)}`));

  let closing: Promise<void> | null = null;
  const close = () => (closing ??= closeServer(server, all.closeGrace));
  const onAbort = () => void close();
  signal?.addEventListener('abort', onAbort, { once: true });
  server.once('close', () => signal?.removeEventListener('abort', onAbort));
  // aborted while the port was being taken
  if (signal?.aborted === true) await close();
  signal?.throwIfAborted();
  return { url: urlOf(server), close };
}

function newServer(options: ServerOptions, listener: (request: IncomingMessage, response: ServerResponse) => void) {
  const { headersTimeout, requestTimeout } = options;
  const connectionsCheckingInterval = Math.min(1000, headersTimeout);
  const limits = { headersTimeout, requestTimeout, connectionsCheckingInterval, maxHeaderSize: MAX_HEADER_BYTES };
  const server = createServer(limits, listener);
  server.maxConnections = options.maxConnections;
  // also cuts clients that do not read their answer
  server.setTimeout(options.idleTimeout);
  return server;
}

async function answer({ pages, actions }: Routes, request: IncomingMessage): Promise<Reply> {
  const path = pathOf(request);
  const action = actions.get(path);
  if (action !== undefined) {
    if (request.method !== 'POST') return text(405, 'only POST', { allow: 'POST' });
    if (fromOtherSite(request)) return text(403, 'not for web pages');
    return action();
  }
  const page = pages.get(path);
  if (page === undefined) return text(404, 'not found: / lists what there is');
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    return text(405, 'only GET and HEAD', { allow: 'GET, HEAD' });
  }
  return page();
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

function urlOf(server: Server): string {
  // a TCP server that listens has an address that is no string
  const { address, port } = server.address() as AddressInfo;
  return `http://${authority(address, port)}`;
}

const authority = (host: string, port: number): string => `${host.includes(':') ? `[${host}]` : host}:${port}`;

async function closeServer(server: Server, grace: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const cut = setTimeout(() => server.closeAllConnections(), grace);
  server.close(() => resolve(undefined));
  server.closeIdleConnections();
  await promise;
  clearTimeout(cut);
}
