import { describe, expect, it } from 'vitest';
import { ConfigError } from '../../src/config/problems.ts';
import { HOOKS } from '../../src/kernel/hooks.ts';
import { CONFIRM, DEFAULT_OPTIONS } from '../../src/kernel/options.ts';
import { DEFAULT_LIMITS } from '../../src/metrics/index.ts';
import { EAGAIN, FALLBACK, OPTIONS, parse, problemsOf } from './support.ts';

const DEFAULTS = {
  web: { listenAddress: { host: '127.0.0.1', port: 10_190 }, configFile: null },
  tables: { flows: 65_536, processes: 4096 },
  limits: { flows: 100, workloads: 200 },
  confirm: 'auto',
  latency: { enabled: false },
  hooks: 'auto',
  persist: false,
  alerts: { enabled: true, stateDirectory: '/var/lib/spillway', rules: [FALLBACK, EAGAIN] },
  receivers: {
    pagerduty: { routingKeyFile: null, url: 'https://events.pagerduty.com' },
    webhook: { url: null, bearerTokenFile: null },
  },
  runbookBaseUrl: null,
  statusUrl: null,
};

describe('what is not given is the default', () => {
  it.each([
    '',
    '\n',
    '# nothing',
    '---\n',
    '{}',
    'null',
    'web:\ntables: ~\nalerts:\n  rules:\nreceivers:\n  webhook: null\n',
    'alerts:\n  rules:\n    SendfileFallback:\n    IoUringSubmitEagain: {}\n',
  ])('%j', (text) => {
    expect(parse(text)).toEqual(DEFAULTS);
  });

  it('the same as without a configuration', () => {
    const { tables, limits, confirm, latency, hooks } = parse('');
    expect({ ...tables, confirm, latency: latency.enabled, hooks }).toEqual({
      flows: DEFAULT_OPTIONS.flows,
      processes: DEFAULT_OPTIONS.processes,
      confirm: DEFAULT_OPTIONS.confirm,
      latency: DEFAULT_OPTIONS.latency,
      hooks: DEFAULT_OPTIONS.hooks,
    });
    expect(limits).toEqual({ flows: DEFAULT_LIMITS.flows, workloads: DEFAULT_LIMITS.workloads });
  });

  it.each([
    ['confirm', CONFIRM],
    ['hooks', HOOKS],
  ] as const)('the agent knows each word of %s, and no other', (key, words) => {
    for (const word of words) expect(parse(`${key}: ${word}`)[key]).toBe(word);
    expect(problemsOf(`${key}: x`)[0]).toContain(`expected ${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`);
  });
});

it('every key is taken', () => {
  const text = `
web:
  listen_address: '[::1]:80'
  config_file: /a b/web.yaml
tables: {flows: 1, processes: 16777216}
limits: {flows: 7, workloads: 8}
confirm: never
latency:
  enabled: true
hooks: tracepoint
persist: true
alerts:
  enabled: false
  state_directory: /s
  rules: {}
receivers:
  pagerduty:
    routing_key_file: /k
    url: http://127.0.0.1:8080/
  webhook:
    url: https://hooks.example/a/b?c=d
    bearer_token_file: "/t"
runbook_base_url: https://wiki.example/x//
status_url: https://host.example
`;
  expect(parse(text)).toEqual({
    web: { listenAddress: { host: '::1', port: 80 }, configFile: '/a b/web.yaml' },
    tables: { flows: 1, processes: 16_777_216 },
    limits: { flows: 7, workloads: 8 },
    confirm: 'never',
    latency: { enabled: true },
    hooks: 'tracepoint',
    persist: true,
    alerts: { enabled: false, stateDirectory: '/s', rules: [FALLBACK, EAGAIN] },
    receivers: {
      pagerduty: { routingKeyFile: '/k', url: 'http://127.0.0.1:8080' },
      webhook: { url: 'https://hooks.example/a/b?c=d', bearerTokenFile: '/t' },
    },
    runbookBaseUrl: 'https://wiki.example/x',
    statusUrl: 'https://host.example',
  });
});

describe('keys', () => {
  it.each([
    ['web:\n  listen_adress: x', '2:3: unknown key "listen_adress" in web; did you mean listen_address?'],
    ['listen_address: x', '1:1: unknown key "listen_address"; did you mean web.listen_address?'],
    [
      'web.listen_address: x',
      '1:1: unknown key "web.listen_address": sections stand on lines of their own, not before a dot',
    ],
    ['tables: {zzzzzzz: 1}', '1:10: unknown key "zzzzzzz" in tables (there are flows, processes)'],
    ['constructor: 1', '1:1: unknown key "constructor" (there are web, tables, limits, confirm'],
    ['web: {toString: 1}', '1:7: unknown key "toString" in web (there are'],
    ['__proto__: {enabled: 1}', '1:1: unknown key "__proto__"'],
    ['confirm: auto\nweb: {}\nconfirm: auto', '3:1: "confirm" appears twice: it stands on line 1 too'],
    ['tables: {flows: 1, flows: 2}', '1:20: "tables.flows" appears twice: it stands on line 1 too'],
    ['tables: {flows: 1}\ntables: {processes: 2}', '2:1: "tables" appears twice'],
    ['confirm', '1:1: expected keys such as alerts: or web:, not text'],
    ['- confirm', '1:1: expected keys such as alerts: or web:, not a list'],
    ['web: 10190', '1:6: web: expected a section (with listen_address, config_file), not text'],
    ['receivers:\n- pagerduty', '2:1: receivers: expected a section (with pagerduty, webhook), not a list'],
    ['? [a]\n: 1', '1:3: a key must be text'],
    ['confirm:', '1:8: confirm: there is no value: give auto, always or never, or leave the key out'],
    ['confirm: ~', '1:10: confirm: there is no value'],
    ['latency: {enabled}', '1:11: latency.enabled: there is no value'],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)]);
  });
});

describe('values', () => {
  it.each([
    ['confirm: alway', '1:10: confirm: expected auto, always or never, not "alway"; did you mean always?'],
    [
      'confirm: [auto]',
      '1:10: confirm: expected auto, always or never, not a list; text that begins with { or [ needs quotes',
    ],
    ['confirm:\n  a: 1', '2:3: confirm: expected auto, always or never, not a section'],
    ['hooks: kprobe', '1:8: hooks: expected auto, tracepoint or fexit, not "kprobe"'],
    ['persist: yes', '1:10: persist: expected true or false, not "yes"; did you mean true?'],
    ['persist: Off', '1:10: persist: expected true or false, not "Off"; did you mean false?'],
    ['persist: constructor', '1:10: persist: expected true or false, not "constructor"'],
    ['persist: "true"', '1:10: persist: expected true or false, without quotes'],
    ['tables: {flows: 0}', '1:17: tables.flows: expected a whole number from 1 to 16777216, not "0"'],
    ['tables: {flows: 16777217}', 'not "16777217"'],
    ['tables: {flows: -1}', 'not "-1"'],
    ['tables: {flows: 1.5}', 'not "1.5"'],
    ['tables: {flows: 1e3}', 'not "1e3"'],
    ['tables: {flows: "1"}', '1:17: tables.flows: expected a whole number from 1 to 16777216, without quotes'],
    ['limits: {flows: 100001}', 'limits.flows: expected a whole number from 1 to 100000'],
    ['limits: {workloads: 0}', 'limits.workloads: expected a whole number from 1 to 100000'],
    [
      'web: {listen_address: 80}',
      '1:23: web.listen_address: expected an address such as 127.0.0.1:10190, [::1]:10190 or :10190, not "80"',
    ],
    ['web: {config_file: web.yaml}', '1:20: web.config_file: expected an absolute path such as /etc/spillway/…'],
    ['web: {config_file: "/a\\nb"}', 'web.config_file: expected an absolute path'],
    ['status_url: ftp://x', '1:13: status_url: expected a URL such as https://host.example/path'],
    ['status_url: https:x', 'status_url: expected a URL'],
    ['status_url: https://', 'status_url: expected a URL'],
    ['status_url: https://x/#y', 'status_url: a URL here has no # in it'],
  ])('%j', (text, problem) => {
    expect(problemsOf(text)).toEqual([expect.stringContaining(problem)]);
  });

  it('an alias is no value, and what it would stand for is not looked at', () => {
    expect(problemsOf('confirm: &a auto\nhooks: *a\nlatency: *a\n*a : 1')).toEqual([
      '2:8: hooks: expected auto, tracepoint or fexit, not an alias (write the value out: this file has none)',
      '3:10: latency: expected a section (with enabled), not an alias (write the value out: this file has none)',
      '4:1: a key must be text; text that begins with { or [ needs quotes',
    ]);
  });

  it('text of the file is shown shortened, and nothing of it acts on a terminal', () => {
    expect(problemsOf(`confirm: "\\e[31m${'ä'.repeat(80)}"`)[0]).toContain(`not "\\x1b[31m${'ä'.repeat(52)}…"`);
  });

  it('a token without its URL', () => {
    expect(problemsOf('receivers: {webhook: {bearer_token_file: /t}}')).toEqual([
      '1:42: receivers.webhook.bearer_token_file: without receivers.webhook.url there is nothing to send it to',
    ]);
  });

  it('the web configuration must exist', () => {
    const asked: string[] = [];
    const options = { ...OPTIONS, fileExists: (path: string) => asked.push(path) > 1 };
    expect(problemsOf('web: {config_file: /w}', options)).toEqual([
      '1:20: web.config_file: there is no such file, or it cannot be read',
    ]);
    expect(problemsOf('web: {config_file: /w}', options)).toEqual([]);
    expect(asked).toEqual(['/w', '/w']);
  });
});

describe('what is no YAML', () => {
  it.each([
    ['web:\n\tconfirm: auto', '2:1: a tab cannot indent: use spaces'],
    ['confirm: auto\n---\nhooks: auto', '2:1: a second document begins here: put everything into one'],
    ['confirm: "auto', '1:14: missing closing "quote'],
    ['web: {', '1:6: '],
    [
      'web:\n  listen_address: [::1]:80',
      '2:24: unexpected scalar at node end; text that begins with { or [ needs quotes',
    ],
    ['hooks: !x auto', '1:8: tags have no meaning here: text that begins with ! needs quotes'],
    ['%x\n---\nhooks: auto', '1:1: directives have no meaning here'],
    ['['.repeat(100_000), '1:'],
  ])('%#: %.40j', (text, problem) => {
    expect(problemsOf(text)[0]?.slice(0, problem.length)).toBe(problem);
  });

  it('all that is wrong before it is told too, and nothing that follows from it', () => {
    expect(problemsOf('confirm: x\nweb:\n\thooks: y\npersist: z\n')).toEqual([
      '1:10: confirm: expected auto, always or never, not "x"',
      '3:1: a tab cannot indent: use spaces',
    ]);
  });

  it('each line is complained about once', () => {
    expect(problemsOf('a: {n: x{m="s"}, b: 1}\n\tb: 1\n').map((line) => line.split(':', 1)[0])).toEqual(['1', '2']);
  });

  it('%YAML 1.1 does not make yes a boolean', () => {
    expect(problemsOf('%YAML 1.1\n---\npersist: yes')).toEqual([
      expect.stringContaining('3:10: persist: expected true or false'),
    ]);
  });
});

describe('secrets', () => {
  const key = 'R0123456789abcdefGHIJKLMNOPQRST0';

  it.each([
    [
      `receivers:\n  pagerduty:\n    routing_key: ${key}`,
      '3:5: "receivers.pagerduty.routing_key": secrets do not stand here: write it',
    ],
    [`receivers: {pagerduty: {service_key: x}}`, 'and name that file in receivers.pagerduty.routing_key_file'],
    [`receivers: {pagerduty: {url: {}, zzz: ${key}}}`, 'and name that file in receivers.pagerduty.routing_key_file'],
    [
      `receivers: {webhook: {url: 'http://x', bearer_token: ${key}}}`,
      'and name that file in receivers.webhook.bearer_token_file',
    ],
    [
      `receivers: {pagerduty: {routing_key_file: ${key}}}`,
      'this looks like a key: write it into a file that only root can read',
    ],
    [`receivers: {pagerduty: ${key}}`, 'not text; secrets do not stand here'],
    [`receivers: {pagerduty: {${key}: x}}`, 'unknown key "(not repeated here)"'],
    [`receivers: {webhook: {url: 'https://${key}:x@host'}}`, 'a URL here has no user and no password in it'],
    [`receivers: {webhook: {url: '${key}'}}`, 'expected a URL'],
    [`confirm: ${key}`, 'not "(not repeated here)"'],
    [`receivers: {pagerduty: {routing_key_file: ${key}`, ''],
    [`receivers:\n  pagerduty:\n    routing_key: | ${key}`, '3:'],
    [`receivers:\n  pagerduty:\n    routing_key: !${key} x`, '3:'],
    [key, '1:1: expected keys'],
  ])('%# is named, and never repeated', (text, problem) => {
    const problems = problemsOf(text).join('\n');
    expect(problems).toContain(problem);
    expect(problems).not.toBe('');
    expect(problems.toLowerCase()).not.toContain(key.slice(1, 12).toLowerCase());
  });

  it('a token of another shape is not repeated either', () => {
    expect(problemsOf('receivers: {webhook: {url: "http://x", authorization: "Bearer hunter2"}}').join()).not.toContain(
      'hunter2',
    );
  });
});

describe('the error', () => {
  it('is for the exit status 78, and has each problem by itself', () => {
    expect(() => parse('hooks: x\nconfirm: y')).toThrow(ConfigError);
    try {
      parse('hooks: x\nconfirm: y');
    } catch (error) {
      expect(error).toMatchObject({ code: 'CONFIG', exitCode: 78, file: 'c.yaml' });
      expect((error as ConfigError).problems.map(({ line, column }) => [line, column])).toEqual([
        [1, 8],
        [2, 10],
      ]);
    }
  });

  it('shows a hundred problems of a file of another kind, and knows them all', () => {
    const text = Array.from({ length: 5000 }, (_, i) => `key${String(i)}: value`).join('\n');
    const problems = problemsOf(text);
    expect(problems).toHaveLength(101);
    expect(problems.at(-1)).toBe(' 4900 more');
  });
});
