/** A reply as plain data, and how it goes over the wire. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { constants, createGzip, gzip } from 'node:zlib';
import type { Body } from '../metrics/index.ts';

/** Bytes that follow one another. */
type Pieces = readonly Uint8Array[];

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer | Body;
  readonly headers?: OutgoingHttpHeaders;
  /** The same body, compressed, for whoever accepts it; made at most once for all who share this reply. */
  readonly gzipped?: () => Promise<Pieces>;
  /** The body has no end yet: whoever writes it from now on. */
  readonly follow?: (response: ServerResponse) => void;
}

const TEXT = 'text/plain; charset=utf-8';
export const HTML = 'text/html; charset=utf-8';
export const EVENTS = 'text/event-stream; charset=utf-8';
export const JSON_TYPE = 'application/json; charset=utf-8';

export const text = (status: number, body: string, headers: OutgoingHttpHeaders = {}): Reply => ({
  status,
  type: TEXT,
  body: `${body}\n`,
  headers,
});

const compress = promisify(gzip);

/** A reply of some length. Level 1: a tenth of the size for a few milliseconds. */
export function compressible(status: number, type: string, body: string): Reply {
  const bytes = Buffer.from(body);
  const gzipped = onceOnly(async () => [await compress(bytes, { level: constants.Z_BEST_SPEED })]);
  return { status, type, body: bytes, gzipped, headers: { vary: 'Accept-Encoding' } };
}

/** Bytes of a piece of what comes compressed. */
const GZIP_PIECE = 64 * 1024;

/** A reply of any length, in pieces; compressed one piece after the other. */
export function long(status: number, type: string, body: Body): Reply {
  const gzipped = onceOnly(() => {
    const gzip = createGzip({ level: constants.Z_BEST_SPEED, chunkSize: GZIP_PIECE });
    return Readable.from(body.pieces, { objectMode: true }).pipe(gzip).toArray() as Promise<Buffer[]>;
  });
  return { status, type, body, gzipped, headers: { vary: 'Accept-Encoding' } };
}

function onceOnly<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | null = null;
  return () => (made ??= make());
}

/** Sends it, and says how many bytes; to HEAD Node leaves out the body. `last`: the connection is not kept. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  last: boolean,
): Promise<number> {
  if (reply.follow !== undefined && request.method === 'GET') return follow(response, reply.follow, reply);
  // before anything is waited for: what nobody uses is written over
  const ended = usesUntilClosed(response, reply.body);
  const encoded = reply.gzipped !== undefined && acceptsGzip(request.headers['accept-encoding']);
  const pieces = encoded ? await reply.gzipped() : piecesOf(reply.body);
  // of what is compressed nothing else is read any more
  if (encoded) ended();
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  response.writeHead(reply.status, {
    'content-type': reply.type,
    'content-length': length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...reply.headers,
    ...(encoded ? { 'content-encoding': 'gzip' } : {}),
    ...(last ? { connection: 'close' } : {}),
  });
  // the pieces themselves wait for the client, not copies of them: a slow one takes no memory beyond the answer
  response.cork();
  for (const piece of pieces) response.write(piece);
  response.end();
  return length;
}

const piecesOf = (body: Reply['body']): Pieces =>
  typeof body === 'string' || Buffer.isBuffer(body) ? [Buffer.from(body)] : body.pieces;

/** Uses the body until the answer is through, or the client gone; or until the function that is returned is called. */
function usesUntilClosed(response: ServerResponse, body: Reply['body']): () => void {
  if (typeof body === 'string' || Buffer.isBuffer(body)) return () => undefined;
  const ended = body.use();
  // a client that went away while the answer was made closes nothing any more
  if (response.closed) ended();
  else response.once('close', ended);
  return ended;
}

/** Nothing waits to be read yet: what writes it sees to that. */
function follow(response: ServerResponse, write: (response: ServerResponse) => void, reply: Reply): number {
  response.writeHead(reply.status, {
    'content-type': reply.type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // nginx would collect it otherwise
    'x-accel-buffering': 'no',
    ...reply.headers,
  });
  response.flushHeaders();
  write(response);
  return 0;
}

/** RFC 9110, 12.5.3: `gzip` by name, else `*`; a weight of 0 forbids it. */
function acceptsGzip(header: string | string[] | undefined): boolean {
  const weights = new Map<string, number>();
  for (const part of String(header ?? '').split(',')) {
    const [coding = '', ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase());
    const weight = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
    weights.set(coding, weight === undefined ? 1 : Number(weight));
  }
  return (weights.get('gzip') ?? weights.get('x-gzip') ?? weights.get('*') ?? 0) > 0;
}
