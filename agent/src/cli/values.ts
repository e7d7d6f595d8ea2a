/** Option texts -> values, with the error that a user needs. */
import { CONFIRM, type Confirm } from '../kernel/options.ts';
import { isIP } from 'node:net';
import { InvalidArgumentError, Option } from 'commander';

const UNITS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** `500ms`, `10s`, `5m`, `1h`, or seconds without a unit -> milliseconds. */
export function duration(text: string): number {
  const match = /^([0-9]+(?:\.[0-9]+)?)(ms|s|m|h)?$/.exec(text);
  const milliseconds = Number(match?.[1]) * (UNITS[match?.[2] ?? 's'] ?? NaN);
  // setTimeout counts in 31 bits
  if (!(milliseconds > 0 && milliseconds < 2 ** 31)) {
    throw new InvalidArgumentError('a time such as 500ms, 10s or 5m, up to 24 days.');
  }
  return milliseconds;
}

/** Slots of a table: 1 to 16,777,216. */
function capacity(text: string): number {
  const number = Number(text);
  if (!/^[0-9]+$/.test(text) || number < 1 || number > 2 ** 24) {
    throw new InvalidArgumentError('a whole number from 1 to 16777216.');
  }
  return number;
}

/** The option that sizes a table. */
export function capacityOption(table: 'flows' | 'processes', standard: number): Option {
  return new Option(`--${table} <number>`, `${table} to tell apart; what comes on top is counted together`)
    .argParser(capacity)
    .default(standard);
}

/** When reads, writes and closes are watched, to learn what became of refusals. */
export function confirmOption(standard: Confirm): Option {
  return new Option(
    '--confirm <when>',
    'watch what programs do after a refusal: always, never, or auto: while one is pending',
  )
    .choices(CONFIRM)
    .default(standard);
}

/** Durations beside counts. */
export function latencyOption(): Option {
  return new Option('--latency', 'time attempts too, by mechanism and outcome; costs each of them a second probe');
}

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where the agent serves, and is looked for. */
export const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 10190 };

/** `127.0.0.1:10190`, `[::1]:10190`, `name:10190`, or `:10190` for all interfaces. */
export function listenAddress(text: string): Address {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]*)):([0-9]{1,5})$/.exec(text);
  const [, ipv6, name = '', port] = match ?? [];
  const host = ipv6 ?? (name === '' ? '::' : name);
  if (match === null || Number(port) > 65_535 || (ipv6 !== undefined && isIP(ipv6) !== 6)) {
    throw new InvalidArgumentError('an address such as 127.0.0.1:10190, [::1]:10190 or :10190.');
  }
  return { host, port: Number(port) };
}

/** The address as it is written in a URL. */
export function addressText({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
