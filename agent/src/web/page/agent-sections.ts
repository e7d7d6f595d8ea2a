/** What the page says of the agent itself: what is attached, how full its tables are, what it takes. Pure. */
import { ASYNC_ADVICE, type Advice, ENTER_ADVICE, OVERFLOW_ADVICE, SETUP_ADVICE } from '../../model/advice.ts';
import type { ProgramStatus, TableUsage } from '../../model/snapshot.ts';
import { bytesText } from '../../model/text.ts';
import { fillBar } from './charts.ts';
import { countText, shareText } from './figures.ts';
import { element, type Markup } from './markup.ts';
import type { Overview } from './overview.ts';
import { type Column, section, table } from './tables.ts';

/** Rings: what failed, and what that means. */
export function ringsSection({ ioUring }: Overview): Markup {
  const { setups, enters, cqOverflows, asyncWork } = ioUring;
  interface Row {
    readonly what: string;
    readonly count: number;
    readonly advice: Advice | undefined;
  }
  const failed = (
    call: string,
    errnos: Readonly<Record<string, number>>,
    advice: Readonly<Record<string, Advice>>,
  ): Row[] =>
    Object.entries(errnos).map(([errno, count]) => ({ what: `${call}: ${errno}`, count, advice: advice[errno] }));
  const sends = Object.entries(asyncWork).filter(([opcode]) => opcode.startsWith('send'));
  const rows: Row[] = [
    { what: 'rings set up', count: setups.ok, advice: undefined },
    ...failed('io_uring_setup', setups.errnos, SETUP_ADVICE),
    { what: 'io_uring_enter', count: enters.calls, advice: undefined },
    { what: 'requests submitted', count: enters.submitted, advice: undefined },
    ...failed('io_uring_enter', enters.errnos, ENTER_ADVICE),
    { what: 'completions that found their queue full', count: cqOverflows, advice: OVERFLOW_ADVICE },
    ...sends.map(([opcode, count]) => ({ what: `${opcode} by a worker thread`, count, advice: ASYNC_ADVICE })),
  ].filter(({ count }) => count > 0);
  const columns: readonly Column<Row>[] = [
    { title: 'What', cell: ({ what }) => what },
    { title: 'Times', number: true, cell: ({ count }) => countText(count) },
    {
      title: 'What it means, what to do',
      wide: true,
      cell: ({ advice }) =>
        advice === undefined ? '–' : [advice.meaning, element('span', { class: 'remedy' }, ` → ${advice.remedy}`)],
    },
  ];
  return section(
    'rings',
    'io_uring',
    rows.length === 0 ? element('p', { class: 'quiet' }, 'No ring was used.') : table('rings', columns, rows),
  );
}

/** How full the tables are, and what could not be counted apart. */
export function tablesSection({ tables, lost }: Overview): Markup {
  const columns: readonly Column<TableUsage>[] = [
    { title: 'Table', cell: ({ table }) => table },
    { title: 'Entries', number: true, cell: ({ entries }) => countText(entries) },
    { title: 'of', number: true, cell: ({ capacity }) => countText(capacity) },
    { title: 'Full', bar: true, cell: ({ entries, capacity }) => fillBar(entries, capacity) },
    { title: 'Share', number: true, cell: ({ entries, capacity }) => shareText(entries, capacity) },
    { title: 'Found no place', number: true, cell: ({ overflows }) => countText(overflows) },
  ];
  const losses = [
    `${countText(lost.missedRuns)} runs skipped by the kernel`,
    `${countText(lost.events)} events lost`,
    `${countText(lost.overflow)} counts that found no place of their own`,
  ];
  return section(
    'tables',
    'Tables',
    table('tables', columns, tables),
    element('p', { class: 'rest' }, `${losses.join(', ')}.`),
  );
}

/** What the agent takes of the host. */
export function costSection({ own, programs }: Overview): Markup {
  const runs = programs.reduce((sum, program) => sum + program.runs, 0);
  const seconds = programs.reduce((sum, { runSeconds }) => sum + runSeconds, 0);
  const entries: readonly (readonly [string, string])[] = [
    ['Processor', own.cpus === null ? '–' : `${(100 * own.cpus).toFixed(1)} % of one`],
    ['Memory', own.residentBytes === null ? '–' : bytesText(own.residentBytes)],
    ['Reading the tables', own.collectionSeconds === null ? '–' : `${(1000 * own.collectionSeconds).toFixed(1)} ms`],
    [
      'Probes',
      runs === 0
        ? 'not timed (sysctl kernel.bpf_stats_enabled=1 does)'
        : `${((seconds / runs) * 1e9).toFixed(0)} ns a run, ${countText(runs)} runs`,
    ],
    ['Running since', own.startedAt.replace(/\.\d+Z$/, 'Z')],
  ];
  return section(
    'cost',
    'What the agent takes',
    element(
      'dl',
      {},
      entries.map(([name, value]) => [element('dt', {}, name), element('dd', {}, value)]),
    ),
  );
}

/** What is attached, and what is not and why; that first. */
export function programsSection({ programs }: Overview): Markup {
  const order: Readonly<Record<ProgramStatus['state'], number>> = { unavailable: 0, attached: 1, off: 2 };
  const columns: readonly Column<ProgramStatus>[] = [
    { title: 'Program', cell: ({ name }) => name },
    { title: 'State', cell: ({ state }) => element('span', { class: `program ${state}` }, state) },
    { title: 'Hook', cell: ({ hook }) => element('code', {}, hook) },
    { title: 'Skipped runs', number: true, cell: ({ missedRuns }) => countText(missedRuns) },
    { title: 'Why', wide: true, cell: ({ reason }) => (reason === '' ? '–' : reason) },
  ];
  const rows = [...programs].sort((a, b) => order[a.state] - order[b.state]);
  return section('programs', 'What is attached', table('programs', columns, rows));
}

/** Whether it counts, and how much of what it could; in one line. */
export function stateLine(programs: readonly ProgramStatus[] | null): Markup {
  if (programs === null) return element('p', { id: 'state' }, 'Not ready yet: programs are being attached.');
  const of = (state: ProgramStatus['state']): number => programs.filter((program) => program.state === state).length;
  const unavailable = of('unavailable');
  return element(
    'p',
    { id: 'state' },
    `Counting: ${String(of('attached'))} ${of('attached') === 1 ? 'program' : 'programs'} attached`,
    unavailable === 0
      ? '.'
      : [
          ', ',
          element(
            'a',
            { class: 'warning', href: '#programs' },
            `${String(unavailable)} could not be: what they see is missing`,
          ),
          '.',
        ],
  );
}
