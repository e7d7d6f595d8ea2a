/**
 * Threads whose exit nobody sees, as where the kernel preempts programs at tracepoints and skips those of others (7.2 and newer):
 * what was pending of them ends, and is counted once.
 */
import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync } from 'node:fs';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { expect, it, onTestFinished } from 'vitest';
import { type Binding, type BpfObject, loadBinding } from '../../../native/lib/index.ts';
import { LAYOUT, RESOLUTIONS } from '../../src/abi/layout.ts';
import { attachAll } from '../../src/kernel/attach.ts';
import { readCountersOf, readRows, WorkloadCache } from '../../src/kernel/collect.ts';
import { CulpritCache } from '../../src/kernel/culprit.ts';
import { DepartedTables } from '../../src/kernel/departed.ts';
import { readWord } from '../../src/kernel/globals.ts';
import { Kernel } from '../../src/kernel/kernel.ts';
import { load, readObject } from '../../src/kernel/load.ts';
import { DEFAULT_OPTIONS } from '../../src/kernel/options.ts';
import { type RetiredProcess, Retirement } from '../../src/kernel/retire.ts';
import { mapTables, SLOT_NOBODY } from '../../src/kernel/tables.ts';
import { type Counters, pendingOf, resolvedOf } from '../../src/model/counters.ts';
import { until } from './support/kernel.ts';
import { program, ROOT, run } from './support/run.ts';

const binding = loadBinding(join(ROOT, 'build/native/spillway.node'));
const elf = readObject(join(ROOT, 'build/bpf/spillway.bpf.o'));
/** As `stat`: of our children only, so that what else runs here is not in any sum, and nothing is retired because it is idle. */
const OPTIONS = { ...DEFAULT_OPTIONS, trackedOnly: true, retireIdle: false };

/** The same binding, whose objects say nothing of the programs that see threads exit: so they are not attached. */
const unseeing: Binding = Object.assign(Object.create(Object.getPrototypeOf(binding) as object) as Binding, binding, {
  openObject: (...of: Parameters<Binding['openObject']>) => {
    const object = binding.openObject(...of);
    const names = object.programNames().filter((name) => !name.startsWith('process_exit'));
    return Object.assign(object, { programNames: () => names });
  },
});

/** How refusals of sendfile have ended: what is there of each way, and `pending`. */
function endsOf(counters: Counters): Record<string, number> {
  const ends = RESOLUTIONS.map((way) => [way, resolvedOf(counters, 'sendfile', way)] as const);
  const all = [...ends, ['pending', pendingOf(counters, 'sendfile')] as const];
  return Object.fromEntries(all.filter(([, count]) => count !== 0));
}

it.each(['process-exits', 'thread-exits'])(
  '%s, unseen: it is presumed, and nothing is watched any more',
  async (name) => {
    const retired: RetiredProcess[] = [];
    const kernel = Kernel.start(unseeing, elf, OPTIONS, {
      onRetiredProcess: (process) => retired.push(process),
      onError: (error) => expect.unreachable(String(error)),
    });
    onTestFinished(() => {
      kernel.close();
    });
    const evidence = () => kernel.programs().find(({ name: one }) => one === 'evidence_exit')?.state;

    expect((await run([program('resolutions'), name])).code).toBe(0);
    expect(kernel.programs().map((one) => one.name)).not.toContain('process_exit');

    await until(() => pendingOf(kernel.snapshot().totals, 'sendfile') === 0);
    expect(endsOf(kernel.snapshot().totals)).toEqual({ presumed: 1 });
    // told as it is counted; nothing is told if the thread took so long to exit that its time was over before
    for (const { counters, fallen, fellBackAt } of retired) {
      expect(endsOf(counters)).toEqual({ presumed: 1 });
      expect(fallen).toBe(1 << LAYOUT.enums.mechanism.SENDFILE);
      expect(fellBackAt).toBeGreaterThan(0);
    }
    await until(() => evidence() === 'off');
  },
);

function trackOurChildren(object: BpfObject): void {
  const { fields, size } = LAYOUT.structs.process_state;
  const fd = binding.pidfdOpen(process.pid);
  const key = Buffer.alloc(4);
  key.writeInt32LE(fd);
  const value = Buffer.alloc(size);
  value.writeUInt32LE(LAYOUT.enums.process_flag.TRACKS_CHILDREN, fields.flags.offset);
  object.map('process_states').update(key, value, 0);
  closeSync(fd);
}

/** Is refused once for each line that it reads, and says so. */
const REFUSED = `
import os, socket, sys
a, b = socket.socketpair()
f = os.open('/proc/self/status', os.O_RDONLY)
for line in sys.stdin:
  try: os.sendfile(a.fileno(), f, 0, 100)
  except OSError: print('refused', flush=True)
`;

it('of a process that was taken for dead and lives, each refusal is counted once', async () => {
  // without a Watch, which would end what is pending by itself
  const loaded = load(binding, elf, OPTIONS, 'tracepoint');
  const { object } = loaded;
  trackOurChildren(object);
  const attachments = attachAll(loaded);
  onTestFinished(() => {
    // a link that nobody refers to is detached
    expect(attachments.length).toBeGreaterThan(0);
    object.close();
  });
  const tables = mapTables(object, OPTIONS);
  const pendingTotal = () => readWord(object.map('.bss').mapRegion(), LAYOUT.variables.pending_total.offset);
  const departed = new DepartedTables(object);
  const workloads = new WorkloadCache(() => '');
  const retired: RetiredProcess[] = [];
  const retirement = new Retirement(binding, object, tables, departed, workloads, new CulpritCache(), (process) => {
    retired.push(process);
  });
  const child: ChildProcessByStdio<Writable, Readable, null> = spawn('python3', ['-c', REFUSED], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const beRefused = async () => {
    child.stdin.write('\n');
    await once(child.stdout, 'data');
  };
  const TGID = LAYOUT.structs.process_record.fields['key.tgid'].offset / 4;
  const ours = () => {
    const { slots, keys, counters } = readRows(tables.processes);
    const { keyWords, counterColumns } = tables.processes.shape;
    return Array.from(slots, (slot, row) => ({
      slot,
      pid: keys[row * keyWords + TGID],
      counters: counters.slice(row * counterColumns, (row + 1) * counterColumns),
    })).filter(({ pid }) => pid === child.pid);
  };

  await beRefused();
  expect(ours().map(({ counters }) => endsOf(counters))).toEqual([{ pending: 1 }]);
  await retirement.processes(ours().map(({ slot }) => slot));
  expect(retired.map(({ counters }) => endsOf(counters))).toEqual([{ presumed: 1 }]);
  expect(pendingTotal()).toBe(0);

  // the same again: to its thread the first one looks like a refusal before it, on the same files
  await beRefused();
  expect(ours().map(({ counters }) => endsOf(counters))).toEqual([{ pending: 1 }]);
  expect(pendingTotal()).toBe(1);
  child.stdin.end();
  await once(child, 'exit');
  await until(() => ours().every(({ counters }) => pendingOf(counters, 'sendfile') === 0));
  expect(ours().map(({ counters }) => endsOf(counters))).toEqual([{ presumed: 1 }]);
  expect(endsOf(readCountersOf(tables.processes, SLOT_NOBODY))).toEqual({});
  expect(pendingTotal()).toBe(0);

  await retirement.processes(ours().map(({ slot }) => slot));
  expect(departed.processes().map(({ counters }) => endsOf(counters))).toContainEqual({ presumed: 2 });
});
