/** `make bench`: what spillway costs, beside what a user would run instead. Nothing here is a test; docs/overhead.md explains. */
import { cpus, release } from 'node:os';
import { columns } from '../agent/src/model/text.ts';
import { measureDaemon, measureReading } from './agent.ts';
import { compare } from './calls.ts';
import { spreadText } from './statistics.ts';
import { bpftrace, spillway, type Watcher } from './watchers.ts';

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
  ['read', 30_000, [bpftrace('sys_exit_pread64', ' '), spillway(), spillway('--confirm', 'always')]],
  ['write', 30_000, [bpftrace('sys_exit_write', ' '), spillway(), spillway('--confirm', 'always')]],
  ['bystander', 50_000, [bpftrace('sys_exit_sendfile64', ' '), spillway(), spillway('--confirm', 'always')]],
];

/** `make bench ARGS='sendfile enter'`: only these calls, and nothing of the agent. */
const chosen = process.argv.slice(2);
const rows = [['call', 'watched by', 'nanoseconds', 'ratio to the first']];
for (const [kind, calls, watchers] of COMPARISONS) {
  if (chosen.length > 0 && !chosen.includes(kind)) continue;
  progress(kind);
  const cost = await compare(kind, calls, watchers);
  rows.push([kind, 'nobody', spreadText(cost.base, 0), '']);
  for (const [name, spread] of cost.added) {
    const ratio = cost.ratios.get(name);
    rows.push(['', name, `+${spreadText(spread, 0)}`, ratio === undefined ? '' : spreadText(ratio, 2)]);
  }
}
for (const line of columns(rows, 2)) print(line);
print();

if (chosen.length > 0) process.exit();

progress('reading');
const reading = measureReading();
progress('daemon');
const daemon = await measureDaemon();
const flows = reading.flows.toLocaleString('en');
const table = [
  [`${flows} live flows into a Snapshot`, spreadText(reading.snapshot, 2), 'ms'],
  ['a scrape of them with the default limits', spreadText(reading.scrape, 2), 'ms'],
  [
    `a scrape with every flow (${(reading.fullScrapeBytes / 2 ** 20).toFixed(1)} MiB)`,
    spreadText(reading.fullScrape, 2),
    'ms',
  ],
  ['from exec to ready', spreadText(daemon.ready, 0), 'ms'],
  ['resident memory, idle', daemon.idle.toFixed(1), 'MiB'],
  ['resident memory, full tables, scraped', daemon.full.toFixed(1), 'MiB'],
];
for (const [what = '', value = '', unit = ''] of table) print(`${what.padEnd(48)}${value.padStart(24)} ${unit}`);
