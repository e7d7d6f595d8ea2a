import { afterEach, expect, it, vi } from 'vitest';
import { checkCommand } from '../../src/cli/check.ts';
import { DEFAULT_CONFIG_FILE } from '../../src/config/load.ts';
import { FALLBACK, OPTIONS } from '../config/support.ts';

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** What `spillway check` writes to stdout on a host with these files, and its exit status. */
async function check(files: Readonly<Record<string, string>>, ...args: string[]) {
  let text = '';
  vi.spyOn(process.stdout, 'write').mockImplementation(((chunk: string, done: () => void) => {
    text += chunk;
    done();
    return true;
  }) as typeof process.stdout.write);
  const command = checkCommand({
    ...OPTIONS,
    files: {
      readFile: (path) => {
        const content = files[path];
        if (content === undefined) throw Object.assign(new Error(), { code: 'ENOENT' });
        return Buffer.from(content);
      },
      fileExists: (path) => path in files,
    },
  });
  await command.parseAsync(['node', 'check', ...args]);
  vi.restoreAllMocks();
  return { text, status: process.exitCode };
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
      'c.yaml:1:8: hooks: expected auto or tracepoint, not "x"\n' +
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
    problems: [{ line: 1, column: 8, message: 'hooks: expected auto or tracepoint, not "x"' }],
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
