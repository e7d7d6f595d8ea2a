/** The key by which receivers know that two events are about the same incident. Pure. */
import { createHash } from 'node:crypto';
import { subjectKey } from './counters.ts';
import type { Subject } from './rule.ts';

/** Of the rule's name as much as is shown; the digest is of all of it. PagerDuty takes keys of 255 characters. */
const MOST_NAME = 128;

/**
 * `spillway:<rule>:<sha256 hex>`: the same for the same host, rule and subject, across restarts. `hostId` tells hosts apart and is
 * nothing that others must not see.
 */
export function dedupKey(hostId: string, rule: string, subject: Subject): string {
  const digest = createHash('sha256')
    .update(JSON.stringify([hostId, rule, subjectKey(subject)]))
    .digest('hex');
  return `spillway:${rule.slice(0, MOST_NAME)}:${digest}`;
}
