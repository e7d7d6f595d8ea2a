/** What an incident tells beside its summary: numbers, processes, flows, reasons. Pure. */
import { type Mechanism, MECHANISMS } from '../abi/layout.ts';
import type { Summary } from '../model/summary.ts';
import { printable } from '../model/text.ts';
import type { Involving } from './involved.ts';
import type { Json } from './incident.ts';
import type { CounterSelector, Rule, Subject, Transition } from './rule.ts';

/** Rows of each list. */
const MOST_ROWS = 10;

const numeratorOf = ({ condition }: Rule): CounterSelector =>
  condition.kind === 'ratio' ? condition.numerator : condition.counter;

/** What a rule is about: rings, or the first mechanism that it counts. */
export function involvingOf(rule: Rule): Involving {
  const { metric, labels } = numeratorOf(rule);
  if (metric.startsWith('io_uring_')) return 'io_uring_enter';
  const name = labels.mechanism?.[0];
  return MECHANISMS.find((mechanism: Mechanism) => mechanism === name) ?? 'sendfile';
}

/** Counters at the moment the alert fired: since the agent started, but for `window`. */
export function incidentDetails(
  rule: Rule,
  { subject, value, counts }: Transition,
  summary: Summary,
  reason: string | null,
): Readonly<Record<string, Json>> {
  const involving = involvingOf(rule);
  return {
    rule: rule.name,
    window: {
      seconds: rule.windowSeconds,
      value,
      threshold: rule.condition.above,
      numerator: counts.numerator,
      denominator: counts.denominator,
      top_reason: reason,
    },
    workload: subject === null ? 'the whole host' : { unit: printable(subject.unit), comm: printable(subject.comm) },
    processes: processesOf(summary, subject, involving),
    flows: flowsOf(summary),
    causes: causesOf(summary, subject, involving),
    io_uring_enter_errors: summary.ioUring.enters.errnos,
  };
}

const concerns = (subject: Subject, { unit, comm }: { unit: string; comm: string }): boolean =>
  subject === null || (subject.unit === unit && subject.comm === comm);

function processesOf({ processes }: Summary, subject: Subject, involving: Involving): Json {
  return processes
    .filter((process) => concerns(subject, process))
    .filter(({ mechanisms }) => involving === 'io_uring_enter' || mechanisms[involving] !== undefined)
    .slice(0, MOST_ROWS)
    .map(({ pid, unit, comm, attempts, fallbacks, fallen }) => ({
      pid,
      unit: printable(unit),
      comm: printable(comm),
      attempts,
      fallbacks,
      fallen,
    }));
}

function flowsOf({ flows }: Summary): Json {
  return flows
    .slice(0, MOST_ROWS)
    .map(({ src, dst, proto, attempts, bytes }) => ({ src, dst, proto, attempts, bytes }));
}

function causesOf({ causes }: Summary, subject: Subject, involving: Involving): Json {
  return causes
    .filter((cause) => concerns(subject, cause) && (involving === 'io_uring_enter' || cause.mechanism === involving))
    .slice(0, MOST_ROWS)
    .map(({ mechanism, outcome, reason, count, pid, comm, culprit }) => ({
      mechanism,
      outcome,
      reason,
      count,
      pid,
      comm: printable(comm),
      file:
        culprit === null
          ? null
          : { type: culprit.type, filesystem: culprit.filesystem, name: printable(culprit.name), flags: culprit.flags },
    }));
}
