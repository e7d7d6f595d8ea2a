/** Attempts and bytes by flow: the most frequent ones by name, the rest as one. */
import { type Outcome, OUTCOMES } from '../abi/layout.ts';
import { attemptsColumn, bytesColumn, COUNT_COLUMNS, OUTCOMES_WITH_BYTES } from '../model/counters.ts';
import { type FlowName, NON_IP_FLOW } from '../model/flow.ts';
import type { FlowTable, Snapshot } from '../model/snapshot.ts';
import { OTHER_FLOWS } from '../model/summary.ts';
import { FLOW_LABELS_BYTES, outcomeBytes, putFlowLabels } from './flow-labels.ts';
import { FlowPlaces } from './flow-places.ts';
import { Selection } from './selection.ts';
import type { Steps } from './steps.ts';
import { labelSet, type TextWriter } from './text.ts';

export interface FlowLimits {
  /** Flows that are told apart. */
  readonly flows: number;
  /** Seconds without an attempt after which a flow may lose its place. */
  readonly idleSeconds: number;
}

type FlowMetric = 'flow_attempts_total' | 'flow_bytes_total';

/** A family of flows: which outcomes have series, and in which column each is counted. */
interface Family {
  readonly name: FlowMetric;
  readonly outcomes: readonly { readonly outcome: Outcome; readonly bytes: Uint8Array; readonly column: number }[];
}

const family = (name: FlowMetric, outcomes: readonly Outcome[], column: (outcome: Outcome) => number): Family => ({
  name,
  outcomes: outcomes.map((outcome) => ({ outcome, bytes: outcomeBytes(outcome), column: column(outcome) })),
});

const FAMILIES = [
  family('flow_attempts_total', OUTCOMES, attemptsColumn),
  family('flow_bytes_total', OUTCOMES_WITH_BYTES, bytesColumn),
];

/** Flows that are written in one step. */
const STEP_FLOWS = 4096;

/** The series of flows; it remembers from scrape to scrape who holds a place. */
export class FlowSeries {
  readonly #places: FlowPlaces;
  readonly #selection: Selection<FlowTable>;

  constructor({ flows, idleSeconds }: FlowLimits) {
    this.#places = new FlowPlaces(flows);
    const rankColumns = OUTCOMES.length;
    const options = { limit: flows, idleSeconds, rankColumns, drop: 'restarted', buckets: 1 << 17 } as const;
    this.#selection = new Selection(this.#places, options);
  }

  /** Takes in a snapshot and writes both families. */
  *write(writer: TextWriter, snapshot: Snapshot): Steps {
    yield* this.#selection.steps(snapshot.flows, snapshot.otherFlows, snapshot.time.boottime);
    for (const family of FAMILIES) {
      for (let from = 0; from < this.#selection.used; from += STEP_FLOWS) {
        this.#writeNamed(writer, family, from, Math.min(from + STEP_FLOWS, this.#selection.used));
        yield;
      }
      writeSum(writer, family, NON_IP_FLOW, snapshot.nonIpFlows);
      writeSum(writer, family, OTHER_FLOWS, this.#selection.other);
    }
  }

  /** Only what occurred; the names are made of the keys each time: to remember them takes more than to write them. */
  #writeNamed(writer: TextWriter, { name, outcomes }: Family, from: number, to: number): void {
    const places = this.#places;
    const { values } = this.#selection;
    let place = from;
    let outcomeBytes: Uint8Array = NOTHING;
    const labels = (page: Uint8Array, at: number) =>
      putFlowLabels(page, at, places.familyAt(place), places.keys, places.keyAt(place), outcomeBytes);
    for (; place < to; place++) {
      if (!this.#selection.holds(place)) continue;
      for (const { bytes, column } of outcomes) {
        const value = values[place * COUNT_COLUMNS + column] ?? 0;
        if (value === 0) continue;
        outcomeBytes = bytes;
        writer.line(name, FLOW_LABELS_BYTES, labels, value);
      }
    }
  }
}

const NOTHING = new Uint8Array(0);

/** Of many flows together. */
function writeSum(
  writer: TextWriter,
  { name, outcomes }: Family,
  { src, dst, proto }: FlowName,
  counts: Float64Array,
): void {
  for (const { outcome, column } of outcomes) {
    const value = counts[column] ?? 0;
    if (value > 0) writer.sample(name, labelSet(name, [src, dst, proto, outcome]), value);
  }
}
