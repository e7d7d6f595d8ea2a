/**
 * Rules -> incidents -> receivers. Each step is on disk before the next: whenever the agent ends, the next one goes on, and no
 * incident is lost, opened twice or left open.
 */
import type { Snapshot } from '../model/snapshot.ts';
import { dedupKey } from './dedup.ts';
import { RuleEngine } from './engine.ts';
import type { Evidence, Involving } from './evidence.ts';
import type { Incident, Json } from './incident.ts';
import type { ChannelStats } from './channel.ts';
import type { Log } from './receiver.ts';
import type { Outbox } from './outbox.ts';
import type { Rule, Subject, Transition } from './rule.ts';
import type { AlertState, KnownAlert, Phase } from './state.ts';
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

/** The default rules look back for so long. */
const CAUSES_PERIOD_S = 60;

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
    const { state, log, unixMs, boottime } = this.#options;
    await this.#outbox.start();
    let left: KnownAlert[] = [];
    try {
      left = await state.load();
    } catch (error) {
      log('error', error instanceof Error ? error.message : String(error));
    }
    for (const alert of left) this.#known.set(alert.incident.dedupKey, alert);
    const firing = left.filter(({ phase }) => phase !== 'resolving');
    const gone = this.#engine.restore(
      firing.map(({ rule, subject, incident }) => {
        const since = boottime() - (unixMs() - incident.firedAtMs) / 1000;
        return { rule, subject, since, notifiedAt: since };
      }),
    );
    // a trigger that may not be queued is queued again: the dedup key makes a second one harmless
    for (const alert of firing) {
      if (alert.phase === 'firing') this.#enqueue(() => this.#trigger(alert.incident, alert));
    }
    for (const alert of left.filter(({ phase }) => phase === 'resolving')) {
      this.#enqueue(() => this.#resolve(alert.incident));
    }
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
    const { receivers } = this.#outbox.stats();
    return {
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

  #take(transitions: readonly Transition[], snapshot: Snapshot | null): void {
    for (const transition of transitions) {
      this.#count(transition);
      const key = dedupKey(this.#options.hostId, transition.rule.name, transition.subject);
      if (transition.kind === 'resolved') {
        this.#enqueue(() => this.#over(key, transition));
      } else if (snapshot !== null) {
        const [before] = this.#causes;
        this.#enqueue(() => this.#fire(key, transition, snapshot, before));
      }
    }
  }

  async #fire(key: string, transition: Transition, snapshot: Snapshot, before: Snapshot['causes']): Promise<void> {
    const { rule, subject, value } = transition;
    const { host, log, unixMs, collect, keep } = this.#options;
    const reason =
      topReason(rule.condition, subject, snapshot.causes, before) ??
      topReason(rule.condition, subject, snapshot.causes);
    const summary = summaryText(rule, transition, host, reason);
    const known = this.#known.get(key);
    const firedAtMs = transition.kind === 'repeated' ? (known?.incident.firedAtMs ?? unixMs()) : unixMs();
    const incident: Incident = {
      dedupKey: key,
      rule: rule.name,
      subject,
      severity: rule.severity,
      host,
      summary,
      firedAtMs,
      resolvedAtMs: null,
      value,
      threshold: thresholdOf(rule),
      details: {},
      links: this.#links(rule),
    };
    log('warning', `alert: ${summary}`);
    await this.#remember('firing', { rule, subject, incident });
    let details: Readonly<Record<string, Json>> = incidentDetails(rule, transition, snapshot, reason);
    try {
      const evidence = await collect(subject, involvingOf(rule), snapshot);
      details = { ...details, evidence };
      details = { ...details, evidence_file: await keep(key, firedAtMs, evidence) };
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log('error', `evidence of ${rule.name}: ${why}`);
      details = { ...details, evidence_error: why };
    }
    await this.#trigger({ ...incident, details }, { phase: 'firing', rule, subject, incident });
  }

  async #trigger(incident: Incident, alert: KnownAlert): Promise<void> {
    await this.#outbox.enqueue({ action: 'trigger', incident });
    await this.#remember('triggered', alert);
  }

  async #over(key: string, transition: Transition): Promise<void> {
    const known = this.#known.get(key);
    if (known === undefined) return;
    const { rule, subject } = known;
    const summary = summaryText(rule, transition, this.#options.host, null);
    this.#options.log('info', `alert: ${summary}`);
    const incident = { ...known.incident, summary, value: transition.value, resolvedAtMs: this.#options.unixMs() };
    // first that it ends: else a restart in between would open the incident again
    await this.#remember('resolving', { rule, subject, incident });
    await this.#resolve(incident);
  }

  async #resolve(incident: Incident): Promise<void> {
    await this.#outbox.enqueue({ action: 'resolve', incident });
    this.#known.delete(incident.dedupKey);
    await this.#save();
  }

  async #remember(phase: Phase, { rule, subject, incident }: Omit<KnownAlert, 'phase'>): Promise<void> {
    this.#known.set(incident.dedupKey, { phase, rule, subject, incident: { ...incident, details: {} } });
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
    this.#work = this.#work.then(step).catch((error: unknown) => {
      this.#options.log('error', `alerts: ${error instanceof Error ? error.message : String(error)}`);
    });
  }
}

function receiverView(stats: ChannelStats): AlertsView['receivers'][string] {
  const { queued, sent, retried, failed, cancelled, collapsed } = stats;
  return { queued, results: { sent, ...failed, ...retried, cancelled, collapsed } };
}
