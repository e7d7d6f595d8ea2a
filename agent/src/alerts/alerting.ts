/**
 * Rules -> incidents -> receivers. Each step is on disk before the next: whenever the agent ends, the next one goes on, and no
 * incident is lost, opened twice or left open.
 */
import type { Snapshot } from '../model/snapshot.ts';
import { summarize } from '../model/summary.ts';
import { dedupKey } from './dedup.ts';
import { RuleEngine } from './engine.ts';
import type { Evidence } from './evidence.ts';
import type { Involving } from './involved.ts';
import type { Incident, Json } from './incident.ts';
import type { ChannelStats } from './channel.ts';
import type { Log } from './receiver.ts';
import type { Outbox } from './outbox.ts';
import type { Rule, Subject, Transition } from './rule.ts';
import type { AlertState, KnownAlert } from './state.ts';
import { decodeStored, encodeStored, isSubject } from './stored-event.ts';
import { summaryText, topReason } from './summary-text.ts';
import type { AlertsView } from './view.ts';
import { incidentDetails, involvingOf } from './details.ts';

export interface AlertingOptions {
  readonly rules: readonly Rule[];
  /** Not started yet. */
  readonly outbox: Outbox;
  readonly state: AlertState;
  /** Collects what explains an alert, in a second at most. */
  readonly collect: (subject: Subject, involving: Involving, snapshot: Snapshot) => Promise<Evidence>;
  /** Keeps it; returns the file. */
  readonly keep: (dedupKey: string, firedAtMs: number, evidence: Evidence) => Promise<string>;
  readonly hostId: string;
  readonly host: string;
  /** Where people read on; '' for nowhere. */
  readonly statusUrl: string;
  readonly unixMs: () => number;
  /** Seconds since boot. */
  readonly boottime: () => number;
  readonly log: Log;
}

type Details = Readonly<Record<string, Json>>;

/** An alert to tell of; its details are asked for when its turn comes. */
interface Telling {
  readonly alert: KnownAlert;
  readonly details: () => Promise<Details>;
}

/** The default rules look back for so long. */
const CAUSES_PERIOD_S = 60;

/** Evidence of an alert that fired longer ago is not of that moment any more, and alerts that wait must be told. */
const EVIDENCE_LATEST_S = 5;

const thresholdOf = ({ condition }: Rule): number => condition.above;

export class Alerting {
  readonly #options: AlertingOptions;
  readonly #engine: RuleEngine;
  /** By dedup key. */
  readonly #known = new Map<string, KnownAlert>();
  readonly #transitions = new Map<string, { rule: string; kind: Transition['kind']; count: number }>();

  /** As they were one or two periods ago: what came since tells the reason. */
  #causes: readonly [before: Snapshot['causes'], since: Snapshot['causes']] = [[], []];
  #causesAt = -Infinity;
  #outbox: Outbox;
  #work: Promise<void> = Promise.resolve();

  constructor(options: AlertingOptions) {
    this.#options = options;

    this.#outbox = options.outbox;
    this.#engine = new RuleEngine(options.rules);
  }

  /** Goes on with what a former run left. Before the first evaluation. */
  async start(): Promise<void> {
    const { state, log, unixMs, boottime, hostId, host } = this.#options;
    await this.#outbox.start();
    let left: KnownAlert[] = [];
    try {
      left = await state.load();
    } catch (error) {
      log('error', error instanceof Error ? error.message : String(error));
    }
    const known = left.filter(isTellable);
    if (known.length < left.length) {
      log(
        'error',
        `alerts: ${String(left.length - known.length)} of the former run cannot be read, and are not resolved`,
      );
    }
    for (const alert of known) this.#known.set(alert.incident.dedupKey, alert);
    const over: KnownAlert[] = [];
    const firing: KnownAlert[] = [];
    const gone: Transition[] = [];
    for (const alert of known) {
      const { phase, rule, subject, incident } = alert;
      // under another key this run would never resolve it: the host has got another id
      if (phase === 'resolving' || incident.dedupKey !== dedupKey(hostId, rule.name, subject)) {
        over.push(alert);
        continue;
      }
      const since = boottime() - (unixMs() - incident.firedAtMs) / 1000;
      try {
        const ended = this.#engine.restore([{ rule, subject, since, notifiedAt: since }]);
        for (const transition of ended) summaryText(rule, transition, host, null);
        gone.push(...ended);
        firing.push(alert);
      } catch {
        // its rule cannot be read: it is over, and fires again if it must
        over.push(alert);
      }
    }
    const untold = firing.filter(({ phase }) => phase === 'firing');
    if (untold.length > 0) {
      this.#enqueue(() => this.#trigger(untold.map((alert) => ({ alert, details: () => Promise.resolve({}) }))));
    }
    if (over.length > 0) this.#enqueue(() => this.#resolve(over));
    this.#take(gone, null);
    await this.#work;
  }

  /** Takes in a snapshot, about once a second. */
  tick(snapshot: Snapshot): void {
    this.#take(this.#engine.evaluate(snapshot), snapshot);
    if (snapshot.time.boottime - this.#causesAt < CAUSES_PERIOD_S) return;
    this.#causesAt = snapshot.time.boottime;
    this.#causes = [this.#causes[1], snapshot.causes];
  }

  /** Goes on with other rules. @throws RangeError for one that cannot be evaluated; then nothing has changed */
  replaceRules(rules: readonly Rule[]): void {
    const gone = this.#engine.replaceRules(rules);

    this.#take(gone, null);
  }

  /** Tells others from now on. What is queued is on disk, and goes to them. */
  async replaceOutbox(outbox: Outbox): Promise<void> {
    this.#enqueue(async () => {
      await this.#outbox.close();
      await outbox.start();
      this.#outbox = outbox;
    });
    await this.#work;
  }

  /** Ends deliveries under way; what is queued stays on disk. */
  async close(): Promise<void> {
    await this.#work;
    await this.#outbox.close();
  }

  /** Resolves when everything that was decided so far is queued. */
  settled(): Promise<void> {
    return this.#work;
  }

  view(): AlertsView {
    const { receivers, undurable } = this.#outbox.stats();
    return {
      undurable,
      statuses: this.#engine.statuses(),
      firing: Array.from(this.#known.values(), ({ rule, subject, incident }) => ({
        rule: rule.name,
        subject,
        dedupKey: incident.dedupKey,
        firedAtMs: incident.firedAtMs,
        summary: incident.summary,
      })),
      transitions: [...this.#transitions.values()],
      receivers: Object.fromEntries(Object.entries(receivers).map(([name, stats]) => [name, receiverView(stats)])),
    };
  }

  /** All of one evaluation is one step: a thousand alerts at once are written to the state together. */
  #take(transitions: readonly Transition[], snapshot: Snapshot | null): void {
    for (const transition of transitions) this.#count(transition);
    const over = transitions.filter(({ kind }) => kind === 'resolved');
    if (over.length > 0) this.#enqueue(() => this.#over(over));
    const fired = transitions.filter(({ kind }) => kind !== 'resolved');
    const [before] = this.#causes;
    // now, not when the step's turn comes
    const firedAtMs = this.#options.unixMs();
    if (fired.length > 0 && snapshot !== null) this.#enqueue(() => this.#fire(fired, firedAtMs, snapshot, before));
  }

  async #fire(
    transitions: readonly Transition[],
    firedAtMs: number,
    snapshot: Snapshot,
    before: Snapshot['causes'],
  ): Promise<void> {
    const summary = summarize(snapshot);
    const tellings = transitions.map((transition): Telling => {
      const { rule, subject } = transition;
      const reason =
        topReason(rule.condition, subject, snapshot.causes, before) ??
        topReason(rule.condition, subject, snapshot.causes);
      const alert: KnownAlert = {
        phase: 'firing',
        rule,
        subject,
        incident: this.#incident(transition, firedAtMs, reason),
      };
      this.#options.log('warning', `alert: ${alert.incident.summary}`);
      const details = async () => ({
        ...incidentDetails(rule, transition, summary, reason),
        ...(await this.#evidence(alert, snapshot)),
      });
      return { alert, details };
    });
    await this.#remember(tellings.map(({ alert }) => alert));
    await this.#trigger(tellings);
  }

  #incident(transition: Transition, firedAtMs: number, reason: string | null): Incident {
    const { hostId, host } = this.#options;
    const { kind, rule, subject, value } = transition;
    const key = dedupKey(hostId, rule.name, subject);
    const since = kind === 'repeated' ? this.#known.get(key)?.incident.firedAtMs : undefined;
    return {
      dedupKey: key,
      rule: rule.name,
      subject,
      severity: rule.severity,
      host,
      summary: summaryText(rule, transition, host, reason),
      firedAtMs: since ?? firedAtMs,
      resolvedAtMs: null,
      value,
      threshold: thresholdOf(rule),
      details: {},
      links: this.#links(rule),
    };
  }

  /** What it adds to an incident's details; why there is none, if there is none. */
  async #evidence({ rule, subject, incident }: KnownAlert, snapshot: Snapshot): Promise<Details> {
    const { log, collect, keep, boottime } = this.#options;
    const late = boottime() - snapshot.time.boottime;
    if (late > EVIDENCE_LATEST_S) {
      return { evidence_error: `too many alerts at once: its turn came ${late.toFixed(0)} s after the alert fired` };
    }
    let evidence: Evidence | undefined;
    try {
      evidence = await collect(subject, involvingOf(rule), snapshot);
      return { evidence, evidence_file: await keep(incident.dedupKey, incident.firedAtMs, evidence) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log('error', `evidence of ${rule.name}: ${why}`);
      return { ...(evidence === undefined ? {} : { evidence }), evidence_error: why };
    }
  }

  async #trigger(tellings: readonly Telling[]): Promise<void> {
    const told: KnownAlert[] = [];
    for (const { alert, details } of tellings) {
      await this.#try(async () => {
        await this.#outbox.enqueue({ action: 'trigger', incident: { ...alert.incident, details: await details() } });
        told.push({ ...alert, phase: 'triggered' });
      });
    }
    await this.#remember(told);
  }

  async #over(transitions: readonly Transition[]): Promise<void> {
    const { hostId, host, log, unixMs } = this.#options;
    const alerts = transitions.flatMap((transition): KnownAlert[] => {
      const known = this.#known.get(dedupKey(hostId, transition.rule.name, transition.subject));
      if (known === undefined) return [];
      const { rule, subject } = known;
      // by the rule that judged it: the one that it fired by comes from the disk, where anything may stand
      const summary = summaryText(transition.rule, transition, host, null);
      log('info', `alert: ${summary}`);
      // the clock may have been set back since: what ends before it begins is refused by receivers
      const resolvedAtMs = Math.max(unixMs(), known.incident.firedAtMs);
      const incident = { ...known.incident, summary, value: transition.value, resolvedAtMs };
      return [{ phase: 'resolving', rule, subject, incident }];
    });
    if (alerts.length === 0) return;
    // first that they end: else a restart in between would open the incidents again
    await this.#remember(alerts);
    await this.#resolve(alerts);
  }

  async #resolve(alerts: readonly KnownAlert[]): Promise<void> {
    for (const { incident } of alerts) {
      await this.#try(async () => {
        await this.#outbox.enqueue({ action: 'resolve', incident });
        this.#known.delete(incident.dedupKey);
      });
    }
    await this.#save();
  }

  async #remember(alerts: readonly KnownAlert[]): Promise<void> {
    for (const alert of alerts) this.#known.set(alert.incident.dedupKey, alert);
    await this.#save();
  }

  /** An alert that cannot be kept is told all the same. */
  async #save(): Promise<void> {
    try {
      await this.#options.state.save([...this.#known.values()]);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.#options.log('error', `alerts: the state cannot be kept (${why}): a restart may forget what fires`);
    }
  }

  #links({ runbook }: Rule): Incident['links'] {
    const { statusUrl } = this.#options;
    return [
      ...(/^https?:/.test(runbook) ? [{ href: runbook, text: 'Runbook' }] : []),
      ...(statusUrl === '' ? [] : [{ href: statusUrl, text: 'Status page' }]),
    ];
  }

  #count({ rule, kind }: Transition): void {
    const key = `${rule.name} ${kind}`;
    const known = this.#transitions.get(key);
    if (known === undefined) this.#transitions.set(key, { rule: rule.name, kind, count: 1 });
    else known.count++;
  }

  /** One step after the other: what fires and resolves is told in that order. */
  #enqueue(step: () => Promise<void>): void {
    this.#work = this.#work.then(() => this.#try(step));
  }

  /** What goes wrong with one alert does not keep the others from being told. */
  async #try(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      this.#options.log('error', `alerts: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
}

/** Whether receivers can be told of it: the disk may have given back something else than it was given. */
function isTellable({ subject, incident }: KnownAlert): boolean {
  if (!isSubject(subject)) return false;
  const event = { action: 'resolve' as const, incident };
  try {
    decodeStored(encodeStored({ event, queuedAtMs: 0, opening: false, receiver: null, absorbs: [], members: null }));
    return true;
  } catch {
    return false;
  }
}

function receiverView(stats: ChannelStats): AlertsView['receivers'][string] {
  const { queued, sent, retried, failed, cancelled, collapsed } = stats;
  return { queued, results: { sent, ...failed, ...retried, cancelled, collapsed } };
}
