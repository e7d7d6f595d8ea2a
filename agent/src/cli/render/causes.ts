/** Why attempts were copied, refused or denied, because of which file, and what to do. Pure. */
import { type Mechanism, RESOLUTIONS } from '../../abi/layout.ts';
import {
  type Advice,
  COPY_ADVICE,
  DENIED_ADVICE,
  DENIED_REQUEST_ADVICE,
  REFUSAL_ADVICE,
  RESOLUTION_MEANING,
} from '../../model/advice.ts';
import type { Culprit } from '../../model/snapshot.ts';
import {
  type CauseSummary,
  DENIALS,
  type MechanismSummary,
  type ProcessSummary,
  type ReasonCounts,
  type Summary,
  UNKNOWN_REASON,
} from '../../model/summary.ts';
import { widthOf } from '../../model/text.ts';
import { count, listText, nameText, WIDTH, wrap } from './text.ts';

/** Culprits of one reason before the rest is told in one line: a report should fit a screen. */
const MOST_CULPRITS = 3;
const MOST_FALLEN = 5;
const COMM_WIDTH = 20;
const UNIT_WIDTH = 30;

const UNKNOWN_MEANING = 'the table of causes was full, or they came just now';

/** Meanings that stand in the report already: none is told twice. */
type Explained = Set<string>;

/** A paragraph for each mechanism that does not just work. */
export function renderCauses(rows: readonly (readonly [Mechanism, MechanismSummary])[], summary: Summary): string[][] {
  const explained: Explained = new Set();
  return rows.flatMap(([name, mechanism]) => {
    const causes = summary.causes.filter((cause) => cause.mechanism === name);
    const { copied, refused } = mechanism.reasons;
    const lines = [
      ...renderReasons('refused', refused, REFUSAL_ADVICE, causes, explained),
      ...renderResolutions(mechanism),
      ...renderReasons('denied', denialsOf(mechanism), deniedAdvice(name), causes, explained),
      ...renderReasons('copied', copied, COPY_ADVICE, causes, explained),
    ];
    return lines.length === 0 ? [] : [[name, ...lines]];
  });
}

function renderReasons(
  outcome: CauseSummary['outcome'],
  reasons: ReasonCounts,
  advice: Readonly<Record<string, Advice>>,
  causes: readonly CauseSummary[],
  explained: Explained,
): string[] {
  return Object.entries(reasons)
    .sort(([, a], [, b]) => b - a)
    .flatMap(([reason, number]) => {
      const culprits = causes.filter((cause) => cause.outcome === outcome && cause.reason === reason);
      const finding = `${String(number)} ${outcome} (${reason})`;
      if (reason === UNKNOWN_REASON) return wrap('  ', `${finding}: ${UNKNOWN_MEANING}`, 4);
      return explain(finding, advice[reason] ?? COPY_ADVICE.none, renderCulprits(culprits), explained);
    });
}

const deniedAdvice = (mechanism: Mechanism) =>
  mechanism.startsWith('io_uring_') ? DENIED_REQUEST_ADVICE : DENIED_ADVICE;

/** Denials by errno; like the reasons of the other outcomes they sum to their number. */
function denialsOf({ outcomes, errnos }: MechanismSummary): ReasonCounts {
  const counts: ReasonCounts = {};
  let unknown = outcomes.denied;
  for (const errno of DENIALS) {
    const number = errnos[errno] ?? 0;
    if (number > 0) counts[errno] = number;
    unknown -= number;
  }
  if (unknown > 0) counts[UNKNOWN_REASON] = unknown;
  return counts;
}

/** A finding with its meaning, the files behind it, and what to do; meaning and remedy only the first time. */
function explain(
  finding: string,
  { meaning, remedy }: Advice,
  files: readonly string[],
  explained: Explained,
): string[] {
  if (explained.has(meaning)) return [...wrap('  ', finding), ...files];
  explained.add(meaning);
  return [...wrap('  ', `${finding}: ${meaning}`, 4), ...files, ...wrap('    -> ', remedy)];
}

/** What came of the refusals; where all were passed on, the verdict has said so. */
function renderResolutions({ outcomes, resolutions }: MechanismSummary): string[] {
  if (outcomes.refused === resolutions.cascaded) return [];
  const parts = ([...RESOLUTIONS, 'pending'] as const)
    .filter((resolution) => resolutions[resolution] > 0)
    .map((resolution) => `${String(resolutions[resolution])} ${resolution} (${RESOLUTION_MEANING[resolution]})`);
  return wrap('  then ', parts.join(', '), 4);
}

/** For each program and file; a file is that of the first attempt, others may have followed. */
function renderCulprits(causes: readonly CauseSummary[]): string[] {
  const merged = mergeRuns(causes);
  const [only] = merged;
  // the finding above has said how often
  if (merged.length === 1 && only !== undefined) return culpritLines('    ', only);
  const shown = merged.slice(0, MOST_CULPRITS);
  const rest = merged.slice(MOST_CULPRITS);
  const others = rest.reduce((sum, cause) => sum + cause.count, 0);
  const width = Math.max(...[...shown.map((cause) => cause.count), others].map((number) => String(number).length));
  return [
    ...shown.flatMap((cause) => culpritLines(`    ${String(cause.count).padStart(width)}  `, cause)),
    ...(rest.length === 0 ? [] : [`    ${String(others).padStart(width)}  of other programs or on other files`]),
  ];
}

interface Merged extends CauseSummary {
  /** Processes that are told in this one. */
  readonly processes: number;
}

/** The causes of a program that ran many times on the same file as one. */
function mergeRuns(causes: readonly CauseSummary[]): Merged[] {
  const merged = new Map<string, Merged>();
  for (const cause of causes) {
    const key = JSON.stringify([cause.comm, cause.unit, cause.culprit]);
    const known = merged.get(key);
    merged.set(key, {
      ...cause,
      count: cause.count + (known?.count ?? 0),
      processes: 1 + (known?.processes ?? 0),
    });
  }
  return [...merged.values()].sort((a, b) => b.count - a.count);
}

/** Who and on what: on one line, or the file below if it does not fit. */
function culpritLines(begin: string, cause: Merged): string[] {
  const who = `${begin}${whoText(cause)}`;
  if (cause.culprit === null) return [who];
  const on = cause.count > 1 ? 'first on' : 'on';
  const line = `${who}, ${on} ${fileText(cause.culprit, Infinity)}`;
  if (widthOf(line) <= WIDTH) return [line];
  const indent = `${' '.repeat(begin.length)}${on} `;
  return [who, `${indent}${fileText(cause.culprit, WIDTH - indent.length)}`];
}

function whoText({ comm, unit, pid, processes }: Merged): string {
  if (comm === '' && pid === null) return 'no process known';
  if (processes > 1) return `${nameText(comm, COMM_WIDTH)} (${String(processes)} processes)`;
  if (pid !== null) return `${nameText(comm, COMM_WIDTH)} (${String(pid)})`;
  return `${nameText(comm, COMM_WIDTH)}${unit === '' ? '' : ` of ${nameText(unit, UNIT_WIDTH)}`} (ended)`;
}

/** `file /srv/a.iso (ext4, O_APPEND)`: what it is, its name, where it lies. A name too wide is cut in its middle. */
function fileText({ type, filesystem, name, flags }: Culprit, width: number): string {
  // what lies in no directory is named for what it is: [eventfd]
  if (filesystem === 'anon_inodefs' && name !== '') return nameText(name.replace(/^\//, ''), width);
  // sockets and pipes lie in filesystems of their own, which says nothing
  const place = type === 'socket' || type === 'pipe' ? [] : [nameText(filesystem, COMM_WIDTH)];
  const notes = [...place, ...flags.map((flag) => nameText(flag, COMM_WIDTH))].filter((note) => note !== '');
  const end = notes.length === 0 ? '' : ` (${notes.join(', ')})`;
  if (name === '' || name === type) return `${type}${end}`;
  return `${type} ${nameText(name, width - type.length - 1 - widthOf(end))}${end}`;
}

/** States that silence does not end: who fell back and has not worked since. Runs of one program share a line. */
export function renderFallen(processes: readonly ProcessSummary[]): string[] {
  const lines = new Map<string, ProcessSummary[]>();
  for (const process of processes.filter(({ fallen }) => fallen.length > 0)) {
    const key = JSON.stringify([process.comm, process.fallen]);
    lines.set(key, [...(lines.get(key) ?? []), process]);
  }
  const all = [...lines.values()];
  const more = all.slice(MOST_FALLEN).reduce((sum, runs) => sum + runs.length, 0);
  return [
    ...all.slice(0, MOST_FALLEN).flatMap((runs) => wrap('', fallenText(runs), 2)),
    ...(more > 0 ? [`and ${count(more, 'more process')} that fell back`] : []),
  ];
}

function fallenText(runs: readonly ProcessSummary[]): string {
  const { comm, pid, fallen } = runs[0] as ProcessSummary;
  const mechanisms = fallen.filter((name) => name !== 'io_uring_setup');
  const states: string[] = [];
  if (mechanisms.length > 0) {
    states.push(`${listText(mechanisms)} fell back and ${mechanisms.length === 1 ? 'has' : 'have'} not worked since`);
  }
  if (mechanisms.length < fallen.length) states.push('a ring could not be set up, and none has been since');
  const which = runs.length > 1 ? count(runs.length, 'process') : String(pid);
  return `${nameText(comm, COMM_WIDTH)} (${which}): ${states.join('; ')}`;
}
