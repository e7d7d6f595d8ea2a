/** What is counted for the whole host: attempts by outcome, refusals and what became of them, copies, errors, rings. Pure. */
import { COPY_REASONS, MECHANISMS, type Mechanism, OUTCOMES, REFUSAL_REASONS, RESOLUTIONS } from '../abi/layout.ts';
import {
  attemptsOf,
  bytesOf,
  EVIDENCE,
  mechanismColumn,
  OUTCOMES_WITH_BYTES,
  pendingOf,
  resolvedOf,
  RING,
  sumAttempts,
} from '../model/counters.ts';
import type { Cause, CauseKind, Snapshot } from '../model/snapshot.ts';
import { errnoLabel } from '../model/errno.ts';
import { labelSet, type TextWriter } from './text.ts';

const URING_PREFIX = 'io_uring_';

/** Attempts and their bytes: every combination, so that a rate sees the first event too. */
export function writeAttempts(writer: TextWriter, { totals }: Snapshot): void {
  for (const mechanism of MECHANISMS) {
    for (const outcome of OUTCOMES) {
      const labels = labelSet('attempts_total', [mechanism, outcome]);
      writer.sample('attempts_total', labels, attemptsOf(totals, mechanism, outcome));
    }
  }
  for (const mechanism of MECHANISMS) {
    for (const outcome of OUTCOMES_WITH_BYTES) {
      const labels = labelSet('attempt_bytes_total', [mechanism, outcome]);
      writer.sample('attempt_bytes_total', labels, bytesOf(totals, mechanism, outcome));
    }
  }
}

/** Fallbacks, and the refusals that they come from: how those ended in every combination, why they were those that occurred. */
export function writeRefusals(writer: TextWriter, { totals, causes }: Snapshot): void {
  for (const mechanism of MECHANISMS) {
    for (const evidence of EVIDENCE) {
      const labels = labelSet('fallbacks_total', [mechanism, evidence]);
      writer.sample('fallbacks_total', labels, resolvedOf(totals, mechanism, evidence));
    }
  }
  const refusals = sumBy(causes, 'refused', ({ mechanism, code }) =>
    labelSet('refusals_total', [MECHANISMS[mechanism] ?? '', REFUSAL_REASONS[code] ?? '']),
  );
  for (const [labels, count] of refusals) writer.sample('refusals_total', labels, count);
  for (const mechanism of MECHANISMS) {
    for (const resolution of RESOLUTIONS) {
      const labels = labelSet('refusal_resolutions_total', [mechanism, resolution]);
      writer.sample('refusal_resolutions_total', labels, resolvedOf(totals, mechanism, resolution));
    }
  }
  for (const mechanism of MECHANISMS) {
    writer.sample('refusals_pending', labelSet('refusals_pending', [mechanism]), pendingOf(totals, mechanism));
  }
}

/** Copies by reason: those that occurred. */
export function writeCopies(writer: TextWriter, { causes }: Snapshot): void {
  const copies = sumBy(causes, 'copied', ({ mechanism, code }) =>
    labelSet('copies_total', [MECHANISMS[mechanism] ?? '', COPY_REASONS[code] ?? '']),
  );
  for (const [labels, count] of copies) writer.sample('copies_total', labels, count);
}

/** Errors of attempts, by errno: those that occurred. */
export function writeErrors(writer: TextWriter, { causes }: Snapshot): void {
  const counts = sumBy(causes, 'errno', ({ mechanism, code }) =>
    labelSet('errors_total', [MECHANISMS[mechanism] ?? '', errnoLabel(code)]),
  );
  for (const [labels, count] of counts) writer.sample('errors_total', labels, count);
}

export function writeRings(writer: TextWriter, { totals, causes }: Snapshot): void {
  writer.sample('io_uring_enters_total', '', totals[RING.enters] ?? 0);
  for (const name of ['io_uring_enter_errors_total', 'io_uring_setup_errors_total'] as const) {
    const kind = name === 'io_uring_enter_errors_total' ? 'enter_errno' : 'setup_errno';
    const counts = sumBy(causes, kind, ({ code }) => labelSet(name, [errnoLabel(code)]));
    for (const [labels, count] of counts) writer.sample(name, labels, count);
  }
  writer.sample('io_uring_submitted_total', '', totals[RING.submitted] ?? 0);
  writer.sample('io_uring_cq_overflows_total', '', totals[RING.cqOverflows] ?? 0);
  const work = sumBy(causes, 'async_work', ({ mechanism }) =>
    labelSet('io_uring_async_work_total', [opcodeOf(MECHANISMS[mechanism])]),
  );
  for (const [labels, count] of work) writer.sample('io_uring_async_work_total', labels, count);
}

export function writeUnattributed(writer: TextWriter, { unattributed }: Snapshot): void {
  for (const mechanism of MECHANISMS) {
    const labels = labelSet('unattributed_attempts_total', [mechanism]);
    writer.sample('unattributed_attempts_total', labels, sumAttempts(unattributed, mechanismColumn(mechanism)));
  }
}

/** `splice` for `io_uring_splice`. */
function opcodeOf(mechanism: Mechanism | undefined): string {
  return mechanism?.replace(URING_PREFIX, '') ?? '';
}

/** Counts of one kind of cause by the label set that each gets, in a stable order. */
function sumBy(causes: readonly Cause[], kind: CauseKind, labelsOf: (cause: Cause) => string): [string, number][] {
  const byCode = new Map<number, { readonly cause: Cause; count: number }>();
  for (const cause of causes) {
    if (cause.kind !== kind) continue;
    const key = cause.mechanism * 65_536 + cause.code;
    const sum = byCode.get(key);
    if (sum === undefined) byCode.set(key, { cause, count: cause.count });
    else sum.count += cause.count;
  }
  const sums = new Map<string, number>();
  for (const { cause, count } of byCode.values()) {
    const labels = labelsOf(cause);
    sums.set(labels, (sums.get(labels) ?? 0) + count);
  }
  return [...sums].sort(([a], [b]) => (a < b ? -1 : 1));
}
