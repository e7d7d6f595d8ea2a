/** A server that stands for PagerDuty, and an agent's configuration that sends there. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { wrongWith } from '../../alerts/delivery/events-api.ts';
import { FakeServer } from '../../alerts/delivery/servers.ts';
import { temporaryDirectory } from './run.ts';

export const KEY = '0123456789abcdef0123456789ABCDEF';

/** The part of a body that the tests look at. */
export interface Received {
  readonly routing_key: string;
  readonly event_action: string;
  readonly dedup_key: string;
  readonly payload: {
    readonly summary: string;
    readonly source: string;
    /** Unit and program; not there if it is about the host. */
    readonly component?: string;
    readonly class: string;
    readonly timestamp: string;
    readonly custom_details: Record<string, unknown>;
  };
}

export interface PagerDuty {
  readonly url: string;
  /** What was accepted. */
  readonly received: readonly Received[];
  /** What the Events API would not have taken, and was answered with 400. */
  readonly rejected: readonly string[];
}

/** Answers every event with 202, or with what `answer` says. */
export async function pagerDuty(answer: () => number = () => 202): Promise<PagerDuty> {
  const received: Received[] = [];
  const rejected: string[] = [];
  const server = new FakeServer([
    (response, _socket, { body }) => {
      const wrong = wrongWith(body);
      const status = wrong.length > 0 ? 400 : answer();
      if (status === 202) received.push(JSON.parse(body) as Received);
      if (status === 400) rejected.push(`${wrong.join(', ')}: ${body}`);
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end('{"status":"success","message":"Event processed","dedup_key":"x"}');
    },
  ]);
  await server.listen();
  onTestFinished(() => server.close());
  return { url: server.url, received, rejected };
}

/** The defaults, a routing key, and a directory of its own; `rules` are lines below `alerts:`. */
export function configuration(url: string, rules = ''): { config: string; directory: string } {
  const directory = temporaryDirectory();
  const key = join(directory, 'pagerduty.key');
  writeFileSync(key, `${KEY}\n`, { mode: 0o600 });
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `alerts:
  state_directory: ${directory}/state
${rules}receivers:
  pagerduty:
    routing_key_file: ${key}
    url: ${url}
`,
  );
  return { config, directory };
}
