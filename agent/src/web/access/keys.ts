/** Every key of a web configuration: the format of the Prometheus exporter-toolkit. */
import { isMap, isSeq, type ParsedNode } from 'yaml';
import type { Problems } from '../../config/problems.ts';
import { pairs } from '../../config/section.ts';
import type { Setting } from '../../config/settings.ts';
import { BOOLEAN, FILE_NAME, oneOf, scalar, someOf, type ValueType, whole } from '../../config/types.ts';
import { isNothing, kindOf, rangeOf } from '../../config/yaml.ts';
import { CLIENT_AUTH, costOf, MOST_COST } from './config.ts';

/** Names of Go's crypto/tls -> those of OpenSSL, best first. */
export const CIPHERS = {
  TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256: 'ECDHE-ECDSA-AES128-GCM-SHA256',
  TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256: 'ECDHE-RSA-AES128-GCM-SHA256',
  TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384: 'ECDHE-ECDSA-AES256-GCM-SHA384',
  TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384: 'ECDHE-RSA-AES256-GCM-SHA384',
  TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-ECDSA-CHACHA20-POLY1305',
  TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256: 'ECDHE-RSA-CHACHA20-POLY1305',
  TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA: 'ECDHE-ECDSA-AES128-SHA',
  TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA: 'ECDHE-RSA-AES128-SHA',
  TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA: 'ECDHE-ECDSA-AES256-SHA',
  TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA: 'ECDHE-RSA-AES256-SHA',
  TLS_AES_128_GCM_SHA256: 'TLS_AES_128_GCM_SHA256',
  TLS_AES_256_GCM_SHA384: 'TLS_AES_256_GCM_SHA384',
  TLS_CHACHA20_POLY1305_SHA256: 'TLS_CHACHA20_POLY1305_SHA256',
} as const;
export type Cipher = keyof typeof CIPHERS;

/** The same for curves. */
export const CURVES = { X25519: 'X25519', CurveP256: 'P-256', CurveP384: 'P-384', CurveP521: 'P-521' } as const;

/** The same for versions; older ones need ciphers that OpenSSL calls insecure. */
export const VERSIONS = { TLS12: 'TLSv1.2', TLS13: 'TLSv1.3' } as const;

const namesOf = <Name extends string>(map: Readonly<Record<Name, string>>) => Object.keys(map) as Name[];

/** Taken as it is. It may be a secret: never repeated. */
const word = (name: string, expected: string, good: RegExp): ValueType<string> =>
  scalar<string>({
    name,
    expected,
    confidential: true,
    parse: (text) => (good.test(text) ? { value: text } : undefined),
    format: () => '…',
  });

/** Relative ones begin where the web configuration stands. */
const FILE = word('path', 'the name of a file', FILE_NAME);
const PEM = word('PEM', 'PEM text, which begins with -----BEGIN', /^\s*-----BEGIN [A-Z0-9 ]+-----/);
const HASH = scalar<string>({
  name: 'bcrypt hash',
  expected: 'a bcrypt hash ($2y$10$… and 53 characters; htpasswd -nBC 10 NAME makes one), not the password itself',
  confidential: true,
  parse: (text) => {
    const cost = costOf(text);
    if (cost === undefined || cost < 4) return undefined;
    if (cost > MOST_COST) return `a cost of ${String(cost)} takes too long to check: at most ${String(MOST_COST)}`;
    return { value: text };
  },
  format: () => '…',
});

/** Times of Go: `1s`, `500ms`, `1m30s`; 0 needs no unit. Milliseconds. */
const GO_TIME = scalar<number>({
  name: 'time',
  expected: 'a time such as 1s, 500ms or 1m30s',
  parse: (text) => {
    if (text === '0') return { value: 0 };
    if (!/^(?:[0-9]+(?:\.[0-9]+)?(?:ms|s|m|h))+$/.test(text)) return undefined;
    const units: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
    const parts = text.matchAll(/([0-9.]+)(ms|s|m|h)/g);
    return { value: [...parts].reduce((sum, [, number, unit = '']) => sum + Number(number) * (units[unit] ?? 0), 0) };
  },
  format: (value) => `${String(value)}ms`,
});

/** Values of one type by names that are checked too. */
function mapOf(
  expected: string,
  nameProblem: (name: string) => string | undefined,
  valueOf: (name: string) => ValueType<string>,
): ValueType<ReadonlyMap<string, string>> {
  return {
    name: 'section',
    read: (node, key, problems) => {
      const values = new Map<string, string>();
      if (isNothing(node)) return values;
      if (!isMap(node)) {
        problems.add(rangeOf(node), `${key}: expected ${expected}, not ${kindOf(node)}`);
        return undefined;
      }
      for (const { name, key: at, value } of pairs(node, `${key}.`, problems)) {
        const wrong = value === null ? 'there is no value' : nameProblem(name);
        if (wrong !== undefined) problems.add(rangeOf(at), `${key}: ${wrong}`);
        else {
          const read = valueOf(name).read(value as ParsedNode, `${key}.${name}`, problems);
          if (read !== undefined) values.set(name, read);
        }
      }
      return values;
    },
    format: () => '',
  };
}

const TEXT = scalar<string>({
  name: 'text',
  expected: 'text on one line',
  parse: (text) => (/^[\x20-\x7e]*$/.test(text) ? { value: text } : undefined),
  format: String,
});

/** The headers that can be set, and what those can be that are words. */
const HEADERS: Readonly<Record<string, ValueType<string>>> = {
  'Content-Security-Policy': TEXT,
  'Strict-Transport-Security': TEXT,
  'X-Content-Type-Options': oneOf(['nosniff']),
  'X-Frame-Options': oneOf(['deny', 'sameorigin']),
  'X-XSS-Protection': TEXT,
};

const HEADER_MAP = mapOf(
  `headers (${Object.keys(HEADERS).join(', ')})`,
  (name) =>
    Object.hasOwn(HEADERS, name)
      ? undefined
      : `no such header can be set: there are ${Object.keys(HEADERS).join(', ')}, written like this`,
  (name) => HEADERS[name] ?? TEXT,
);

const USERS = mapOf(
  'names with bcrypt hashes',
  // a colon ends the name in what a client sends
  (name) => (name === '' || /[:\p{Cc}]/u.test(name) ? 'a name is not empty and has no colon in it' : undefined),
  () => HASH,
);

const SANS: ValueType<readonly string[]> = {
  name: 'list of names',
  read: (node: ParsedNode, key: string, problems: Problems) => {
    if (!isSeq(node) || node.items.length === 0) {
      // the toolkit takes an empty list, and then lets nobody in
      problems.add(rangeOf(node), `${key}: expected a list of names such as [prometheus.example]`);
      return undefined;
    }
    const names = node.items.map((each, i) => TEXT.read(each, `${key}[${String(i)}]`, problems));
    return names.filter((name) => name !== undefined);
  },
  format: (names) => names.join(', '),
};

/** Read anew by itself when it changes, so that no key needs a restart. */
function key<V>(type: ValueType<V>, standard: V, meaning: string): Setting<V>;
function key<V>(type: ValueType<V>, standard: null, meaning: string): Setting<V | null>;
function key<V>(type: ValueType<NonNullable<V>>, standard: V, meaning: string): Setting<V> {
  return { type, default: standard, meaning, change: 'reload' };
}

export const WEB_SETTINGS = {
  'tls_server_config.cert_file': key(FILE, null, 'The certificate, and those between it and its authority (PEM).'),
  'tls_server_config.key_file': key(FILE, null, 'Its key (PEM, without a passphrase).'),
  'tls_server_config.cert': key(PEM, null, 'The certificate itself, in place of `cert_file`.'),
  'tls_server_config.key': key(PEM, null, 'The key itself, in place of `key_file`.'),
  'tls_server_config.client_auth_type': key(
    oneOf(CLIENT_AUTH),
    'NoClientCert',
    "What is asked of a client's certificate. Only `RequireAndVerifyClientCert` keeps anybody out for certain.",
  ),
  'tls_server_config.client_ca_file': key(FILE, null, 'The authorities of client certificates (PEM).'),
  'tls_server_config.client_ca': key(PEM, null, 'Those themselves, in place of `client_ca_file`.'),
  'tls_server_config.client_allowed_sans': key(
    SANS,
    null,
    'Names (DNS, IP, e-mail, URI) of which a client certificate must have one, exactly.',
  ),
  'tls_server_config.min_version': key(oneOf(namesOf(VERSIONS)), 'TLS12', 'The oldest version of TLS.'),
  'tls_server_config.max_version': key(oneOf(namesOf(VERSIONS)), 'TLS13', 'The newest version of TLS.'),
  'tls_server_config.cipher_suites': key(
    someOf(namesOf(CIPHERS)),
    null,
    'Ciphers of TLS 1.2, best first. Those of TLS 1.3 are always all on, as in Go.',
  ),
  'tls_server_config.prefer_server_cipher_suites': key(
    BOOLEAN,
    true,
    "Our order of ciphers decides, not the client's.",
  ),
  'tls_server_config.curve_preferences': key(someOf(namesOf(CURVES)), null, 'Curves of the key exchange, best first.'),
  'http_server_config.http2': key(BOOLEAN, true, 'Without effect: HTTP/1.1 is spoken, and clients are told so.'),
  'http_server_config.headers': key(HEADER_MAP, null, 'Headers of every answer: five can be set.'),
  basic_auth_users: key(USERS, null, 'Users and their bcrypt hashes. Without any, everybody may ask.'),
  'rate_limit.interval': key(
    GO_TIME,
    0,
    'Time between two requests in the long run, of all clients together; 0: no limit.',
  ),
  'rate_limit.burst': key(whole(0, 1_000_000), 0, 'Requests that may come at once.'),
} as const;
