/**
 * Who is connected, and whose connection is cut when there are too many: of the client that has most of them, the one on
 * which nothing has happened for longest. A client that opens hundreds, or holds those that it has, only loses its own:
 * with n clients, each is sure of the n-th part.
 */
import { isIPv4, isIPv6 } from 'node:net';

export interface Connection {
  readonly client: string;
  /** Ends it at once. */
  readonly cut: () => void;
}

export class Connections {
  readonly #limit: number;
  readonly #mostUnread: number;
  /** By client; those on which something happened last stand last. */
  readonly #clients = new Map<string, Set<Connection>>();
  /** Bytes of answers that were not taken yet; the oldest first. */
  readonly #unread = new Map<Connection, number>();
  #count = 0;
  #bytes = 0;

  /** @param mostUnread bytes of answers that may wait for clients to read them, of all together */
  constructor(limit: number, mostUnread: number) {
    this.#limit = limit;
    this.#mostUnread = mostUnread;
  }

  get count(): number {
    return this.#count;
  }

  /** One more; if that is too many, another is cut. */
  add(connection: Connection): void {
    const own = this.#clients.get(connection.client) ?? new Set();
    this.#clients.set(connection.client, own.add(connection));
    this.#count++;
    if (this.#count > this.#limit) this.#cut(this.#worst());
  }

  remove(connection: Connection): void {
    this.#settle(connection);
    const own = this.#clients.get(connection.client);
    if (own?.delete(connection) !== true) return;
    this.#count--;
    if (own.size === 0) this.#clients.delete(connection.client);
  }

  /** A request has come, or an answer has gone. */
  touch(connection: Connection): void {
    const own = this.#clients.get(connection.client);
    if (own?.delete(connection) === true) own.add(connection);
  }

  /** An answer waits to be read. If there is too much of that, whoever has not read for longest is cut. */
  owe(connection: Connection, bytes: number): void {
    this.#unread.set(connection, (this.#unread.get(connection) ?? 0) + bytes);
    this.#bytes += bytes;
    while (this.#bytes > this.#mostUnread && this.#unread.size > 1) this.#cut(this.#unread.keys().next().value);
  }

  /** That answer was read. */
  paid(connection: Connection, bytes: number): void {
    const owed = this.#unread.get(connection);
    if (owed === undefined) return;
    this.#settle(connection);
    if (owed > bytes) {
      this.#unread.set(connection, owed - bytes);
      this.#bytes += owed - bytes;
    }
  }

  /** Everybody. */
  cutAll(): void {
    for (const own of this.#clients.values()) for (const connection of own) connection.cut();
  }

  #settle(connection: Connection): void {
    this.#bytes -= this.#unread.get(connection) ?? 0;
    this.#unread.delete(connection);
  }

  #cut(connection: Connection | undefined): void {
    if (connection === undefined) return;
    this.remove(connection);
    connection.cut();
  }

  #worst(): Connection | undefined {
    let worst: Set<Connection> | undefined;
    for (const own of this.#clients.values()) if (own.size > (worst?.size ?? 0)) worst = own;
    return worst?.values().next().value;
  }
}

/** Who an address is: IPv6 hosts have a whole network of 64 bits to choose from, which is one client. */
export function clientOf(address: string | undefined): string {
  const text = (address ?? '').replace(/^::ffff:(?=[0-9.]+$)/i, '');
  if (isIPv4(text) || !isIPv6(text)) return text;
  const [head = '', tail] = text.split('%')[0]?.split('::') ?? [];
  const [front, back] = [head, tail ?? ''].map((part) => part.split(':').filter((group) => group !== '')) as [
    string[],
    string[],
  ];
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length;
  const groups = [...front, ...Array<string>(zeros).fill('0'), ...back];
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`;
}
