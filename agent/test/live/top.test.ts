/** `spillway top` in a real terminal, with a real agent: what it shows is what the API says. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { freePort } from './support/compare.ts';
import { documentOf, serve } from './support/fake-agent.ts';
import { until } from './support/kernel.ts';
import { program, type Report, run, SPILLWAY, startDaemon, temporaryDirectory } from './support/run.ts';
import { startScreen } from './support/tmux.ts';

interface Api extends Report {
  workloads: { comm: string; unit: string; attempts: number }[];
}

const api = async (url: string): Promise<Api> => (await (await fetch(`${url}/api/v1/snapshot`)).json()) as Api;
const addressOf = (url: string): string => url.replace('http://', '');

/** A name that no other program on this host has. */
const NAME = `top-${String(process.pid)}`;
/** So many attempts by a program of that name: sendfile, without a copy. */
const attempt = async (attempts: number): Promise<void> => {
  await run([program('comm'), Buffer.from(NAME).toString('hex'), String(attempts)]);
};

/** The cells of the line that shows a name. */
const cells = (lines: readonly string[], name: string): string[] =>
  lines
    .find((line) => line.trim().split(/ +/).includes(name))
    ?.trim()
    .split(/ +/) ?? [];

it('keys switch views, sort and filter, and every figure is that of the API', async () => {
  const daemon = await startDaemon();
  await attempt(100);
  await run([program('sequence'), 'sendfile', '--dir', temporaryDirectory()]);
  const screen = startScreen(`${SPILLWAY} top -a ${addressOf(daemon.url)}`, 200, 50);
  await screen.shows(/daemon at 127\.0\.0\.1:[0-9]+ .* over [0-9.]+ s/);
  screen.keys('t');
  await screen.shows(/totals/);

  screen.keys('4');
  await screen.shows(/MECHANISM +ATTEMPTS/);
  const { mechanisms } = await api(daemon.url);
  const sendfile = mechanisms.sendfile;
  expect(sendfile?.attempts).toBeGreaterThan(100);
  // others on this host may attempt something else: what these programs did no longer changes
  expect(cells(screen.lines(), 'sendfile')[1]).toBe(String(sendfile?.attempts));

  screen.keys('2');
  await screen.shows(/UNIT +COMM +PROCS/);
  const workload = (await api(daemon.url)).workloads.find(({ comm }) => comm === NAME);
  expect(workload?.attempts).toBe(100);
  const unit = workload?.unit === '' ? '-' : workload?.unit;
  expect(cells(screen.lines(), NAME).slice(0, 4)).toEqual([unit, NAME, '0', '100']);

  screen.keys('/', NAME, 'Enter');
  await screen.shows(new RegExp(`by attempts +1 of [0-9]+: ${NAME}`));
  expect(cells(screen.lines(), 'sequence')).toEqual([]);
  screen.keys('Escape');
  await screen.shows(/by attempts +[0-9]+$/m);
  expect(cells(screen.lines(), 'sequence')).not.toEqual([]);

  screen.keys('3');
  await screen.shows(/SRC +DST +PROTO/);
  // of this host's flows others may go on
  await until(async () => {
    const { flows } = await api(daemon.url);
    return screen.lines().some((line) => {
      const [src, dst, proto, attempts] = line.trim().split(/ +/);
      return flows.some(
        (flow) => flow.src === src && flow.dst === dst && flow.proto === proto && String(flow.attempts) === attempts,
      );
    });
  });

  screen.keys('s', 'r');
  await screen.shows(/by bytes rev/);
  screen.keys('?');
  await screen.shows(/any key goes back/);
  screen.keys('x');
  await screen.shows(/by bytes rev/);
  screen.keys('q');
  await until(() => screen.exitStatus() === '0');
});

it('what fires stands above the table, with since when: as the API says; a tells all, and it goes when it is over', async () => {
  const directory = temporaryDirectory();
  const configuration = join(directory, 'config.yaml');
  const rule = (enabled: boolean) => `TooMany:
      scopes: [workload]
      rate: {counter: 'workload_attempts_total{mechanism="sendfile", comm="${NAME}"}', above: 0}
      window: 10m
      severity: error
      summary: '{{comm}} is at it'
      enabled: ${String(enabled)}`;
  const configure = (enabled: boolean) => {
    const rules = `SendfileFallback: {enabled: false}\n    IoUringSubmitEagain: {enabled: false}\n    ${rule(enabled)}`;
    writeFileSync(configuration, `alerts:\n  state_directory: ${directory}\n  rules:\n    ${rules}\n`);
  };
  configure(true);
  const daemon = await startDaemon(['--config', configuration]);
  const screen = startScreen(`TZ=UTC ${SPILLWAY} top -a ${addressOf(daemon.url)}`);
  await screen.shows(/over [0-9.]+ s/);
  screen.keys('a');
  await screen.shows(/^no alert fires, as of /m);
  screen.keys('x');
  await screen.shows(/^q quit/m);
  expect(screen.lines()[1]).toMatch(/^attempts /);

  await attempt(10);
  await screen.shows(new RegExp(`^ ALERT {2}TooMany ${NAME} \\(`, 'm'));
  const { firing } = (await (await fetch(`${daemon.url}/api/v1/alerts`)).json()) as { firing: { firedAtMs: number }[] };
  const fired = new Date(firing[0]?.firedAtMs ?? 0).toISOString();
  await screen.shows(
    new RegExp(` since (?:${fired.slice(11, 19)}|${fired.slice(5, 10)} ${fired.slice(11, 16)})$`, 'm'),
  );
  screen.keys('a');
  await screen.shows(new RegExp(`^ FIRING {2}TooMany {2}${NAME} .* since .*\n {2}${NAME} is at it$`, 'm'));
  screen.keys('a');
  const frame = await run([SPILLWAY, 'top', '-a', addressOf(daemon.url), '--totals', '-o', 'json']);
  expect(JSON.parse(frame.stdout)).toMatchObject({
    alerts: [{ rule: 'TooMany', subject: { comm: NAME }, since: fired, summary: `${NAME} is at it` }],
  });

  configure(false);
  expect((await fetch(`${daemon.url}/-/reload`, { method: 'POST' })).status).toBe(200);
  await until(() => /^attempts /.test(screen.lines()[1] ?? ''));
});

it('rates are those of the window, and pause keeps them', async () => {
  const daemon = await startDaemon();
  const screen = startScreen(`${SPILLWAY} top -a ${addressOf(daemon.url)} --view workloads -n 2s`, 120, 30);
  await screen.shows(/over [0-9.]+ s/);
  await attempt(1000);
  await screen.shows(new RegExp(`${NAME} +0 +[1-9]`));
  screen.keys('p');
  await screen.shows(/paused$/m);
  const lines = screen.lines();
  const seconds = Number(/over ([0-9.]+) s/.exec(lines.join('\n'))?.[1]);
  const shown = Number(cells(lines, NAME)[3]);
  // all 1,000 in one window, or in two
  expect(shown).toBeGreaterThan(0);
  expect(Math.round(shown * seconds)).toBeLessThanOrEqual(1000 + shown * 0.06 + seconds);
  const title = lines[0];
  await new Promise((resolve) => setTimeout(resolve, 3000));
  expect(screen.lines()[0]).toBe(title);
  screen.keys('p');
  await until(() => screen.lines()[0] !== title && !screen.lines()[0]?.includes('paused'));
});

it('one frame where stdout is no terminal: exactly what happened in its window', async () => {
  const daemon = await startDaemon();
  const frame = run([SPILLWAY, 'top', '-a', addressOf(daemon.url), '--view', 'workloads', '-n', '8s', '-o', 'json']);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  await attempt(100);
  const { code, stdout } = await frame;
  expect(code).toBe(0);
  const { schema, source, rows } = JSON.parse(stdout) as {
    schema: string;
    source: string;
    rows: { names: string[]; attempts: number; outcomes: Record<string, number> }[];
  };
  expect({ schema, source }).toEqual({ schema: 'spillway.top/1', source: 'daemon' });
  expect(rows.filter(({ names }) => names[0] === NAME)).toMatchObject([{ attempts: 100, outcomes: { zerocopy: 100 } }]);

  const text = await run([SPILLWAY, 'top', '-a', addressOf(daemon.url), '--totals', '--view', 'workloads']);
  expect(text.stdout).toMatch(new RegExp(` ${NAME} +100 =+ `));
  expect(text.stdout).not.toContain('\x1b');
});

it('without a daemon it loads probes of its own, says so, and takes them along', async () => {
  const address = `127.0.0.1:${String(await freePort())}`;
  // an address that somebody has chosen is meant
  const chosen = await run([SPILLWAY, 'top', '-a', address]);
  expect(chosen).toMatchObject({ code: 1, stdout: '' });
  expect(chosen.stderr).toContain(`no agent answers at http://${address} (ECONNREFUSED)`);

  const screen = startScreen(`${SPILLWAY} top --no-daemon --view workloads --totals`, 120, 30);
  await screen.shows(/own probes, no daemon/);
  await attempt(100);
  await screen.shows(new RegExp(` ${NAME} +0 +100 =`));
  // who judges no rules says nothing of alerts, but if asked
  expect(screen.lines().join('\n')).not.toMatch(/ALERT/);
  screen.keys('a');
  await screen.shows(/^alerts: only an agent/m);
  screen.keys('C-c');
  await until(() => screen.exitStatus() === '0');
});

it('a daemon that goes away is told, and found again', async () => {
  const port = String(await freePort());
  const flags = ['--web.listen-address', `127.0.0.1:${port}`];
  const daemon = await startDaemon(flags);
  const screen = startScreen(`${SPILLWAY} top -a 127.0.0.1:${port} --view workloads --totals`);
  await attempt(100);
  await screen.shows(new RegExp(`${NAME} +100 =`));
  await daemon.stop('SIGKILL');
  await screen.shows(/^lost at [0-9:]{8}, trying again: no agent answers/m);
  // what was known stays
  expect(screen.lines().join('\n')).toMatch(new RegExp(`${NAME} +100 =`));
  await startDaemon(flags);
  await screen.shows(/^q quit/m);
  expect(screen.lines().join('\n')).not.toMatch(new RegExp(`lost|${NAME}`));
});

it('65,536 flows can be scrolled, sorted and filtered', async () => {
  const flows = Array.from({ length: 65_536 }, (_, i) => ({
    ...{ src: `10.0.${String(i >> 8)}.${String(i & 255)}`, dst: '10.9.9.9', proto: 'tcp' },
    ...{ attempts: i + 1, bytes: 10, outcomes: { zerocopy: i + 1 } },
  }));
  const server = await serve((_, n) => documentOf({ flows }, n));
  const screen = startScreen(`${SPILLWAY} top -a ${server.url} --view flows --totals`);
  await screen.shows(/^10\.0\.255\.255 .* 65536 /m);
  screen.keys('End');
  await screen.shows(/^10\.0\.0\.0 .* 1 /m);
  await screen.shows(/65519-65536 of 65536$/m);
  screen.keys('s', 's', 's');
  await screen.shows(/by name/);
  await screen.shows(/^10\.0\.0\.0 /m);
  screen.keys('/', '10.0.77.7', 'Enter');
  await screen.shows(/11 of 65536: 10\.0\.77\.7$/m);
});

it('an answer that is cut off is a daemon that is lost, hostile names are shown as what they are', async () => {
  const comm = '\x1b[2J\x1b]0;owned\x07漢字';
  const processes = [
    { pid: 7, comm, unit: comm, attempts: 5, outcomes: { zerocopy: 5 }, mechanisms: {}, fallbacks: 0, fallen: [] },
  ];
  const server = await serve((_, n) => (n === 4 || n === 5 ? null : documentOf({ processes }, n)));
  const screen = startScreen(`${SPILLWAY} top -a ${server.url} --totals`, 200, 24);
  await screen.shows(/ 7 \\x1b/);
  await screen.shows(/lost at /);
  await screen.shows(/q quit/);
  expect(screen.lines().join('\n')).toMatch(/ 7 \\x1b/);
  expect(screen.state('pane_title')).not.toBe('owned');
});

it('a storm of sizes, down to 1x1, leaves the right screen', async () => {
  const server = await serve((_, n) => documentOf({}, n));
  const screen = startScreen(`${SPILLWAY} top -a ${server.url}`);
  await screen.shows(/no process has made/);
  for (let i = 0; i < 60; i++) screen.resize(1 + ((i * 67) % 200), 1 + ((i * 13) % 50));
  screen.resize(1, 1);
  screen.keys('2');
  screen.resize(80, 24);
  await screen.shows(/no workload has made/);
  await screen.shows(/^q quit/m);
  // a screen may be looked at while it is drawn
  await until(() => screen.lines().filter((line) => line.includes('spillway top')).length === 1);
  expect(screen.state('pane_dead')).toBe('0');
});

it.each<[string, (keys: (...keys: string[]) => void) => void]>([
  ['q', (keys) => keys('q')],
  ['Ctrl-C', (keys) => keys('C-c')],
])('the terminal is as before after %s', async (_, quit) => {
  const server = await serve((_url, n) => documentOf({}, n));
  const screen = startScreen(
    `stty -a > /dev/null; echo before; ${SPILLWAY} top -a ${server.url}; echo ended $?; stty -a; sleep 60`,
  );
  await screen.shows(/no process has made/);
  expect(screen.state('alternate_on')).toBe('1');
  expect(screen.state('cursor_flag')).toBe('0');
  quit((...keys) => screen.keys(...keys));
  await screen.shows(/ended 0/);
  await screen.shows(/ icanon /);
  expect(screen.lines().join('\n')).toMatch(/before[^]* icanon [^]* echo /);
  expect(screen.state('alternate_on')).toBe('0');
  expect(screen.state('cursor_flag')).toBe('1');
  expect(screen.state('wrap_flag')).toBe('1');
});

it.each(['TERM', 'HUP', 'INT', 'QUIT'])('the terminal is as before after SIG%s', async (signal) => {
  const server = await serve((_url, n) => documentOf({}, n));
  const screen = startScreen(`${SPILLWAY} top -a ${server.url} & echo pid $! > /dev/null; wait $!; sleep 60`);
  // in the background of a shell that has no jobs it may write, and is not asked for keys
  await screen.shows(/no process has made/);
  const pane = screen.state('pane_pid');
  await run(['pkill', `-${signal}`, '-P', pane]);
  await until(() => screen.state('alternate_on') === '0');
  expect(screen.state('cursor_flag')).toBe('1');
});

it('Ctrl-Z gives the terminal back, fg takes it again', async () => {
  const server = await serve((_url, n) => documentOf({}, n));
  const screen = startScreen('bash --norc');
  screen.keys(`${SPILLWAY} top -a ${server.url}`, 'Enter');
  await screen.shows(/no process has made/);
  screen.keys('C-z');
  await screen.shows(/Stopped/);
  expect(screen.state('alternate_on')).toBe('0');
  expect(screen.state('cursor_flag')).toBe('1');
  screen.keys('fg', 'Enter');
  await screen.shows(/no process has made/);
  screen.keys('2');
  await screen.shows(/no workload has made/);
  screen.keys('q');
  await until(() => screen.state('alternate_on') === '0');
});

it('NO_COLOR: no colours; without it, some', async () => {
  const mechanisms = {
    sendfile: {
      attempts: 5,
      bytes: 5,
      outcomes: { zerocopy: 5 },
      errnos: {},
      reasons: { copied: {}, refused: {} },
      resolutions: { confirmed: 0, presumed: 0 },
    },
  };
  const server = await serve((_url, n) => documentOf({ mechanisms }, n));
  const coloured = (text: string) => text.split('\x1b').some((part) => /^\[(?:[0-9]+;)*3[0-7]m/.test(part));
  for (const [env, expected] of [
    ['NO_COLOR=1', false],
    ['', true],
  ] as const) {
    const screen = startScreen(`${env} ${SPILLWAY} top -a ${server.url} --view mechanisms --totals`);
    await screen.shows(/^sendfile +5 =/m);
    expect(coloured(screen.painted())).toBe(expected);
  }
});

it('a reader that goes away early ends it quietly', async () => {
  const flows = Array.from({ length: 20_000 }, (_, i) => ({
    ...{ src: `10.0.${String(i >> 8)}.${String(i & 255)}`, dst: '10.9.9.9', proto: 'tcp' },
    ...{ attempts: 1, bytes: 10, outcomes: { zerocopy: 1 } },
  }));
  const server = await serve((_url, n) => documentOf({ flows }, n));
  for (const command of ['flows', 'flows --watch 100ms', 'top --view flows --limit 20000 -n 100ms']) {
    const shell = `${SPILLWAY} ${command} -a ${server.url} | head -n 1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run(['bash', '-c', shell]);
    expect(stdout.trimEnd().split('\n').at(-1), command).toBe('0');
    expect(stderr, command).toBe('');
  }
});

it('flows and procs --watch go on when the daemon comes back', async () => {
  const flows = [{ src: '10.0.0.1', dst: '10.0.0.2', proto: 'tcp', attempts: 3, bytes: 30, outcomes: { zerocopy: 3 } }];
  const server = await serve((_url, n) => (n === 1 || n === 2 ? null : documentOf({ flows }, n)));
  const child = spawn(SPILLWAY, ['flows', '-a', server.url, '--watch', '100ms', '-o', 'ndjson']);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  await until(() => stdout.split('\n').length > 3);
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number | null];
  expect(code).toBe(0);
  expect(stderr.trimEnd().split('\n')).toEqual([
    expect.stringMatching(/warning: no agent answers at .*: trying again$/),
    'spillway: the daemon answers again',
  ]);
  for (const line of stdout.trimEnd().split('\n'))
    expect(JSON.parse(line)).toMatchObject({ schema: 'spillway.flows/1', flows });
});
