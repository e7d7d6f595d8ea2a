import { describe, expect, it } from 'vitest';
import { COUNTER_COLUMNS } from '../../src/model/counters.ts';
import { Supervisor } from '../../src/service/supervisor.ts';

const PROGRAMS = [
  { name: 'x', hook: 'tp/x', state: 'attached', reason: '', missedRuns: 0, runs: 0, runSeconds: 0 },
] as const;
const at = (boottime: number) => ({
  time: { unixMs: 0, boottime },
  totals: new Float64Array(COUNTER_COLUMNS),
  programs: PROGRAMS,
});

function supervised(watchdogS: number | null = null, socket: string | null = '/s') {
  const sent: string[] = [];
  const logged: string[] = [];
  const manager = { deaf: false };
  const supervisor = new Supervisor({
    manager: { socket, watchdogS },
    send: (_, message) => {
      if (manager.deaf) throw new Error('notify /s: EAGAIN');
      sent.push(...message.trimEnd().split('\n'));
    },
    monotonicUs: () => 77,
    log: (_, message) => logged.push(message),
  });
  return { supervisor, sent, logged, manager, take: () => sent.splice(0) };
}

describe('a life', () => {
  it('is told in order', () => {
    const { supervisor, take } = supervised(30);
    supervisor.loading();
    expect(take()).toEqual(['STATUS=loading and attaching the probes', 'EXTEND_TIMEOUT_USEC=120000000']);
    supervisor.ready(PROGRAMS);
    expect(take()).toEqual(['READY=1', 'STATUS=no alert; all 1 probes attached']);
    supervisor.progress(at(1), []);
    expect(take()).toEqual(['WATCHDOG=1', 'STATUS=no alert; all 1 probes attached']);
    supervisor.progress(at(2), []);
    expect(take()).toEqual([]);
    supervisor.progress(at(11), []);
    expect(take()).toEqual(['WATCHDOG=1', 'STATUS=no alert; 0 attempts/s, 0 fallbacks/s; all 1 probes attached']);
    supervisor.progress(at(12), ['Rule']);
    expect(take()).toEqual(['STATUS=1 alert: Rule; 0 attempts/s, 0 fallbacks/s; all 1 probes attached']);
    supervisor.stopping();
    supervisor.stopping();
    supervisor.progress(at(60), []);
    supervisor.stuck('closed');
    supervisor.reloaded('');
    expect(take()).toEqual(['STOPPING=1', 'STATUS=stopping']);
  });

  it('without a manager is told to nobody', () => {
    const { supervisor, sent, logged } = supervised(null, null);
    supervisor.loading();
    supervisor.ready(PROGRAMS);
    supervisor.progress(at(1), []);
    supervisor.stopping();
    expect([sent, logged]).toEqual([[], []]);
  });

  it('that fails to begin tells why, and never that it is ready', () => {
    const { supervisor, take } = supervised();
    supervisor.reloading();
    supervisor.reloaded('');
    supervisor.progress(at(1), []);
    supervisor.stuck('x');
    supervisor.stopping('no BTF');
    expect(take()).toEqual(['STOPPING=1', 'STATUS=no BTF']);
  });
});

describe('a reload', () => {
  it('ends with READY, also when it failed, and the reason stays until a good one', () => {
    const { supervisor, take } = supervised();
    supervisor.ready(PROGRAMS);
    take();
    supervisor.reloading();
    expect(take()).toEqual(['RELOADING=1', 'MONOTONIC_USEC=77', 'STATUS=reading the configuration again']);
    supervisor.reloaded('a:1:2: no such key');
    const bad = 'STATUS=the configuration was not reloaded: a:1:2: no such key; no alert; all 1 probes attached';
    expect(take()).toEqual(['READY=1', bad]);
    supervisor.progress(at(1), []);
    expect(take()).toEqual([bad]);
    supervisor.reloading();
    supervisor.reloaded('');
    expect(take().slice(3)).toEqual(['READY=1', 'STATUS=no alert; all 1 probes attached']);
  });
});

describe('a collection that fails', () => {
  it('is no progress, and says why once', () => {
    const { supervisor, take } = supervised(3);
    supervisor.ready(PROGRAMS);
    take();
    for (let i = 0; i < 5; i++) supervisor.stuck('EBADF');
    expect(take()).toEqual(['STATUS=collection fails: EBADF']);
    supervisor.progress(at(1), []);
    supervisor.stuck('EBADF');
    expect(take()).toEqual(['WATCHDOG=1', 'STATUS=no alert; all 1 probes attached', 'STATUS=collection fails: EBADF']);
  });

  it('and recovers, is not said to fail any more, whatever else is the same', () => {
    const { supervisor, take } = supervised();
    supervisor.ready(PROGRAMS);
    supervisor.progress(at(1), []);
    supervisor.stuck('EBADF');
    take();
    supervisor.progress(at(2), []);
    expect(take()).toEqual(['STATUS=no alert; 0 attempts/s, 0 fallbacks/s; all 1 probes attached']);
  });
});

describe('a manager that does not take messages', () => {
  it('gets those that matter later, in order, and no ping that is out of date', () => {
    const { supervisor, manager, take, logged } = supervised(3);
    manager.deaf = true;
    supervisor.ready(PROGRAMS);
    supervisor.progress(at(1), []);
    supervisor.reloading();
    supervisor.reloaded('');
    expect(logged).toEqual(['telling the service manager: notify /s: EAGAIN']);
    manager.deaf = false;
    supervisor.progress(at(2), []);
    expect(take().filter((line) => !line.startsWith('STATUS'))).toEqual([
      'READY=1', 'RELOADING=1', 'MONOTONIC_USEC=77', 'READY=1', 'WATCHDOG=1',
    ]); // prettier-ignore
  });

  it('does not make us remember without end', () => {
    const { supervisor, manager, take } = supervised();
    supervisor.ready(PROGRAMS);
    take();
    manager.deaf = true;
    for (let i = 0; i < 100; i++) supervisor.reloading();
    supervisor.reloaded('');
    manager.deaf = false;
    supervisor.progress(at(1), []);
    const lines = take();
    expect(lines.filter((line) => line === 'RELOADING=1')).toHaveLength(15);
    expect(lines.at(-3)).toBe('READY=1');
  });
});
