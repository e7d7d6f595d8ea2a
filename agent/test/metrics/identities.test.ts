import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  COPY_REASONS,
  MECHANISMS,
  type Mechanism,
  OUTCOMES,
  type Outcome,
  REFUSAL_REASONS,
  type Resolution,
  RESOLUTIONS,
} from '../../src/abi/layout.ts';
import { Exporter } from '../../src/metrics/exporter.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { type Fallible, summarize } from '../../src/model/summary.ts';
import { parseExposition, seriesOf } from '../support/exposition.ts';
import { type CauseSpec, type MechanismCounts, snapshotOf } from '../support/snapshots.ts';

/** Counts of one record. */
type Tally = Map<Mechanism, Map<Outcome | Resolution, number>>;

interface Process {
  unit: string;
  readonly comm: string;
  readonly record: Tally;
  readonly fallen: Set<Fallible>;
  readonly causes: CauseSpec[];
  ended: boolean;
}

/** Names that many processes share, of which some may get no place, and one pair that would be another when joined. */
const WORKLOADS = [
  ['', 'cp'],
  ['a.service', 'cp'],
  ['a.service', 'nginx'],
  ['a', '.servicecp'],
  ['docker:0123456789ab', 'other'],
  ['docker:"\n', 'a\\'],
] as const;
const MOST_PROCESSES = 8;
const MOST_DEPARTED = 3;

/** The kernel's tables in miniature, and beside them what happened, counted once and never moved. */
class Host {
  readonly truth = new Map<string, number>();
  readonly live = new Map<number, Process>();
  readonly #departed: Process[] = [];
  readonly #overflow: Tally = new Map();
  readonly #nobody: Tally = new Map();
  /** Causes of these two, which are no process. */
  readonly #anonymous: CauseSpec[] = [];

  attempt(who: number, mechanism: Mechanism, outcome: Outcome, code: number): void {
    this.#count(`${mechanism} ${outcome}`);
    const process = who === NOBODY ? undefined : this.#processOf(who);
    add(process?.record ?? (who === NOBODY ? this.#nobody : this.#overflow), mechanism, outcome);
    if (outcome === 'zerocopy') process?.fallen.delete(mechanism);
    for (const cause of causesOf(mechanism, outcome, code)) process?.causes.push(cause);
    if (process === undefined) this.#anonymous.push(...causesOf(mechanism, outcome, code));
  }

  resolve(who: number, mechanism: Mechanism, resolution: Resolution): void {
    const process = this.live.get(who);
    const record = who === NOBODY ? this.#nobody : (process?.record ?? this.#overflow);
    const counts = record.get(mechanism);
    const ended = RESOLUTIONS.reduce((sum, other) => sum + (counts?.get(other) ?? 0), 0);
    if ((counts?.get('refused') ?? 0) === ended) return;
    this.#count(`${mechanism} ${resolution}`);
    add(record, mechanism, resolution);
    if (resolution === 'confirmed' || resolution === 'presumed') process?.fallen.add(mechanism);
  }

  fallRings(who: number): void {
    this.live.get(who)?.fallen.add('io_uring_setup');
  }

  /** Its unit is known only now. */
  name(who: number): void {
    const process = this.live.get(who);
    if (process?.unit === '') process.unit = 'late.service';
  }

  end(who: number): void {
    const process = this.live.get(who);
    if (process !== undefined) process.ended = true;
  }

  /** Its counts go where the others of its workload are, or under no name when there are too many workloads. */
  retire(who: number): void {
    const process = this.live.get(who);
    if (process === undefined) return;
    this.live.delete(who);
    const find = (unit: string, comm: string) =>
      this.#departed.find((departed) => departed.unit === unit && departed.comm === comm);
    const known = find(process.unit, process.comm);
    const [unit, comm] =
      known !== undefined || this.#departed.length < MOST_DEPARTED ? [process.unit, process.comm] : ['', ''];
    let sum = find(unit, comm);
    if (sum === undefined) this.#departed.push((sum = newProcess(unit, comm)));
    for (const [mechanism, counts] of process.record) {
      for (const [name, count] of counts) add(sum.record, mechanism, name, count);
    }
    sum.causes.push(...process.causes);
  }

  snapshot(boottime: number): Snapshot {
    const live = [...this.live.values()];
    return snapshotOf({
      boottime,
      processes: live.map(({ unit, comm, record, fallen, ended }, pid) => ({
        pid,
        unit,
        comm,
        counters: countersOf(record),
        fallen: [...fallen],
        endedAt: ended ? 1 : 0,
      })),
      departed: this.#departed.map(({ unit, comm, record }) => ({ unit, comm, counters: countersOf(record) })),
      overflow: countersOf(this.#overflow),
      unattributed: countersOf(this.#nobody),
      causes: [
        ...live.flatMap(({ causes }, process) => causes.map((cause) => ({ ...cause, process }))),
        ...this.#departed.flatMap(({ unit, comm, causes }) => causes.map((cause) => ({ ...cause, unit, comm }))),
        ...this.#anonymous,
      ],
    });
  }

  #count(what: string): void {
    this.truth.set(what, (this.truth.get(what) ?? 0) + 1);
  }

  #processOf(who: number): Process | undefined {
    let process = this.live.get(who);
    if (process === undefined && this.live.size < MOST_PROCESSES) {
      const [unit, comm] = WORKLOADS[who % WORKLOADS.length] ?? WORKLOADS[0];
      this.live.set(who, (process = newProcess(unit, comm)));
    }
    return process;
  }
}

const NOBODY = 0;
const newProcess = (unit: string, comm: string): Process => ({
  unit,
  comm,
  record: new Map(),
  fallen: new Set(),
  causes: [],
  ended: false,
});

function add(record: Tally, mechanism: Mechanism, name: Outcome | Resolution, by = 1): void {
  const counts = record.get(mechanism) ?? new Map<Outcome | Resolution, number>();
  record.set(mechanism, counts.set(name, (counts.get(name) ?? 0) + by));
}

const countersOf = (record: Tally) =>
  Object.fromEntries(
    Array.from(record, ([mechanism, counts]): [Mechanism, MechanismCounts] => [mechanism, Object.fromEntries(counts)]),
  );

/** What explains one attempt. */
function causesOf(mechanism: Mechanism, outcome: Outcome, code: number): CauseSpec[] {
  switch (outcome) {
    case 'zerocopy':
      return [];
    case 'copied':
      return [{ mechanism, kind: 'copied', code: 1 + (code % (COPY_REASONS.length - 1)) }];
    case 'refused':
      return [
        { mechanism, kind: 'refused', code: 1 + (code % (REFUSAL_REASONS.length - 1)) },
        { mechanism, code: 22 },
      ];
    case 'retry':
    case 'denied':
    case 'failed':
      return [{ mechanism, code: 1 + code }];
  }
}

const who = fc.nat(12);
const mechanism = fc.constantFrom<Mechanism>('sendfile', 'copy_file_range', 'io_uring_recv_zc');
const happening = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({
      kind: fc.constant('attempt' as const),
      who,
      mechanism,
      outcome: fc.oneof(fc.constantFrom(...OUTCOMES), fc.constant('refused' as const)),
      code: fc.nat(20),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('resolve' as const),
      who,
      mechanism,
      resolution: fc.constantFrom(...RESOLUTIONS),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom('name', 'end', 'fallRings'), who }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('retire' as const), who }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('scrape' as const), later: fc.constantFrom(1, 15, 90) }) },
);

/** Sums the series of a family by some of their labels. */
function sumsBy(text: string, name: string, by: readonly string[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [labels, value] of seriesOf(parseExposition(text), `spillway_${name}`)) {
    const set = JSON.parse(labels) as Record<string, string>;
    const key = by.map((label) => set[label] ?? '').join(' ');
    sums[key] = (sums[key] ?? 0) + value;
  }
  return sums;
}

const withoutZeros = (sums: Readonly<Record<string, number>>) =>
  Object.fromEntries(Object.entries(sums).filter(([, value]) => value !== 0));

function expectIdentities(text: string, host: Host, snapshot: Snapshot): void {
  const truth = (names: readonly string[]) =>
    Object.fromEntries([...host.truth].filter(([what]) => names.includes(what.split(' ')[1] ?? '')));
  const attempts = sumsBy(text, 'attempts_total', ['mechanism', 'outcome']);
  const resolutions = sumsBy(text, 'refusal_resolutions_total', ['mechanism', 'resolution']);
  const fallbacks = sumsBy(text, 'fallbacks_total', ['mechanism', 'evidence']);
  expect(withoutZeros(attempts)).toEqual(truth(OUTCOMES));
  expect(withoutZeros(resolutions)).toEqual(truth(RESOLUTIONS));
  expect(withoutZeros(fallbacks)).toEqual(truth(['confirmed', 'presumed']));

  const ended = sumsBy(text, 'refusal_resolutions_total', ['mechanism']);
  const pending = sumsBy(text, 'refusals_pending', ['mechanism']);
  const copies = sumsBy(text, 'copies_total', ['mechanism']);
  const refusals = sumsBy(text, 'refusals_total', ['mechanism']);
  for (const name of MECHANISMS) {
    expect((ended[name] ?? 0) + (pending[name] ?? 0)).toBe(attempts[`${name} refused`]);
    expect(pending[name]).toBeGreaterThanOrEqual(0);
    expect(copies[name] ?? 0).toBe(attempts[`${name} copied`]);
    expect(refusals[name] ?? 0).toBe(attempts[`${name} refused`]);
  }

  expect(sumsBy(text, 'workload_attempts_total', ['mechanism', 'outcome'])).toEqual(withoutZeros(attempts));
  expect(sumsBy(text, 'workload_fallbacks_total', ['mechanism', 'evidence'])).toEqual(withoutZeros(fallbacks));
  expect(sumsBy(text, 'workload_errors_total', ['mechanism', 'errno'])).toEqual(
    sumsBy(text, 'errors_total', ['mechanism', 'errno']),
  );
  const fallen: Record<string, number> = {};
  for (const process of host.live.values()) {
    for (const name of process.ended ? [] : process.fallen) fallen[name] = (fallen[name] ?? 0) + 1;
  }
  expect(sumsBy(text, 'workload_fallen', ['mechanism'])).toEqual(fallen);

  for (const { outcomes, reasons, resolutions: how } of Object.values(summarize(snapshot).mechanisms)) {
    const sum = (counts: Readonly<Record<string, number>>) => Object.values(counts).reduce((a, b) => a + b, 0);
    expect([sum(how), sum(reasons.refused), sum(reasons.copied)]).toEqual([
      outcomes.refused,
      outcomes.refused,
      outcomes.copied,
    ]);
  }
}

/** Every counter that was there and still is has not fallen; those of the host are there for ever. */
function expectGrowth(before: string, after: string): void {
  const later = parseExposition(after);
  for (const [name, family] of parseExposition(before)) {
    if (family.type !== 'counter') continue;
    const now = seriesOf(later, name);
    for (const { labels, value } of family.samples) {
      const workload = labels.unit !== undefined && labels.comm !== 'other';
      expect(now.get(JSON.stringify(labels)) ?? (workload ? Infinity : -1), name).toBeGreaterThanOrEqual(value);
    }
  }
}

test('in every scrape all sums hold, and from one to the next no counter falls, whatever happens to processes', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 6 }), fc.array(happening, { maxLength: 120 }), (workloads, sequence) => {
      const exporter = new Exporter(
        { version: '', revision: '', kernel: '' },
        { flows: 1, workloads, idleSeconds: 60 },
      );
      const host = new Host();
      let now = 0;
      let before: string | undefined;
      for (const event of [...sequence, { kind: 'scrape' as const, later: 1 }]) {
        switch (event.kind) {
          case 'attempt':
            host.attempt(event.who, event.mechanism, event.outcome, event.code);
            break;
          case 'resolve':
            host.resolve(event.who, event.mechanism, event.resolution);
            break;
          case 'scrape': {
            now += event.later;
            const snapshot = host.snapshot(now);
            const text = exporter.render(snapshot, { seconds: 0, success: true });
            expectIdentities(text, host, snapshot);
            expect(Object.keys(sumsBy(text, 'workload_attempts_total', ['unit', 'comm'])).length).toBeLessThanOrEqual(
              workloads + 1,
            );
            if (before !== undefined) expectGrowth(before, text);
            before = text;
            break;
          }
          case 'name':
          case 'end':
          case 'fallRings':
          case 'retire':
            host[event.kind](event.who);
        }
      }
    }),
    { numRuns: 300 },
  );
}, 60_000);
