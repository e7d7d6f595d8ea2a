/** Where the agent serves, as people write it. Pure. */
import { isIP } from 'node:net';

export interface Address {
  readonly host: string;
  readonly port: number;
}

/** Where the agent serves, and is looked for. */
export const DEFAULT_ADDRESS: Address = { host: '127.0.0.1', port: 10190 };

/** For errors. */
export const ADDRESS_EXPECTED = 'an address such as 127.0.0.1:10190, [::1]:10190 or :10190';

/** `127.0.0.1:10190`, `[::1]:10190`, `name:10190`, or `:10190` for all interfaces; undefined if it is none. */
export function parseAddress(text: string): Address | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]\s]*)):([0-9]{1,5})$/.exec(text);
  const [, ipv6, name = '', port] = match ?? [];
  const host = ipv6 ?? (name === '' ? '::' : name);
  if (match === null || Number(port) > 65_535 || (ipv6 !== undefined && isIP(ipv6) !== 6)) return undefined;
  return { host, port: Number(port) };
}

/** The address as it is written in a URL. */
export function addressText({ host, port }: Address): string {
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}
