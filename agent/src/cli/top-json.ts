/** What `spillway top -o json` prints: one frame as a document. Pure. */
import { secondsOf, type Shown, type Window } from '../top/delta.ts';
import type { Figures, Host, Reason, Row, Sample, View } from '../top/figures.ts';
import type { FiringJson } from './alerts-shown.ts';
import type { SnapshotSource } from './source.ts';

interface FiguresJson extends Figures {
  /** Those that occurred. */
  readonly reasons: readonly Reason[];
}

interface RowJson extends FiguresJson {
  readonly names: readonly string[];
  readonly pid?: number;
}

export interface TopJson {
  readonly schema: 'spillway.top/1';
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly source: SnapshotSource['kind'];
  readonly view: View;
  /** null: counts since the agent started. */
  readonly windowSeconds: number | null;
  readonly host: FiguresJson;
  /** null: nobody judges rules. */
  readonly alerts: readonly FiringJson[] | null;
  readonly rows: readonly RowJson[];
}

/** What a frame shows. */
export interface Frame {
  readonly now: Sample;
  readonly source: SnapshotSource['kind'];
  readonly view: View;
  /** null: figures are totals. */
  readonly window: Window | null;
  readonly host: Host;
  readonly alerts: readonly FiringJson[] | null;
  readonly rows: readonly Shown[];
}

export function topJson({ now, source, view, window, host, alerts, rows }: Frame): TopJson {
  return {
    schema: 'spillway.top/1',
    time: now.time,
    source,
    view,
    windowSeconds: window === null ? null : secondsOf(window),
    host: figuresOf(host),
    alerts,
    rows: rows.map((row) => ({ names: row.names, ...(row.pid > 0 ? { pid: row.pid } : {}), ...figuresOf(row) })),
  };
}

const figuresOf = ({ attempts, outcomes, bytes, fallbacks, eagain, reasons }: Row): FiguresJson => ({
  attempts,
  outcomes,
  bytes,
  fallbacks,
  eagain,
  reasons: reasons.filter(({ count }) => count > 0),
});
