/** TLS on connections that somebody else has accepted. */
import type { Socket } from 'node:net';
import { createServer, type Server, type TLSSocket } from 'node:tls';
import type { TlsConfig } from './config.ts';
import { sansOf } from './sans.ts';

export interface TlsEvents {
  /** The handshake is done, and the client may speak. */
  readonly ready: (socket: TLSSocket) => void;
  /** It is not, or the client may not. */
  readonly failed: (socket: TLSSocket, why: string) => void;
}

/** Hands connections to the server of the configuration that holds now; those of another one go on as they were. */
export class TlsDoor {
  readonly #handshakeTimeout: number;
  readonly #events: TlsEvents;
  #of: TlsConfig | null = null;
  #server: Server | null = null;

  /** @param handshakeTimeout milliseconds */
  constructor(handshakeTimeout: number, events: TlsEvents) {
    this.#handshakeTimeout = handshakeTimeout;
    this.#events = events;
  }

  open(config: TlsConfig, socket: Socket): void {
    if (this.#of !== config) this.#server = this.#serverOf(config);
    this.#of = config;
    this.#server?.emit('connection', socket);
  }

  /** It listens nowhere. Resumed sessions are those of this configuration: an authority that was taken away is not trusted. */
  #serverOf(config: TlsConfig): Server {
    const { context, clientAuth } = config;
    const server = createServer({
      ...context,
      requestCert: clientAuth !== 'NoClientCert',
      rejectUnauthorized: clientAuth === 'RequireAndVerifyClientCert',
      handshakeTimeout: this.#handshakeTimeout,
      // without it a client that offers HTTP/2 too would be told nothing
      ALPNProtocols: ['http/1.1'],
    });
    server.on('secureConnection', (socket) => {
      // a client that asks for handshake after handshake costs more than it pays
      socket.disableRenegotiation();
      const why = wrongWith(socket, config);
      if (why === null) this.#events.ready(socket);
      else this.#events.failed(socket, why);
    });
    server.on('tlsClientError', (error, socket) => this.#events.failed(socket, reasonOf(error)));
    return server;
  }
}

/** What keeps this client out; null: nothing. */
function wrongWith(socket: TLSSocket, { clientAuth, allowedSans }: TlsConfig): string | null {
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    const needed = ['RequireClientCert', 'RequireAnyClientCert', 'RequireAndVerifyClientCert'];
    return needed.includes(clientAuth) ? 'the client has no certificate' : null;
  }
  const verifies = clientAuth === 'VerifyClientCertIfGiven' || clientAuth === 'RequireAndVerifyClientCert';
  // the type says Error, what is there is the text of a code
  if (verifies && !socket.authorized)
    return `the client's certificate is not good (${String(socket.authorizationError)})`;
  if (allowedSans === null) return null;
  const names = sansOf(certificate.subjectAltName ?? '');
  return names.some((name) => allowedSans.has(name)) ? null : "none of the certificate's names is allowed";
}

/** OpenSSL's words come with the place in its sources. */
function reasonOf(error: Error & { code?: string; reason?: string }): string {
  return error.reason ?? error.code ?? error.message;
}
