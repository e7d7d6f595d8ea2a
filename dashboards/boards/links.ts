/** Where boards lead to. */
import { defaultRules } from '../../agent/src/alerts/default-rules.ts';
import type { Link } from './panel.ts';

const runbook = (path: string): string => `\${docs}/${path.replace(/^docs\//, '')}`;

/** By the name of each rule that the agent has: its runbook. */
export const RUNBOOKS: ReadonlyMap<string, Link> = new Map(
  defaultRules().map(({ name, runbook: path }) => [name, { title: `Runbook of ${name}`, url: runbook(path) }]),
);

/** What outcomes and reasons mean. */
export const OUTCOMES_PAGE: Link = {
  title: 'Outcomes and reasons, each with an example',
  url: runbook('docs/outcomes.md'),
};
export const OPERATIONS_PAGE: Link = { title: 'Operating the agent', url: runbook('docs/operations.md') };

export const FLEET = 'spillway-fleet';
export const HOST = 'spillway-host';
export const HEALTH = 'spillway-health';

/** For the column `instance` of a table: the board and the page of that host. */
export const HOST_LINKS: readonly Link[] = [
  {
    title: 'This host',
    url: `/d/${HOST}?\${datasource:queryparam}&\${job:queryparam}&var-instance=\${__value.text:percentencode}`,
  },
  // raw: the brackets of an IPv6 address are no address any more when they are encoded
  { title: 'Its status page', url: '${scheme}://${__value.text:raw}/' },
];
