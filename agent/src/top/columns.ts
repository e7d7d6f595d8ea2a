/** The columns of each view: what stands in them, and which of them a width has room for. Pure. */
import { bytesText, nameText } from '../model/text.ts';
import type { Shown } from './delta.ts';
import type { Reason, View } from './figures.ts';
import { field, type Line, lineWidth, span } from './line.ts';
import { bar, countText, percentText, rateText } from './numbers.ts';
import { fallbackRatio, type Order } from './select.ts';

/** How figures are to be read. */
export interface Reading {
  /** The window's length; null: figures are totals. */
  readonly seconds: number | null;
  /** There is no window yet: rates are not known. */
  readonly unknown: boolean;
}

interface Column {
  readonly head: string;
  /** The head where figures are totals. */
  readonly total?: string;
  readonly align?: 'right';
  /** The order that sorts by it. */
  readonly order?: Order;
  readonly cell: (row: Shown, width: number, reading: Reading) => Line;
}

interface Placed {
  readonly column: keyof typeof COLUMNS;
  readonly width: number;
}

interface Layout {
  /** From left to right. */
  readonly columns: readonly (keyof typeof COLUMNS)[];
  /** What a width is used for, most important first: a column gets in, or grows to the width. */
  readonly steps: readonly (readonly [column: keyof typeof COLUMNS, width: number])[];
}

const text = (value: string): Line => [span(value)];
const quantity = (figure: number, width: number, { seconds, unknown }: Reading): Line =>
  text(unknown ? '-' : seconds === null ? countText(figure, width) : rateText(figure / seconds));
const bytes = (figure: number, { seconds, unknown }: Reading): Line =>
  text(unknown ? '-' : bytesText(seconds === null ? figure : Math.round(figure / seconds)));
const share = (part: number, whole: number, { unknown }: Reading): Line =>
  text(unknown ? '-' : percentText(part, whole));

const COLUMNS = {
  pid: { head: 'PID', align: 'right', order: 'pid', cell: ({ pid }) => text(String(pid)) },
  comm: { head: 'COMM', order: 'name', cell: ({ names: [comm = ''] }, width) => text(nameText(comm, width)) },
  unit: { head: 'UNIT', cell: ({ names: [, unit = ''] }, width) => text(unit === '' ? '-' : nameText(unit, width)) },
  processes: { head: 'PROCS', align: 'right', cell: ({ processes }) => text(String(processes)) },
  mechanism: { head: 'MECHANISM', order: 'name', cell: ({ names: [name = ''] }, width) => text(nameText(name, width)) },
  src: { head: 'SRC', order: 'name', cell: ({ names: [src = ''] }, width) => text(address(src, width)) },
  dst: { head: 'DST', cell: ({ names: [, dst = ''] }, width) => text(address(dst, width)) },
  proto: { head: 'PROTO', cell: ({ names: [, , proto = ''] }, width) => text(nameText(proto, width)) },
  attempts: {
    head: 'ATT/S',
    total: 'ATTEMPTS',
    align: 'right',
    order: 'attempts',
    cell: ({ attempts }, width, reading) => quantity(attempts, width, reading),
  },
  outcomes: { head: 'OUTCOMES', cell: ({ outcomes }, width, { unknown }) => (unknown ? [] : bar(outcomes, width)) },
  zerocopy: {
    head: 'ZC%',
    align: 'right',
    cell: ({ outcomes, attempts }, _, reading) => share(outcomes.zerocopy ?? 0, attempts, reading),
  },
  copied: {
    head: 'COPY%',
    align: 'right',
    order: 'copied',
    cell: ({ outcomes, attempts }, _, reading) => share(outcomes.copied ?? 0, attempts, reading),
  },
  fallbacks: {
    head: 'FALLB/S',
    total: 'FALLBACKS',
    align: 'right',
    order: 'fallbacks',
    cell: ({ fallbacks }, width, reading) => quantity(fallbacks, width, reading),
  },
  ratio: {
    head: 'FALL%',
    align: 'right',
    order: 'ratio',
    cell: (row, _, reading) => {
      const cell = share(row.fallbacks, row.attempts, reading);
      return fallbackRatio(row) > 0 && !reading.unknown ? [span(cell[0]?.text ?? '', 'refused')] : cell;
    },
  },
  eagain: {
    head: 'EAGAIN/S',
    total: 'EAGAIN',
    align: 'right',
    order: 'eagain',
    cell: ({ eagain }, width, reading) => quantity(eagain, width, reading),
  },
  bytes: {
    head: 'BYTES/S',
    total: 'BYTES',
    align: 'right',
    order: 'bytes',
    cell: (row, _, reading) => bytes(row.bytes, reading),
  },
  reason: { head: 'TOP REASON', cell: (row, width, reading) => reasonCell(row, width, reading) },
} as const satisfies Readonly<Record<string, Column>>;

const address = (name: string, width: number): string => (name === '' ? '-' : nameText(name, width));

const LAYOUTS: Readonly<Record<View, Layout>> = {
  processes: {
    columns: [
      'pid',
      'comm',
      'unit',
      'attempts',
      'outcomes',
      'zerocopy',
      'copied',
      'fallbacks',
      'ratio',
      'eagain',
      'reason',
    ],
    steps: [
      ['comm', 15],
      ['attempts', 8],
      ['pid', 7],
      ['outcomes', 10],
      ['ratio', 5],
      ['eagain', 8],
      ['reason', 10],
      ['reason', 28],
      ['unit', 19],
      ['fallbacks', 9],
      ['zerocopy', 4],
      ['copied', 5],
      ['outcomes', 20],
      ['unit', 28],
      ['reason', 90],
    ],
  },
  workloads: {
    columns: [
      'unit',
      'comm',
      'processes',
      'attempts',
      'outcomes',
      'zerocopy',
      'copied',
      'fallbacks',
      'ratio',
      'eagain',
      'reason',
    ],
    steps: [
      ['comm', 12],
      ['attempts', 8],
      ['unit', 15],
      ['outcomes', 8],
      ['ratio', 5],
      ['eagain', 8],
      ['reason', 10],
      ['reason', 18],
      ['comm', 15],
      ['unit', 19],
      ['reason', 28],
      ['processes', 5],
      ['fallbacks', 9],
      ['zerocopy', 4],
      ['copied', 5],
      ['outcomes', 20],
      ['unit', 36],
      ['reason', 90],
    ],
  },
  flows: {
    columns: ['src', 'dst', 'proto', 'attempts', 'outcomes', 'zerocopy', 'copied', 'bytes'],
    steps: [
      ['src', 12],
      ['dst', 12],
      ['attempts', 8],
      ['src', 15],
      ['dst', 15],
      ['outcomes', 8],
      ['bytes', 11],
      ['proto', 6],
      ['zerocopy', 4],
      ['outcomes', 10],
      ['src', 20],
      ['dst', 20],
      ['copied', 5],
      ['outcomes', 20],
      ['src', 39],
      ['dst', 39],
    ],
  },
  mechanisms: {
    columns: [
      'mechanism',
      'attempts',
      'outcomes',
      'zerocopy',
      'copied',
      'fallbacks',
      'ratio',
      'eagain',
      'bytes',
      'reason',
    ],
    steps: [
      ['mechanism', 19],
      ['attempts', 8],
      ['outcomes', 8],
      ['ratio', 5],
      ['eagain', 8],
      ['bytes', 10],
      ['reason', 15],
      ['outcomes', 10],
      ['reason', 28],
      ['fallbacks', 9],
      ['zerocopy', 4],
      ['copied', 5],
      ['outcomes', 20],
      ['reason', 90],
    ],
  },
};

/** The columns that a width has room for, one space apart; the first one always, cut to what there is. */
export function layout(view: View, width: number): Placed[] {
  const { columns, steps } = LAYOUTS[view];
  const widths = new Map<keyof typeof COLUMNS, number>();
  let left = width + 1;
  for (const [column, target] of steps) {
    const before = widths.get(column);
    if (before === undefined) {
      // less important ones that are narrow do not push in
      if (left < target + 1 && widths.size > 0) break;
      const taken = Math.max(1, Math.min(target, left - 1));
      widths.set(column, taken);
      left -= taken + 1;
    } else {
      const more = Math.min(target - before, left);
      widths.set(column, before + more);
      left -= more;
    }
  }
  return columns.flatMap((column) => {
    const taken = widths.get(column);
    return taken === undefined ? [] : [{ column, width: taken }];
  });
}

/** The names of the columns; the one that is sorted by has a mark. */
export function headLine(placed: readonly Placed[], order: Order, totals: boolean): Line {
  const cells = placed.map(({ column, width }) => {
    const { head, total, align, order: own }: Column = COLUMNS[column];
    const name = totals ? (total ?? head) : head;
    const marked = own === order ? `${name}*` : name;
    return field(marked.length <= width ? marked : name, width, align);
  });
  return [span(cells.join(' '), 'reverse')];
}

export function rowLine(placed: readonly Placed[], row: Shown, reading: Reading): Line {
  return placed.flatMap(({ column, width }, i) => {
    const { align, cell }: Column = COLUMNS[column];
    const line = cell(row, width, reading);
    const space = span(' '.repeat(Math.max(0, width - lineWidth(line))));
    return [...(i === 0 ? [] : [span(' ')]), ...(align === 'right' ? [space, ...line] : [...line, space])];
  });
}

/** Why most of what was not moved without a copy was not. */
export function topReason(reasons: readonly Reason[]): Reason | null {
  let top: Reason | null = null;
  for (const reason of reasons) if (reason.count > (top?.count ?? 0)) top = reason;
  return top;
}

/** Narrow: `source_cannot_splice`; with room: `refused source_cannot_splice: /proc/stat (proc)`. */
export function reasonText({ outcome, name, culprit }: Reason, width: number): string {
  const whole = `${outcome} ${name}`;
  if (whole.length > width) return nameText(name, width);
  if (culprit === null) return whole;
  const { name: file, type, filesystem } = culprit;
  const place = type === 'socket' || type === 'pipe' || filesystem === '' ? '' : ` (${nameText(filesystem, 15)})`;
  const room = width - whole.length - 2 - place.length;
  return room < MIN_FILE ? whole : `${whole}: ${nameText(file === '' ? type : file, room)}${place}`;
}

/** Columns below which the name of a file says nothing. */
const MIN_FILE = 10;

function reasonCell({ reasons, fallen }: Shown, width: number, { unknown }: Reading): Line {
  const top = unknown ? null : topReason(reasons);
  if (top !== null) return [span(reasonText(top, width), top.outcome)];
  const [first, ...others] = fallen.map((name) => (name === 'io_uring_setup' ? 'rings' : name));
  if (first === undefined) return [];
  // nothing happens, and that is the trouble: it does not try any more
  const which = `${first}${others.length === 0 ? '' : ` +${others.length}`}`;
  const whole = `fell back: ${which}`;
  return [span(whole.length <= width ? whole : nameText(`fell: ${which}`, width), 'refused')];
}
