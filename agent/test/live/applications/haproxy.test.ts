/** haproxy with splicing: from socket to pipe to socket. (With splice-auto it decides by the pace of the stream.) */
import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { compareServer, freePort, verdicts } from '../support/compare.ts';
import { haproxyServer } from '../support/haproxy.ts';

const SIZE = 16 << 20;

/** A server that answers so many bytes of request with so many of its own. */
async function backend(request: number, answer: number): Promise<number> {
  const port = await freePort();
  const server = createServer((socket) => {
    let left = request;
    // who only looks whether haproxy answers is gone again at once
    socket.on('error', () => undefined);
    socket.on('data', (piece) => {
      left -= piece.length;
      if (left === 0) socket.end(Buffer.alloc(answer, 'spillway'));
    });
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  onTestFinished(() => {
    server.close();
  });
  return port;
}

/** Sends so much and gives how much came back. */
async function exchange(port: number, request: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.write(Buffer.alloc(request, 'x'));
  let received = 0;
  for await (const piece of socket) received += (piece as Buffer).length;
  return received;
}

it.each([
  { option: 'splice-request', request: SIZE, answer: 1 },
  { option: 'splice-response', request: 1, answer: SIZE },
])('with option $option splices most of it, in and out alike', async ({ option, request, answer }) => {
  const server = haproxyServer(await freePort(), await backend(request, answer), [option]);
  const report = await compareServer(server, async () => {
    expect(await exchange(server.port, request)).toBe(answer);
  });
  // It begins each stream with its own buffers; when there is nothing to read, or no room to write, it comes back
  // later. All of that is timing: only what holds always is asked for.
  const { zerocopy = 0, retry = 0, ...others } = verdicts(report).splice ?? {};
  expect(others).toEqual({});
  expect(zerocopy).toBeGreaterThan(2);
  expect(zerocopy + retry).toBe(report.mechanisms.splice?.attempts);
  // Whatever went into a pipe came out of it.
  const bytes = report.mechanisms.splice?.bytes ?? 0;
  expect(bytes % 2).toBe(0);
  expect(bytes).toBeGreaterThan(SIZE);
  expect(bytes).toBeLessThanOrEqual(2 * SIZE);
});
