/** A real lighttpd, of which a known share of transfers falls back to read and write. */
import { readFileSync, symlinkSync } from 'node:fs';
import { Agent, get } from 'node:http';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, onTestFinished } from 'vitest';
import { fileOf, freePort, startServer } from './compare.ts';
import { lighttpdServer } from './lighttpd.ts';
import { refusingDirectory } from './refusing.ts';

/** What lighttpd sends by one sendfile, or after its refusal by one read and write: less it reads at once, for more it asks again. */
const SIZE = 16_384;
export const TRANSFERS_PER_SECOND = 50;

export interface WebServer {
  /** Makes so many transfers, each `refusedEvery`-th of a file that cannot splice. */
  transfer(count: number, refusedEvery: number): Promise<void>;
  /** Ends it in order, and gives how many transfers of either file it logged. */
  stop(): Promise<{ good: number; refused: number }>;
}

/** Starts lighttpd. */
export async function webServer(): Promise<WebServer> {
  const good = fileOf(SIZE);
  const root = dirname(good);
  symlinkSync(good, join(root, 'good'));
  symlinkSync(join(refusingDirectory(2 << 20), 'file'), join(root, 'refused'));
  const server = lighttpdServer(root, await freePort());
  const stop = await startServer(server);
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return {
    transfer: async (count, refusedEvery) => {
      const began = performance.now();
      for (let i = 1; i <= count; i++) {
        await delay(Math.max(0, began + (i * 1000) / TRANSFERS_PER_SECOND - performance.now()));
        const path = i % refusedEvery === 0 ? 'refused' : 'good';
        expect(await sizeOf(`http://127.0.0.1:${String(server.port)}/${path}`, agent)).toBe(SIZE);
      }
    },
    stop: async () => {
      agent.destroy();
      expect(await stop()).toBe(0);
      const lines = readFileSync(server.accessLog, 'utf8').split('\n');
      const logged = (path: string) => lines.filter((line) => line === `/${path} 206 ${String(SIZE)}`).length;
      return { good: logged('good'), refused: logged('refused') };
    },
  };
}

/** Asks for the first bytes of a file, and gives how many came. */
function sizeOf(url: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url, { agent, headers: { range: `bytes=0-${String(SIZE - 1)}` } }, (response) => {
      let size = 0;
      response.on('data', (piece: Buffer) => (size += piece.length));
      response.once('end', () => resolve(size)).once('error', reject);
    }).once('error', reject);
  });
}
