/** One rule and the state of each of its subjects. Pure but for what it remembers. Times are whole microseconds since boot. */
import { HOST_KEY, selectorKey, subjectKey, type WorkloadGroups } from './counters.ts';
import { type GrowthMeter, WindowClock, WindowSums } from './growth.ts';
import type { AlertStatus, Condition, CounterSelector, Rule, Subject, Transition } from './rule.ts';
import { exceeds, type Limit, limitOf, perMicrosecond } from './threshold.ts';

const MICROSECONDS = 1_000_000;
/** Whole numbers: sums and differences of them are exact, other than those of seconds. */
export const microseconds = (seconds: number): number => Math.round(seconds * MICROSECONDS);

/** An alert that fires, as it outlives the agent. */
export interface FiringAlert {
  /** As it was when it fired. */
  readonly rule: Rule;
  readonly subject: Subject;
  /** Seconds since boot at which it fired; negative if that was before this boot. */
  readonly since: number;
  /** Likewise: when it fired, or was last repeated. */
  readonly notifiedAt: number;
}

interface Track {
  readonly subject: Subject;
  readonly sums: WindowSums;
  /** Growth up to this moment may be missing from `sums`. */
  readonly incompleteUntil: number;
  state: AlertStatus['state'];
  /** When the state began. */
  since: number;
  /** When it fired, or was last repeated. */
  notifiedAt: number;
  value: number | null;
}

/** The part of a condition that its limits do not change. */
export const selectorsOf = (condition: Condition): readonly CounterSelector[] =>
  condition.kind === 'ratio' ? [condition.numerator, condition.denominator] : [condition.counter];

export class RuleState {
  #rule: Rule;
  #above: Limit;
  #clear: Limit;
  readonly #window: number;
  readonly #meters: readonly GrowthMeter[];
  readonly #mostWorkloads: number;
  readonly #clock: WindowClock;
  /** By subjectKey(): the host, what has grown within the window, and what is pending or firing. */
  readonly #tracks = new Map<string, Track>();
  /** When a workload last had to be left out. */
  #crowdedAt = -Infinity;

  /** `meters`: one for each of selectorsOf() the rule's condition, updated before each evaluation. */
  constructor(rule: Rule, meters: readonly GrowthMeter[], mostWorkloads: number) {
    this.#rule = rule;
    [this.#above, this.#clear] = limitsOf(rule.condition);
    this.#window = microseconds(rule.windowSeconds);
    this.#meters = meters;
    this.#mostWorkloads = mostWorkloads;
    this.#clock = new WindowClock(this.#window);
  }

  get rule(): Rule {
    return this.#rule;
  }

  /** Goes on with other limits, if what is counted, for whom and over which time is the same; says whether it is. */
  adopt(rule: Rule): boolean {
    if (historyKey(rule) !== historyKey(this.#rule)) return false;
    [this.#above, this.#clear] = limitsOf(rule.condition);
    this.#rule = rule;
    return true;
  }

  evaluate(now: number, groups: WorkloadGroups): Transition[] {
    const clock = this.#clock;
    const first = !clock.started;
    clock.advance(now);
    if (this.#rule.scopes.includes('host')) this.#trackOf(HOST_KEY, null, now);
    // what grew before the first evaluation, grew before the window
    if (!first) this.#grow(now, groups);
    for (const [key, track] of this.#tracks) {
      track.sums.expire(clock.first);
      const done = track.state === 'inactive' && track.sums.empty;
      if (done && track.subject !== null) this.#tracks.delete(key);
    }
    this.#leaveOut(now);
    const transitions: Transition[] = [];
    for (const track of this.#tracks.values()) {
      const kind = this.#judge(track, now);
      if (kind !== null) transitions.push(this.#transition(kind, track, track.value));
    }
    clock.close(now);
    return transitions;
  }

  #grow(now: number, groups: WorkloadGroups): void {
    const [numerator, denominator] = this.#meters;
    const add = (key: string, subject: Subject, n: number, d: number) => {
      if (n > 0 || d > 0) this.#trackOf(key, subject, now).sums.add(this.#clock.open, n, d);
    };
    const { scopes } = this.#rule;
    if (scopes.includes('host')) add(HOST_KEY, null, numerator?.host ?? 0, denominator?.host ?? 0);
    if (!scopes.includes('workload')) return;
    const keys = new Set([...(numerator?.workloads.keys() ?? []), ...(denominator?.workloads.keys() ?? [])]);
    for (const key of keys) {
      const subject = groups.workloads.get(key);
      if (subject === undefined) continue;
      add(key, subject, numerator?.workloads.get(key) ?? 0, denominator?.workloads.get(key) ?? 0);
    }
  }

  #trackOf(key: string, subject: Subject, now: number): Track {
    let track = this.#tracks.get(key);
    if (track === undefined) {
      track = {
        subject,
        sums: new WindowSums(),
        incompleteUntil: this.#crowdedAt,
        state: 'inactive',
        since: now,
        notifiedAt: now,
        value: null,
      };
      this.#tracks.set(key, track);
    }
    return track;
  }

  /** Forgets those that counted least, where there are too many: names are cheap, whoever wants to can have thousands. */
  #leaveOut(now: number): void {
    const excess = this.#tracks.size - this.#mostWorkloads - (this.#tracks.has(HOST_KEY) ? 1 : 0);
    if (excess <= 0) return;
    const volume = ({ sums }: Track) => sums.numerator + sums.denominator;
    const least = [...this.#tracks]
      .filter(([, { subject, state }]) => subject !== null && state === 'inactive')
      .sort(([, a], [, b]) => volume(a) - volume(b));
    for (const [key] of least.slice(0, excess)) this.#tracks.delete(key);
    this.#crowdedAt = now;
  }

  /** Moves a track to its next state. */
  #judge(track: Track, now: number): Transition['kind'] | null {
    track.value = this.#valueOf(track, now);
    if (track.state === 'firing') {
      if (this.#isOver(track, now)) {
        track.state = 'inactive';
        track.since = now;
        return 'resolved';
      }
      const repeat = microseconds(this.#rule.repeatSeconds);
      if (repeat === 0 || now - track.notifiedAt < repeat) return null;
      track.notifiedAt = now;
      return 'repeated';
    }
    const wanted = this.#isTooMuch(track, now) ? 'pending' : 'inactive';
    if (track.state !== wanted) {
      track.state = wanted;
      track.since = now;
    }
    if (wanted === 'inactive' || now - track.since < microseconds(this.#rule.forSeconds)) return null;
    track.state = 'firing';
    track.since = now;
    track.notifiedAt = now;
    return 'fired';
  }

  /** What a rate is taken over: time that has passed, but no less than a window. */
  #elapsed(now: number): number {
    return Math.max(now - this.#clock.from, this.#window);
  }

  #valueOf({ sums }: Track, now: number): number | null {
    if (this.#rule.condition.kind === 'rate') return (sums.numerator * MICROSECONDS) / this.#elapsed(now);
    return this.#hasVolume(sums) ? sums.numerator / sums.denominator : null;
  }

  #hasVolume({ denominator }: WindowSums): boolean {
    const { condition } = this.#rule;
    return condition.kind === 'rate' || (denominator > 0 && denominator >= condition.minimum);
  }

  #isTooMuch({ sums, incompleteUntil }: Track, now: number): boolean {
    if (this.#rule.condition.kind === 'rate') return exceeds(sums.numerator, this.#elapsed(now), this.#above);
    // a part of the denominator may be missing, and the ratio seem larger than it is
    if (this.#clock.from < incompleteUntil) return false;
    return this.#hasVolume(sums) && exceeds(sums.numerator, sums.denominator, this.#above);
  }

  #isOver({ sums }: Track, now: number): boolean {
    if (now - this.#clock.from < this.#window) return false;
    if (this.#rule.condition.kind === 'rate') return !exceeds(sums.numerator, this.#elapsed(now), this.#clear);
    return this.#hasVolume(sums) ? !exceeds(sums.numerator, sums.denominator, this.#clear) : sums.numerator === 0;
  }

  #transition(kind: Transition['kind'], { subject, sums }: Track, value: number | null): Transition {
    const denominator = this.#rule.condition.kind === 'ratio' ? sums.denominator : null;
    return { kind, rule: this.#rule, subject, value, counts: { numerator: sums.numerator, denominator } };
  }

  /** The host, what is pending or firing, and workloads with a value above 0. */
  statuses(): AlertStatus[] {
    return [...this.#tracks.values()]
      .filter(({ subject, state, value }) => subject === null || state !== 'inactive' || (value ?? 0) > 0)
      .map(({ subject, state, value, since }) => ({
        rule: this.#rule.name,
        subject,
        state,
        value,
        threshold: this.#rule.condition.above,
        severity: this.#rule.severity,
        since: since / MICROSECONDS,
      }));
  }

  /** What fires. */
  firing(): FiringAlert[] {
    return [...this.#tracks.values()]
      .filter(({ state }) => state === 'firing')
      .map(({ subject, since, notifiedAt }) => ({
        rule: this.#rule,
        subject,
        since: since / MICROSECONDS,
        notifiedAt: notifiedAt / MICROSECONDS,
      }));
  }

  /** Goes on with an alert that fired before; false if the rule is not for such a subject. */
  restore({ subject, since, notifiedAt }: FiringAlert): boolean {
    if (!this.#rule.scopes.includes(subject === null ? 'host' : 'workload')) return false;
    const track = this.#trackOf(subjectKey(subject), subject, microseconds(since));
    track.state = 'firing';
    track.notifiedAt = microseconds(notifiedAt);
    return true;
  }

  /** Transitions that end everything that fires, because the rule is gone. */
  end(alerts: readonly FiringAlert[]): Transition[] {
    return alerts.map(({ subject }) => {
      const track = this.#tracks.get(subjectKey(subject));
      const { numerator, denominator } = track?.sums ?? new WindowSums();
      return goneTransition(this.#rule, subject, numerator, denominator);
    });
  }
}

/** An alert resolves because its rule, or its rule for such a subject, is gone. */
export function goneTransition(rule: Rule, subject: Subject, numerator = 0, denominator = 0): Transition {
  const counts = { numerator, denominator: rule.condition.kind === 'ratio' ? denominator : null };
  return { kind: 'resolved', rule, subject, value: null, counts };
}

function limitsOf(condition: Condition): [above: Limit, clear: Limit] {
  const { above, clear } = condition;
  const of = (value: number) => (condition.kind === 'rate' ? perMicrosecond(limitOf(value)) : limitOf(value));
  return [of(above), of(clear)];
}

/** What the history of a rule was collected for. */
function historyKey({ condition, windowSeconds, scopes }: Rule): string {
  const selectors = selectorsOf(condition).map(selectorKey);
  return JSON.stringify([condition.kind, selectors, windowSeconds, [...new Set(scopes)].sort()]);
}
