/** Clients of the servers under test. */
import { get } from 'node:http';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Bytes of the body that arrived, whether or not the server ended it early. */
export function bodyLength(url: string): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent: false }, (response) => {
      let length = 0;
      response.on('data', (piece: Buffer) => (length += piece.length));
      response.once('close', () => resolve(length)).on('error', () => undefined);
    }).once('error', reject);
  });
}

/** Asks for `path`, reads nothing for a while, then all. Gives the bytes of header and body. */
export async function readLate(port: number, path: string, wait: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.pause();
  socket.write(`GET ${path} HTTP/1.0\r\n\r\n`);
  await delay(wait);
  let length = 0;
  for await (const piece of socket) length += (piece as Buffer).length;
  return length;
}
