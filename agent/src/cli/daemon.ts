/** What a running agent has counted, over HTTP. */
import { Option } from 'commander';
import { SpillwayError } from '../model/errors.ts';
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
  if (!response.ok) throw new SpillwayError('NO_DAEMON', `${url}${path} answered ${String(response.status)}`);
  return response;
}
