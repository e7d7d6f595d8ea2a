/** What a running agent has counted, over HTTP. */
import { Option } from 'commander';
import { SpillwayError } from '../model/errors.ts';
import { printable } from '../model/text.ts';
import type { AlertsJson } from '../web/alerts-json.ts';
import type { SnapshotJson } from '../web/snapshot-json.ts';
import { type Address, addressText, DEFAULT_ADDRESS, listenAddress } from './values.ts';

/** The option that says where the agent is. */
export function addressOption(): Option {
  return new Option('-a, --address <address>', 'where the daemon serves')
    .argParser(listenAddress)
    .default(DEFAULT_ADDRESS, addressText(DEFAULT_ADDRESS));
}

/** Everything that the agent has counted since it started. @throws SpillwayError NO_DAEMON */
export async function snapshotOfDaemon(address: Address): Promise<SnapshotJson> {
  return (await (await get(address, '/api/v1/snapshot')).json()) as SnapshotJson;
}

/** The same for Prometheus. @throws SpillwayError NO_DAEMON */
export async function metricsOfDaemon(address: Address): Promise<string> {
  return (await get(address, '/metrics')).text();
}

/** How the alerts stand. @throws SpillwayError NO_DAEMON, also where alerts are switched off */
export async function alertsOfDaemon(address: Address): Promise<AlertsJson> {
  return (await (await get(address, '/api/v1/alerts')).json()) as AlertsJson;
}

/** Characters of an answer's own words that an error repeats. */
const MAX_REASON = 200;

async function get(address: Address, path: string): Promise<Response> {
  const url = `http://${addressText(address)}`;
  let response: Response;
  try {
    response = await fetch(url + path, { signal: AbortSignal.timeout(10_000) });
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } };
    const why = cause?.code ?? (error instanceof Error ? error.message : String(error));
    throw new SpillwayError(
      'NO_DAEMON',
      `no agent answers at ${url} (${why}): start one with: spillway run, or look without one: ` +
        'spillway snapshot --duration 10s',
      { cause: error },
    );
  }
  if (!response.ok) {
    const why = printable((await response.text()).trim()).slice(0, MAX_REASON);
    const answer = `${url}${path} answered ${String(response.status)}`;
    throw new SpillwayError('NO_DAEMON', why === '' ? answer : `${answer}: ${why}`);
  }
  return response;
}
