/** Answers to what never became a request. */
import type { Duplex } from 'node:stream';

/** Of all headers of a request, its first line included. */
export const MAX_HEADER_BYTES = 8192;

const REASONS = {
  400: 'Bad Request',
  405: 'Method Not Allowed',
  408: 'Request Timeout',
  413: 'Payload Too Large',
  414: 'URI Too Long',
  431: 'Request Header Fields Too Large',
  503: 'Service Unavailable',
} as const;

export type Refusal = keyof typeof REASONS;

/** The status for an error of Node's HTTP parser, or of its clock. @param error with the bytes that it stopped at */
export function refusalOf(error: Error & { code?: string; rawPacket?: Buffer }): Refusal {
  switch (error.code ?? '') {
    case 'HPE_HEADER_OVERFLOW': {
      // still in the first line
      const end = error.rawPacket?.indexOf('\n') ?? 0;
      return end === -1 || end >= MAX_HEADER_BYTES ? 414 : 431;
    }
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return 413;
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return 408;
    default:
      return 400;
  }
}

/** Writes the answer and ends the connection, whether the client reads it or not. */
export function refuse(
  socket: Duplex & { destroySoon?: () => void },
  status: Refusal,
  why: string,
  headers = '',
): void {
  if (socket.writable) {
    const body = `${why}\n`;
    socket.write(
      `HTTP/1.1 ${String(status)} ${REASONS[status]}\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\n` +
        `Content-Length: ${String(Buffer.byteLength(body))}\r\n${headers}\r\n${body}`,
    );
  }
  if (socket.destroySoon === undefined) socket.destroy();
  else socket.destroySoon();
}
