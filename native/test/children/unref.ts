/** Ends by itself, and only if ref() and unref() do what they say. */
import { loadFixture } from '../fixture.ts';

const object = loadFixture();
const held = object.map('events').consume(16, () => undefined);
held.unref();
held.ref();
let late = false;
setTimeout(() => {
  late = true;
  process.stdout.write('held until closed\n');
  held.close();
  const free = object.map('events').consume(16, () => undefined);
  free.unref();
}, 50).unref();
process.on('exit', () => process.stdout.write(late ? 'ended\n' : 'ended too early\n'));
