/** In a worker: opens one of everything, says how many handles that are, and stays. */
import { parentPort } from 'node:worker_threads';
import { binding, loadFixture } from '../fixture.ts';

const object = loadFixture();
const handles = [
  object.program('count_btf').attach(),
  object.map('records').mapRegion(),
  object.map('events').consume(16, () => undefined),
];
// Held by a listener as well: what nobody holds, the garbage collector would close.
parentPort?.on('message', () => handles.forEach((handle) => handle.close()));
parentPort?.postMessage(binding.liveHandles());
