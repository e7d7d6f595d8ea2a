/** The rules with times that one can wait for: nothing but windows, `for` and intervals is changed. Pure. */

/** How long every window is. */
export const WINDOW_SECONDS = 5;

/** The text of a file of Prometheus' rules, with such times. */
export function shortRules(rules: string): string {
  const window = `${String(WINDOW_SECONDS)}s`;
  return rules
    .replaceAll(/\[\w+\]/g, `[${window}]`)
    .replaceAll(/offset \w+/g, `offset ${window}`)
    .replaceAll('growth10s / 10 >', `growth10s / ${String(WINDOW_SECONDS)} >`)
    .replaceAll(/interval: \w+/g, 'interval: 1s')
    .replaceAll(/for: \w+/g, 'for: 0s');
}

/** A configuration of the agent with the same times. What it tells goes to `receiver`, and to nobody else. */
export const configuration = (directory: string, agent: string, receiver: string): string => `\
status_url: ${agent}
latency: {enabled: true}
alerts:
  state_directory: ${directory}/state
  rules:
    SendfileFallback: {window: ${String(WINDOW_SECONDS)}s, for: 0s}
    IoUringSubmitEagain: {window: ${String(WINDOW_SECONDS)}s}
receivers:
  pagerduty: {url: '${receiver}', routing_key_file: ${directory}/pagerduty.key}
`;

/** Prometheus, which scrapes the agent and evaluates rules.yml once a second. */
export const prometheusConfiguration = (agent: string): string => `\
global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
  - {job_name: spillway, static_configs: [{targets: ['${agent}']}]}
`;
