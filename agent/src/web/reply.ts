/** A reply as plain data, and how it goes over the wire. */
import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { promisify } from 'node:util';
import { constants, gzip } from 'node:zlib';

export interface Reply {
  readonly status: number;
  readonly type: string;
  readonly body: string | Buffer;
  readonly headers?: OutgoingHttpHeaders;
  /** The same body, compressed, for whoever accepts it; made at most once for all who share this reply. */
  readonly gzipped?: () => Promise<Buffer>;
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
  let compressed: Promise<Buffer> | null = null;
  const gzipped = () => (compressed ??= compress(bytes, { level: constants.Z_BEST_SPEED }));
  return { status, type, body: bytes, gzipped, headers: { vary: 'Accept-Encoding' } };
}

/** Sends it, and says how many bytes; to HEAD Node leaves out the body. `last`: the connection is not kept. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  reply: Reply,
  last: boolean,
): Promise<number> {
  if (reply.follow !== undefined && request.method === 'GET') return follow(response, reply.follow, reply);
  const encoded = reply.gzipped !== undefined && acceptsGzip(request.headers['accept-encoding']);
  const body = encoded ? await reply.gzipped() : Buffer.from(reply.body);
  response.writeHead(reply.status, {
    'content-type': reply.type,
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...reply.headers,
    ...(encoded ? { 'content-encoding': 'gzip' } : {}),
    ...(last ? { connection: 'close' } : {}),
  });
  response.end(body);
  return body.length;
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
