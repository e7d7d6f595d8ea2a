/**
 * POST, as receivers need it. By node:http and not fetch: an Agent takes the proxies' environment and certificates as
 * parameters, while fetch knows only those that the process was started with (NODE_USE_ENV_PROXY).
 */
import { Agent as HttpAgent, request as httpRequest, type AgentOptions, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';

export interface PostRequest {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

export interface Answer {
  readonly status: number;
  readonly retryAfter: string | null;
  /** What of it was received in time, 64 KiB at most. */
  readonly body: string;
}

/** @throws PostError */
export type Post = (request: PostRequest, signal: AbortSignal) => Promise<Answer>;

/** No answer. The message names a code, never the request. */
export class PostError extends Error {
  override readonly name = 'PostError';
  readonly reason: 'network' | 'timeout';
  /** Whether the request may have reached the server. */
  readonly left: boolean;

  constructor(reason: 'network' | 'timeout', message: string, left: boolean) {
    super(message);
    this.reason = reason;
    this.left = left;
  }
}

export interface PostOptions {
  /** HTTPS_PROXY, HTTP_PROXY, NO_PROXY, in either case. */
  readonly env?: NodeJS.ProcessEnv;
  /** Certificates to trust instead of Node's (to which NODE_EXTRA_CA_CERTS adds). */
  readonly ca?: string;
  /** For all of a request, its answer included. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 10_000;
const MAX_ANSWER_BYTES = 65_536;

/** @throws TypeError that does not quote the text: URLs hold passwords */
export function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new TypeError('no URL that begins with https:// or http://');
  return url;
}

/** Redirects are answers like any other: they are not followed. */
export function newPost({ env = {}, ca, timeoutMs = TIMEOUT_MS }: PostOptions = {}): Post {
  // A connection for each request: one that was kept may be closed by the server just as the request leaves. The agent's timeout
  // is what ends a tunnel through a proxy that does not answer, which cannot be aborted (Node 24), so it must come first.
  const options: AgentOptions & { ca?: string } = { keepAlive: false, timeout: timeoutMs * 0.9, proxyEnv: env };
  if (ca !== undefined) options.ca = ca;
  const http = new HttpAgent(options);
  const https = new HttpsAgent(options);
  return (request, signal) => post(request, signal, timeoutMs, { http, https });
}

async function post(
  { url, headers, body }: PostRequest,
  signal: AbortSignal,
  timeoutMs: number,
  agents: { readonly http: HttpAgent; readonly https: HttpsAgent },
): Promise<Answer> {
  const { promise, resolve, reject } = Promise.withResolvers<Answer>();
  const secure = new URL(url).protocol === 'https:';
  const all = { ...headers, 'content-length': String(Buffer.byteLength(body)) };
  const request = secure
    ? httpsRequest(url, { method: 'POST', agent: agents.https, headers: all })
    : httpRequest(url, { method: 'POST', agent: agents.http, headers: all });

  let connected = false;
  request.on('socket', (socket) => {
    if (socket.connecting) socket.once(secure ? 'secureConnect' : 'connect', () => (connected = true));
    else connected = true;
  });
  // once there is a status, nothing that follows makes it another
  let answer: (() => Answer) | null = null;
  const end = (reason: 'network' | 'timeout', message: string) => {
    if (answer === null) reject(new PostError(reason, message, connected));
    else resolve(answer());
    request.destroy();
  };
  request.on('response', (response) => {
    answer = reading(response, () => end('network', 'answer too long'));
    const finished = answer;
    response.on('end', () => resolve(finished()));
    response.on('error', (error) => end('network', codeOf(error)));
  });
  request.on('error', (error) => end('network', codeOf(error)));
  const timer = setTimeout(() => end('timeout', `no answer within ${String(timeoutMs / 1000)} s`), timeoutMs);
  const onAbort = () => end('network', 'aborted');
  signal.addEventListener('abort', onAbort, { once: true });
  if (signal.aborted) onAbort();
  else request.end(body);
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', onAbort);
  }
}

/** Collects the body. @returns the answer as far as it has come */
function reading(response: IncomingMessage, onTooLong: () => void): () => Answer {
  const chunks: Buffer[] = [];
  let length = 0;
  response.on('data', (chunk: Buffer) => {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= MAX_ANSWER_BYTES) onTooLong();
  });
  return () => ({
    status: response.statusCode ?? 0,
    retryAfter: response.headers['retry-after'] ?? null,
    body: Buffer.concat(chunks).toString('utf8', 0, Math.min(length, MAX_ANSWER_BYTES)),
  });
}

/** The code and, from a proxy, its status. Messages are left out: they may quote what was sent or received. */
function codeOf(error: Error & { code?: string; statusCode?: number }): string {
  const status = error.statusCode === undefined ? '' : ` (the proxy answered ${String(error.statusCode)})`;
  return `${error.code ?? error.name}${status}`;
}
