/** Rules and counters as the alerts have them, and what is wrong with a text. */
import type { CounterSelector, Rule } from '../../src/alerts/rule.ts';
import type { Config } from '../../src/config/config.ts';
import { parseConfig, type ParseOptions } from '../../src/config/parse.ts';
import { ConfigError } from '../../src/config/problems.ts';

const sendfile = { mechanism: ['sendfile'] };

export const FALLBACK: Rule = {
  name: 'SendfileFallback',
  enabled: true,
  scopes: ['host', 'workload'],
  condition: {
    kind: 'ratio',
    numerator: { metric: 'fallbacks_total', labels: sendfile },
    denominator: { metric: 'attempts_total', labels: sendfile },
    above: 0.005,
    clear: 0.0025,
    minimum: 1000,
  },
  windowSeconds: 60,
  forSeconds: 10,
  severity: 'error',
  repeatSeconds: 14_400,
  summary: '{{host}}: sendfile falls back',
  runbook: 'sendfilefallback',
};

export const EAGAIN: Rule = {
  ...FALLBACK,
  name: 'IoUringSubmitEagain',
  enabled: false,
  scopes: ['host'],
  condition: {
    kind: 'rate',
    counter: { metric: 'io_uring_enter_errors_total', labels: { errno: ['EAGAIN'] } },
    above: 200,
    clear: 100,
  },
};

function checkSelector({ metric }: CounterSelector): string | null {
  return metric.endsWith('_total') ? null : `there is no counter ${metric}`;
}

const hasWorkloads = ({ metric }: CounterSelector): boolean => metric !== 'events_lost_total';

export const OPTIONS: ParseOptions = { defaultRules: [FALLBACK, EAGAIN], checkSelector, hasWorkloads };

export const parse = (text: string, options = OPTIONS): Config => parseConfig(text, 'c.yaml', options);

/** The problems of a text as they are shown, without the file's name. */
export function problemsOf(text: string, options = OPTIONS): string[] {
  try {
    parse(text, options);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace('c.yaml:', ''));
  }
  return [];
}
