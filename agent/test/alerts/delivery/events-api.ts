/** What PagerDuty's Events API v2 takes, as its documentation says: fields, lengths, values, size. */

const isText = (value: unknown): value is string => typeof value === 'string' && value.isWellFormed();
const bounded = (value: unknown, least: number, most: number): boolean =>
  isText(value) && Array.from(value).length >= least && Array.from(value).length <= most;
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const FIELDS = ['routing_key', 'event_action', 'dedup_key', 'payload', 'images', 'links', 'client', 'client_url'];
const PAYLOAD_FIELDS = ['summary', 'source', 'severity', 'timestamp', 'component', 'group', 'class', 'custom_details'];

/** What is wrong with the text of a body; nothing if it would be accepted. */
export function wrongWith(text: string): string[] {
  const body = JSON.parse(text) as unknown;
  if (!isObject(body)) return ['body'];
  const payload = isObject(body.payload) ? body.payload : {};
  const links = (Array.isArray(body.links) ? body.links : []) as unknown[];
  const rules: readonly [boolean, string][] = [
    [Buffer.byteLength(text) <= 512_000, 'size'],
    [typeof body.routing_key === 'string' && /^[A-Za-z0-9]{32}$/.test(body.routing_key), 'routing_key'],
    [['trigger', 'acknowledge', 'resolve'].includes(body.event_action as string), 'event_action'],
    [typeof body.dedup_key === 'string' && body.dedup_key !== '' && body.dedup_key.length <= 255, 'dedup_key'],
    [bounded(payload.summary, 1, 1024), 'summary'],
    [bounded(payload.source, 1, Infinity), 'source'],
    [['critical', 'error', 'warning', 'info'].includes(payload.severity as string), 'severity'],
    [isText(payload.timestamp) && new Date(payload.timestamp).toISOString() === payload.timestamp, 'timestamp'],
    [isObject(payload.custom_details), 'custom_details'],
    [links.every((link) => isObject(link) && isText(link.href) && isText(link.text)), 'links'],
    [Object.keys(body).every((name) => FIELDS.includes(name)), 'unknown field'],
    [Object.keys(payload).every((name) => PAYLOAD_FIELDS.includes(name)), 'unknown field of payload'],
  ];
  return rules.filter(([right]) => !right).map(([, name]) => name);
}
