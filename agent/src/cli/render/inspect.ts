/** The report of `spillway inspect`. Pure. */
import type { InspectReport, MechanismAttempts, NotedDescriptor } from '../../inspect/report.ts';
import { isExposed, isSealed } from '../../inspect/report.ts';
import type { Mapping } from '../../inspect/facts.ts';
import { bytesText, columns, printable, widthOf } from '../../model/text.ts';
import type { Errnos, ProcessRings } from '../../model/process-calls.ts';
import { ringNumbers } from './rings.ts';
import { count, countsText, nameText, WIDTH, wrap } from './text.ts';

/** Rows of a table before the rest is told in one line; `-o json` has all. */
const MOST_DESCRIPTORS = 30;
const MOST_MAPPINGS = 8;
const COMM_WIDTH = 16;
const UNIT_WIDTH = 40;
const FILESYSTEM_WIDTH = 8;
/** Room for a name, where the rest of its line leaves less. */
const LEAST_NAME = 10;

/** Paragraphs: who it is, its attempts, descriptors, rings, mappings, limits, and the verdict last: there one looks first. */
export function renderInspection(report: InspectReport): string[] {
  return [
    renderProcess(report),
    renderAttempts(report.attempts?.mechanisms ?? []),
    renderCalls(report.attempts?.rings ?? null),
    renderDescriptors(report.descriptors, report.unread),
    report.descriptors.flatMap(renderRing),
    renderMappings(report.mappings),
    renderLimits(report.limits),
    report.verdict.flatMap(({ text, remedy }) => [
      ...wrap('', bounded(text), 2),
      ...(remedy === '' ? [] : wrap('  -> ', remedy)),
    ]),
  ]
    .filter((lines) => lines.length > 0)
    .flatMap((lines, i) => (i === 0 ? lines : ['', ...lines]));
}

/** A sentence with names of others in it: no word is wider than a line. */
const bounded = (text: string): string =>
  text
    .split(' ')
    .map((word) => nameText(word, WIDTH - 2))
    .join(' ');

function renderProcess({ pid, comm, unit, status }: InspectReport): string[] {
  const where = unit === '' ? '' : ` of ${nameText(unit, UNIT_WIDTH)}`;
  const values = Object.entries(status).map(([name, value]) => `${name} ${valueText(value)}`);
  return [`${nameText(comm, COMM_WIDTH)} (${String(pid)})${where}`, ...wrap('  ', values.join(', '))];
}

/** Text, a number, or why it could not be had. */
function valueText(value: unknown): string {
  if (typeof value === 'string' || typeof value === 'number') return printable(String(value));
  return '?';
}

function renderAttempts(mechanisms: readonly MechanismAttempts[]): string[] {
  if (mechanisms.length === 0) return [];
  const rows = mechanisms.map(({ mechanism, attempts, copied, refused, denied }) => [
    mechanism,
    ...[attempts, copied, refused, denied].map(String),
  ]);
  const [head = '', ...lines] = columns([['mechanism', 'attempts', 'copied', 'refused', 'denied'], ...rows], 1);
  // below each the errnos of those that moved nothing
  return [head, ...lines.flatMap((line, i) => [line, ...renderErrnos(mechanisms[i]?.errnos ?? {})])];
}

function renderErrnos(errnos: Errnos): string[] {
  const text = countsText(errnos);
  return text === '' ? [] : wrap('  ', text);
}

/** What its rings were used for; what went wrong with them is in the verdict. */
function renderCalls(rings: ProcessRings | null): string[] {
  if (rings === null) return [];
  const { setups, cqOverflows } = rings;
  const failed = countsText(setups.errnos);
  const [ok = '', ...others] = ringNumbers(rings);
  const numbers = [
    `${ok}${failed === '' ? '' : ` (failed: ${failed})`}`,
    ...others,
    ...(cqOverflows > 0 ? [`${count(cqOverflows, 'overflow')} of completions`] : []),
  ];
  return wrap('io_uring: ', numbers.join(', '), 2);
}

function renderDescriptors(all: readonly NotedDescriptor[], unread: string | null): string[] {
  // those that there is something to say about are never left out
  const chosen = new Set(
    [...all].sort((a, b) => Number(b.note !== '') - Number(a.note !== '')).slice(0, MOST_DESCRIPTORS),
  );
  const shown = all.filter((descriptor) => chosen.has(descriptor));
  const rest = all.length - shown.length;
  const more = [
    ...(rest > 0 ? [`and ${count(rest, 'more descriptor')} (-o json shows all)`] : []),
    ...(unread === null ? [] : wrap('', `more descriptors are open: ${unread}`)),
  ];
  if (shown.length === 0) return ['no descriptors', ...more];
  const rows = shown.map(({ fd, type, flags, filesystem, position }) => [
    String(fd),
    type,
    accessText(flags),
    filesystem === '' ? '-' : nameText(filesystem, FILESYSTEM_WIDTH),
    position === null ? '-' : String(position),
  ]);
  return [
    ...named(columns([['fd', 'type', 'open', 'on', 'position'], ...rows], 4), [
      'name',
      ...shown.map(({ name }) => name),
    ]),
    ...more,
  ];
}

const ACCESS: Readonly<Record<string, string>> = { O_RDONLY: 'r', O_WRONLY: 'w', O_RDWR: 'rw', O_PATH: 'path' };

/** `rw O_APPEND`. */
function accessText(flags: NotedDescriptor['flags']): string {
  if ('unavailable' in flags) return '?';
  return flags.map((flag) => ACCESS[flag] ?? flag).join(' ');
}

/** Names behind the lines, cut to the room that they leave. */
function named(lines: readonly string[], names: readonly string[]): string[] {
  const width = Math.max(...lines.map(widthOf)) + 2;
  const room = Math.max(WIDTH - width, LEAST_NAME);
  return lines.map((line, i) => `${line}${' '.repeat(width - widthOf(line))}${nameText(names[i] ?? '', room)}`);
}

function renderRing({ fd, ring }: NotedDescriptor): string[] {
  if (typeof ring !== 'object' || ring === null) return [];
  const values = Object.entries(ring).filter(([name]) => name !== 'fd');
  const texts = values.map(([name, value]) => `${name === 'unavailable' ? '' : `${name} `}${valueText(value)}`);
  return wrap(`ring ${String(fd)}: `, texts.join(', '), 2);
}

function renderMappings(mappings: InspectReport['mappings']): string[] {
  if ('unavailable' in mappings) return wrap('', `mapped files: ${printable(mappings.unavailable)}`, 2);
  if (mappings.length === 0) return [];
  // shared ones come first anyway
  const ordered = [...mappings].sort((a, b) => Number(isExposed(b)) - Number(isExposed(a)));
  const shown = ordered.slice(0, MOST_MAPPINGS);
  const rows = shown.map((mapping) => [
    mapping.shared ? 'shared' : 'private',
    writersText(mapping),
    bytesText(mapping.bytes),
  ]);
  const names = shown.map(({ name, deleted }) => `${name}${deleted ? ' (deleted)' : ''}`);
  const rest = mappings.length - shown.length;
  return [
    ...named(columns([['mapped', 'writable by', 'bytes'], ...rows], 2), ['name', ...names]),
    ...(rest > 0 ? [`and ${count(rest, 'more mapped file')}`] : []),
  ];
}

/** Who may truncate it; of a deleted one, only who has it open. */
function writersText({ owner, deleted, seals }: Mapping): string {
  if (isSealed({ seals })) return 'none: sealed';
  if (owner === null) return '?';
  const { mode, uid } = owner;
  const who = (mode & 0o002) !== 0 ? 'all' : (mode & 0o020) !== 0 ? `uid ${String(uid)}, group` : `uid ${String(uid)}`;
  return deleted ? `${who}, if open` : who;
}

function renderLimits(limits: InspectReport['limits']): string[] {
  if ('unavailable' in limits) return wrap('', `limits: ${valueText(limits.unavailable)}`, 2);
  const rows = Object.entries(limits).map(([name, limit]) => {
    const { soft = '?', hard = '?' } = (limit ?? {}) as { soft?: unknown; hard?: unknown };
    return [name, valueText(soft), valueText(hard)];
  });
  return columns([['limit', 'soft', 'hard'], ...rows], 1);
}
