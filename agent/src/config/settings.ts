/**
 * Every key of the configuration: type, default and meaning stand here and nowhere else. docs/configuration.md is generated
 * from it, and packaging/config.yaml is held to it by a test.
 */
import { isMap, type YAMLMap } from 'yaml';
import { DEFAULT_ADDRESS } from './address.ts';
import { ADDRESS, BOOLEAN, oneOf, PATH, URL_TEXT, type ValueType, whole } from './types.ts';
import { isNothing, kindOf, rangeOf } from './yaml.ts';

export interface Setting<V> {
  readonly type: ValueType<NonNullable<V>>;
  /** Null where nothing is the default. */
  readonly default: V;
  /** For docs/configuration.md. */
  readonly meaning: string;
  /** Whether a running agent can take a new value. */
  readonly change: 'reload' | 'restart';
}

export type Settings = Readonly<Record<string, Setting<unknown>>>;
/** The type of a setting's value. */
export type ValueOf<S> = S extends Setting<infer V> ? V : never;
/** All values, by key. */
export type Values<S extends Settings> = { readonly [K in keyof S]: ValueOf<S[K]> };

function setting<V>(type: ValueType<V>, standard: V, meaning: string, change?: 'reload' | 'restart'): Setting<V>;
function setting<V>(
  type: ValueType<V>,
  standard: null,
  meaning: string,
  change?: 'reload' | 'restart',
): Setting<V | null>;
function setting<V>(
  type: ValueType<NonNullable<V>>,
  standard: V,
  meaning: string,
  change: 'reload' | 'restart' = 'reload',
): Setting<V> {
  return { type, default: standard, meaning, change };
}

/** Read by rules.ts, which knows the defaults. */
const RULES: ValueType<YAMLMap.Parsed> = {
  name: 'section',
  read: (node, key, problems) => {
    if (isMap(node)) return node;
    // All rules may be commented out.
    if (isNothing(node)) return undefined;
    problems.add(rangeOf(node), `${key}: expected rules by name, not ${kindOf(node)}`);
    return undefined;
  },
  format: () => '',
};

export const SETTINGS = {
  'web.listen_address': setting(
    ADDRESS,
    DEFAULT_ADDRESS,
    'Where the agent serves `/metrics` and its pages. `:10190` means on all interfaces.',
    'restart',
  ),
  'web.config_file': setting(
    PATH,
    null,
    'TLS, users and headers, in the format of the Prometheus exporter-toolkit: see [security.md](security.md). ' +
      'What is in it is read again by itself when it changes.',
    'restart',
  ),
  'tables.flows': setting(
    whole(1, 2 ** 24),
    65_536,
    'IPv4 flows to tell apart, and as many IPv6 ones; what comes on top is counted together.',
    'restart',
  ),
  'tables.processes': setting(
    whole(1, 2 ** 24),
    4096,
    'Processes to tell apart; what comes on top is counted together.',
    'restart',
  ),
  'limits.flows': setting(
    whole(1, 100_000),
    100,
    'Flows that have series of their own in `/metrics`; the rest is summed under `other`.',
    'restart',
  ),
  'limits.workloads': setting(
    whole(1, 100_000),
    200,
    'Workloads that have series of their own in `/metrics`; the rest is summed under `other`.',
    'restart',
  ),
  confirm: setting(
    oneOf(['auto', 'always', 'never']),
    'auto',
    'When to watch what programs do after a refusal: while one is pending, always, or never.',
    'restart',
  ),
  'latency.enabled': setting(
    BOOLEAN,
    false,
    'Time attempts too, by mechanism and outcome. Costs each of them a second probe.',
    'restart',
  ),
  hooks: setting(
    oneOf(['auto', 'tracepoint', 'fexit']),
    'auto',
    'Where the returns of system calls are seen. At their tracepoints: costs every other system call of the host some 7 ns, and sees ' +
      'also what seccomp denies. By `fexit`, at the return of the functions in the kernel: costs other calls nothing, does not see ' +
      'what seccomp denies, and on preemptible kernels loses more (counted in `spillway_program_missed_runs_total`); a kernel without ' +
      'it is not watched. `auto`: tracepoints; if not one can be attached, fexit.',
    'restart',
  ),
  persist: setting(
    BOOLEAN,
    false,
    'Keep counts and probes in the kernel (pinned under `/sys/fs/bpf/spillway`) while no agent runs: a restart, a crash or an upgrade loses no count. `spillway unpin` removes them.',
    'restart',
  ),
  'alerts.enabled': setting(BOOLEAN, true, 'Evaluate rules and send incidents.'),
  'alerts.state_directory': setting(
    PATH,
    '/var/lib/spillway',
    'Where the states of alerts, unsent notifications and evidence are kept.',
    'restart',
  ),
  'alerts.rules': setting(
    RULES,
    null,
    'Changes to the default rules, and further rules, by name. See [Rules](#rules).',
  ),
  'receivers.pagerduty.routing_key_file': setting(
    PATH,
    null,
    "File with the integration's routing key, read at each send. Without it: the systemd credential `pagerduty-routing-key`, " +
      'else `/etc/spillway/pagerduty.key`; where there is neither, nothing is sent to PagerDuty.',
  ),
  'receivers.pagerduty.url': setting(
    URL_TEXT,
    'https://events.pagerduty.com',
    'Where PagerDuty listens: `https://events.eu.pagerduty.com` for accounts in the EU.',
  ),
  'receivers.webhook.url': setting(
    URL_TEXT,
    null,
    "Where incidents are posted as Alertmanager's webhook JSON, version 4. Without it, nowhere.",
  ),
  'receivers.webhook.bearer_token_file': setting(
    PATH,
    null,
    'File with the token that is sent as `Authorization: Bearer`, read at each send. Needs `receivers.webhook.url`.',
  ),
  runbook_base_url: setting(
    URL_TEXT,
    null,
    'Stands before the runbooks of rules that are no URL themselves, in the links of incidents.',
  ),
  status_url: setting(URL_TEXT, null, "This agent's pages as others reach them, for the links of incidents."),
} as const;
