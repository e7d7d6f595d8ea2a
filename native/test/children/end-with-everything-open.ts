/** Opens everything, prints its pid and what the kernel lists of it, and ends without closing anything. */
import { bpfDescriptors, binding, loadFixture } from '../fixture.ts';

const object = loadFixture();
const handles = [object.program('count_btf').attach(), object.map('records').mapRegion()];
// What nobody holds, the garbage collector might close before the end.
process.on('exit', () => handles.length);
const ring = object.map('events').consume(16, () => undefined);
const links = bpfDescriptors().filter((kind) => kind === 'link').length;
process.stdout.write(JSON.stringify({ pid: process.pid, links }), () => {
  if (process.argv[2] === 'return') {
    ring.unref();
  } else {
    if (process.argv[2] === 'in-flight') void binding.gracePeriod();
    process.exit(0);
  }
});
