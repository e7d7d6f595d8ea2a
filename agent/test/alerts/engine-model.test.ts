/** The engine against a model that keeps everything it ever saw and recomputes each window from it. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RuleEngine } from '../../src/alerts/engine.ts';
import type { FiringAlert } from '../../src/alerts/rule-state.ts';
import type { Rule } from '../../src/alerts/rule.ts';
import type { Snapshot, Workload } from '../../src/model/snapshot.ts';
import { snapshotOf } from '../support/snapshots.ts';

/** Two of them join to one text. */
const WORKLOADS: readonly Workload[] = [
  { unit: 'a', comm: 'bc' },
  { unit: 'ab', comm: 'c' },
  { unit: '', comm: 'c' },
];
const HOST = 'host';
const nameOf = (subject: Workload | null): string => (subject === null ? HOST : `${subject.unit} ${subject.comm}`);

interface Counts {
  attempts: number;
  fallbacks: number;
  again: number;
}
const NONE: Counts = { attempts: 0, fallbacks: 0, again: 0 };

/** A host on which processes come, count and are retired. */
class World {
  readonly #live: { readonly workload: Workload; counts: Counts }[] = [];
  readonly #retired: { readonly workload: Workload; counts: Counts }[] = [];

  grow(workload: Workload, more: Counts): void {
    let process = this.#live.find((one) => one.workload === workload);
    if (process === undefined) this.#live.push((process = { workload, counts: NONE }));
    process.counts = added(process.counts, more);
  }

  /** Its counts stay under its own name, or go where nobody's name is known. */
  retire(workload: Workload, nameless: boolean): void {
    const index = this.#live.findIndex((one) => one.workload === workload);
    const [process] = index === -1 ? [] : this.#live.splice(index, 1);
    if (process === undefined) return;
    this.#retired.push({ ...process, workload: nameless ? { unit: '', comm: '' } : workload });
  }

  snapshot(milliseconds: number): Snapshot {
    const counters = ({ attempts, fallbacks }: Counts) => ({
      sendfile: { zerocopy: attempts - fallbacks, refused: fallbacks, presumed: fallbacks },
    });
    return snapshotOf({
      boottime: milliseconds / 1000,
      processes: this.#live.map(({ workload, counts }, i) => ({ pid: i, ...workload, counters: counters(counts) })),
      departed: this.#retired.map(({ workload, counts }) => ({ ...workload, counters: counters(counts) })),
      causes: [...this.#live, ...this.#retired].map(({ workload, counts }) => ({
        ...workload,
        kind: 'enter_errno',
        code: 11,
        count: counts.again,
      })),
    });
  }

  /** By name, the host among them. */
  counts(): Map<string, Counts> {
    const sums = new Map<string, Counts>();
    for (const { workload, counts } of [...this.#live, ...this.#retired]) {
      for (const name of workload.comm === '' ? [HOST] : [HOST, nameOf(workload)]) {
        sums.set(name, added(sums.get(name) ?? NONE, counts));
      }
    }
    return sums;
  }
}

const added = (a: Counts, b: Counts): Counts => ({
  attempts: a.attempts + b.attempts,
  fallbacks: a.fallbacks + b.fallbacks,
  again: a.again + b.again,
});

/** Thousandths, so that the model needs no decimals. */
interface Spec {
  readonly kind: 'ratio' | 'rate';
  readonly above: number;
  readonly clear: number;
  readonly minimum: number;
  readonly window: number;
  readonly forMs: number;
  readonly repeat: number;
}

const ruleOf = ({ kind, above, clear, minimum, window, forMs, repeat }: Spec): Rule => ({
  name: 'R',
  enabled: true,
  scopes: ['host', 'workload'],
  condition:
    kind === 'ratio'
      ? {
          kind,
          numerator: { metric: 'fallbacks_total', labels: { mechanism: ['sendfile'] } },
          denominator: { metric: 'workload_attempts_total', labels: { mechanism: ['sendfile'] } },
          above: above / 1000,
          clear: clear / 1000,
          minimum,
        }
      : {
          kind,
          counter: { metric: 'io_uring_enter_errors_total', labels: { errno: ['EAGAIN'] } },
          above: above / 1000,
          clear: clear / 1000,
        },
  windowSeconds: window / 1000,
  forSeconds: forMs / 1000,
  severity: 'error',
  repeatSeconds: repeat / 1000,
  summary: '',
  runbook: '',
});

interface Alert {
  firing: boolean;
  /** When the condition began to hold, if it does. */
  heldSince: number | null;
  notifiedAt: number;
}

/** What the engine should do, told from everything that was ever seen. */
class Model {
  readonly #spec: Spec;
  /** Since this agent began. */
  readonly #times: number[] = [];
  readonly #history: Map<string, Counts>[] = [];
  readonly alerts: Map<string, Alert>;

  constructor(spec: Spec, alerts = new Map<string, Alert>()) {
    this.#spec = spec;
    this.alerts = alerts;
  }

  /** `kind name numerator/denominator`, in no order. */
  evaluate(now: number, counts: Map<string, Counts>): string[] {
    this.#times.push(now);
    this.#history.push(counts);
    const told: string[] = [];
    for (const name of [HOST, ...WORKLOADS.map(nameOf)]) {
      const kind = this.#step(name, now);
      const { numerator, denominator } = this.#window(name, now);
      const total = this.#spec.kind === 'ratio' ? denominator : null;
      if (kind !== null) told.push(`${kind} ${name} ${String(numerator)}/${String(total)}`);
    }
    return told;
  }

  #step(name: string, now: number): string | null {
    const { forMs, repeat } = this.#spec;
    const alert = this.alerts.get(name) ?? { firing: false, heldSince: null, notifiedAt: 0 };
    this.alerts.set(name, alert);
    if (alert.firing) {
      if (this.isOver(name, now)) {
        alert.firing = false;
        alert.heldSince = null;
        return 'resolved';
      }
      if (repeat === 0 || now - alert.notifiedAt < repeat) return null;
      alert.notifiedAt = now;
      return 'repeated';
    }
    alert.heldSince = this.isTooMuch(name, now) ? (alert.heldSince ?? now) : null;
    if (alert.heldSince === null || now - alert.heldSince < forMs) return null;
    alert.firing = true;
    alert.notifiedAt = now;
    return 'fired';
  }

  /** More than `above`; a rate over less than a window counts as one over a window. */
  isTooMuch(name: string, now: number): boolean {
    const { kind, above, minimum, window } = this.#spec;
    const { numerator, denominator, elapsed } = this.#window(name, now);
    if (kind === 'rate') return numerator * 1_000_000 > above * Math.max(elapsed, window);
    return denominator > 0 && denominator >= minimum && numerator * 1000 > above * denominator;
  }

  /** No more than `clear` over a whole window. */
  isOver(name: string, now: number): boolean {
    const { kind, clear, minimum, window } = this.#spec;
    const { numerator, denominator, elapsed } = this.#window(name, now);
    if (elapsed < window) return false;
    if (kind === 'rate') return numerator * 1_000_000 <= clear * elapsed;
    return denominator === 0 || denominator < minimum ? numerator === 0 : numerator * 1000 <= clear * denominator;
  }

  #window(name: string, now: number): { numerator: number; denominator: number; elapsed: number } {
    const before = this.#times.filter((time) => time <= now - this.#spec.window).length;
    const begin = Math.max(0, before - 1);
    let grown = NONE;
    for (let i = begin + 1; i < this.#history.length; i++) {
      const from = this.#history[i - 1]?.get(name) ?? NONE;
      const to = this.#history[i]?.get(name) ?? NONE;
      grown = added(grown, {
        attempts: Math.max(0, to.attempts - from.attempts),
        fallbacks: Math.max(0, to.fallbacks - from.fallbacks),
        again: Math.max(0, to.again - from.again),
      });
    }
    const elapsed = now - (this.#times[begin] ?? now);
    return this.#spec.kind === 'rate'
      ? { numerator: grown.again, denominator: 0, elapsed }
      : { numerator: grown.fallbacks, denominator: grown.attempts, elapsed };
  }
}

const workload = fc.constantFrom(...WORKLOADS);
const event = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('grow' as const),
      workload,
      attempts: fc.oneof(fc.nat(5), fc.nat(60)),
      fallen: fc.constantFrom(0, 0, 0, 1, 1, 2, 30),
      again: fc.oneof(fc.nat(3), fc.nat(40)),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('retire' as const), workload, nameless: fc.boolean() }) },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constant('evaluate' as const),
      // about a second, with jitter; now and then a stall
      gap: fc.oneof(
        { weight: 4, arbitrary: fc.constant(1000) },
        { weight: 4, arbitrary: fc.integer({ min: 400, max: 1600 }) },
        { weight: 1, arbitrary: fc.integer({ min: 1600, max: 40_000 }) },
      ),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('restart' as const), gap: fc.integer({ min: 0, max: 5000 }) }),
  },
);

const spec: fc.Arbitrary<Spec> = fc
  .record({
    kind: fc.constantFrom('ratio' as const, 'rate' as const),
    // 1 % to 30 %; 1 to 20 a second
    above: fc.integer({ min: 10, max: 300 }),
    clearShare: fc.constantFrom(0, 0.5, 1),
    minimum: fc.constantFrom(0, 1, 20, 50),
    window: fc.constantFrom(1000, 3000, 5000, 12_000),
    forMs: fc.constantFrom(0, 0, 1000, 2500),
    repeat: fc.constantFrom(0, 0, 2000, 7000),
  })
  .map(({ clearShare, ...rest }) => {
    const above = rest.kind === 'rate' ? rest.above * 65 : rest.above;
    return { ...rest, above, clear: Math.floor(above * clearShare) };
  });

/** How often each kind of transition was compared: a property that never sees one says nothing. */
const seen = new Map<string, number>();

test('the engine does what a model does that recomputes each window from the full history', () => {
  fc.assert(
    fc.property(spec, fc.array(event, { minLength: 10, maxLength: 120 }), (of, events) => {
      let world = new World();
      let engine = new RuleEngine([ruleOf(of)]);
      let model = new Model(of);
      let now = 123_456_789;
      const lasting = new Map<string, boolean>();
      for (const one of events) {
        switch (one.kind) {
          case 'grow':
            world.grow(one.workload, {
              attempts: one.attempts,
              fallbacks: Math.min(one.attempts, one.fallen),
              again: one.again,
            });
            break;
          case 'retire':
            world.retire(one.workload, one.nameless);
            break;
          case 'evaluate': {
            now += one.gap;
            const transitions = engine.evaluate(world.snapshot(now));
            const told = transitions.map(
              ({ kind, subject, counts }) =>
                `${kind} ${nameOf(subject)} ${String(counts.numerator)}/${String(counts.denominator)}`,
            );
            expect(told.toSorted()).toEqual(model.evaluate(now, world.counts()).toSorted());
            // and in words of its own, whatever the model's state
            for (const { kind, subject } of transitions) {
              const name = nameOf(subject);
              if (kind === 'fired') expect(model.isTooMuch(name, now)).toBe(true);
              expect(lasting.get(name) ?? false).toBe(kind !== 'fired');
              lasting.set(name, kind !== 'resolved');
              seen.set(kind, (seen.get(kind) ?? 0) + 1);
            }
            for (const [name, lasts] of lasting) if (lasts) expect(model.isOver(name, now)).toBe(false);
            expectStatuses(engine, model);
            break;
          }
          case 'restart': {
            now += one.gap;
            const stored = JSON.parse(JSON.stringify(engine.firing())) as FiringAlert[];
            const alerts = [...model.alerts].filter(([, { firing }]) => firing);
            world = new World();
            engine = new RuleEngine([ruleOf(of)]);
            expect(engine.restore(stored)).toEqual([]);
            model = new Model(of, new Map(alerts));
            break;
          }
        }
      }
    }),
    { numRuns: 1500 },
  );
  for (const kind of ['fired', 'resolved', 'repeated']) expect(seen.get(kind) ?? 0, kind).toBeGreaterThan(100);
});

function expectStatuses(engine: RuleEngine, model: Model): void {
  const states = new Map(engine.statuses().map(({ subject, state }) => [nameOf(subject), state]));
  for (const [name, { firing, heldSince }] of model.alerts) {
    expect(states.get(name) ?? 'inactive').toBe(firing ? 'firing' : heldSince === null ? 'inactive' : 'pending');
  }
}
