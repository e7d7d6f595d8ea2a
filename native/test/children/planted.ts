/** Runs one of the faults of planted.cc, in a worker if the second argument is `worker`, and ends in order if nothing stops it. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { ADDON } from '../fixture.ts';

const [, , asked = '', where] = process.argv;

if (isMainThread && where === 'worker') {
  new Worker(import.meta.filename, { workerData: asked });
} else {
  const fault = isMainThread ? asked : (workerData as string);
  const require = createRequire(import.meta.url);
  const planted = require(path.join(path.dirname(ADDON), 'planted.node')) as Record<string, (bytes: Buffer) => unknown>;
  if (fault !== 'nothing') planted[fault]?.(Buffer.from(new ArrayBuffer(64)));
}
