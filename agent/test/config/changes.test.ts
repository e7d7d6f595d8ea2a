import { expect, it } from 'vitest';
import { changeText, describeChanges } from '../../src/config/changes.ts';
import { configOf, valuesOf } from '../../src/config/config.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { EAGAIN, FALLBACK, OPTIONS, parse } from './support.ts';

const changes = (from: string, to: string) => describeChanges(parse(from), parse(to)).map(changeText);

it('nothing, between two texts of the same meaning', () => {
  expect(
    changes('', 'tables: {flows: 65536}\nalerts: {rules: {SendfileFallback: {window: 1m, ratio: {above: 0.005}}}}'),
  ).toEqual([]);
});

it('what the text says, and whether it needs a restart', () => {
  const to = `
web: {listen_address: ':80', config_file: /w}
tables: {flows: 1, processes: 2}
limits: {flows: 3, workloads: 4}
confirm: never
latency: {enabled: true}
hooks: tracepoint
persist: true
alerts:
  enabled: false
  state_directory: /s
  rules:
    SendfileFallback: {enabled: false, ratio: {above: 2%}, for: 0, scopes: [host]}
receivers:
  pagerduty: {routing_key_file: /k, url: https://events.eu.pagerduty.com}
  webhook: {url: https://hooks.example/secret, bearer_token_file: /t}
runbook_base_url: https://wiki.example
status_url: https://host.example:1
`;
  expect(changes('', to)).toEqual([
    'web.listen_address: 127.0.0.1:10190 -> [::]:80 (needs a restart)',
    'web.config_file: not set -> /w (needs a restart)',
    'tables.flows: 65536 -> 1 (needs a restart)',
    'tables.processes: 4096 -> 2 (needs a restart)',
    'limits.flows: 100 -> 3 (needs a restart)',
    'limits.workloads: 200 -> 4 (needs a restart)',
    'confirm: auto -> never (needs a restart)',
    'latency.enabled: false -> true (needs a restart)',
    'hooks: auto -> tracepoint (needs a restart)',
    'persist: false -> true (needs a restart)',
    'alerts.enabled: true -> false',
    'alerts.state_directory: /var/lib/spillway -> /s (needs a restart)',
    'receivers.pagerduty.routing_key_file: not set -> /k',
    'receivers.pagerduty.url: https://events.pagerduty.com -> https://events.eu.pagerduty.com',
    'receivers.webhook.url: not set -> https://hooks.example/…',
    'receivers.webhook.bearer_token_file: not set -> /t',
    'runbook_base_url: not set -> https://wiki.example',
    'status_url: not set -> https://host.example:1',
    'alerts.rules.SendfileFallback.enabled: true -> false',
    'alerts.rules.SendfileFallback.scopes: [host, workload] -> [host]',
    'alerts.rules.SendfileFallback.ratio.above: 0.5% -> 2%',
    'alerts.rules.SendfileFallback.for: 10s -> 0s',
  ]);
});

it('another secret is a change, although both look the same', () => {
  const url = (secret: string) => `receivers: {webhook: {url: https://hooks.example/${secret}}}`;
  expect(changes(url('one'), url('two'))).toEqual([
    'receivers.webhook.url: https://hooks.example/… -> https://hooks.example/…',
  ]);
});

it('rules that are new, gone, or of another kind', () => {
  const mine = '{rate: {counter: a_total, above: 5}, window: 5m, severity: info, summary: text}';
  const added = changes('', `alerts: {rules: {Mine: ${mine}}}`);
  expect(added).toEqual([
    'alerts.rules.Mine.enabled: not set -> true',
    'alerts.rules.Mine.scopes: not set -> [host]',
    'alerts.rules.Mine.rate.counter: not set -> a_total',
    'alerts.rules.Mine.rate.above: not set -> 5',
    'alerts.rules.Mine.rate.clear: not set -> 5',
    'alerts.rules.Mine.window: not set -> 5m',
    'alerts.rules.Mine.for: not set -> 0s',
    'alerts.rules.Mine.severity: not set -> info',
    'alerts.rules.Mine.repeat: not set -> 0s',
    'alerts.rules.Mine.summary: not set -> "text"',
    'alerts.rules.Mine.runbook: not set -> ""',
  ]);
  const removed = changes(`alerts: {rules: {Mine: ${mine}}}`, '');
  expect(removed).toEqual(added.map((text) => text.replace(/not set -> (.*)$/, '$1 -> not set')));
  expect(changes('', 'alerts: {rules: {SendfileFallback: {rate: {counter: a_total, above: 5}}}}')).toEqual([
    'alerts.rules.SendfileFallback.ratio.numerator: fallbacks_total{mechanism="sendfile"} -> not set',
    'alerts.rules.SendfileFallback.ratio.denominator: attempts_total{mechanism="sendfile"} -> not set',
    'alerts.rules.SendfileFallback.ratio.above: 0.5% -> not set',
    'alerts.rules.SendfileFallback.ratio.clear: 0.25% -> not set',
    'alerts.rules.SendfileFallback.ratio.minimum: 1000 -> not set',
    'alerts.rules.SendfileFallback.rate.counter: not set -> a_total',
    'alerts.rules.SendfileFallback.rate.above: not set -> 5',
    'alerts.rules.SendfileFallback.rate.clear: not set -> 5',
  ]);
});

it('a rule is compared whatever its place among the others', () => {
  const config = parse('');
  expect(describeChanges(config, { ...config, alerts: { ...config.alerts, rules: [EAGAIN, FALLBACK] } })).toEqual([]);
  expect(OPTIONS.defaultRules).toEqual([FALLBACK, EAGAIN]);
});

it('no value of a configuration is left out', () => {
  const config = parse('');
  const values = valuesOf(config);
  expect(Object.keys(values)).toEqual(Object.keys(SETTINGS).filter((key) => key !== 'alerts.rules'));
  expect(configOf(values, config.alerts.rules)).toEqual(config);
});
