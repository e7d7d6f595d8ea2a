/**
 * Writes docs/kernels.json from what `make test-kernels` found last (build/kernels/results), and the table of
 * docs/kernels.md from that. Kernels that were not run keep what was found of them before.
 *
 *     node scripts/generate-kernels.ts
 */
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../', import.meta.url));
const RESULTS = join(ROOT, 'build/kernels/results');
const JSON_FILE = join(ROOT, 'docs/kernels.json');
const PAGE = join(ROOT, 'docs/kernels.md');

/** Between these two lines the page is generated. */
const MARKS = [
  '<!-- generated from kernels.json by: make kernels-table -->',
  '<!-- end of what is generated -->',
] as const;

interface Account {
  readonly all: number;
  readonly seen: number;
  readonly missed: number;
}

/** What was found of one kernel. What was not run is not there. */
export interface Found {
  release?: string;
  preemption?: string | null;
  /** State and, unless it is ok, detail, by name of the finding of `doctor`. */
  doctor?: Record<string, { state: string; detail: string }>;
  calls?: { attempts: number; exact: boolean };
  refused?: { code: number; said: string };
  /** By file: how many tests passed, the names of those that did not, and whether there was time for all. */
  live?: Record<string, { passed: number; failed: string[]; isWhole: boolean }>;
  /** The .deb under systemd: as `live`. */
  package?: { passed: number; failed: string[] };
  /** By kind of preemption, then by load. */
  preemptions?: Record<string, Record<string, Account>>;
}

const read = (file: string): unknown => JSON.parse(readFileSync(join(RESULTS, file), 'utf8'));

/** The kernel and the part that a file of results is about: `6.1.preemption-full --hooks fexit.json`. */
export function aboutOf(file: string): { kernel: string; part: string } {
  const [, kernel, part] = /^(.+?)\.([a-z][a-z -]*)\.json$/.exec(file) ?? [];
  if (kernel === undefined || part === undefined) throw new Error(`${file}: no name of a result`);
  return { kernel, part };
}

function collect(found: Record<string, Found>): void {
  for (const file of existsSync(RESULTS) ? readdirSync(RESULTS).sort() : []) {
    const { kernel, part } = aboutOf(file);
    const one = (found[kernel] ??= {});
    const result = read(file) as { release: string };
    if (result.release !== '') one.release = result.release;
    if (part === 'doctor') {
      const { preemption, findings } = result as unknown as {
        preemption: string | null;
        findings: { name: string; state: string; detail: string }[];
      };
      one.preemption = preemption;
      one.doctor = Object.fromEntries(findings.map(({ name, state, detail }) => [name, { state, detail }]));
    } else if (part === 'calls') {
      const { attempts, exact } = result as unknown as { attempts: number; exact: boolean };
      one.calls = { attempts, exact };
    } else if (part === 'refused') {
      const { code, said } = result as unknown as { code: number; said: string[] };
      one.refused = { code, said: said[0] ?? '' };
    } else if (part.startsWith('live-')) {
      (one.live ??= {})[part.slice('live-'.length)] = liveOf(result as unknown as LiveResult);
    } else if (part === 'package') {
      const { passed, failed } = result as unknown as NonNullable<Found['package']>;
      one.package = { passed, failed };
    } else if (part.startsWith('preemption-')) {
      const { groups } = result as unknown as { groups: Record<string, Account> };
      (one.preemptions ??= {})[part.slice('preemption-'.length)] = groups;
    }
  }
}

interface LiveResult {
  readonly tests: readonly { readonly name: string; readonly status: string }[];
  readonly isWhole: boolean;
}

const liveOf = ({ tests, isWhole }: LiveResult): NonNullable<Found['live']>[string] => ({
  passed: tests.filter(({ status }) => status === 'passed').length,
  failed: tests.filter(({ status }) => status !== 'passed').map(({ name }) => name),
  isWhole,
});

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [row(head), row(head.map(() => '---')), ...rows.map(row)].join('\n');
}

/** In the order of their versions. */
const inOrder = (found: Readonly<Record<string, Found>>): [string, Found][] =>
  Object.entries(found).sort(([, a], [, b]) =>
    (a.release ?? '').localeCompare(b.release ?? '', 'en', { numeric: true }),
  );

const passedOf = ({ passed, failed }: { passed: number; failed: readonly string[] }): string =>
  `${passed} of ${passed + failed.length}`;

const percent = (part: number, all: number): string => `${((100 * part) / all).toFixed(1)} %`;

function lossOf({ all, seen, missed }: Account): string {
  if (all === seen) return `none of ${all}`;
  const told = seen + missed === all ? 'all told' : `${all - seen - missed} of them not told`;
  return `${all - seen} of ${all} (${percent(all - seen, all)}), ${told}`;
}

/** The generated part of the page. */
export function tablesOf(found: Readonly<Record<string, Found>>): string {
  const kernels = inOrder(found);
  const names = kernels.map(([, { release = '?' }]) => release);
  const probes = [...new Set(kernels.flatMap(([, { doctor = {} }]) => Object.keys(doctor)))].filter((name) =>
    name.startsWith('probe '),
  );
  const files = [...new Set(kernels.flatMap(([, { live = {} }]) => Object.keys(live)))].sort();
  const each = (of: (found: Found) => string) => kernels.map(([, one]) => of(one));
  const rows = [
    [
      'the agent starts',
      ...each((one) => (one.refused === undefined ? (one.doctor ? 'yes' : '') : `no: exit ${one.refused.code}`)),
    ],
    ...probes.map((name) => [
      `\`${name.replace('probe ', '')}\``,
      ...each(({ doctor }) => {
        const state = doctor?.[name]?.state;
        return state === undefined ? '' : state === 'ok' ? 'attached' : 'no';
      }),
    ]),
    [
      'known calls and requests, number for number',
      ...each(({ calls }) => (calls === undefined ? '' : `${calls.exact ? 'equal' : 'differs'} (${calls.attempts})`)),
    ],
    ['the package under systemd', ...each(({ package: of }) => (of === undefined ? '' : passedOf(of)))],
    ...files.map((file) => [
      `live tests: ${file}`,
      ...each(({ live }) => {
        const of = live?.[file];
        return of === undefined ? '' : `${passedOf(of)}${of.isWhole ? '' : ', no time for the others'}`;
      }),
    ]),
  ];
  const losses = kernels.flatMap(([, { release = '', preemptions = {} }]) =>
    Object.entries(preemptions).map(([kind, { threads, maps }]) => [
      release,
      kind.replace(/ (--.*)/, ', with `$1`'),
      threads === undefined ? '' : lossOf(threads),
      maps === undefined ? '' : lossOf(maps),
    ]),
  );
  const said = kernels.flatMap(([, { release = '', refused, live = {}, doctor = {}, package: deb }]) => [
    ...(refused === undefined ? [] : [`- ${release}: \`${refused.said}\``]),
    ...Object.entries(doctor)
      .filter(([, { state }]) => state !== 'ok')
      .map(([name, { detail }]) => `- ${release}: ${name}: ${detail}`),
    ...(deb?.failed ?? []).map((name) => `- ${release}: package: ${name}`),
    ...Object.entries(live).flatMap(([file, { failed }]) => failed.map((name) => `- ${release}: ${file}: ${name}`)),
  ]);
  return [
    table(['', ...names], rows),
    'An empty cell was not run.',
    ...(said.length === 0 ? [] : [`What is not attached, and each test that fails:\n\n${said.join('\n')}`]),
    table(['kernel', 'preemption', 'not seen: 16 threads on 2 CPUs', 'the same while `bpftool map dump` runs'], losses),
  ].join('\n\n');
}

/** The page with its generated part replaced. */
export function pageWith(page: string, generated: string): string {
  const [begin, end] = MARKS.map((mark) => page.indexOf(mark));
  if (begin === undefined || end === undefined || begin < 0 || end < begin) throw new Error(`${PAGE} lacks its marks`);
  return `${page.slice(0, begin + MARKS[0].length)}\n\n${generated}\n\n${page.slice(end)}`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const found = existsSync(JSON_FILE) ? (JSON.parse(readFileSync(JSON_FILE, 'utf8')) as Record<string, Found>) : {};
  collect(found);
  writeFileSync(JSON_FILE, `${JSON.stringify(found, null, 2)}\n`);
  writeFileSync(PAGE, pageWith(readFileSync(PAGE, 'utf8'), tablesOf(found)));
}
