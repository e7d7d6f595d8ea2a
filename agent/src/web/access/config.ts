/** Who may ask, and how: a web configuration as the server uses it. */
import type { SecureContextOptions } from 'node:tls';

/** What is asked of clients' certificates, in the words of the toolkit (and of Go's crypto/tls). */
export const CLIENT_AUTH = [
  'NoClientCert',
  'RequestClientCert',
  'RequireClientCert',
  'RequireAnyClientCert',
  'VerifyClientCertIfGiven',
  'RequireAndVerifyClientCert',
] as const;
export type ClientAuth = (typeof CLIENT_AUTH)[number];

export interface TlsConfig {
  /** Certificate, key, authorities, versions, ciphers and curves. */
  readonly context: SecureContextOptions;
  readonly clientAuth: ClientAuth;
  /** A client's certificate must have one of these names; null: any. */
  readonly allowedSans: ReadonlySet<string> | null;
  /** When the certificate ends, milliseconds since the epoch. */
  readonly validTo: number;
}

export interface WebConfig {
  /** Null: plain HTTP. */
  readonly tls: TlsConfig | null;
  /** Stand in every answer. */
  readonly headers: Readonly<Record<string, string>>;
  /** bcrypt hashes by name; empty: everybody may ask. */
  readonly users: ReadonlyMap<string, string>;
  readonly rateLimit: RateLimit | null;
}

/** One request every `intervalMs` in the long run, and up to `burst` at once. */
export interface RateLimit {
  readonly intervalMs: number;
  readonly burst: number;
}

/** Plain HTTP for everybody. */
export const OPEN: WebConfig = { tls: null, headers: {}, users: new Map(), rateLimit: null };

/** The highest bcrypt cost that is taken: each step doubles the time, and 15 is some three seconds. */
export const MOST_COST = 15;

/** The cost of a bcrypt hash; undefined if it is none. */
export function costOf(hash: string): number | undefined {
  const cost = /^\$2[aby]\$([0-9]{2})\$[./A-Za-z0-9]{53}$/.exec(hash)?.[1];
  return cost === undefined ? undefined : Number(cost);
}
