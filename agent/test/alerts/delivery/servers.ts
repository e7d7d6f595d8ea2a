/** Servers on this host that answer as told, and a proxy. */
import { execFileSync } from 'node:child_process';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import {
  type AddressInfo,
  connect,
  createServer as createPlainServer,
  type Server as PlainServer,
  type Socket,
} from 'node:net';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

export interface Received {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Reply = (response: ServerResponse, socket: Socket, request: Received) => void;

/** Keeps what it receives, and answers each request with the next reply, the last one for ever. */
export class FakeServer {
  readonly received: Received[] = [];
  #answered = 0;
  replies: readonly Reply[];
  url = '';
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  constructor(replies: readonly Reply[], tls?: { readonly key: string; readonly cert: string }) {
    this.replies = replies;
    const onRequest = (request: IncomingMessage, response: ServerResponse) => void this.#answer(request, response);
    this.#server = tls === undefined ? createServer(onRequest) : createSecureServer(tls, onRequest);
    this.#server.on('connection', (socket: Socket) => this.#sockets.add(socket));
  }

  async listen(): Promise<this> {
    const port = await listening(this.#server);
    this.url = `${'setSecureContext' in this.#server ? 'https' : 'http'}://127.0.0.1:${String(port)}`;
    return this;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = '', url = '', headers } = request;
    const received = { method, path: url, headers, body: Buffer.concat(chunks).toString() };
    this.received.push(received);
    const reply = this.replies[Math.min(this.#answered++, this.replies.length - 1)];
    reply?.(response, request.socket, received);
  }
}

export const status =
  (code: number, body = '', headers: Record<string, string> = {}): Reply =>
  (response) =>
    response.writeHead(code, headers).end(body);

/** Waits for a port. */
async function listening(server: Server | PlainServer): Promise<number> {
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return (server.address() as AddressInfo).port;
}

/** A proxy that connects everything to one port, or does what it is told instead. */
export async function startProxy(to: number, instead?: (socket: Socket) => void) {
  const asked: string[] = [];
  const proxy = createServer((request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    response.end('through the proxy');
  });
  const sockets = new Set<Socket>();
  proxy.on('connection', (socket: Socket) => sockets.add(socket));
  proxy.on('connect', (request: IncomingMessage, socket: Socket) => {
    asked.push(`CONNECT ${request.url ?? ''} ${request.headers['proxy-authorization'] ?? ''}`.trim());
    socket.on('error', () => undefined);
    if (instead !== undefined) {
      // else it would not hear that the client goes, and stay half open
      socket.resume().on('end', () => socket.end());
      instead(socket);
      return;
    }
    const onward = connect(to, '127.0.0.1', () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      onward.pipe(socket);
      socket.pipe(onward);
    });
    onward.on('error', () => socket.destroy());
  });
  const port = await listening(proxy);
  const close = () => {
    proxy.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, asked, close, sockets };
}

/** A server that speaks no HTTP. */
export async function startPlain(onConnection: (socket: Socket) => void) {
  const server = createPlainServer((socket) => {
    socket.on('error', () => undefined);
    onConnection(socket);
  });
  const sockets = new Set<Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  const port = await listening(server);
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port, close };
}

/** A key and a certificate for these names, of nobody. */
export function selfSigned(directory: string): { readonly key: string; readonly cert: string; readonly path: string } {
  const [key, cert] = [join(directory, 'key.pem'), join(directory, 'cert.pem')];
  const names = 'subjectAltName=DNS:events.example,IP:127.0.0.1';
  execFileSync(
    'openssl',
    ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'].concat([
      '-subj',
      '/CN=events.example',
      '-addext',
      names,
      '-keyout',
      key,
      '-out',
      cert,
    ]),
    { stdio: 'ignore' },
  );
  return { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8'), path: cert };
}
