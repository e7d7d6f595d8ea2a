/** Opens everything, prints the id of the attached program and whether bpftool sees it, and ends without closing anything. */
import { spawnSync } from 'node:child_process';
import { binding, loadFixture } from '../fixture.ts';

const object = loadFixture();
const handles = [object.program('count_btf').attach(), object.map('records').mapRegion()];
// What nobody holds, the garbage collector might close before the end.
process.on('exit', () => handles.length);
const ring = object.map('events').consume(16, () => undefined);
const program = object.program('count_btf').info().id;
const seen = spawnSync('bpftool', ['prog', 'show', 'id', String(program)]).status === 0;
process.stdout.write(JSON.stringify({ program, seen }), () => {
  if (process.argv[2] === 'return') {
    ring.unref();
  } else {
    if (process.argv[2] === 'in-flight') void binding.gracePeriod();
    process.exit(0);
  }
});
