/** The names in a certificate (subject alternative names). Pure. */
import { isIPv6, SocketAddress } from 'node:net';

/** Kinds of names that can be compared. */
const KINDS = ['DNS:', 'IP Address:', 'email:', 'URI:'];

/**
 * The names of a list as Node writes it: `DNS:a.example, IP Address:127.0.0.1, URI:"spiffe://a, b"`. A name that could be
 * taken for more than one stands in quotes, as JSON.
 */
export function sansOf(list: string): string[] {
  const names: string[] = [];
  for (const [, kind = '', quoted, plain = ''] of list.matchAll(
    /(?:^|, )([A-Za-z ]+:)(?:("(?:[^"\\]|\\.)*")|([^,]*))/g,
  )) {
    if (!KINDS.includes(kind)) continue;
    names.push(canonicalSan(quoted === undefined ? plain : (JSON.parse(quoted) as string)));
  }
  return names;
}

/** IPv6 addresses can be written in several ways: the shortest stands for all. */
export function canonicalSan(name: string): string {
  return isIPv6(name) ? new SocketAddress({ address: name, family: 'ipv6' }).address : name;
}
