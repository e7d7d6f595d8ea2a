/** A path -> what is answered there. It knows neither sockets nor requests. */
import { type Build, type Collection, CONTENT_TYPE, Exporter, type Limits } from '../metrics/index.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { landingPage, PAGE_POLICY } from './page.ts';
import { compressible, HTML, JSON_TYPE, type Reply, text } from './reply.ts';
import { shared } from './shared.ts';
import { snapshotJson } from './snapshot-json.ts';

/** What the server shows. */
export interface Source {
  /** One collection from the kernel. */
  snapshot(): Snapshot | Promise<Snapshot>;
  /** Whether the programs are attached. */
  ready(): boolean;
  readonly build: Build;
  log(level: 'error' | 'warning' | 'info', message: string): void;
}

export interface RouteOptions {
  readonly limits: Limits;
  /** Metrics of the agent's own process, in the same text format. */
  processMetrics(): Promise<string>;
  /** Milliseconds of a clock that is never set back. */
  monotonicMs(): number;
}

const NOTHING_YET = { snapshot: null, error: '' };

export type Route = () => Reply | Promise<Reply>;

/** By path. All answer GET and HEAD. */
export function routesOf(source: Source, options: RouteOptions): ReadonlyMap<string, Route> {
  const { build } = source;
  const exporter = new Exporter(build, options.limits);

  const collect = async (): Promise<{ snapshot: Snapshot | null; collection: Collection; error: string }> => {
    const start = options.monotonicMs();
    const collection = (success: boolean) => ({ seconds: (options.monotonicMs() - start) / 1000, success });
    try {
      const snapshot = await source.snapshot();
      return { snapshot, collection: collection(true), error: '' };
    } catch (error) {
      const message = `reading the kernel tables: ${error instanceof Error ? error.message : String(error)}`;
      source.log('error', message);
      return { snapshot: null, collection: collection(false), error: message };
    }
  };

  return new Map<string, Route>([
    [
      '/',
      async () => {
        const ready = source.ready();
        const { snapshot, error } = ready ? await collect() : NOTHING_YET;
        if (ready && snapshot === null) return text(500, error);
        const body = landingPage(build, ready, snapshot?.programs ?? []);
        return { status: 200, type: HTML, body, headers: { 'content-security-policy': PAGE_POLICY } };
      },
    ],
    [
      '/metrics',
      shared(async () => {
        const { snapshot, collection } = await collect();
        const own = await options.processMetrics();
        if (snapshot === null) return compressible(500, CONTENT_TYPE, exporter.renderFailure(collection) + own);
        return compressible(200, CONTENT_TYPE, exporter.render(snapshot, collection) + own);
      }),
    ],
    [
      '/api/v1/snapshot',
      shared(async () => {
        const { snapshot, error } = await collect();
        if (snapshot === null) return compressible(500, JSON_TYPE, JSON.stringify({ error }));
        return compressible(200, JSON_TYPE, JSON.stringify(snapshotJson(snapshot)));
      }),
    ],
    ['/-/healthy', () => text(200, 'healthy')],
    ['/-/ready', () => (source.ready() ? text(200, 'ready') : text(503, 'not ready: programs are being attached'))],
  ]);
}
