/** Throws from the first batch; prints how that surfaces and what the second batch brings. */
import { emitContext, loadFixture } from '../fixture.ts';

const object = loadFixture();
let calls = 0;
object.map('events').consume(16, (records) => {
  calls++;
  if (calls === 1) throw new Error('first');
  process.stdout.write(`batch: ${records.length / 16}\n`);
  object.close();
});
if (process.argv[2] !== 'unhandled') {
  process.on('uncaughtException', (error) => {
    process.stdout.write(`caught: ${error.message}\n`);
    object.program('emit').run(emitContext(1, 2));
  });
}
object.program('emit').run(emitContext(0, 1));
