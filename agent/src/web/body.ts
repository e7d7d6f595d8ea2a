/** Bodies of requests: nothing here takes one, so they are read to be thrown away, up to a limit. */
import type { IncomingMessage } from 'node:http';

const MOST_BYTES = 64 * 1024;

/** Whether it has come to its end and was not too long. How long that may take is for the server's clock. */
export async function bodyEnds(request: IncomingMessage): Promise<boolean> {
  const { 'content-length': length, 'transfer-encoding': encoding } = request.headers;
  if (length === undefined && encoding === undefined) return true;
  if (Number(length ?? 0) > MOST_BYTES) return false;
  let bytes = 0;
  // not `for await`: that would destroy the connection before it can be answered
  return new Promise((resolve, reject) => {
    request.on('data', (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= MOST_BYTES) return;
      request.pause();
      resolve(false);
    });
    request.once('end', () => resolve(true));
    request.once('error', reject);
    request.once('close', () => reject(new Error('the client has gone')));
  });
}
