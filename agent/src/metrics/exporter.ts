/** All metrics of one agent as text. It remembers who holds a place (flows, workloads), so there is one per agent. */
import type { Snapshot } from '../model/snapshot.ts';
import { type AlertFigures, writeAlerts } from './alert-series.ts';
import {
  type Build,
  type Collection,
  writeCollection,
  writePrograms,
  writeShards,
  writeTables,
} from './agent-series.ts';
import { writeDurations } from './durations.ts';
import { type FlowLimits, FlowSeries } from './flows.ts';
import {
  writeAttempts,
  writeCopies,
  writeErrors,
  writeRefusals,
  writeRings,
  writeUnattributed,
} from './host-series.ts';
import { type Body, Pages } from './pages.ts';
import { drain, type Steps } from './steps.ts';
import { TextWriter } from './text.ts';
import { type WorkloadLimits, WorkloadSeries } from './workloads.ts';

export type Limits = FlowLimits & WorkloadLimits;

export const DEFAULT_LIMITS: Limits = { flows: 100, workloads: 200, idleSeconds: 3600 };

export class Exporter {
  readonly #build: Build;
  readonly #flows: FlowSeries;
  readonly #workloads: WorkloadSeries;
  readonly #pages = new Pages();

  constructor(build: Build, limits: Limits = DEFAULT_LIMITS) {
    this.#build = build;
    this.#flows = new FlowSeries(limits);
    this.#workloads = new WorkloadSeries(limits);
  }

  /** Text exposition format 0.0.4. Snapshots must come in the order in which they were taken. Without alerts nothing is said of them. */
  render(snapshot: Snapshot, collection: Collection, alerts?: AlertFigures): string {
    const writer = new TextWriter();
    drain(this.#write(writer, snapshot, collection, alerts));
    return writer.text;
  }

  /**
   * The same in bytes and in steps, and behind it `more`, which is in the format already. One of them at a time: it is to be run to
   * its end before the next one begins, whoever waits for it.
   */
  *steps(snapshot: Snapshot, collection: Collection, alerts: AlertFigures | undefined, more: string): Steps<Body> {
    const writer = new TextWriter(this.#pages);
    yield* this.#write(writer, snapshot, collection, alerts);
    writer.raw(more);
    return writer.body();
  }

  /** What can be said when there is no snapshot. */
  renderFailure(collection: Collection): string {
    const writer = new TextWriter();
    writeCollection(writer, collection, this.#build);
    return writer.text;
  }

  *#write(writer: TextWriter, snapshot: Snapshot, collection: Collection, alerts?: AlertFigures): Steps {
    writeAttempts(writer, snapshot);
    writeRefusals(writer, snapshot);
    writeCopies(writer, snapshot);
    writeErrors(writer, snapshot);
    writeRings(writer, snapshot);
    writeDurations(writer, snapshot);
    this.#workloads.write(writer, snapshot);
    yield;
    yield* this.#flows.write(writer, snapshot);
    writeUnattributed(writer, snapshot);
    writeTables(writer, snapshot);
    writeShards(writer, snapshot);
    writePrograms(writer, snapshot);
    if (alerts !== undefined) writeAlerts(writer, alerts);
    writeCollection(writer, collection, this.#build);
  }
}
