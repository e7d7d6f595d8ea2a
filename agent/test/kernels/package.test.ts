/** The Debian package under systemd: installed, scraped, killed, upgraded, stuck, reloaded, removed (support/package.sh). */
import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { samplesOf, sumOf } from '../live/support/run.ts';
import { KERNELS, record } from './support/kernels.ts';
import { boot, type Outcome, ROOT } from './support/vm.ts';

/** What `systemd-analyze security` may say at most. */
const MOST_EXPOSED = 3.0;
const NEWER = '99.0.0';

let input = '';

beforeAll(() => {
  input = mkdtempSync(join(tmpdir(), 'spillway-'));
  const build = (name: string, ...version: string[]) => {
    const target = join(input, 'build');
    // packed quickly: how hard xz tries changes nothing else
    const env = { ...process.env, SPILLWAY_DEB_LEVEL: '0' };
    execFileSync(join(ROOT, 'scripts/build-deb'), ['amd64', target, ...version], { env, stdio: 'pipe' });
    const [file = ''] = execFileSync('ls', [target], { encoding: 'utf8' }).split('\n');
    renameSync(join(target, file), join(input, name));
    rmSync(target, { recursive: true });
  };
  build('first.deb');
  build('second.deb', NEWER);
  copyFileSync(join(ROOT, 'build/live/busy'), join(input, 'busy'));
  copyFileSync(join(ROOT, 'agent/test/kernels/support/package.sh'), join(input, 'package.sh'));
});
afterAll(() => {
  rmSync(input, { recursive: true, force: true });
});

/** `Name=value` lines, as systemctl show prints them. */
const properties = (text: string): Record<string, string> =>
  Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s).slice(0, 2)) as [string, string][]);

/** The capabilities of docs/capabilities.md that are kept while running: bits of include/uapi/linux/capability.h. */
const KEPT = ((1n << 2n) | (1n << 19n) | (1n << 39n)).toString(16).padStart(16, '0');

interface Notification {
  readonly status: string;
  readonly groupKey: string;
  readonly alerts: readonly { readonly fingerprint: string; readonly startsAt: string }[];
}

describe.each(KERNELS.filter((kernel) => ['6.1', '6.12'].includes(kernel)))('Linux %s', (kernel) => {
  let outcome: Outcome;
  const found = { passed: 0, failed: [] as string[] };

  afterEach(({ task }) => {
    if (task.result?.state === 'fail') found.failed.push(task.name);
    else found.passed += 1;
  });
  afterAll(() => {
    record(kernel, 'package', { release: outcome.file('release')?.trim() ?? '', ...found });
  });

  beforeAll(async () => {
    // one processor: none runs the code that another one patches, which emulation does not always survive (support/vm.ts)
    const machine = { kernel, systemd: true, input, cpus: 1, timeoutSeconds: 3_000 };
    outcome = await boot(machine).run('bash /in/package.sh');
    const step = outcome.file('step')?.trim() ?? 'boot';
    if (step !== 'done') throw new Error(`the machine stopped while it ${step}: ${outcome.output}${outcome.stderr}`);
  });

  const fact = (name: string): string => {
    const text = outcome.file(name);
    if (text === null) throw new Error(`the machine has left no ${name}`);
    return text;
  };
  const states = (name: string) => properties(fact(name));
  const attempts = (name: string, comm: string) =>
    sumOf(samplesOf(fact(name)), 'workload_attempts_total', `comm="${comm}"`);
  const notifications = (name = 'notifications'): Notification[] =>
    fact(name)
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as Notification);

  it('is installed, upgraded, removed and purged by apt, without a network and without a complaint', () => {
    for (const name of ['install', 'upgrade', 'remove', 'purge']) {
      expect(fact(name), name).not.toMatch(/^(?:E|W|Err|dpkg|spillway):/m);
    }
    expect(fact('install')).toMatch(/^Setting up spillway \(/m);
    expect(fact('upgrade')).toContain(`Setting up spillway (${NEWER})`);
    expect(fact('remove')).toMatch(/^Removing spillway \(/m);
    expect(fact('purge')).toMatch(/^Purging configuration files for spillway \(/m);
  });

  it('is installed, and runs at once: ready, attached, its status in one line', () => {
    expect(states('installed')).toMatchObject({ ActiveState: 'active', SubState: 'running', NRestarts: '0' });
    expect(fact('status')).toMatch(/^ +Status: "no alert; (?:.*; )?all \d+ probes attached"$/m);
    expect(fact('first-metrics')).toContain('spillway_attempts_total{');
  });

  it('has no more privileges than docs/capabilities.md says, in every thread', () => {
    const [, uid = '0'] = /^Uid:\t(\d+)/m.exec(fact('capabilities')) ?? [];
    expect(Number(uid)).toBeGreaterThan(60_000);
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) {
      expect(fact('capabilities')).toContain(`${set}:\t${KEPT}\n`);
    }
    expect(fact('thread-capabilities')).toBe(`CapPrm:\t${KEPT}\n`);
    expect(fact('capabilities')).toMatch(/^NoNewPrivs:\t1$/m);
    expect(fact('capabilities')).toMatch(/^Seccomp:\t2$/m);
    const [, exposure = '10'] = /Overall exposure level for spillway\.service: ([\d.]+)/.exec(fact('security')) ?? [];
    expect(Number(exposure)).toBeLessThanOrEqual(MOST_EXPOSED);
  });

  it('counts what a program does number for number, in tables that are pinned', () => {
    expect(attempts('counted', 'known')).toBe(700);
    expect(fact('pins')).toContain('/sys/fs/bpf/spillway/1/links/');
  });

  it('is started again after kill -9, and goes on with what was counted meanwhile', () => {
    expect(states('killed')).toMatchObject({ ActiveState: 'activating', SubState: 'auto-restart', Result: 'signal' });
    expect(states('after-kill')).toMatchObject({ ActiveState: 'active', NRestarts: '1' });
    expect(attempts('after-kill-metrics', 'known')).toBe(1000);
    expect(fact('journal')).toContain('going on with the counts and probes');
  });

  it('fires to the webhook with a token that only root can read, and resolves', () => {
    const [first] = notifications();
    expect(first?.status).toBe('firing');
    expect(new Set(fact('authorization').trim().split('\n'))).toEqual(new Set(['Bearer a-token']));
    expect(fact('firing')).toContain('SendfileFallback');
    expect(notifications().at(-1)?.status).toBe('resolved');
  });

  it('keeps counts and incidents at an upgrade, and counts during it', () => {
    expect(fact('version')).toContain(`version   ${NEWER}\n`);
    expect(states('after-upgrade')).toMatchObject({ ActiveState: 'active', NRestarts: '0' });
    expect(attempts('after-upgrade-metrics', 'known')).toBe(1000);
    expect(attempts('after-upgrade-metrics', 'during')).toBe(400);
    expect(fact('still-firing')).toContain('SendfileFallback');
    // it is the same incident: nobody is told again, and what is resolved is what had fired
    expect(notifications('notifications-before-end').map(({ status }) => status)).toEqual(['firing']);
    const known = notifications().flatMap(({ alerts }) =>
      alerts.map(({ fingerprint, startsAt }) => `${fingerprint} ${startsAt}`),
    );
    expect(new Set(known).size).toBe(1);
  });

  it('is reloaded, and a configuration with a mistake changes nothing but the status', () => {
    const pid = fact('reload-pid').trim();
    const running = { ActiveState: 'active', SubState: 'running', MainPID: pid };
    expect(fact('reload')).toBe('');
    expect(states('reloaded')).toMatchObject(running);
    expect(fact('journal')).toMatch(/reload: status_url/);
    expect(states('badly-reloaded')).toMatchObject(running);
    expect(fact('bad-status')).toMatch(/Status: "the configuration was not reloaded: .*no_such_key/);
    expect(states('mended')).toMatchObject(running);
    expect(states('mended').StatusText).toMatch(/^no alert|^\d+ alert/);
  });

  it('is started again by the watchdog when it is stuck, not before, and has lost nothing', () => {
    expect(states('fed')).toMatchObject({ ActiveState: 'active', NRestarts: '0' });
    expect(fact('journal')).toContain('Watchdog timeout');
    expect(states('after-stuck')).toMatchObject({ ActiveState: 'active', NRestarts: '1' });
    expect(attempts('after-stuck-metrics', 'known')).toBe(1030);
  });

  it('is removed: configuration and state stay, programs and pins go', () => {
    const left = fact('after-remove');
    expect(left).toMatch(/^\/etc\/spillway\/config\.yaml$/m);
    expect(left).toMatch(/^\/var\/lib\/spillway\/\.$/m);
    expect(left).toMatch(/cannot access '\/usr\/bin\/spillway'/);
    expect(left).toMatch(/cannot access '\/sys\/fs\/bpf\/spillway'/);
    expect(fact('left-programs')).toBe('');
  });

  it('leaves nothing when it is purged', () => {
    expect(fact('left-names')).toBe('');
    expect(fact('left-pins')).toBe('');
    expect(fact('left-runtime')).toBe('');
    expect(properties(fact('left-unit'))).toMatchObject({ LoadState: 'not-found', ActiveState: 'inactive' });
    expect(fact('left-state')).toContain('no packages found');
  });
});
