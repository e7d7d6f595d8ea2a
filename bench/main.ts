/** `make bench`: what spillway costs, beside what a user would run instead. Nothing here is a test; docs/overhead.md explains. */
import { cpus, release } from 'node:os';
import { columns } from '../agent/src/model/text.ts';
import { measureDaemon, measureReading } from './agent.ts';
import { compare } from './calls.ts';
import { spreadText } from './statistics.ts';

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

const rows = [
  ['nanoseconds a call', 'unwatched', 'bpftrace by pid and errno', 'empty bpftrace', 'spillway', 'ratio to bpftrace'],
];
for (const [kind, tracepoint, calls] of [
  ['sendfile', 'sys_exit_sendfile64', 200_000],
  ['enter', 'sys_exit_io_uring_enter', 300_000],
  ['bystander', 'sys_exit_sendfile64', 500_000],
] as const) {
  progress(kind);
  const cost = await compare(kind, tracepoint, calls);
  const added = Array.from(cost.added.values(), (spread) => `+${spreadText(spread, 0)}`);
  // bystanders are the same for all who use tracepoints: a ratio of two small numbers says nothing
  const ratio = kind === 'bystander' ? '' : spreadText(cost.ratio, 2);
  rows.push([kind, spreadText(cost.base, 0), ...added, ratio]);
}
for (const line of columns(rows, 1)) print(line);
print();

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
