/** What /proc and the daemon know of one process -> what it really does, whether a file or a flag forbids it, and what to change. Pure. */
import { type Mechanism, MECHANISMS } from '../abi/layout.ts';
import { isSameFile } from '../alerts/process-facts.ts';
import { type Advice, COPY_ADVICE, DENIED_ADVICE, DENIED_REQUEST_ADVICE, REFUSAL_ADVICE } from '../model/advice.ts';
import type { Culprit } from '../model/snapshot.ts';
import { ringTroubles } from '../model/ring-troubles.ts';
import { type Errnos, type ProcessRings, sumOfCalls } from '../model/process-calls.ts';
import type { CauseSummary, Fallible, ProcessSummary } from '../model/summary.ts';
import type { Descriptor, InspectFacts, Mapping } from './facts.ts';

/** What is used of a snapshot of the daemon. */
export interface Counted {
  readonly processes: readonly ProcessSummary[];
  readonly causes: readonly CauseSummary[];
}

export interface InspectReport {
  readonly schema: 'spillway.inspect/1';
  /** RFC 3339, UTC. */
  readonly time: string;
  readonly pid: number;
  readonly comm: string;
  /** '' where it is not known. */
  readonly unit: string;
  readonly status: InspectFacts['status'];
  readonly limits: InspectFacts['limits'];
  /** null if no daemon told. */
  readonly attempts: Attempts | null;
  readonly descriptors: readonly NotedDescriptor[];
  /** Why there may be more descriptors; null if these are all. */
  readonly unread: string | null;
  readonly mappings: InspectFacts['mappings'];
  /** Sentences: what was attempted, then what the descriptors and mappings tell. */
  readonly verdict: readonly Verdict[];
}

/** Since the daemon started, or the process, whichever came later. */
export interface Attempts {
  /** In the order of MECHANISMS; those that were not attempted are left out. */
  readonly mechanisms: readonly MechanismAttempts[];
  readonly fallbacks: number;
  readonly fallen: readonly Fallible[];
  /** What became of its rings; null where it never had to do with one. */
  readonly rings: ProcessRings | null;
}

export interface MechanismAttempts {
  readonly mechanism: Mechanism;
  readonly attempts: number;
  readonly copied: number;
  readonly refused: number;
  readonly denied: number;
  /** Of all that moved nothing, by name. */
  readonly errnos: Errnos;
  /** The most frequent first. */
  readonly reasons: readonly Reason[];
}

export interface Reason extends Advice {
  readonly outcome: CauseSummary['outcome'];
  /** The errno of what was denied. */
  readonly reason: CauseSummary['reason'];
  readonly count: number;
  /** The file that explains the first of these attempts. */
  readonly culprit: Culprit | null;
  /** Descriptors that are open on it now. */
  readonly fds: readonly number[];
}

export interface NotedDescriptor extends Descriptor {
  /** What its file or a flag forbids; '' for nothing. */
  readonly note: string;
}

export interface Verdict {
  readonly text: string;
  /** What to do; '' where there is nothing. */
  readonly remedy: string;
}

/** `counted` is null where no daemon answers. */
export function inspectReport(facts: InspectFacts, counted: Counted | null, time: Date): InspectReport {
  const { pid, comm, status, limits, unread, mappings } = facts;
  const descriptors = facts.descriptors.map((descriptor) => ({ ...descriptor, note: noteOf(descriptor) }));
  const rows = counted?.processes.filter((process) => process.pid === pid) ?? [];
  const attempts = counted === null ? null : attemptsOf(facts, rows, counted.causes);
  return {
    schema: 'spillway.inspect/1',
    time: time.toISOString(),
    pid,
    comm,
    unit: rows[0]?.unit ?? '',
    status,
    limits,
    attempts,
    descriptors,
    unread,
    mappings,
    verdict: [...attemptVerdicts(attempts), ...descriptorVerdicts(descriptors), ...mappingVerdicts(mappings)],
  };
}

/** A process that called exec has a row for each program. */
function attemptsOf(
  { pid, descriptors }: InspectFacts,
  rows: readonly ProcessSummary[],
  all: readonly CauseSummary[],
): Attempts {
  const causes = all.filter((cause) => cause.pid === pid);
  const { errnos, rings = null } = sumOfCalls(rows);
  const mechanisms = MECHANISMS.flatMap((mechanism): MechanismAttempts[] => {
    const attempts = sum(rows, ({ mechanisms: counts }) => counts[mechanism] ?? 0);
    if (attempts === 0) return [];
    const own = causes.filter((cause) => cause.mechanism === mechanism).sort((a, b) => b.count - a.count);
    const number = (wanted: CauseSummary['outcome']) =>
      sum(
        own.filter(({ outcome }) => outcome === wanted),
        ({ count }) => count,
      );
    return [
      {
        mechanism,
        attempts,
        copied: number('copied'),
        refused: number('refused'),
        denied: number('denied'),
        errnos: errnos?.[mechanism] ?? {},
        reasons: own.map((cause) => reasonOf(cause, descriptors)),
      },
    ];
  });
  return {
    mechanisms,
    fallbacks: sum(rows, ({ fallbacks }) => fallbacks),
    fallen: [...new Set(rows.flatMap(({ fallen }) => fallen))],
    rings,
  };
}

const sum = <T>(items: readonly T[], number: (item: T) => number): number =>
  items.reduce((total, item) => total + number(item), 0);

function reasonOf(cause: CauseSummary, descriptors: readonly Descriptor[]): Reason {
  const { outcome, reason, count, culprit } = cause;
  const open = culprit === null ? [] : descriptors.filter(({ name }) => isSameFile(culprit, name));
  return { outcome, reason, count, ...adviceOf(cause), culprit, fds: open.map(({ fd }) => fd) };
}

function adviceOf({ mechanism, outcome, reason }: CauseSummary): Advice {
  const denied = mechanism.startsWith('io_uring_') ? DENIED_REQUEST_ADVICE : DENIED_ADVICE;
  const all: Readonly<Record<string, Advice>> = { copied: COPY_ADVICE, refused: REFUSAL_ADVICE, denied }[outcome];
  return all[reason] ?? COPY_ADVICE.none;
}

/** Those made of what the kernel knows, with nothing to share; their files have no size either. */
const GENERATED: readonly string[] = [
  ...['proc', 'sysfs', 'debugfs', 'tracefs', 'cgroup', 'cgroup2', 'configfs', 'securityfs', 'bpf', 'pstore'],
];

/** What a descriptor forbids, whatever is attempted on it. Pipes are none of the sinks that O_APPEND matters to. */
export function noteOf({ type, filesystem, name, flags, seals }: Descriptor): string {
  const has = (flag: string) => !('unavailable' in flags) && flags.includes(flag);
  const [writable, readable] = [has('O_WRONLY') || has('O_RDWR'), has('O_RDONLY') || has('O_RDWR')];
  const notes: string[] = [];
  if (writable && has('O_APPEND') && type !== 'pipe' && type !== 'socket') {
    notes.push('O_APPEND: as sink refused by sendfile, splice, copy_file_range');
  }
  if (has('O_DIRECT') && (type === 'file' || type === 'block device')) {
    notes.push('O_DIRECT: no page cache; sendfile reads from the disk each time');
  }
  if (readable && type === 'file' && GENERATED.includes(filesystem)) {
    notes.push(`on ${filesystem}: no pages to share, as source copied or refused`);
  }
  if (seals !== null) notes.push(sealsNote(seals));
  if (type === 'other' && /^anon_inode:\[event(?:fd|poll)\]$/.test(name)) notes.push('gives and takes no pages');
  return notes.join('; ');
}

const UNSEALED = 'may be truncated under who maps it or sends from it';
const UNSEALABLE = `memfd that takes no seals: ${UNSEALED}`;
const OPEN_MEMFD = `memfd without F_SEAL_SHRINK: ${UNSEALED}`;

function sealsNote(seals: NonNullable<Descriptor['seals']>): string {
  if ('unavailable' in seals) return `memfd, whose seals could not be read: ${seals.unavailable}`;
  if (isSealed({ seals })) return `memfd with ${seals.join(', ')}: safe, nobody can truncate it`;
  return seals.includes('F_SEAL_SEAL') ? UNSEALABLE : OPEN_MEMFD;
}

/** A memfd that nobody can truncate. */
export const isSealed = ({ seals }: Pick<Descriptor, 'seals'>): boolean =>
  seals !== null && !('unavailable' in seals) && seals.includes('F_SEAL_SHRINK');

function attemptVerdicts(attempts: Attempts | null): Verdict[] {
  if (attempts === null) return [{ text: 'what it attempts is not known: no daemon answers', remedy: 'spillway run' }];
  const { mechanisms, fallbacks, fallen, rings } = attempts;
  const refused = mechanisms.filter((mechanism) => mechanism.refused > 0);
  const verdicts = mechanisms.flatMap((mechanism) =>
    mechanismVerdicts(mechanism, refused.length === 1 && mechanism === refused[0] ? fallbacks : null),
  );
  if (mechanisms.length === 0) {
    verdicts.push({ text: 'makes no zero-copy attempts since the daemon started', remedy: '' });
  }
  if (refused.length > 1 && fallbacks > 0) {
    verdicts.push({ text: `fell back to read/write ${String(fallbacks)} times in all`, remedy: '' });
  }
  for (const name of fallen) {
    const text =
      name === 'io_uring_setup'
        ? 'a ring could not be set up, and none has been since'
        : `${name} fell back and has not worked since`;
    verdicts.push({ text, remedy: '' });
  }
  const troubles = rings === null ? [] : ringTroubles(rings);
  return [...verdicts, ...troubles.map(({ finding, meaning, remedy }) => ({ text: `${finding}: ${meaning}`, remedy }))];
}

/** `fallbacks` is null where it is not known how many were of this mechanism. */
function mechanismVerdicts({ mechanism, attempts, reasons }: MechanismAttempts, fallbacks: number | null): Verdict[] {
  const of = (number: number) => `${String(number)} of ${String(attempts)}`;
  const verdicts = reasons.map(({ outcome, reason, count, meaning, remedy, culprit, fds }): Verdict => {
    const file = culprit === null ? '' : `, because of ${fileText(culprit)}`;
    const open = fds.length === 0 ? '' : ` (fd ${fds.slice(0, MOST_NAMED).join(', ')})`;
    return { text: `${mechanism} was ${outcome} ${of(count)} times: ${reason}${file}${open}: ${meaning}`, remedy };
  });
  if (fallbacks !== null) {
    const text =
      fallbacks === 0
        ? `${mechanism} was refused, but did not fall back to read/write`
        : `${mechanism} fell back to read/write ${of(fallbacks)} times`;
    return [{ text, remedy: '' }, ...verdicts];
  }
  if (verdicts.length > 0) return verdicts;
  return [{ text: `${mechanism}: none of ${String(attempts)} copied, refused or denied`, remedy: '' }];
}

/** With the filesystem that it lies in: often that is why. Sockets and pipes lie in ones of their own, which says nothing. */
function fileText({ type, filesystem, name }: Culprit): string {
  const place = type === 'socket' || type === 'pipe' || filesystem === '' ? '' : ` (${filesystem})`;
  return `${name === '' ? type : name}${place}`;
}

const MOST_NAMED = 5;

/** One sentence for each thing that is forbidden, with the descriptors that it is true of. */
function descriptorVerdicts(descriptors: readonly NotedDescriptor[]): Verdict[] {
  const byNote = new Map<string, NotedDescriptor[]>();
  for (const descriptor of descriptors) {
    if (descriptor.note !== '') byNote.set(descriptor.note, [...(byNote.get(descriptor.note) ?? []), descriptor]);
  }
  return [...byNote].map(([note, noted]) => {
    const more = noted.length > MOST_NAMED ? ` and ${String(noted.length - MOST_NAMED)} more` : '';
    const fds = noted.slice(0, MOST_NAMED).map(({ fd }) => String(fd));
    return { text: `fd ${fds.join(', ')}${more}: ${note}`, remedy: remedyOf(note) };
  });
}

function remedyOf(note: string): string {
  if (note.startsWith('O_APPEND')) return REFUSAL_ADVICE.sink_append.remedy;
  if (note === OPEN_MEMFD) return 'fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) before others get it';
  return note === UNSEALABLE ? 'memfd_create with MFD_ALLOW_SEALING, then F_ADD_SEALS, F_SEAL_SHRINK' : '';
}

/** The kernel takes the pages beyond the new end out of every mapping of the file, private ones too (truncate_pagecache). */
function mappingVerdicts(mappings: InspectFacts['mappings']): Verdict[] {
  if ('unavailable' in mappings || mappings.length === 0) return [];
  const exposed = mappings.filter(isExposed);
  if (exposed.length === 0) return [];
  const files = exposed.length === 1 ? '1 mapped file' : `${String(exposed.length)} mapped files`;
  return [
    {
      text: `${files} may be truncated by others than root: a read beyond the new end is SIGBUS, in private mappings too`,
      remedy: 'replace such files by rename(2) instead of writing them anew; memfds: F_SEAL_SHRINK',
    },
  ];
}

/** Whether somebody other than root may truncate it: its owner, or those who may write it; nobody may what is sealed. */
export const isExposed = ({ owner, seals }: Mapping): boolean =>
  !isSealed({ seals }) && (owner === null || owner.uid !== 0 || (owner.mode & 0o022) !== 0);
