import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { AlertsReport } from '../../src/alerts/view.ts';
import { alertsCommand, type SendTest } from '../../src/cli/alerts.ts';
import { renderAlerts } from '../../src/cli/render/alerts.ts';
import { addressText } from '../../src/cli/values.ts';
import { alertsJson } from '../../src/web/alerts-json.ts';
import { firingOf, HOSTILE, statusOf, viewOf } from '../support/alerts.ts';

const now = { unixMs: Date.UTC(2026, 0, 2, 3, 4, 5), boottime: 1000 };
const nginx = { unit: 'nginx.service', comm: 'nginx' };

const view = viewOf({
  time: now,
  statuses: [
    statusOf({ rule: 'IoUringSubmitEagain', threshold: 200, value: 0, since: 1.5 }),
    statusOf({ value: 0.012345678, subject: nginx, state: 'firing', since: 950 }),
    statusOf({ state: 'pending', value: 0.0051, since: 999 }),
  ],
  firing: [firingOf({ subject: nginx }), firingOf({ rule: 'Removed', firedAtMs: 0 })],
});

const closing: (() => void)[] = [];
let printed = '';
let logged = '';
beforeEach(() => {
  printed = '';
  logged = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(((chunk: string, done: () => void) => {
    printed += chunk;
    done();
    return true;
  }) as typeof process.stdout.write);
  vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    logged += String(chunk);
    return true;
  });
  process.exitCode = undefined;
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
  for (const close of closing.splice(0)) close();
});

/** `spillway alerts list` against a daemon with these alerts; null: they are switched off there. */
async function list(alerts: AlertsReport | null, ...args: string[]): Promise<string> {
  const server = createServer((request, reply) => {
    if (alerts !== null && request.url === '/api/v1/alerts') reply.end(JSON.stringify(alertsJson(alerts)));
    else reply.writeHead(404).end(`alerts are \u001b[31mswitched off${' '.repeat(200)}the rest\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => server.close());
  const address = addressText({ host: '127.0.0.1', port: (server.address() as AddressInfo).port });
  await alertsCommand().parseAsync(['node', 'alerts', 'list', '--address', address, ...args]);
  return printed;
}

describe('alerts list', () => {
  it('what fires first, then what is pending; incidents without a status too', async () => {
    expect((await list(view)).split('\n')).toEqual([
      'STATE     RULE                 SUBJECT                VALUE    LIMIT  SINCE',
      'firing    Removed              host                   -        -      1970-01-01T00:00:00Z',
      'firing    SendfileFallback     nginx (nginx.service)  0.01235  0.005  2026-01-02T03:04:00Z',
      'pending   SendfileFallback     host                   0.0051   0.005  2026-01-02T03:04:04Z',
      'inactive  IoUringSubmitEagain  host                   0        200    2026-01-02T02:47:26Z',
      '',
    ]);
    expect(process.exitCode).toBeUndefined();
  });

  it('--firing leaves out the rest, also in JSON', async () => {
    const lines = (await list(view, '--firing')).trimEnd().split('\n');
    expect(lines.map((line) => line.split(' ')[0])).toEqual(['STATE', 'firing', 'firing']);
    printed = '';
    const json = await list(view, '--firing', '-o', 'ndjson');
    expect(json.indexOf('\n')).toBe(json.length - 1);
    expect(JSON.parse(json)).toEqual({ ...alertsJson(view), statuses: [view.statuses[1]] });
  });

  it('-o json is the document of the daemon', async () => {
    expect(JSON.parse(await list(view, '-o', 'json'))).toEqual(alertsJson(view));
  });

  it('nothing to show is said on stderr', async () => {
    expect(await list(viewOf({ statuses: [statusOf()] }), '--firing')).toBe('');
    expect(logged).toContain('no alert fires');
    expect(await list(viewOf())).toBe('');
    expect(logged).toContain('no rule has been evaluated');
  });

  it('a daemon without alerts says so, and its words do nothing to the terminal', async () => {
    await expect(list(null)).rejects.toThrow(/\/api\/v1\/alerts answered 404: alerts are \\x1b\[31mswitched off *$/);
  });

  it('of a long refusal the beginning is repeated', async () => {
    const error: unknown = await list(null, '--firing').catch((caught: unknown) => caught);
    expect(String(error)).not.toContain('the rest');
  });

  it('hostile names are harmless, and nobody passes for the host', () => {
    const subjects = [HOSTILE, { unit: '', comm: 'host' }, { unit: '', comm: '' }, null];
    const statuses = subjects.map((subject) => statusOf({ rule: 'r\u001b', subject }));
    const lines = renderAlerts(viewOf({ statuses, firing: [firingOf({ firedAtMs: NaN })] }), now);
    // eslint-disable-next-line no-control-regex -- they are what must not be there
    for (const line of lines) expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e\ud800-\udfff]/);
    const cells = lines.slice(1).map((line) => line.split(/ {2,}/));
    expect(cells.map(([, , subject]) => subject)).toEqual([
      'host',
      'host',
      '- (no unit)',
      'host (no unit)',
      String.raw`a…\u{d800}& (<b>"\\x0a.service)`,
    ]);
    expect(cells[0]).toEqual(['firing', 'SendfileFallback', 'host', '-', '-', '-']);
  });

  it('an incident whose condition is only pending has both lines', () => {
    const lines = renderAlerts(viewOf({ statuses: [statusOf({ state: 'pending' })], firing: [firingOf()] }), now);
    expect(lines.slice(1).map((line) => line.split(' ')[0])).toEqual(['firing', 'pending']);
  });

  it('a firing status without its incident is dated by the time since boot', () => {
    const lines = renderAlerts(viewOf({ statuses: [statusOf({ state: 'firing', since: 990 })] }), now);
    expect(lines[1]).toContain('2026-01-02T03:03:55Z');
  });
});

const KEY = 'R0123456789ABCDEF0123456789ABCDE';

/** `spillway alerts test` with this way to send, and what was asked of it. */
async function runTest(results: Awaited<ReturnType<SendTest['send']>>, ...args: string[]): Promise<string[]> {
  const asked: string[] = [];
  const sendTest = (file: string | null): SendTest => ({
    configuration: file,
    bodies: () => {
      asked.push('bodies');
      const nested = { payload: [{ routingKey: KEY, Routing_Key: KEY, summary: 'a "test"' }] };
      return [
        { receiver: 'pagerduty', body: { routing_key: KEY, event_action: 'trigger', dedup_key: 'd', ...nested } },
      ];
    },
    send: () => {
      asked.push('send');
      return Promise.resolve(results);
    },
  });
  await alertsCommand(sendTest).parseAsync(['node', 'alerts', 'test', ...args]);
  return asked;
}

describe('alerts test', () => {
  const sent = { receiver: 'pagerduty', action: 'trigger', ok: true, message: '202' } as const;

  it('--dry-run prints the bodies without a routing key and sends nothing', async () => {
    expect(await runTest([sent], '--dry-run')).toEqual(['bodies']);
    expect(printed).not.toContain(KEY);
    const gone = '<redacted>';
    const payload = [{ routingKey: gone, Routing_Key: gone, summary: 'a "test"' }];
    expect(JSON.parse(printed)).toEqual({
      schema: 'spillway.alerts-test/1',
      configuration: null,
      bodies: [
        { receiver: 'pagerduty', body: { routing_key: gone, event_action: 'trigger', dedup_key: 'd', payload } },
      ],
    });
    expect(process.exitCode).toBeUndefined();
  });

  it('prints one line for each event', async () => {
    expect(await runTest([sent, { ...sent, action: 'resolve', message: '' }])).toEqual(['send']);
    expect(printed).toBe('pagerduty: trigger ok: 202\npagerduty: resolve ok\n');
    expect(process.exitCode).toBeUndefined();
  });

  it('says by which file it goes', async () => {
    await runTest([sent]);
    expect(logged).toBe('spillway: receivers of the default configuration\n');
    logged = '';
    await runTest([sent], '--config', 'a\u001b.yaml');
    expect(logged).toBe('spillway: receivers of a\\x1b.yaml\n');
    await runTest([sent], '-c', 'b.yaml', '--dry-run');
    expect(JSON.parse(printed.slice(printed.indexOf('{')))).toMatchObject({ configuration: 'b.yaml' });
  });

  it('one that failed is exit 1, and the words of a server stay on their line', async () => {
    const failed = {
      receiver: 'ho\u001bok',
      action: 'trigger',
      ok: false,
      message: '400: no\nhook: resolve ok',
    } as const;
    await runTest([failed, sent]);
    expect(printed).toBe('ho\\x1bok: trigger failed: 400: no\\x0ahook: resolve ok\npagerduty: trigger ok: 202\n');
    expect(process.exitCode).toBe(1);
  });

  it('that reaches nobody is no success', async () => {
    await runTest([]);
    expect(logged).toContain('no receiver is configured');
    expect(process.exitCode).toBe(1);
  });
});

it('each help has two examples', () => {
  const command = alertsCommand(() => ({ configuration: null, bodies: () => [], send: () => Promise.resolve([]) }));
  for (const one of [command, ...command.commands]) {
    let help = '';
    one.configureOutput({ writeOut: (text) => (help += text) });
    one.outputHelp();
    expect(help.split('Examples:\n')[1]?.match(/^ {2}spillway alerts /gm)?.length, one.name()).toBeGreaterThanOrEqual(
      2,
    );
  }
  expect(alertsCommand().commands.map((one) => one.name())).toEqual(['list']);
});

it.each([
  [['alerts', 'list', '--nope'], 2],
  [['alerts', 'nope'], 2],
  [['alerts'], 2],
  [['alerts', 'list', '--help'], 0],
] as const)('spillway %j ends with %i, as every command does', (args, status) => {
  const main = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
  expect(spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' }).status).toBe(status);
});
