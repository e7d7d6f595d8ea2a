import { afterEach, describe, expect, it, vi } from 'vitest';
import { checkCommand } from '../../src/cli/check.ts';
import type { Config } from '../../src/config/config.ts';
import { DEFAULT_CONFIG_FILE } from '../../src/config/load.ts';
import { SpillwayError } from '../../src/model/errors.ts';
import type { ProgramStatus } from '../../src/model/snapshot.ts';
import { FALLBACK, OPTIONS } from '../config/support.ts';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** What `spillway check` writes to stdout on a host with these files, and its exit status. */
const check = (files: Readonly<Record<string, string>>, ...args: string[]) => checkOn(() => [], files, ...args);

/** The same, with what becomes of attaching. */
async function checkOn(
  attach: (config: Config) => readonly ProgramStatus[],
  files: Readonly<Record<string, string>>,
  ...args: string[]
) {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(((chunk: string, done: () => void) => {
    text += chunk;
    done();
    return true;
  }) as typeof process.stdout.write);
  const command = checkCommand({
    ...OPTIONS,
    attach,
    files: {
      readFile: (path) => {
        const content = files[path];
        if (content === undefined) throw Object.assign(new Error(), { code: 'ENOENT' });
        return Buffer.from(content);
      },
      fileExists: (path) => path in files,
    },
  });
  let thrown: unknown = null;
  await command.parseAsync(['node', 'check', ...args]).catch((error: unknown) => {
    thrown = error;
  });
  vi.restoreAllMocks();
  if (thrown !== null && !(thrown instanceof SpillwayError)) throw thrown as Error;
  return { text, status: thrown === null ? process.exitCode : thrown.exitCode };
}

it('a good file, and what it comes to', async () => {
  const file = `
web: {listen_address: ':80'}
latency: {enabled: true}
alerts: {rules: {IoUringSubmitEagain: {enabled: true}}}
receivers: {webhook: {url: https://hooks.example/secret}}
`;
  const { text, status } = await check({ 'c.yaml': file }, 'c.yaml');
  expect(text).toBe(`c.yaml: ok
  serves     on [::]:80
  tables     65536 flows, 4096 processes
  series     100 flows, 200 workloads
  refusals   confirm: auto
  hooks      auto
  latency    timed
  alerts     2 of 2 rules: SendfileFallback, IoUringSubmitEagain
  state      in /var/lib/spillway
  pagerduty  https://events.pagerduty.com, key where it is by default, if it is there
  webhook    https://hooks.example/…
`);
  expect(status).toBeUndefined();
});

it('rules that are not evaluated are not counted', async () => {
  const rules = (text: string) =>
    check({ c: `alerts: ${text}` }, 'c').then((result) => /alerts .*/.exec(result.text)?.[0]);
  expect(await rules('{}')).toBe('alerts     1 of 2 rules: SendfileFallback');
  expect(await rules('{rules: {SendfileFallback: {enabled: false}}}')).toBe('alerts     0 of 2 rules');
  expect(await rules('{enabled: false}')).toBe('alerts     none are evaluated');
});

it('without a file, the one of the host', async () => {
  expect((await check({ [DEFAULT_CONFIG_FILE]: 'tables: {flows: 7}' })).text).toMatch(
    /^\/etc\/spillway\/config.yaml: ok\n[^]* 7 flows/,
  );
  const { text, status } = await check({});
  expect(text).toMatch(/^\/etc\/spillway\/config.yaml: is not there, so these are the defaults: ok\n/);
  expect(status).toBeUndefined();
});

it('a file that was named must be there', async () => {
  expect(await check({}, 'none.yaml')).toEqual({ text: 'none.yaml: there is no such file\n', status: 78 });
});

it('all problems, one a line, ready for an editor', async () => {
  expect(await check({ 'c.yaml': 'hooks: x\ntables: {flow: 1}\n' }, 'c.yaml')).toEqual({
    text:
      'c.yaml:1:8: hooks: expected auto, tracepoint or fexit, not "x"\n' +
      'c.yaml:2:10: unknown key "flow" in tables; did you mean flows?\n',
    status: 78,
  });
});

it('as JSON', async () => {
  const bad = await check({ 'c.yaml': 'hooks: x' }, '-o', 'json', 'c.yaml');
  expect(bad.status).toBe(78);
  expect(JSON.parse(bad.text)).toEqual({
    schema: 'spillway.check/1',
    file: 'c.yaml',
    ok: false,
    problems: [{ line: 1, column: 8, message: 'hooks: expected auto, tracepoint or fexit, not "x"' }],
  });
  process.exitCode = undefined;

  const good = await check(
    { 'c.yaml': 'receivers: {webhook: {url: https://hooks.example/secret}}' },
    '-o',
    'ndjson',
    'c.yaml',
  );
  expect(good.status).toBeUndefined();
  expect(good.text.split('\n')).toHaveLength(2);
  expect(JSON.parse(good.text)).toMatchObject({
    schema: 'spillway.check/1',
    file: 'c.yaml',
    ok: true,
    found: true,
    problems: [],
    config: {
      tables: { flows: 65_536 },
      receivers: { webhook: { url: 'https://hooks.example/…' } },
      alerts: { rules: [FALLBACK, {}] },
    },
  });
});

const statusOf = (name: string, state: ProgramStatus['state'], reason = ''): ProgramStatus => ({
  name,
  hook: `tp/${name}`,
  state,
  reason,
  missedRuns: 0,
  runs: 0,
  runSeconds: 0,
});

describe('--attach', () => {
  const programs = [statusOf('attempt_exit', 'attached'), statusOf('time_call', 'off', 'not needed here')];

  it('attaches as the configuration says, and every program is told', async () => {
    let asked: Config | undefined;
    const attach = (config: Config) => {
      asked = config;
      return programs;
    };
    const { text, status } = await checkOn(attach, { c: 'tables: {flows: 7}' }, '--attach', 'c');
    expect(text.slice(text.indexOf('programs\n'))).toBe(`programs
  attempt_exit  tp/attempt_exit  ok
  time_call     tp/time_call     off: not needed here
`);
    expect([status, asked?.tables.flows]).toEqual([undefined, 7]);
  });

  it('a program that is not attached says why, and is exit 3', async () => {
    const all = [...programs, statusOf('process_exit', 'unavailable', 'EINVAL: no\u001b BTF')];
    const { text, status } = await checkOn(() => all, {}, '--attach');
    expect(text).toContain('  process_exit  tp/process_exit  unavailable: EINVAL: no\\x1b BTF\n');
    expect(status).toBe(3);
    process.exitCode = undefined;
    const json = await checkOn(() => all, {}, '--attach', '-o', 'json');
    expect(json.status).toBe(3);
    const document = JSON.parse(json.text) as { ok: boolean; programs: unknown[] };
    expect(document.ok).toBe(false);
    expect(document.programs[2]).toEqual({
      name: 'process_exit',
      hook: 'tp/process_exit',
      state: 'unavailable',
      reason: 'EINVAL: no\u001b BTF',
    });
  });

  it.each([
    ['NO_PRIVILEGE', 77],
    ['NO_BTF', 69],
    ['BINDING_MISSING', 1],
  ] as const)(
    'where nothing can be attached (%s) the configuration is told, then why, with exit %i',
    async (code, exit) => {
      const attach = () => {
        throw new SpillwayError(code, 'why');
      };
      const table = await checkOn(attach, {}, '--attach');
      expect(table.text).toMatch(/: ok\n[^]*programs\n {2}none could be attached\n$/);
      expect(table.status).toBe(exit);
      const json = await checkOn(attach, {}, '--attach', '-o', 'json');
      expect(JSON.parse(json.text)).toMatchObject({ ok: false, problems: [], programs: [] });
      expect(json.status).toBe(exit);
    },
  );

  it('a bad configuration attaches nothing', async () => {
    let attached = false;
    const attach = () => {
      attached = true;
      return programs;
    };
    expect((await checkOn(attach, { c: 'hooks: x' }, '--attach', 'c')).status).toBe(78);
    process.exitCode = undefined;
    expect((await checkOn(attach, {})).status).toBeUndefined();
    expect(attached).toBe(false);
  });
});

it('the web configuration that it names is looked at too, and its mistakes are told in its name', async () => {
  const files = { 'c.yaml': 'web: {config_file: /w.yaml}', '/w.yaml': 'basic_auth_users: {joe: hunter2}' };
  const { text, status } = await check(files, 'c.yaml');
  expect(text).toMatch(/^\/w\.yaml:1:25: basic_auth_users\.joe: expected a bcrypt hash/);
  expect([status, text.includes('hunter2')]).toEqual([78, false]);
  const good = await check({ ...files, '/w.yaml': '' }, 'c.yaml');
  expect(good.text).toContain('serves     on 127.0.0.1:10190, plain HTTP, everybody\n');
});
