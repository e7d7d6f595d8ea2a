/** An agent that answers what a test wants to be shown, and cuts its answers off. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';

/**
 * Serves a text under every path but that of alerts, which are switched off. `answer` is told how often was asked before; null: the
 * answer is cut off in its middle.
 */
export async function serve(answer: (url: string, n: number) => string | null): Promise<Server & { url: string }> {
  let n = 0;
  const server = createServer((request, response) => {
    if (request.url === '/api/v1/alerts') {
      response.writeHead(404).end('alerts are switched off');
      return;
    }
    const text = answer(request.url ?? '', n++);
    if (text === null) {
      response.writeHead(200, { 'content-length': '1000' });
      response.write('{"schema":');
      setTimeout(() => response.destroy(), 50);
    } else response.end(text);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return Object.assign(server, { url: `127.0.0.1:${String((server.address() as AddressInfo).port)}` });
}

/** A snapshot in which nothing has happened but what the test says; a second later each time. */
export const documentOf = (change: object, n: number): string =>
  JSON.stringify({
    ...{ schema: 'spillway.snapshot/1', time: new Date().toISOString(), boottime: 100 + n },
    ...{ mechanisms: {}, processes: [], workloads: [], causes: [], flows: [], tables: [], programs: [] },
    ioUring: {
      ...{ setups: { ok: 0, errnos: {} }, enters: { calls: 0, submitted: 0, errnos: {} } },
      ...{ completions: {}, completionErrnos: {}, queuedAsync: 0, asyncWork: {}, cqOverflows: 0 },
    },
    ...{ unattributed: { attempts: 0 }, lost: { overflow: 0, events: 0, missedRuns: 0 } },
    ...change,
  });
