/**
 * Has a worker start a BPF program that runs for 200 ms, waits for a grace period meanwhile, and
 * prints whether that went through a map, whether it outlasted the program, and whether the loop turned.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { LINGER, binding, loadFixture } from '../fixture.ts';

const object = loadFixture();
const region = object.map('records').mapRegion();
const marks = new Float64Array(2);
const read = (): { begun: number; ended: number } => {
  region.readU64(marks, LINGER, 0, 1, 2);
  return { begun: marks[0] ?? 0, ended: marks[1] ?? 0 };
};

const worker = new Worker(
  `const { parentPort } = require('node:worker_threads');
   parentPort.on('message', () => process.getegid());
   parentPort.postMessage('ready');`,
  { eval: true },
);
await new Promise((resolve) => worker.once('message', resolve));
const link = object.program('linger').attach();
// What a wait needs to set up is not to count as waiting.
await binding.gracePeriod();
let turns = 0;
const timer = setInterval(() => turns++, 1);
// On a busy machine the program may be over before this thread runs again: then once more.
let runs = 0;
do {
  runs++;
  worker.postMessage('go');
  while (read().begun < runs) await new Promise((resolve) => setImmediate(resolve));
} while (read().ended === runs);
turns = 0;
await binding.gracePeriod();
const waited = read().ended === runs;
clearInterval(timer);
link.close();
await worker.terminate();

const BPF_MAP_TYPE_ARRAY_OF_MAPS = 12;
const map = readdirSync('/proc/self/fd').some((fd) => {
  try {
    return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8').includes(`map_type:\t${BPF_MAP_TYPE_ARRAY_OF_MAPS}\n`);
  } catch {
    return false; // The descriptor of the listing itself.
  }
});
process.stdout.write(`${JSON.stringify({ map, waited, turns: turns > 0 })}\n`);
object.close();
