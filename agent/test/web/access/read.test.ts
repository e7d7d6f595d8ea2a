import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { FILES } from '../../../src/config/load.ts';
import { ConfigError } from '../../../src/config/problems.ts';
import { WEB_SETTINGS } from '../../../src/web/access/keys.ts';
import { readWebConfig } from '../../../src/web/access/read.ts';
import { canonicalSan, sansOf } from '../../../src/web/access/sans.ts';
import { CertificateMaker } from '../../support/certificates.ts';

const maker = new CertificateMaker();
const authority = maker.authority('a');
const other = maker.authority('b');
afterAll(() => maker.close());

/** Reads a text as the file web.yaml beside the certificates. */
const read = (text: string) =>
  readWebConfig(`${maker.directory}/web.yaml`, {
    readFile: (path, most) => (path.endsWith('web.yaml') ? Buffer.from(text) : FILES.readFile(path, most)),
  });

/** `line:column: message` of all that is wrong. */
function problems(text: string): string[] {
  try {
    read(text);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replace(`${maker.directory}/web.yaml:`, ''));
  }
}

const tls = (more: string, key = authority.keyFile) =>
  `tls_server_config: {cert_file: ${authority.certFile}, key_file: ${key}${more && `, ${more}`}}`;
const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG';

describe('what is wrong', () => {
  test.each([
    ['tls_server_confg: {}', /^1:1: unknown key "tls_server_confg".*tls_server_config/],
    ['tls_server_config: {cert_fil: a}', /^1:21: unknown key "cert_fil" in tls_server_config.*cert_file/],
    ['- a', /^1:1: expected keys such as tls_server_config:, not a list$/],
    [
      'tls_server_config: {key_file: /nowhere}',
      /^1:31: tls_server_config\.(?:cert_file: is missing|key_file: there is no such file)/,
    ],
    ['tls_server_config: {min_version: TLS12}', /cert_file: is missing/],
    [tls('min_version: TLS11'), /min_version: expected TLS12 or TLS13, not "TLS11"/],
    [tls('min_version: TLS13, max_version: TLS12'), /min_version: is above max_version/],
    [tls('', other.keyFile), /key_file: is not the key of the certificate/],
    [tls('', other.certFile), /key_file: there is no private key in it/],
    [tls('cert: "-----BEGIN CERTIFICATE-----"'), /cert: stands beside cert_file/],
    [tls('client_auth_type: Maybe'), /client_auth_type: expected NoClientCert, .*, not "Maybe"/],
    [tls('client_auth_type: RequireAndVerifyClientCert'), /client_auth_type: needs client_ca_file/],
    [tls('client_auth_type: VerifyClientCertIfGiven'), /client_auth_type: needs client_ca_file/],
    [tls(`client_ca_file: ${authority.certFile}`), /client_ca_file: is of no use without a client_auth_type/],
    [
      tls(`client_auth_type: RequestClientCert, client_ca_file: ${authority.keyFile}`),
      /client_ca_file: there is no certificate in it/,
    ],
    [
      tls('client_auth_type: RequestClientCert, client_allowed_sans: [a]'),
      /client_allowed_sans: needs a client_auth_type of/,
    ],
    [
      tls('client_auth_type: RequireAnyClientCert, client_allowed_sans: []'),
      /client_allowed_sans: expected a list of names/,
    ],
    [tls('cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]'), /cipher_suites\[0\]: expected /],
    [tls('curve_preferences: [P256]'), /curve_preferences\[0\]: expected X25519, CurveP256/],
    [tls('prefer_server_cipher_suites: yes'), /expected true or false, not "yes"; did you mean true/],
    ['http_server_config: {headers: {X-Other: a}}', /^1:32: http_server_config\.headers: no such header can be set/],
    [
      'http_server_config: {headers: {X-Frame-Options: never}}',
      /X-Frame-Options: expected deny or sameorigin|expected/,
    ],
    ['http_server_config: {headers: {X-XSS-Protection: "a\\nb"}}', /X-XSS-Protection: expected text on one line/],
    ['http_server_config: {http2: 1}', /http2: expected true or false/],
    ['basic_auth_users: [a]', /^1:19: basic_auth_users: expected names with bcrypt hashes, not a list/],
    ['basic_auth_users: {"a:b": x}', /a name is not empty and has no colon/],
    [`basic_auth_users: {a: ${HASH}, a: ${HASH}}`, /appears twice/],
    [`basic_auth_users: {a: ${HASH.replace('$10$', '$31$')}}`, /a cost of 31 takes too long/],
    [`basic_auth_users: {a: ${HASH.replace('$10$', '$03$')}}`, /expected a bcrypt hash/],
    ['rate_limit: {interval: soon}', /interval: expected a time such as 1s/],
    ['rate_limit: {burst: -1}', /burst: expected a whole number/],
  ])('%s', (text, expected) => {
    expect(problems(text).join('\n')).toMatch(expected);
  });

  test('passwords, hashes and keys are never repeated, wherever they stand', () => {
    const secrets = ['hunter2', HASH.slice(7, 30), authority.key.split('\n')[1]?.slice(0, 30) ?? '?'];
    const values = ['hunter2', `"${HASH}"`, HASH, `|\n  ${authority.key.replaceAll('\n', '\n  ')}`];
    for (const value of values) {
      for (const text of [
        `basic_auth_users: ${value}`,
        `basic_auth_users:\n  joe: ${value.replace('|\n  ', '|\n    ').replaceAll('\n  ', '\n    ')}x`,
        `basic_auth_users: {joe: [${value}]}`,
        `tls_server_config: ${value}`,
        `tls_server_config: {key: ${value}, cert_file: ${value}}`,
        `basic_auth_users: {joe: "${value}`,
        `basic_auth_users: joe: ${value}`,
        `basic_auth_users:\n\tjoe: ${value}`,
      ]) {
        const found = problems(text).join('\n');
        expect(found).not.toBe('');
        for (const secret of secrets) expect(found).not.toContain(secret);
      }
    }
  });
});

test('an empty file, or one that is all comments, is plain HTTP for everybody', () => {
  for (const text of ['', '# nothing\n', 'tls_server_config:\nbasic_auth_users:\n']) {
    expect(read(text)).toEqual({ tls: null, headers: {}, users: new Map(), rateLimit: null });
  }
});

test('times of the rate limit are those of Go', () => {
  for (const [text, ms] of [
    ['1s', 1000],
    ['1m30s', 90_000],
    ['500ms', 500],
    ['1.5s', 1500],
  ] as const) {
    expect(read(`rate_limit: {interval: ${text}, burst: 5}`).rateLimit).toEqual({ intervalMs: ms, burst: 5 });
  }
  expect(read('rate_limit: {interval: 0, burst: 5}').rateLimit).toBeNull();
});

test('names of certificates, as Node writes them', () => {
  const list =
    'DNS:a.example, IP Address:127.0.0.1, URI:"spiffe://x, DNS:evil", IP Address:0:0:0:0:0:0:0:1, email:a@b, othername:<x>';
  expect(sansOf(list)).toEqual(['a.example', '127.0.0.1', 'spiffe://x, DNS:evil', '::1', 'a@b']);
  expect(sansOf('')).toEqual([]);
  expect(canonicalSan('2001:0DB8:0::1')).toBe('2001:db8::1');
});

test('docs/security.md has every key with its meaning', () => {
  const text = readFileSync(fileURLToPath(new URL('../../../../docs/security.md', import.meta.url)), 'utf8');
  for (const [key, { meaning }] of Object.entries(WEB_SETTINGS)) expect(text).toContain(`| \`${key}\` | ${meaning}`);
});
