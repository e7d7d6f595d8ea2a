/** Attempts and bytes by flow: the most frequent ones by name, the rest as one. */
import { type Outcome, OUTCOMES } from '../abi/layout.ts';
import { attemptsColumn, bytesColumn, OUTCOMES_WITH_BYTES } from '../model/counters.ts';
import { flowName, type FlowName, NON_IP_FLOW } from '../model/flow.ts';
import type { FlowTable, Snapshot } from '../model/snapshot.ts';
import { OTHER_FLOWS } from '../model/summary.ts';
import { FlowPlaces } from './flow-places.ts';
import { Selection } from './selection.ts';
import { labelSet, type TextWriter } from './text.ts';

export interface FlowLimits {
  /** Flows that are told apart. */
  readonly flows: number;
  /** Seconds without an attempt after which a flow may lose its place. */
  readonly idleSeconds: number;
}

/** One flow's label sets, the same in both families; made when they are first written: most flows end in one outcome only. */
class Labels {
  readonly #name: FlowName;
  readonly #byOutcome: Partial<Record<Outcome, string>> = {};

  constructor(name: FlowName) {
    this.#name = name;
  }

  of(outcome: Outcome): string {
    const { src, dst, proto } = this.#name;
    return (this.#byOutcome[outcome] ??= labelSet('flow_attempts_total', [src, dst, proto, outcome]));
  }
}

const NON_IP_LABELS = new Labels(NON_IP_FLOW);
const OTHER_LABELS = new Labels(OTHER_FLOWS);

/** Keeps the names of the flows that hold a place, ready to be written. */
class NamedFlowPlaces extends FlowPlaces {
  readonly labels: Labels[] = [];

  override enter(place: number, table: FlowTable, row: number): void {
    super.enter(place, table, row);
    this.labels[place] = new Labels(flowName(table, row));
  }
}

/** The series of flows; it remembers from scrape to scrape who holds a place. */
export class FlowSeries {
  readonly #places: NamedFlowPlaces;
  readonly #selection: Selection<FlowTable>;
  readonly #limit: number;

  constructor({ flows, idleSeconds }: FlowLimits) {
    this.#limit = flows;
    this.#places = new NamedFlowPlaces(flows);
    const rankColumns = OUTCOMES.length;
    const options = { limit: flows, idleSeconds, rankColumns, drop: 'restarted', buckets: 1 << 17 } as const;
    this.#selection = new Selection(this.#places, options);
  }

  /** Takes in a snapshot and writes both families. */
  write(writer: TextWriter, snapshot: Snapshot): void {
    this.#selection.update(snapshot.flows, snapshot.otherFlows, snapshot.time.boottime);
    const series = [...this.#series(snapshot)];
    for (const [labels, counts] of series) {
      for (const outcome of OUTCOMES) {
        writeCount(writer, 'flow_attempts_total', labels, outcome, counts[attemptsColumn(outcome)] ?? 0);
      }
    }
    for (const [labels, counts] of series) {
      for (const outcome of OUTCOMES_WITH_BYTES) {
        writeCount(writer, 'flow_bytes_total', labels, outcome, counts[bytesColumn(outcome)] ?? 0);
      }
    }
  }

  *#series({ nonIpFlows }: Snapshot): Iterable<readonly [Labels, Float64Array]> {
    for (let place = 0; place < this.#limit; place++) {
      const counts = this.#selection.valueOf(place);
      const labels = this.#places.labels[place];
      if (counts !== null && labels !== undefined) yield [labels, counts];
    }
    yield [NON_IP_LABELS, nonIpFlows];
    yield [OTHER_LABELS, this.#selection.other];
  }
}

/** Only what occurred. */
function writeCount(
  writer: TextWriter,
  name: 'flow_attempts_total' | 'flow_bytes_total',
  labels: Labels,
  outcome: Outcome,
  value: number,
): void {
  if (value > 0) writer.sample(name, labels.of(outcome), value);
}
