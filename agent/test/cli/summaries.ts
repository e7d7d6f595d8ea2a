/** Summaries for tests, from what a test wants to say: everything else is empty, sums are computed. */
import { MECHANISMS, type Mechanism, type Outcome, type Resolution } from '../../src/abi/layout.ts';
import type { Culprit } from '../../src/model/snapshot.ts';
import type {
  CauseSummary,
  ErrnoCounts,
  IoUringSummary,
  MechanismSummary,
  ProcessSummary,
  Summary,
} from '../../src/model/summary.ts';

export interface MechanismSpec {
  readonly outcomes: Partial<Record<Outcome, number>>;
  readonly bytes?: Partial<MechanismSummary['outcomeBytes']>;
  readonly errnos?: ErrnoCounts;
  readonly resolutions?: Partial<Record<Resolution | 'pending', number>>;
  readonly latency?: MechanismSummary['latency'];
}

/** Reasons are those of the causes; denials are counted as errnos. */
export type CauseSpec = Pick<CauseSummary, 'mechanism' | 'outcome' | 'reason'> & Partial<CauseSummary>;

export interface SummarySpec {
  readonly mechanisms?: Partial<Record<Mechanism, MechanismSpec>>;
  readonly causes?: readonly CauseSpec[];
  readonly rings?: Partial<Omit<IoUringSummary, 'setups' | 'enters' | 'queuedAsync'>> & {
    readonly setups?: Partial<IoUringSummary['setups']>;
    readonly enters?: Partial<IoUringSummary['enters']>;
  };
  readonly processes?: readonly Partial<ProcessSummary>[];
  readonly flows?: Summary['flows'];
  readonly unattributed?: number;
  readonly lost?: Partial<Summary['lost']>;
}

export function summaryOf(spec: SummarySpec = {}): Summary {
  const causes = (spec.causes ?? []).map(causeOf);
  const mechanisms: Partial<Record<Mechanism, MechanismSummary>> = {};
  for (const name of MECHANISMS) {
    const mechanism = spec.mechanisms?.[name];
    if (mechanism !== undefined) {
      mechanisms[name] = mechanismOf(
        mechanism,
        causes.filter((cause) => cause.mechanism === name),
      );
    }
  }
  return {
    mechanisms,
    ioUring: {
      completions: {},
      completionErrnos: {},
      queuedAsync: Object.values(spec.rings?.asyncWork ?? {}).reduce((sum, number) => sum + number, 0),
      asyncWork: {},
      cqOverflows: 0,
      ...spec.rings,
      setups: { ok: 0, errnos: {}, ...spec.rings?.setups },
      enters: { calls: 0, submitted: 0, errnos: {}, ...spec.rings?.enters },
    },
    processes: (spec.processes ?? []).map(processOf),
    causes,
    flows: spec.flows ?? [],
    unattributed: { attempts: spec.unattributed ?? 0 },
    lost: { overflow: 0, events: 0, missedRuns: 0, ...spec.lost },
  };
}

/** One process, whose mechanisms and outcomes are not looked at unless said. */
export function processOf(process: Partial<ProcessSummary> = {}): ProcessSummary {
  const nothing = { outcomes: {}, mechanisms: {}, fallbacks: 0, fallen: [] };
  return { pid: 4711, comm: 'cp', unit: '', attempts: 1, ...nothing, ...process };
}

export function culpritOf(culprit: Partial<Culprit> = {}): Culprit {
  return { type: 'file', filesystem: 'ext4', name: '/srv/a', flags: [], ...culprit };
}

function causeOf(cause: CauseSpec): CauseSummary {
  return { count: 1, unit: '', comm: 'cp', pid: 4711, culprit: culpritOf(), ...cause };
}

function mechanismOf(spec: MechanismSpec, causes: readonly CauseSummary[]): MechanismSummary {
  const outcomes = { zerocopy: 0, copied: 0, retry: 0, refused: 0, denied: 0, failed: 0, ...spec.outcomes };
  const reasons = { copied: {} as Record<string, number>, refused: {} as Record<string, number> };
  for (const { outcome, reason, count } of causes) {
    if (outcome === 'denied') continue;
    reasons[outcome][reason] = (reasons[outcome][reason] ?? 0) + count;
  }
  const outcomeBytes = { zerocopy: 0, copied: 0, ...spec.bytes };
  return {
    attempts: Object.values(outcomes).reduce((sum, number) => sum + number, 0),
    bytes: outcomeBytes.zerocopy + outcomeBytes.copied,
    outcomeBytes,
    outcomes,
    errnos: spec.errnos ?? {},
    reasons,
    resolutions: { cascaded: 0, confirmed: 0, presumed: 0, abandoned: 0, pending: 0, ...spec.resolutions },
    ...(spec.latency === undefined ? {} : { latency: spec.latency }),
  };
}
