/** `make bench`: what spillway costs, beside what a user would run instead. Nothing here is a test; docs/overhead.md explains. */
import { cpus, release } from 'node:os';
import { columns } from '../agent/src/model/text.ts';
import { measureDaemon, measureReading } from './agent.ts';
import { compare } from './calls.ts';
import { exactly, less, type Limit, type Measured, row } from './bounds.ts';
import { grown, latest, record } from './history.ts';
import { printContention } from './many-processors.ts';
import { stableFigures } from './stable.ts';
import { type Spread, spreadText } from './statistics.ts';
import { bpftrace, emptyAtEveryExit, spillway, type Watcher } from './watchers.ts';

const print = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};
const progress = (what: string): void => {
  if (process.stderr.isTTY) process.stderr.write(`${what} ...\n`);
};

const processors = cpus();
print(
  `Linux ${release()}, ${String(processors.length)} x ${processors[0]?.model ?? ''}, Node ${process.versions.node}`,
);
print('median (minimum - maximum)');
print();

const ONE_LINER = ' @[pid, args->ret] = count(); ';
/** Each call, how often it is made for one measurement, and who watches it. */
const COMPARISONS: readonly (readonly [kind: string, calls: number, watchers: readonly [Watcher, ...Watcher[]]])[] = [
  [
    'sendfile',
    20_000,
    [
      bpftrace('sys_exit_sendfile64', ONE_LINER),
      bpftrace('sys_exit_sendfile64', ' '),
      spillway(),
      spillway('--latency'),
    ],
  ],
  ['refused', 20_000, [bpftrace('sys_exit_copy_file_range', ONE_LINER), spillway()]],
  ['enter', 30_000, [bpftrace('sys_exit_io_uring_enter', ONE_LINER), spillway()]],
  ['read', 30_000, [bpftrace('sys_exit_pread64', ' '), emptyAtEveryExit, spillway(), spillway('--confirm', 'always')]],
  ['write', 30_000, [bpftrace('sys_exit_write', ' '), emptyAtEveryExit, spillway(), spillway('--confirm', 'always')]],
  ['bystander', 50_000, [bpftrace('sys_exit_sendfile64', ' '), spillway(), spillway('--confirm', 'always')]],
];

/**
 * `make bench ARGS='sendfile enter'`: only these calls, and nothing of the agent. `ARGS=agent`: only that. `ARGS=contention`: what many
 * processors would wait for each other. `ARGS=record`: all but that, and a line for bench/history.ndjson.
 */
const recording = process.argv.includes('record');
const chosen = process.argv.slice(2).filter((argument) => argument !== 'record');
if (chosen.includes('contention')) {
  await printContention(print);
  if (chosen.length === 1) process.exit();
}
const none: Spread = { min: NaN, median: NaN, max: NaN };
/** Of the calls: what a watcher adds, and as a part of what the first one adds. */
const added = new Map<string, Spread>();
const ratios = new Map<string, Spread>();
const rows = [['call', 'watched by', 'nanoseconds', 'ratio to the first']];
for (const [kind, calls, watchers] of COMPARISONS) {
  if (chosen.length > 0 && !chosen.includes(kind)) continue;
  progress(kind);
  const cost = await compare(kind, calls, watchers);
  rows.push([kind, 'nobody', spreadText(cost.base, 0), '']);
  for (const [name, spread] of cost.added) {
    const ratio = cost.ratios.get(name);
    added.set(`${kind} ${name}`, spread);
    if (ratio !== undefined) ratios.set(`${kind} ${name}`, ratio);
    rows.push(['', name, `+${spreadText(spread, 0)}`, ratio === undefined ? '' : spreadText(ratio, 2)]);
  }
}
if (rows.length > 1) for (const line of [...columns(rows, 2), '']) print(line);

if (chosen.length > 0 && !chosen.includes('agent')) process.exit();

progress('reading');
const reading = measureReading();
progress('daemon');
const daemon = await measureDaemon();
const flows = reading.flows.toLocaleString('en');
const ALWAYS = 'spillway --confirm always';
const addedBy = (call: string, watcher: string): Spread => added.get(`${call} ${watcher}`) ?? none;
const EMPTY = 'bpftrace { }';
/** What the evidence probe adds to what is paid anyway, and what one that does nothing does. */
const armed = (kind: string): Spread => less(addedBy(kind, ALWAYS), addedBy(kind, 'spillway'));
const armedLimit = (kind: string): Limit => ({
  what: 'a program at every exit that does nothing, less the slow way out of the kernel',
  found: less(addedBy(kind, emptyAtEveryExit.name), addedBy('bystander', EMPTY)),
});
const bareNode: Limit = { what: 'Node with an HTTP server and nothing else', found: exactly(daemon.bare.resident) };
const table: Measured[] = [
  {
    what: "added per sendfile, to bpftrace's",
    bound: 0.6,
    unit: '',
    found: ratios.get('sendfile spillway') ?? none,
    digits: 2,
  },
  {
    what: "added per io_uring_enter, to bpftrace's",
    bound: 0.6,
    unit: '',
    found: ratios.get('enter spillway') ?? none,
    digits: 2,
  },
  {
    what: 'added per bystander call',
    bound: 8,
    unit: 'ns',
    found: addedBy('bystander', 'spillway'),
    digits: 0,
    limits: [
      {
        what: "a program of bpftrace that does nothing, at another call's exit (the kernel then takes the slow way out of each)",
        found: addedBy('bystander', EMPTY),
      },
    ],
  },
  {
    what: 'a read while probes are armed',
    bound: 30,
    unit: 'ns',
    found: armed('read'),
    digits: 0,
    limits: [armedLimit('read')],
  },
  {
    what: 'a write while probes are armed',
    bound: 30,
    unit: 'ns',
    found: armed('write'),
    digits: 0,
    limits: [armedLimit('write')],
  },
  {
    what: `${flows} live flows into a Snapshot, processor time`,
    bound: 2,
    unit: 'ms',
    found: reading.snapshot,
    digits: 2,
  },
  {
    what: 'a scrape of them with the default limits, processor time',
    bound: 5,
    unit: 'ms',
    found: reading.scrape,
    digits: 2,
  },
  {
    what: `a scrape with every flow (${(reading.fullScrapeBytes / 2 ** 20).toFixed(1)} MiB), processor time`,
    bound: 90,
    unit: 'ms',
    found: reading.fullScrape,
    digits: 0,
  },
  { what: 'the event loop stands still for it', bound: 20, unit: 'ms', found: reading.longestStep, digits: 1 },
  { what: 'processor time, idle', bound: 0.1, unit: '%', found: daemon.idleCpu, digits: 2 },
  {
    what: 'attempts that others made meanwhile',
    bound: null,
    unit: 'a second',
    found: exactly(daemon.attemptsOfOthers),
    digits: 1,
  },
  { what: 'resident, idle', bound: 64, unit: 'MiB', found: exactly(daemon.idle), digits: 1, limits: [bareNode] },
  {
    what: 'resident, full tables, scraped',
    bound: 80,
    unit: 'MiB',
    found: exactly(daemon.full),
    digits: 1,
    limits: [bareNode],
  },
  {
    what: `most ever resident, ${daemon.series.toLocaleString('en')} series`,
    bound: 120,
    unit: 'MiB',
    found: exactly(daemon.peak),
    digits: 1,
    limits: [bareNode],
  },
  {
    what: 'from exec to ready',
    bound: 250,
    unit: 'ms',
    found: daemon.ready,
    digits: 0,
    limits: [
      { what: 'Node with an HTTP server and nothing else', found: daemon.bare.ready },
      { what: 'loading and attaching, of it most the verifier', found: reading.loading },
    ],
  },
  { what: 'processor time of that', bound: null, unit: 'ms', found: daemon.startCpu, digits: 0 },
];
const measured = table.filter(({ found }) => !Number.isNaN(found.median));
for (const line of columns([['what', 'bound', 'found', '', 'what takes as much without us'], ...measured.map(row)], 2))
  print(line);
print();

const stable = stableFigures();
for (const line of grown(latest().stable, stable)) print(`grown: ${line}`);
if (recording && chosen.length === 0) {
  record({
    date: new Date().toISOString().slice(0, 10),
    machine: `Linux ${release()}, ${String(processors.length)} x ${processors[0]?.model ?? ''}`,
    stable,
    measured: Object.fromEntries(
      measured.map(({ what, found, digits }) => [what, Number(found.median.toFixed(digits))]),
    ),
  });
  print('recorded in bench/history.ndjson');
}
