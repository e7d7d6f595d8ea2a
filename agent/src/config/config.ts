/** The configuration as the agent uses it: every default is filled in. */
import type { Rule } from '../alerts/rule.ts';
import type { Address } from './address.ts';
import type { SETTINGS, Values } from './settings.ts';

export interface Config {
  readonly web: {
    readonly listenAddress: Address;
    /** Null: plain HTTP for everybody. */
    readonly configFile: string | null;
  };
  readonly tables: { readonly flows: number; readonly processes: number };
  readonly limits: { readonly flows: number; readonly workloads: number };
  readonly confirm: 'auto' | 'always' | 'never';
  readonly latency: { readonly enabled: boolean };
  readonly hooks: 'auto' | 'tracepoint' | 'fexit';
  readonly persist: boolean;
  readonly alerts: {
    readonly enabled: boolean;
    readonly stateDirectory: string;
    /** All of them, also those that are not enabled. Names are unique. */
    readonly rules: readonly Rule[];
  };
  readonly receivers: {
    readonly pagerduty: {
      /** Null: where it is by default (a systemd credential, or a file), if it is there. */
      readonly routingKeyFile: string | null;
      /** Without a slash at its end. */
      readonly url: string;
    };
    readonly webhook: {
      /** Null: no webhook. Its path may be a secret. */
      readonly url: string | null;
      readonly bearerTokenFile: string | null;
    };
  };
  /** Without a slash at its end. */
  readonly runbookBaseUrl: string | null;
  /** Without a slash at its end. */
  readonly statusUrl: string | null;
}

export type ConfigValues = Omit<Values<typeof SETTINGS>, 'alerts.rules'>;

/** Values by key, and rules -> the configuration. */
export function configOf(values: ConfigValues, rules: readonly Rule[]): Config {
  return {
    web: { listenAddress: values['web.listen_address'], configFile: values['web.config_file'] },
    tables: { flows: values['tables.flows'], processes: values['tables.processes'] },
    limits: { flows: values['limits.flows'], workloads: values['limits.workloads'] },
    confirm: values.confirm,
    latency: { enabled: values['latency.enabled'] },
    hooks: values.hooks,
    persist: values.persist,
    alerts: { enabled: values['alerts.enabled'], stateDirectory: values['alerts.state_directory'], rules },
    receivers: {
      pagerduty: {
        routingKeyFile: values['receivers.pagerduty.routing_key_file'],
        url: values['receivers.pagerduty.url'],
      },
      webhook: {
        url: values['receivers.webhook.url'],
        bearerTokenFile: values['receivers.webhook.bearer_token_file'],
      },
    },
    runbookBaseUrl: values.runbook_base_url,
    statusUrl: values.status_url,
  };
}

/** The values of a configuration by key: what `configOf` was given. */
export function valuesOf({ web, tables, limits, alerts, receivers, ...rest }: Config): ConfigValues {
  return {
    'web.listen_address': web.listenAddress,
    'web.config_file': web.configFile,
    'tables.flows': tables.flows,
    'tables.processes': tables.processes,
    'limits.flows': limits.flows,
    'limits.workloads': limits.workloads,
    confirm: rest.confirm,
    'latency.enabled': rest.latency.enabled,
    hooks: rest.hooks,
    persist: rest.persist,
    'alerts.enabled': alerts.enabled,
    'alerts.state_directory': alerts.stateDirectory,
    'receivers.pagerduty.routing_key_file': receivers.pagerduty.routingKeyFile,
    'receivers.pagerduty.url': receivers.pagerduty.url,
    'receivers.webhook.url': receivers.webhook.url,
    'receivers.webhook.bearer_token_file': receivers.webhook.bearerTokenFile,
    runbook_base_url: rest.runbookBaseUrl,
    status_url: rest.statusUrl,
  };
}
