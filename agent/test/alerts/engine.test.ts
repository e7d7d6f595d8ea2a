import { expect, test } from 'vitest';
import { defaultRules } from '../../src/alerts/default-rules.ts';
import { RuleEngine } from '../../src/alerts/engine.ts';
import type { Rule, Transition } from '../../src/alerts/rule.ts';
import type { Snapshot, Workload } from '../../src/model/snapshot.ts';
import { programOf, snapshotOf, type SnapshotSpec } from '../support/snapshots.ts';

const NGINX: Workload = { unit: 'nginx.service', comm: 'nginx' };
const CP: Workload = { unit: '', comm: 'cp' };

/** Attempts, fallbacks and EAGAINs of each workload so far. */
interface Counted extends Workload {
  readonly attempts?: number;
  readonly fallbacks?: number;
  readonly again?: number;
}

function at(boottime: number, counted: readonly Counted[], more: SnapshotSpec = {}): Snapshot {
  return snapshotOf({
    boottime,
    processes: counted.map(({ unit, comm, attempts = 0, fallbacks = 0 }, i) => ({
      pid: i + 1,
      unit,
      comm,
      counters: { sendfile: { zerocopy: attempts - fallbacks, refused: fallbacks, confirmed: fallbacks } },
    })),
    causes: counted.map(({ again = 0 }, process) => ({ process, kind: 'enter_errno', code: 11, count: again })),
    ...more,
  });
}

const RATIO = {
  kind: 'ratio',
  numerator: { metric: 'fallbacks_total', labels: { mechanism: ['sendfile'] } },
  denominator: { metric: 'attempts_total', labels: { mechanism: ['sendfile'] } },
  above: 0.005,
  clear: 0.0025,
  minimum: 200,
} as const;
const RATE = {
  kind: 'rate',
  counter: { metric: 'io_uring_enter_errors_total', labels: { errno: ['EAGAIN'] } },
  above: 200,
  clear: 100,
} as const;
const ratio = (more: Partial<Rule> = {}): Rule => ({
  name: 'Ratio',
  enabled: true,
  scopes: ['workload'],
  condition: RATIO,
  windowSeconds: 60,
  forSeconds: 0,
  severity: 'error',
  repeatSeconds: 0,
  summary: '',
  runbook: '',
  ...more,
});
const rate = (more: Partial<Rule> = {}): Rule =>
  ratio({ name: 'Rate', condition: RATE, windowSeconds: 10, scopes: ['host'], ...more });

/** `fired Ratio nginx` */
const told = (transitions: readonly Transition[]): string[] =>
  transitions.map(({ kind, rule, subject }) => `${kind} ${rule.name} ${subject?.comm ?? 'host'}`);

test('exactly half a percent does not fire, one fallback more does', () => {
  const engine = new RuleEngine([ratio({ scopes: ['host', 'workload'] })]);
  engine.evaluate(at(100, []));
  expect(engine.evaluate(at(101, [{ ...NGINX, attempts: 1000, fallbacks: 5 }]))).toEqual([]);
  const fired = engine.evaluate(at(102, [{ ...NGINX, attempts: 1000, fallbacks: 6 }]));
  expect(told(fired)).toEqual(['fired Ratio host', 'fired Ratio nginx']);
  expect(fired[1]).toEqual({
    kind: 'fired',
    rule: ratio({ scopes: ['host', 'workload'] }),
    subject: NGINX,
    value: 0.006,
    counts: { numerator: 6, denominator: 1000 },
  });
});

/** Evaluates `seconds` times about once a second, with a counter that grows at `perSecond`; says at which it fires. */
function firesAt(perSecond: number, seconds: number, jitter: (i: number) => number): number | null {
  const engine = new RuleEngine([rate()]);
  for (let i = 0; i <= seconds; i++) {
    const time = i + jitter(i);
    const again = Math.round(perSecond * time);
    if (engine.evaluate(at(5000.1 + time, [{ ...CP, again }])).length > 0) return i;
  }
  return null;
}

test('200 a second do not fire, 201 do, whatever the ticks', () => {
  // multiples of 5 ms, so that there is a whole number of them
  for (const jitter of [() => 0, (i: number) => (i % 3) * 0.2, (i: number) => ((i * 7) % 11) * 0.05]) {
    expect(firesAt(200, 120, jitter)).toBeNull();
    expect(firesAt(201, 120, (i) => Math.round(jitter(i)))).toBe(10);
  }
  expect(firesAt(190, 60, () => 0)).toBeNull();
  expect(firesAt(400, 60, () => 0)).toBe(6);
});

test('a rate right after the start is taken over a whole window', () => {
  const engine = new RuleEngine([rate()]);
  engine.evaluate(at(100, []));
  expect(engine.evaluate(at(100.5, [{ ...CP, again: 2000 }]))).toEqual([]);
  const [fired] = engine.evaluate(at(101, [{ ...CP, again: 2001 }]));
  expect(fired).toMatchObject({ kind: 'fired', value: 200.1, counts: { numerator: 2001, denominator: null } });
});

test('what was counted before the first evaluation is past', () => {
  const engine = new RuleEngine([ratio({ scopes: ['host', 'workload'] }), rate({ scopes: ['host', 'workload'] })]);
  const before = { ...NGINX, attempts: 10_000, fallbacks: 10_000, again: 1e6 };
  expect(engine.evaluate(at(100, [before]))).toEqual([]);
  expect(engine.evaluate(at(101, [before]))).toEqual([]);
  expect(engine.evaluate(at(200, [before]))).toEqual([]);
  expect(engine.statuses().map(({ value }) => value)).toEqual([null, 0]);
});

test('a workload that is new loses none of its first attempts', () => {
  const engine = new RuleEngine([ratio()]);
  engine.evaluate(at(100, [{ ...CP, attempts: 5 }]));
  expect(told(engine.evaluate(at(101, [{ ...NGINX, attempts: 200, fallbacks: 2 }])))).toEqual(['fired Ratio nginx']);
});

test('a ratio over too few attempts is none', () => {
  const engine = new RuleEngine([ratio()]);
  engine.evaluate(at(100, []));
  expect(engine.evaluate(at(101, [{ ...CP, attempts: 199, fallbacks: 199 }]))).toEqual([]);
  expect(engine.statuses()).toEqual([]);
  expect(told(engine.evaluate(at(102, [{ ...CP, attempts: 200, fallbacks: 199 }])))).toEqual(['fired Ratio cp']);
  const none = new RuleEngine([ratio({ condition: { ...RATIO, minimum: 0 } })]);
  none.evaluate(at(100, []));
  expect(none.evaluate(snapshotOf({ boottime: 101, processes: [presumedOnly] }))).toEqual([]);
});

/** A fallback whose attempt was counted before. */
const presumedOnly = { pid: 1, comm: 'cp', counters: { sendfile: { presumed: 3 } } };

test('growth leaves the window after a window', () => {
  const engine = new RuleEngine([ratio()]);
  engine.evaluate(at(100, []));
  engine.evaluate(at(101, [{ ...CP, attempts: 150, fallbacks: 150 }]));
  engine.evaluate(at(160.9, [{ ...CP, attempts: 150, fallbacks: 150 }]));
  // from 101 on nothing of the first 150 is left
  expect(engine.evaluate(at(161, [{ ...CP, attempts: 300, fallbacks: 300 }]))).toEqual([]);
  expect(told(engine.evaluate(at(162, [{ ...CP, attempts: 350, fallbacks: 350 }])))).toEqual(['fired Ratio cp']);
});

test('a condition has to hold for as long as is said, at every evaluation', () => {
  const engine = new RuleEngine([rate({ forSeconds: 3 })]);
  const counts = [0, 2001, 2001, 2001];
  counts.forEach((again, i) => {
    expect(engine.evaluate(at(100 + i, [{ ...CP, again }]))).toEqual([]);
  });
  expect(engine.statuses()).toMatchObject([{ state: 'pending', since: 101, value: 200.1, threshold: 200 }]);
  expect(told(engine.evaluate(at(104, [{ ...CP, again: 2001 }])))).toEqual(['fired Rate host']);
  expect(engine.statuses()).toMatchObject([{ state: 'firing', since: 104 }]);
  const broken = new RuleEngine([rate({ forSeconds: 3, windowSeconds: 2 })]);
  // 400 a second over two seconds at 102 and 103, nothing more at 105, again from 106 on
  for (const [time, again] of [
    [100, 0],
    [101, 0],
    [102, 800],
    [103, 900],
    [105, 900],
    [106, 1900],
    [108, 2900],
  ] as const) {
    expect(broken.evaluate(at(time, [{ ...CP, again }]))).toEqual([]);
  }
  expect(broken.statuses()).toMatchObject([{ state: 'pending', since: 106 }]);
});

test('between the two limits nothing changes', () => {
  const engine = new RuleEngine([rate()]);
  let again = 0;
  const run = (from: number, to: number, perSecond: number): string[] => {
    const all: string[] = [];
    for (let time = from; time < to; time++) {
      all.push(...told(engine.evaluate(at(time, [{ ...CP, again }]))));
      again += perSecond;
    }
    return all;
  };
  expect(run(100, 130, 150)).toEqual([]);
  expect(run(130, 150, 250)).toEqual(['fired Rate host']);
  expect(run(150, 180, 101)).toEqual([]);
  expect(run(180, 191, 100)).toEqual(['resolved Rate host']);
  expect(run(191, 220, 199)).toEqual([]);
});

test('an alert without volume goes on while there is a fallback within the window', () => {
  const engine = new RuleEngine([ratio()]);
  engine.evaluate(at(100, []));
  engine.evaluate(at(101, [{ ...CP, attempts: 200, fallbacks: 100 }]));
  expect(engine.evaluate(at(161, [{ ...CP, attempts: 201, fallbacks: 101 }]))).toEqual([]);
  expect(engine.statuses()).toMatchObject([{ state: 'firing', value: null }]);
  expect(engine.evaluate(at(220.9, [{ ...CP, attempts: 300, fallbacks: 101 }]))).toEqual([]);
  const [resolved] = engine.evaluate(at(221, [{ ...CP, attempts: 350, fallbacks: 101 }]));
  expect(resolved).toMatchObject({
    kind: 'resolved',
    subject: CP,
    value: null,
    counts: { numerator: 0, denominator: 149 },
  });
});

test('nothing resolves before a whole window was seen', () => {
  const engine = new RuleEngine([ratio()]);
  engine.evaluate(at(100, []));
  engine.evaluate(at(101, [{ ...CP, attempts: 200, fallbacks: 200 }]));
  const after = { ...CP, attempts: 1e6, fallbacks: 200 };
  expect(engine.evaluate(at(102, [after]))).toEqual([]);
  expect(engine.evaluate(at(159.9, [after]))).toEqual([]);
  expect(told(engine.evaluate(at(160, [after])))).toEqual(['resolved Ratio cp']);
});

test('an alert is repeated as often as is said, and once after a stall', () => {
  const engine = new RuleEngine([rate({ repeatSeconds: 30 })]);
  const seen = new Map<number, string[]>();
  for (const time of [100, 105, 110, 134.9, 135, 136, 164, 165, 300, 301, 329, 330, 350]) {
    const transitions = told(engine.evaluate(at(time, [{ ...CP, again: Math.round(1000 * (time - 100)) }])));
    if (transitions.length > 0) seen.set(time, transitions);
  }
  expect(seen).toEqual(
    new Map([
      [105, ['fired Rate host']],
      [135, ['repeated Rate host']],
      [165, ['repeated Rate host']],
      [300, ['repeated Rate host']],
      [330, ['repeated Rate host']],
    ]),
  );
  const never = new RuleEngine([rate()]);
  for (const time of [100, 110, 10_000]) never.evaluate(at(time, [{ ...CP, again: Math.round(1000 * (time - 100)) }]));
  expect(never.evaluate(at(20_000, [{ ...CP, again: 1e9 }]))).toEqual([]);
});

test('a stall is as long as it was: it neither makes a rate nor hides one', () => {
  const calm = new RuleEngine([rate()]);
  calm.evaluate(at(100, [{ ...CP, again: 0 }]));
  calm.evaluate(at(101, [{ ...CP, again: 190 }]));
  expect(calm.evaluate(at(131, [{ ...CP, again: 31 * 190 }]))).toEqual([]);
  expect(calm.evaluate(at(132, [{ ...CP, again: 32 * 190 }]))).toEqual([]);
  const busy = new RuleEngine([rate()]);
  busy.evaluate(at(100, [{ ...CP, again: 0 }]));
  busy.evaluate(at(101, [{ ...CP, again: 210 }]));
  const [fired] = busy.evaluate(at(131, [{ ...CP, again: 31 * 210 }]));
  expect(fired).toMatchObject({ kind: 'fired', value: 210, counts: { numerator: 30 * 210 } });
});

test('a step of the clock changes nothing', () => {
  const engine = new RuleEngine([rate()]);
  const stepped = (boottime: number, again: number, unixMs: number): Snapshot => {
    const snapshot = at(boottime, [{ ...CP, again }]);
    return { ...snapshot, time: { ...snapshot.time, unixMs } };
  };
  engine.evaluate(stepped(100, 0, 1e12));
  expect(engine.evaluate(stepped(110, 2000, 1e12 + 1))).toEqual([]);
  expect(engine.evaluate(stepped(111, 2200, 0))).toEqual([]);
  expect(engine.evaluate(stepped(112, 2400, 5e12))).toEqual([]);
});

test('a process that is retired takes nothing away and adds nothing', () => {
  const engine = new RuleEngine([ratio({ scopes: ['host', 'workload'] })]);
  const counters = { sendfile: { zerocopy: 900, refused: 100, confirmed: 100 } };
  engine.evaluate(snapshotOf({ boottime: 100, processes: [{ pid: 1, ...NGINX, counters }] }));
  expect(engine.evaluate(snapshotOf({ boottime: 101, departed: [{ ...NGINX, counters }] }))).toEqual([]);
  // too many workloads: it goes under the nameless one, and back come new attempts only
  expect(engine.evaluate(snapshotOf({ boottime: 102, departed: [{ unit: '', comm: '', counters }] }))).toEqual([]);
  const again = (zerocopy: number, presumed: number) => ({ sendfile: { zerocopy, refused: presumed, presumed } });
  const nameless = [{ unit: '', comm: '', counters }];
  const nginx = (zerocopy: number, presumed: number) => [{ pid: 2, ...NGINX, counters: again(zerocopy, presumed) }];
  expect(engine.evaluate(snapshotOf({ boottime: 103, departed: nameless, processes: nginx(198, 1) }))).toEqual([]);
  const fired = engine.evaluate(snapshotOf({ boottime: 104, departed: nameless, processes: nginx(198, 2) }));
  expect(fired.map(({ counts }) => counts)).toEqual([
    { numerator: 2, denominator: 200 },
    { numerator: 2, denominator: 200 },
  ]);
});

test('a workload that loses some of its counts has not counted backwards', () => {
  const engine = new RuleEngine([ratio()]);
  engine.evaluate(at(100, []));
  engine.evaluate(at(101, [{ ...CP, attempts: 100, fallbacks: 50 }]));
  // the 100 went to the nameless, 300 came
  engine.evaluate(at(102, [{ ...CP, attempts: 300, fallbacks: 0 }]));
  engine.evaluate(at(103, [{ ...CP, attempts: 300, fallbacks: 0 }]));
  // what is sure to have come: 200 more than before
  expect(engine.statuses()).toMatchObject([{ subject: CP, value: 50 / 300 }]);
});

test('a program that is detached for a while has not missed its runs twice', () => {
  const missed = rate({
    condition: { kind: 'rate', counter: { metric: 'program_missed_runs_total', labels: {} }, above: 0, clear: 0 },
  });
  const engine = new RuleEngine([missed]);
  const evaluate = (boottime: number, missedRuns: number, state: 'attached' | 'off') =>
    told(engine.evaluate(snapshotOf({ boottime, programs: [programOf({ missedRuns, state })] })));
  expect(evaluate(100, 5, 'attached')).toEqual([]);
  expect(evaluate(101, 5, 'off')).toEqual([]);
  expect(evaluate(102, 5, 'attached')).toEqual([]);
  expect(evaluate(103, 6, 'attached')).toEqual(['fired Rate host']);
});

test('the host counts what the selected workloads count, and nothing for those that come back', () => {
  const counter = { metric: 'workload_attempts_total', labels: { comm: ['cp'] } };
  const engine = new RuleEngine([rate({ condition: { kind: 'rate', counter, above: 0, clear: 0 } })]);
  engine.evaluate(at(100, [{ ...CP, attempts: 500 }]));
  expect(engine.evaluate(at(101, [{ ...NGINX, attempts: 50 }]))).toEqual([]);
  const [fired] = engine.evaluate(at(102, [{ ...CP, attempts: 3 }]));
  expect(fired?.counts.numerator).toBe(3);
});

test('a long window is cut into parts, and is longer than it should be by one of them at most', () => {
  const engine = new RuleEngine([rate({ windowSeconds: 3600, condition: { ...RATE, above: 7, clear: 7 } })]);
  let longest = 0;
  for (let time = 0; time < 12_000; time++) {
    expect(engine.evaluate(at(time, [{ ...CP, again: 7 * time }]))).toEqual([]);
    const [status] = engine.statuses();
    if (time >= 3600) expect(status?.value).toBe(7);
  }
  for (let time = 12_000; time < 16_000; time++) {
    engine.evaluate(at(time, [{ ...CP, again: 7 * 11_999 }]));
    if ((engine.statuses()[0]?.value ?? 0) > 0) longest = time - 11_999;
  }
  expect(longest).toBeGreaterThanOrEqual(3599);
  expect(longest).toBeLessThanOrEqual(3630);
});

test('of too many workloads those that count most are told apart, and no ratio is taken of a part', () => {
  const engine = new RuleEngine([ratio({ scopes: ['host', 'workload'], windowSeconds: 10 })], 2);
  const named = (comm: string, attempts: number, fallbacks: number): Counted => ({
    unit: '',
    comm,
    attempts,
    fallbacks,
  });
  engine.evaluate(at(100, []));
  // c, with the fewest, is left out
  engine.evaluate(at(101, [named('a', 900, 1), named('b', 800, 1), named('c', 700, 0)]));
  // with what was left out it has 2 of 900: not too much
  const later = [named('a', 900, 1), named('b', 800, 1), named('c', 900, 2)];
  expect(engine.evaluate(at(102, later))).toEqual([]);
  expect(engine.evaluate(at(110.9, later))).toEqual([]);
  const busy = [named('a', 900, 1), named('b', 800, 1), named('c', 1100, 4)];
  // the window begins after c was left out
  expect(told(engine.evaluate(at(112, busy)))).toEqual(['fired Ratio host', 'fired Ratio c']);
  // an alert that fires is not left out, and the host is none of them
  const crowd = [...busy, named('d', 9000, 0), named('e', 8000, 0), named('f', 7000, 7000)];
  expect(told(engine.evaluate(at(113, crowd)))).toEqual(['fired Ratio f']);
  expect(engine.firing().map(({ subject }) => subject?.comm ?? 'host')).toEqual(['host', 'c', 'f']);
});

test('a rate of a workload that was left out is at least what is left', () => {
  const engine = new RuleEngine([rate({ scopes: ['workload'] })], 1);
  const named = (comm: string, again: number): Counted => ({ unit: '', comm, again });
  engine.evaluate(at(100, []));
  engine.evaluate(at(101, [named('a', 50), named('b', 40)]));
  expect(told(engine.evaluate(at(102, [named('a', 50), named('b', 2041)])))).toEqual(['fired Rate b']);
});

/** An engine in which both rules fire for cp, since 101. */
function firing(rules: readonly Rule[] = [ratio(), rate({ scopes: ['workload'] })]): RuleEngine {
  const engine = new RuleEngine(rules);
  engine.evaluate(at(100, []));
  expect(engine.evaluate(at(101, [{ ...CP, attempts: 1000, fallbacks: 100, again: 3000 }]))).toHaveLength(rules.length);
  return engine;
}
const same: Counted = { ...CP, attempts: 1000, fallbacks: 100, again: 3000 };

test('what fires resolves when its rule is removed, disabled, or for other subjects', () => {
  const engine = firing();
  expect(engine.replaceRules([ratio(), rate({ scopes: ['workload'] })])).toEqual([]);
  const [disabled, ...none] = engine.replaceRules([ratio({ enabled: false }), rate({ scopes: ['workload'] })]);
  expect(disabled).toEqual({
    kind: 'resolved',
    rule: ratio(),
    subject: CP,
    value: null,
    counts: { numerator: 100, denominator: 1000 },
  });
  expect(none).toEqual([]);
  expect(told(engine.replaceRules([rate()]))).toEqual(['resolved Rate cp']);
  expect(engine.firing()).toEqual([]);
  expect(told(firing().replaceRules([]))).toEqual(['resolved Ratio cp', 'resolved Rate cp']);
  expect(told(firing().replaceRules([rate({ name: 'New', scopes: ['workload'] })]))).toHaveLength(2);
});

test('other limits are judged by the history that there is', () => {
  const engine = firing([rate({ scopes: ['workload'], severity: 'info' })]);
  const higher = rate({ scopes: ['workload'], condition: { ...RATE, above: 400, clear: 300 } });
  expect(engine.replaceRules([higher])).toEqual([]);
  expect(engine.evaluate(at(109, [same]))).toEqual([]);
  // 300 a second over the window: no more than the new limit
  const [resolved] = engine.evaluate(at(110, [same]));
  expect(resolved).toMatchObject({ kind: 'resolved', rule: higher, value: 300 });
  const lower = rate({ scopes: ['workload'], condition: { ...RATE, above: 250, clear: 10 } });
  expect(engine.replaceRules([lower])).toEqual([]);
  expect(told(engine.evaluate(at(110.5, [same])))).toEqual(['fired Rate cp']);
});

test('a rule that counts something else begins anew, and what fired goes on until a whole window has passed', () => {
  for (const changed of [
    ratio({ windowSeconds: 50 }),
    ratio({ scopes: ['host', 'workload'] }),
    ratio({ condition: { ...RATIO, denominator: { metric: 'attempts_total', labels: {} } } }),
    rate({ name: 'Ratio', scopes: ['workload'], windowSeconds: 50 }),
  ]) {
    const engine = firing([ratio()]);
    expect(engine.replaceRules([changed])).toEqual([]);
    // nothing of what came before is counted
    expect(engine.evaluate(at(102, [{ ...same, attempts: 5000, fallbacks: 5000 }]))).toEqual([]);
    expect([null, 0]).toContain(engine.statuses().find(({ state }) => state === 'firing')?.value);
    const after = { ...same, attempts: 9000, fallbacks: 5000 };
    const whole = 102 + changed.windowSeconds;
    expect(engine.evaluate(at(whole - 0.1, [after]))).toEqual([]);
    expect(engine.statuses().filter(({ state }) => state === 'firing')).toMatchObject([{ subject: CP, since: 101 }]);
    expect(told(engine.evaluate(at(whole, [after])))).toEqual(['resolved Ratio cp']);
  }
});

test('rules that are wrong change nothing', () => {
  const engine = firing();
  const wrong = { kind: 'rate', counter: { metric: 'nothing', labels: {} }, above: 1, clear: 1 } as const;
  expect(() => engine.replaceRules([ratio({ forSeconds: 99 }), rate({ condition: wrong })])).toThrow(RangeError);
  expect(() => engine.replaceRules([ratio({ condition: { ...RATIO, above: NaN } })])).toThrow(RangeError);
  expect(engine.firing().map(({ rule }) => rule)).toEqual([ratio(), rate({ scopes: ['workload'] })]);
  expect(told(engine.evaluate(at(161, [same])))).toEqual(['resolved Ratio cp', 'resolved Rate cp']);
});

test('what fired before a restart goes on until this agent has seen a whole window', () => {
  const rule = ratio({ repeatSeconds: 100 });
  const stored = JSON.parse(JSON.stringify(firing([rule]).firing())) as ReturnType<RuleEngine['firing']>;
  expect(stored).toEqual([{ rule, subject: CP, since: 101, notifiedAt: 101 }]);
  const engine = new RuleEngine([rule]);
  expect(engine.restore(stored)).toEqual([]);
  expect(engine.statuses()).toMatchObject([{ subject: CP, state: 'firing', since: 101, value: null }]);
  for (const time of [150, 151, 200.9]) expect(engine.evaluate(at(time, []))).toEqual([]);
  expect(told(engine.evaluate(at(201, [])))).toEqual(['repeated Ratio cp']);
  expect(engine.evaluate(at(209.9, []))).toEqual([]);
  const [resolved] = engine.evaluate(at(210, []));
  expect(resolved).toEqual({
    kind: 'resolved',
    rule,
    subject: CP,
    value: null,
    counts: { numerator: 0, denominator: 0 },
  });
  expect(engine.evaluate(at(211, []))).toEqual([]);
  expect(engine.firing()).toEqual([]);
});

test('what fired before a restart does not fire again while it lasts', () => {
  const engine = new RuleEngine([ratio()]);
  engine.restore([{ rule: ratio(), subject: CP, since: -50, notifiedAt: -50 }]);
  engine.evaluate(at(10, []));
  expect(engine.evaluate(at(11, [{ ...CP, attempts: 500, fallbacks: 500 }]))).toEqual([]);
  expect(engine.statuses()).toMatchObject([{ state: 'firing', since: -50, value: 1 }]);
});

test('what fired before a restart resolves at once if its rule is gone', () => {
  const alert = (rule: Rule) => ({ rule, subject: CP, since: 1, notifiedAt: 1 });
  const engine = new RuleEngine([ratio({ enabled: false }), rate({ scopes: ['host'] }), ratio({ name: 'Kept' })]);
  const resolved = engine.restore([
    alert(ratio()),
    alert(rate()),
    alert(ratio({ name: 'Gone' })),
    alert(ratio({ name: 'Kept' })),
  ]);
  expect(told(resolved)).toEqual(['resolved Ratio cp', 'resolved Rate cp', 'resolved Gone cp']);
  expect(resolved.map(({ counts }) => counts.denominator)).toEqual([0, null, 0]);
  expect(engine.firing().map(({ rule }) => rule.name)).toEqual(['Kept']);
});

test('a status is told of the host, and of workloads for which there is something to tell', () => {
  const engine = new RuleEngine([ratio({ scopes: ['host', 'workload'] }), rate({ scopes: ['workload'] })]);
  expect(engine.statuses()).toEqual([]);
  engine.evaluate(at(100, []));
  engine.evaluate(
    at(101, [
      { ...CP, attempts: 5000, fallbacks: 10 },
      { ...NGINX, attempts: 5000 },
      { unit: '', comm: 'few', attempts: 10, fallbacks: 1 },
    ]),
  );
  const common = { rule: 'Ratio', state: 'inactive', threshold: 0.005, severity: 'error' };
  expect(engine.statuses()).toEqual([
    { ...common, subject: null, value: 11 / 10_010, since: 100 },
    { ...common, subject: CP, value: 0.002, since: 101 },
  ]);
});

test('the rules of the issue work as they come', () => {
  const engine = new RuleEngine(defaultRules());
  const run = (from: number, to: number, perSecond: Counted, start: Counted): [string[], Counted] => {
    const all: string[] = [];
    let { attempts = 0, fallbacks = 0, again = 0 } = start;
    for (let time = from; time < to; time++) {
      attempts += perSecond.attempts ?? 0;
      fallbacks += perSecond.fallbacks ?? 0;
      again += perSecond.again ?? 0;
      all.push(
        ...told(engine.evaluate(at(time, [{ ...NGINX, attempts, fallbacks, again }]))).map(
          (t) => `${String(time)} ${t}`,
        ),
      );
    }
    return [all, { ...NGINX, attempts, fallbacks, again }];
  };
  const [calm, one] = run(0, 100, { ...NGINX, attempts: 1000, fallbacks: 4, again: 190 }, NGINX);
  expect(calm).toEqual([]);
  const [fired, two] = run(100, 200, { ...NGINX, attempts: 1000, fallbacks: 20, again: 400 }, one);
  expect(fired).toEqual([
    '100 fired IoUringSubmitEagain host',
    '100 fired IoUringSubmitEagain nginx',
    '113 fired SendfileFallback host',
    '113 fired SendfileFallback nginx',
  ]);
  const [over] = run(200, 400, { ...NGINX, attempts: 1000 }, two);
  expect(over).toEqual([
    '207 resolved IoUringSubmitEagain host',
    '207 resolved IoUringSubmitEagain nginx',
    '252 resolved SendfileFallback host',
    '252 resolved SendfileFallback nginx',
  ]);
});
