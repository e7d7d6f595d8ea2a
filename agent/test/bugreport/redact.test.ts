import { describe, expect, it } from 'vitest';
import { redactJson, redactText, redactYaml } from '../../src/bugreport/redact.ts';
import { PLANTED } from './planted.ts';

describe.each(Object.entries(PLANTED))('%s', (_, secret) => {
  it.each([
    ['a configuration', redactYaml],
    ['a log', redactText],
  ])('in %s', (__, redact) => {
    for (const { text, hidden } of secret) {
      expect(text, 'the plant itself').toContain(hidden);
      expect(redact(`before\n${text}\nafter\n`)).not.toContain(hidden);
      expect(redact(`before\n${text}\nafter\n`)).toMatch(/^before\n[\s\S]*after\n$/);
    }
  });
});

it.each([
  'routing_key_file: /etc/spillway/pagerduty.key',
  'bearer_token_file: "/etc/spillway/webhook.token"',
  'listen_address: 127.0.0.1:10190',
  'metrics are at http://127.0.0.1:10190/metrics, an overview is at http://127.0.0.1:10190/',
  'https://events.pagerduty.com',
  'the token is wrong: HTTP 401',
  'errors_total{mechanism="sendfile", errno="EAGAIN|EINVAL"}',
  'spillway_workload_attempts_total{unit="nginx.service",comm="nginx",mechanism="copy_file_range",outcome="zerocopy"} 12345678901',
  'CapEff:\t000001fffeffffff',
  'layout    f864726f4dd3958e',
  '-- for the host and for each workload: 0.5 %',
])('what is no secret stays: %s', (text) => {
  expect(redactText(text)).toBe(text);
  expect(redactYaml(text)).toBe(text);
});

it('of the id of a container there is left what people write', () => {
  const id = '0123456789abcdef'.repeat(4);
  expect(redactText(`docker-${id}.scope`)).toBe('docker-0123456789ab….scope');
});

it('of a URL there is left where it leads', () => {
  expect(redactText('POST https://hooks.example:8443/services/T0/B0?x=1: 500')).toBe(
    'POST https://hooks.example:8443/… 500',
  );
});

it('a file that is named by a key instead of a path is not shown', () => {
  expect(redactYaml('routing_key_file: hunter2')).toBe('routing_key_file: [redacted]');
  expect(redactYaml(`routing_key_file: /${'a1'.repeat(16)}`)).not.toContain('a1a1');
});

it('only the value is taken out, and what belongs to it on further lines', () => {
  const yaml =
    'web:\n  password: |\n    one two\n    three\n  port: 1\nbasic_auth_users:\n  alice: plain words\n  bob: x\nlimits: {flows: 1}\n';
  expect(redactYaml(yaml)).toBe(
    'web:\n  password: [redacted]\n  port: 1\nbasic_auth_users: [redacted]\nlimits: {flows: 1}\n',
  );
});

it('a document keeps its form; names, numbers and nothing stay', () => {
  expect(
    redactJson({
      a: [1, null, true],
      comm: 'x',
      token: null,
      password: 'p',
      deep: { api_key: ['k'] },
      key_file: '/etc/k',
    }),
  ).toEqual({
    a: [1, null, true],
    comm: 'x',
    token: null,
    password: '[redacted]',
    deep: { api_key: '[redacted]' },
    key_file: '/etc/k',
  });
});

it('long lines without an end take no longer than they must', () => {
  for (const part of ['-', '=', 'a', 'a-', 'password', 'x.', '"', "token='", 'http://', '$2y$']) {
    expect(redactYaml(`x ${part.repeat(50_000)} y`)).toBe('x [redacted] y');
    expect(redactText(part.repeat(300)).length).toBeGreaterThan(0);
  }
});
