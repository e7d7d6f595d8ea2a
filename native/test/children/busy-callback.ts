/** In a worker: enters the callback of a ring buffer and never leaves it. */
import { parentPort } from 'node:worker_threads';
import { emitContext, loadFixture } from '../fixture.ts';

const object = loadFixture();
object.program('count_classic').attach();
object.map('events').consume(16, () => {
  parentPort?.postMessage('inside');
  for (;;);
});
object.program('emit').run(emitContext(0, 1));
