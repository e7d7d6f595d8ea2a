/**
 * Gives up all capabilities but those of argv, with every kind of thread running, and prints what /proc says of each thread,
 * before and after, and of threads that begin later.
 */
import { lookup } from 'node:dns/promises';
import { readFileSync, readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { binding } from '../fixture.ts';

const keep = process.argv.slice(2).map(Number);
const sets = () => {
  const found = new Map<string, number>();
  let threads = 0;
  for (const task of readdirSync('/proc/self/task')) {
    const status = readFileSync(`/proc/self/task/${task}/status`, 'utf8');
    const set = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(
      (name) => new RegExp(`^${name}:\t0*([0-9a-f]+)$`, 'm').exec(status)?.[1] ?? '?',
    );
    found.set(set.join(' '), (found.get(set.join(' ')) ?? 0) + 1);
    threads++;
  }
  return { threads, sets: [...found.keys()] };
};

// libuv's threads, and a worker, whose isolate is busy
await lookup('localhost');
const worker = new Worker('setInterval(() => { for (let i = 0; i < 1e6; i++); }, 1)', { eval: true });
await new Promise((resolve) => worker.once('online', resolve));
const before = sets();
binding.limitCapabilities(keep);
const after = sets();
binding.limitCapabilities(keep);
const later = new Worker('setInterval(() => {}, 1000)', { eval: true });
await new Promise((resolve) => later.once('online', resolve));
const afterwards = sets();
await Promise.all([worker.terminate(), later.terminate()]);
process.stdout.write(`${JSON.stringify({ before, after, afterwards })}\n`);
