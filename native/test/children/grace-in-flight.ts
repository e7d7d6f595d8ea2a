/** In a worker: has grace periods running whenever it is terminated. */
import { parentPort } from 'node:worker_threads';
import { binding } from '../fixture.ts';

const again = (): Promise<void> => binding.gracePeriod().then(again);
for (let i = 0; i < 4; i++) void again();
parentPort?.postMessage('running');
