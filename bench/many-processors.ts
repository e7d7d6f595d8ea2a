/** `make bench ARGS=contention`: the simulation for up to 128 processors, and held against the processors that are here. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { columns } from '../agent/src/model/text.ts';
import { added, LINES, type Machine, sharded, simulate, travelOf, type Work } from './contention.ts';
import { spread } from './statistics.ts';
import { ROOT } from './watchers.ts';

const run = promisify(execFile);

/** Known figures of servers with many processors; the addition is measured here. */
const MACHINE: Machine = { perSocket: 64, within: 60, between: 150, addition: 5 };
const PROCESSORS = [1, 8, 64, 128];
const OWN_WORK = [700, 2000, 10_000];
const JITTER = 0.5;
const ADDITIONS = 4;

const number = (value: number): string =>
  Math.abs(value) < 9.95 ? value.toFixed(1) : Math.round(value).toLocaleString('en');
const millions = (perSecond: number): string => number(perSecond / 1e6);

/** A line for each way to share, a column for each number of processors. */
function table(own: number): string[] {
  const header = ['', ...PROCESSORS.map((processors) => `on ${String(processors)}`)];
  const line = (name: string, additions: Work['additions']) => [
    name,
    ...PROCESSORS.map((processors) => {
      const work = { own, jitter: JITTER, additions };
      const { perSecond } = simulate(MACHINE, work, processors);
      return `+${number(added(MACHINE, work, processors))} ns, ${millions(perSecond)} M/s`;
    }),
  ];
  const shared = Object.entries(LINES).map(([name, additions]) => line(name, additions));
  const spreadOut = [16, 128].map((shards) =>
    line(`one process, one flow, ${String(shards)} shards`, sharded(LINES['one process, one flow'], shards)),
  );
  return columns([header, ...shared, ...spreadOut], 2);
}

/** One socket, whose lock is held for most of the call: what the flow's line adds to that. */
function socketTable(): string[] {
  const header = ['', ...PROCESSORS.map((processors) => `on ${String(processors)}`)];
  const sockets: readonly (readonly [string, Work])[] = [
    ['one TCP socket, its lock held for 400 of 700 ns', lockedWork(300, 400)],
    ['one UDP socket, two additions of its own', udpWork(700)],
  ];
  const flowAdds = sockets.map(([name, work]) => [
    name,
    ...PROCESSORS.map((processors) => {
      const without = simulate(MACHINE, work, processors).perAttempt;
      const additions = (processor: number) => [...work.additions(processor), 1, 1];
      const withFlow = simulate(MACHINE, { ...work, additions }, processors).perAttempt;
      return `${number(without)} ns, +${number(withFlow - without)}`;
    }),
  ]);
  return columns([header, ...flowAdds], 2);
}

const lockedWork = (own: number, held: number): Work => ({
  own,
  jitter: JITTER,
  lock: { line: -1, held },
  additions: () => [],
});
/** sk_wmem_alloc, when a packet is made and when it is freed. */
const udpWork = (own: number): Work => ({ own, jitter: JITTER, additions: () => [-1, -1] });

/** Nanoseconds of an attempt with so much other work, as bench/programs/shared.c measures them. */
async function measure(mode: 'own' | 'one', steps: number): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < 9; i++) {
    const { stdout } = await run(`${ROOT}/build/bench/shared`, ['2', mode, '100', String(steps)]);
    times.push(Number(stdout));
  }
  return spread(times).median;
}

/** Two processors: how long a line travels is read off the first row; the others show whether the rest follows. */
async function checkTable(): Promise<string[]> {
  const alone = await measure('own', 0);
  const together = await measure('one', 0);
  const addition = alone / ADDITIONS;
  const travel = travelOf(together, LINES['one process, one flow'], addition);
  const machine: Machine = { perSocket: 2, within: travel, between: travel, addition };
  const rows = [['other work', 'own lines', 'the same lines', 'simulated']];
  for (const steps of [0, 30, 60, 100, 200, 300, 1000]) {
    const own = await measure('own', steps);
    const one = await measure('one', steps);
    const work: Work = { own: Math.max(0, own - alone), jitter: 0, additions: LINES['one process, one flow'] };
    rows.push([
      `${number(work.own)} ns`,
      `${number(own)} ns`,
      `${number(one)} ns`,
      `${number(simulate(machine, work, 2).perAttempt)} ns`,
    ]);
  }
  return [`a line travels ${number(travel)} ns, an addition takes ${number(addition)}`, ...columns(rows, 2)];
}

/** Prints all of it. */
export async function printContention(print: (line?: string) => void): Promise<void> {
  const { perSocket, within, between, addition } = MACHINE;
  print(
    `simulated: an addition takes ${String(addition)} ns, a line travels ${String(within)} ns within a socket ` +
      `of ${String(perSocket)} processors, ${String(between)} between two`,
  );
  for (const own of OWN_WORK) {
    print();
    print(
      `an attempt every ${own.toLocaleString('en')} ns: what counting adds to it, and how many attempts all processors make`,
    );
    for (const line of table(own)) print(line);
  }
  print();
  print('one socket for all: an attempt without its flow, and what that adds');
  for (const line of socketTable()) print(line);
  print();
  print('held against two processors of this machine');
  for (const line of await checkTable()) print(line);
}
