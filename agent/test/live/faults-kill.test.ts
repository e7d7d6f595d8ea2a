/** The agent is killed 200 times under load, anywhere: in its start, in a takeover, while it folds what has ended. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { Observed, overflowOf } from './support/observed.ts';
import {
  attempts,
  attemptsOf,
  configuration,
  named,
  pinsOfTest,
  randomOf,
  startPinned,
  tell,
  witnessOf,
} from './support/pinned.ts';
import { type Report, ROOT, run, scrape, SPILLWAY, sumOf } from './support/run.ts';

const OBJECTS = [join(ROOT, 'build/bpf/spillway.bpf.o'), join(ROOT, 'build/bpf/spillway-bpftool.bpf.o')];
const KILLS = Number(process.env.FAULT_KILLS ?? 200);
/** An agent that goes on with what it finds is ready some 200 ms after its start, one that takes over after some 500. */
const LONGEST_MS = 450;

it('of what is attempted while the agent is killed 200 times, nothing is lost or counted twice', async () => {
  const seed = Number(process.env.FAULT_SEED ?? Math.floor(Math.random() * 2 ** 32));
  tell(`again: FAULT_SEED=${String(seed)}`);
  const random = randomOf(seed);
  const pins = pinsOfTest();
  const config = configuration();
  // so many that nobody needs to be folded while no agent lives for long
  const flags = ['--persist', '--config', config, '--web.listen-address', '127.0.0.1:0', '--processes', '16000'];
  const first = await startPinned(pins, ['--processes', '16000', '--flows', '1000']);
  const [busy, children] = [named('busy'), named('children')];
  const load = spawn(busy.path, ['600', '--bytes', '512'], { stdio: ['ignore', 'pipe', 'ignore'] });
  const witness = text(load.stdout);
  const state = { ended: false, forked: 0 };
  const forking = (async () => {
    while (!state.ended) {
      const { stdout } = await run([children.path, '20', '--kind', 'plain']);
      state.forked += attempts(witnessOf(stdout));
      await sleep(60);
    }
  })();

  await first.stop('SIGKILL');
  for (let i = 1; i < KILLS; i++) {
    // mostly the same agent; now and then another one of the same tables, or one with other tables
    const change = random();
    const agent = spawn(SPILLWAY, ['run', ...flags, '--flows', change < 0.05 ? '900' : '1000'], {
      stdio: 'ignore',
      env: { ...process.env, SPILLWAY_PINS: pins, SPILLWAY_OBJECT: OBJECTS[change > 0.95 ? 1 : 0] },
    });
    const exited = new Promise((resolve) => agent.once('exit', resolve));
    await sleep(random() * LONGEST_MS * (i % 10 === 0 ? 4 : 1));
    agent.kill('SIGKILL');
    await exited;
  }
  state.ended = true;
  await forking;
  const last = await startPinned(pins, ['--processes', '16000', '--flows', '1000']);
  load.kill('SIGTERM');
  const made = attempts(JSON.parse(await witness) as Report);
  tell(`${String(KILLS)} kills, ${String(made)} and ${String(state.forked)} attempts`);
  expect(made).toBeGreaterThan(100_000);
  expect((await scrape(last)).get('spillway_table_overflow_total{table="processes"}')).toBe(0);
  for (let look = 0; look < 2; look++) {
    expect({ busy: await attemptsOf(last, busy.comm), children: await attemptsOf(last, children.comm) }).toEqual({
      busy: made,
      children: state.forked,
    });
    // those that have ended are folded meanwhile
    await sleep(1500);
  }
  expect(last.stderr()).not.toContain('lost');
});

it('where processes come faster than they are retired between kills, those without a place are told, and all are counted', async () => {
  const pins = pinsOfTest();
  const children = named('children');
  const flags = ['--processes', '256', '--flows', '1000'];
  const first = await startPinned(pins, flags);
  const observed = await Observed.start(first, [children.comm]);
  await first.stop('SIGKILL');
  const state = { ended: false, forked: 0 };
  const forking = (async () => {
    while (!state.ended) {
      const { stdout } = await run([children.path, '500', '--kind', 'plain', '--parallel', '16']);
      state.forked += attempts(witnessOf(stdout));
    }
  })();
  const random = randomOf(1);
  for (let i = 0; i < KILLS / 10; i++) {
    const agent = spawn(
      SPILLWAY,
      ['run', '--persist', '--config', configuration(), '--web.listen-address', '127.0.0.1:0', ...flags],
      {
        stdio: 'ignore',
        env: { ...process.env, SPILLWAY_PINS: pins },
      },
    );
    const exited = new Promise((resolve) => agent.once('exit', resolve));
    await sleep(random() * 4 * LONGEST_MS);
    agent.kill('SIGKILL');
    await exited;
  }
  state.ended = true;
  await forking;
  const last = await startPinned(pins, flags);
  const samples = await observed.expectExactly(state.forked, last);
  const byName = sumOf(samples, 'workload_attempts_total', `comm="${children.comm}"`);
  const overflow = overflowOf(samples, 'processes');
  tell(
    `${String(state.forked)} attempts: ${String(byName)} by name, ${String(overflow)} counts found no place by process`,
  );
  expect(overflow).toBeGreaterThan(0);
  // an attempt without a place is one count or two
  expect(state.forked - byName).toBeGreaterThan(0);
  expect(state.forked - byName).toBeLessThanOrEqual(overflow);
});
