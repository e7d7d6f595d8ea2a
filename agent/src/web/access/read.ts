/** The file of a web configuration, and those that it names -> the configuration, or everything that is wrong with it. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { dirname, resolve } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { isMap, type ParsedNode } from 'yaml';
import { type Files, textOf } from '../../config/load.ts';
import { ConfigError, Problems } from '../../config/problems.ts';
import { readSection } from '../../config/section.ts';
import type { Values } from '../../config/settings.ts';
import { isNothing, kindOf, parseYaml, rangeOf } from '../../config/yaml.ts';
import type { TlsConfig, WebConfig } from './config.ts';
import { CIPHERS, CURVES, type Cipher, VERSIONS, WEB_SETTINGS } from './keys.ts';
import { canonicalSan } from './sans.ts';

type WebValues = Values<typeof WEB_SETTINGS>;
type Reader = Pick<Files, 'readFile'>;

/** A certificate with all of its chain has some 10 KiB, a bundle of authorities may have hundreds. */
const MOST_PEM_BYTES = 1024 * 1024;

const DEFAULTS = Object.fromEntries(
  Object.entries(WEB_SETTINGS).map(([key, setting]) => [key, setting.default]),
) as unknown as WebValues;

/** @throws ConfigError with every problem, which repeats no hash, key or password */
export function readWebConfig(file: string, files: Reader): WebConfig {
  const text = textOf(file, true, files);
  const problems = new Problems(text);
  const contents = parseYaml(text, problems);
  let values = DEFAULTS;
  let nodes: ReadonlyMap<string, ParsedNode> = new Map();
  if (isMap(contents)) {
    const given = readSection(contents, WEB_SETTINGS, '', problems);
    values = { ...DEFAULTS, ...given.values };
    nodes = given.nodes;
  } else if (contents !== null && !isNothing(contents)) {
    problems.add(rangeOf(contents), `expected keys such as tls_server_config:, not ${kindOf(contents)}`);
  }
  const tls = readTls(values, new Places(nodes, problems), dirname(resolve(file)), files);
  const found = problems.list();
  if (found.length > 0) throw new ConfigError(file, found);
  // in small letters, like our own, in whose place they stand
  const headers = [...(values['http_server_config.headers'] ?? [])]
    .filter(([, value]) => value !== '')
    .map(([name, value]) => [name.toLowerCase(), value] as const);
  return {
    tls,
    headers: Object.fromEntries(headers),
    users: values.basic_auth_users ?? new Map<string, string>(),
    rateLimit:
      values['rate_limit.interval'] > 0
        ? { intervalMs: values['rate_limit.interval'], burst: values['rate_limit.burst'] }
        : null,
  };
}

type TlsKey = 'cert' | 'key' | 'client_ca';
/** A key of tls_server_config, without that prefix. */
const PREFIX = 'tls_server_config.';

/** Where the keys of tls_server_config stand. */
class Places {
  readonly #nodes: ReadonlyMap<string, ParsedNode>;
  readonly #problems: Problems;

  constructor(nodes: ReadonlyMap<string, ParsedNode>, problems: Problems) {
    this.#nodes = new Map([...nodes].filter(([key]) => key.startsWith(PREFIX)));
    this.#problems = problems;
  }

  get any(): boolean {
    return this.#nodes.size > 0;
  }

  has(key: string): boolean {
    return this.#nodes.has(PREFIX + key);
  }

  /** A problem with a key; with one that is not there, at the first that is. */
  add(key: string, message: string): void {
    const node = this.#nodes.get(PREFIX + key) ?? this.#nodes.values().next().value;
    if (node !== undefined) this.#problems.add(rangeOf(node), `${PREFIX}${key}: ${message}`);
  }
}

function readTls(values: WebValues, places: Places, directory: string, files: Reader): TlsConfig | null {
  if (!places.any) return null;
  const pem = (name: TlsKey): string | undefined => pemOf(name, values, places, directory, files);
  const [cert, key, ca] = [pem('cert'), pem('key'), pem('client_ca')];
  for (const name of ['cert', 'key'] as const) {
    if (!places.has(name) && !places.has(`${name}_file`)) {
      places.add(`${name}_file`, `is missing: TLS needs a certificate and its key`);
    }
  }
  checkClients(values, places);
  const [min, max] = [values['tls_server_config.min_version'], values['tls_server_config.max_version']];
  if (min > max) places.add('min_version', 'is above max_version');
  const certificate = cert === undefined ? undefined : certificateOf('cert', cert, places);
  if (ca !== undefined) certificateOf('client_ca', ca, places);
  const privateKey = key === undefined ? undefined : keyOf(key, places);
  if (certificate === undefined || privateKey === undefined) return null;
  if (!certificate.checkPrivateKey(privateKey)) {
    places.add(whichOf('key', places), 'is not the key of the certificate');
    return null;
  }
  const context: SecureContextOptions = {
    cert,
    key,
    ...(ca === undefined ? {} : { ca }),
    minVersion: VERSIONS[min],
    maxVersion: VERSIONS[max],
    ciphers: ciphersOf(values['tls_server_config.cipher_suites']),
    honorCipherOrder: values['tls_server_config.prefer_server_cipher_suites'],
    ecdhCurve: values['tls_server_config.curve_preferences']?.map((curve) => CURVES[curve]).join(':') ?? 'auto',
  };
  try {
    createSecureContext(context);
  } catch (error) {
    places.add(whichOf('cert', places), `TLS cannot be set up with this (${codeOf(error)})`);
  }
  const sans = values['tls_server_config.client_allowed_sans'];
  return {
    context,
    clientAuth: values['tls_server_config.client_auth_type'],
    allowedSans: sans === null ? null : new Set(sans.map(canonicalSan)),
    validTo: Date.parse(certificate.validTo),
  };
}

/** The key under which a PEM was given. */
const whichOf = (name: TlsKey, places: Places): string => (places.has(name) ? name : `${name}_file`);

function pemOf(name: TlsKey, values: WebValues, places: Places, directory: string, files: Reader): string | undefined {
  if (places.has(name) && places.has(`${name}_file`)) {
    places.add(name, `stands beside ${name}_file: one of them`);
    return undefined;
  }
  const path = values[`tls_server_config.${name}_file`];
  if (path === null) return values[`tls_server_config.${name}`] ?? undefined;
  try {
    const bytes = files.readFile(resolve(directory, path), MOST_PEM_BYTES + 1);
    if (bytes.length <= MOST_PEM_BYTES) return Buffer.from(bytes).toString('latin1');
    places.add(`${name}_file`, 'is larger than 1 MiB: is it another file?');
  } catch (error) {
    const code = codeOf(error);
    places.add(`${name}_file`, code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`);
  }
  return undefined;
}

function checkClients(values: WebValues, places: Places): void {
  const policy = values['tls_server_config.client_auth_type'];
  const hasAuthorities = places.has('client_ca') || places.has('client_ca_file');
  if (hasAuthorities && policy === 'NoClientCert') {
    places.add(whichOf('client_ca', places), 'is of no use without a client_auth_type');
  }
  if (!hasAuthorities && (policy === 'RequireAndVerifyClientCert' || policy === 'VerifyClientCertIfGiven')) {
    places.add('client_auth_type', 'needs client_ca_file: without it any certificate of a public authority would do');
  }
  const required = ['RequireClientCert', 'RequireAnyClientCert', 'RequireAndVerifyClientCert'];
  if (places.has('client_allowed_sans') && !required.includes(policy)) {
    places.add('client_allowed_sans', 'needs a client_auth_type of RequireAndVerifyClientCert or RequireAnyClientCert');
  }
}

function certificateOf(name: 'cert' | 'client_ca', pem: string, places: Places): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    places.add(whichOf(name, places), `there is no certificate in it (${codeOf(error)})`);
    return undefined;
  }
}

function keyOf(pem: string, places: Places): KeyObject | undefined {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    const code = codeOf(error);
    const locked = code === 'ERR_MISSING_PASSPHRASE' || pem.includes('ENCRYPTED');
    places.add(
      whichOf('key', places),
      locked ? 'has a passphrase: save it without one' : `there is no private key in it (${code})`,
    );
    return undefined;
  }
}

/** Without any of TLS 1.3 in the list Node would not speak it. */
function ciphersOf(chosen: readonly Cipher[] | null): string {
  const all = Object.keys(CIPHERS) as Cipher[];
  const newest = all.filter((name) => !name.includes('_WITH_'));
  // what has no authentication of its own is only for those who ask for it by name
  const older = (chosen ?? all.filter((name) => !name.includes('CBC'))).filter((name) => name.includes('_WITH_'));
  return [...newest, ...older].map((name) => CIPHERS[name]).join(':');
}

const codeOf = (error: unknown): string => (error as NodeJS.ErrnoException).code ?? 'unknown error';
