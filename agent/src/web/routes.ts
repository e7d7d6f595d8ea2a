/** A path -> what is answered there. It knows neither sockets nor requests. */
import type { AlertsReport } from '../alerts/view.ts';
import {
  type Build,
  type Collection,
  CONTENT_TYPE,
  Exporter,
  type Limits,
  type ProcessFigures,
} from '../metrics/index.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { printable } from '../model/text.ts';
import { alertsJson } from './alerts-json.ts';
import { ICON, ICON_PATH, PAGE_POLICY, SCRIPT_PATH, STYLE_PATH } from './page.ts';
import { SCRIPT } from './page/live.ts';
import { STYLE } from './page/style.ts';
import { compressible, HTML, JSON_TYPE, long, type Reply, text } from './reply.ts';
import { inTurn, shared, stepwise } from './shared.ts';
import { snapshotJson } from './snapshot-json.ts';
import { Status } from './status.ts';
import type { Stream, StreamOptions } from './stream.ts';

/** What the server shows. */
export interface Source {
  /** One collection from the kernel. */
  snapshot(): Snapshot | Promise<Snapshot>;
  /** Nobody looks at the flows of this collection any longer. */
  release?(snapshot: Snapshot): void;
  /** Whether the programs are attached. */
  ready(): boolean;
  /** How the alerts stand; absent where they are switched off. */
  alerts?(): AlertsReport;
  /** Reads the configuration again: lines that say what changed. Rejects with an Error whose message is for the user. */
  reload?(): Promise<readonly string[]>;
  readonly build: Build;
  log(level: 'error' | 'warning' | 'info', message: string): void;
}

export interface RouteOptions {
  readonly limits: Limits;
  /** Metrics of the agent's own process, in the same text format. */
  processMetrics(): Promise<string>;
  /** The same for the page. */
  readonly process: ProcessFigures;
  /** Name of the host. */
  readonly hostName: string;
  /** A collection has failed. */
  failed(message: string): void;
  readonly streams: StreamOptions;
  /** Milliseconds of a clock that is never set back. */
  monotonicMs(): number;
}

const PAGE_HEADERS = {
  'content-security-policy': PAGE_POLICY,
  'referrer-policy': 'no-referrer',
  vary: 'Accept-Encoding',
};

/** Each reload is logged: a flood of them is one a second. */
const RELOAD_REST_MS = 1000;

export type Route = () => Reply | Promise<Reply>;

export interface Routes {
  /** By path: what GET and HEAD are answered. */
  readonly pages: ReadonlyMap<string, Route>;
  /** By path: what POST does. */
  readonly actions: ReadonlyMap<string, Route>;
  /** By path: what GET listens to. */
  readonly streams: ReadonlyMap<string, Stream>;
  readonly status: Status;
}

/** Whether there are alerts and a reload is asked at each request: they may come after the server. */
export function routesOf(source: Source, options: RouteOptions): Routes {
  const { build } = source;
  const exporter = new Exporter(build, options.limits);

  let last: Collection | null = null;
  const collect = async (): Promise<{ snapshot: Snapshot | null; collection: Collection; error: string }> => {
    const start = options.monotonicMs();
    const collection = (success: boolean) => (last = { seconds: (options.monotonicMs() - start) / 1000, success });
    try {
      const snapshot = await source.snapshot();
      return { snapshot, collection: collection(true), error: '' };
    } catch (error) {
      const message = `reading the kernel tables: ${error instanceof Error ? error.message : String(error)}`;
      options.failed(message);
      return { snapshot: null, collection: collection(false), error: message };
    }
  };

  const status = new Status({
    identity: { build, host: options.hostName },
    async collect() {
      const { snapshot, error } = await collect();
      if (snapshot === null) throw new Error(error);
      return snapshot;
    },
    ready: () => source.ready(),
    alerts: () => source.alerts?.(),
    own: options.process,
    collectionSeconds: () => last?.seconds ?? null,
    monotonicMs: () => options.monotonicMs(),
    streams: options.streams,
  });

  const pages = new Map<string, Route>([
    [
      '/',
      shared(async () => {
        try {
          return { ...compressible(200, HTML, await status.page()), headers: PAGE_HEADERS };
        } catch (error) {
          return text(500, error instanceof Error ? error.message : String(error));
        }
      }),
    ],
    [STYLE_PATH, () => compressible(200, 'text/css; charset=utf-8', STYLE)],
    [SCRIPT_PATH, () => compressible(200, 'text/javascript; charset=utf-8', SCRIPT)],
    [ICON_PATH, () => compressible(200, 'image/svg+xml', ICON)],
    [
      '/metrics',
      shared(async () => {
        const { snapshot, collection } = await collect();
        const own = await options.processMetrics();
        if (snapshot === null) return compressible(500, CONTENT_TYPE, exporter.renderFailure(collection) + own);
        try {
          return long(200, CONTENT_TYPE, await stepwise(exporter.steps(snapshot, collection, source.alerts?.(), own)));
        } finally {
          source.release?.(snapshot);
        }
      }),
    ],
    [
      '/api/v1/snapshot',
      shared(async () => {
        const { snapshot, error } = await collect();
        if (snapshot === null) return compressible(500, JSON_TYPE, JSON.stringify({ error }));
        try {
          return compressible(200, JSON_TYPE, JSON.stringify(snapshotJson(snapshot)));
        } finally {
          source.release?.(snapshot);
        }
      }),
    ],
    [
      '/api/v1/alerts',
      () => {
        const view = source.alerts?.();
        if (view === undefined) return text(404, 'alerts are switched off');
        return compressible(200, JSON_TYPE, JSON.stringify(alertsJson(view)));
      },
    ],
    ['/-/healthy', () => text(200, 'healthy')],
    ['/-/ready', () => (source.ready() ? text(200, 'ready') : text(503, 'not ready: programs are being attached'))],
  ]);
  return {
    pages,
    actions: new Map([['/-/reload', inTurn(() => reload(source), RELOAD_REST_MS)]]),
    streams: new Map([
      ['/api/v1/stream', status.overviews],
      ['/page/stream', status.updates],
    ]),
    status,
  };
}

async function reload(source: Source): Promise<Reply> {
  if (source.reload === undefined) return text(404, 'this agent has no configuration to reload');
  try {
    const lines = await source.reload();
    return text(200, lines.length === 0 ? 'nothing changed' : lines.map(printable).join('\n'));
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    return text(400, error.message.split('\n').map(printable).join('\n'));
  }
}
