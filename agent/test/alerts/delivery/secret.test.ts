import { chmod, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import * as files from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { format, inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SecretReader } from '../../../src/alerts/http-receiver.ts';
import { readRoutingKey, routingKeyPaths } from '../../../src/alerts/routing-key.ts';
import { Secret, SecretError } from '../../../src/alerts/secret.ts';
import { readBearerToken } from '../../../src/alerts/webhook.ts';
import { KEY } from './support.ts';

let directory = '';
const at = (name: string): string => join(directory, name);
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'spillway-secret-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true });
});

async function errorOf(reading: Promise<unknown>): Promise<Error> {
  const error = await reading.then(
    () => new Error('read'),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(SecretError);
  return error as Error;
}

describe('a secret', () => {
  it('is shown by nothing but reveal()', () => {
    const secret = new Secret(KEY);
    expect(secret.reveal()).toBe(KEY);
    const holder = { secret, list: [secret], map: new Map([['k', secret]]), error: new Error('x', { cause: secret }) };
    const shown = [
      String(secret),
      // eslint-disable-next-line @typescript-eslint/restrict-template-expressions -- the mistake that must show nothing
      `${secret}`,
      JSON.stringify(holder),
      inspect(holder, { depth: null, showHidden: true }),
      inspect(secret, { customInspect: false, showHidden: true }),
      format('%s %o %j', secret, secret, secret),
      JSON.stringify(Object.entries(secret)),
      secret.fingerprint(),
    ];
    for (const text of shown) expect(text).not.toContain(KEY);
    expect(shown[0]).toBe('[redacted]');
  });

  it('is taken out of texts, however they spell it', () => {
    const secret = new Secret('a"b/c d');
    expect(secret.redact('x a"b/c d y {"t":"a\\"b/c d"} ?t=a%22b%2Fc%20d a"b/c d')).toBe(
      'x [redacted] y {"t":"[redacted]"} ?t=[redacted] [redacted]',
    );
  });

  it('its fingerprint tells keys apart', () => {
    expect(new Secret(KEY).fingerprint()).toBe(new Secret(KEY).fingerprint());
    expect(new Secret(KEY).fingerprint()).not.toBe(new Secret(`${KEY}x`).fingerprint());
  });
});

describe('the routing key', () => {
  it('is looked for where it was configured, else in the credentials, else in /etc', () => {
    expect(routingKeyPaths('/a/key', { CREDENTIALS_DIRECTORY: '/run/c' })).toEqual(['/a/key']);
    expect(routingKeyPaths(null, { CREDENTIALS_DIRECTORY: '/run/c' })).toEqual([
      '/run/c/pagerduty-routing-key',
      '/etc/spillway/pagerduty.key',
    ]);
    expect(routingKeyPaths(null, { CREDENTIALS_DIRECTORY: '' })).toEqual(['/etc/spillway/pagerduty.key']);
    expect(routingKeyPaths(null, {})).toEqual(['/etc/spillway/pagerduty.key']);
  });

  it('is read anew each time, without the white space around it, from the first file that is there', async () => {
    await writeFile(at('key'), `\n ${KEY}\r\n`);
    const paths = [at('none'), at('key'), at('other')];
    expect((await readRoutingKey(files, paths)).secret.reveal()).toBe(KEY);
    const next = KEY.toLowerCase();
    await writeFile(at('key'), next);
    expect((await readRoutingKey(files, paths)).secret.reveal()).toBe(next);
  });

  it.each([
    ['31 characters', KEY.slice(1), 'a routing key has 32 characters, this has 31'],
    ['33 characters', `${KEY}x`, 'a routing key has 32 characters, this has 33'],
    ['nothing', ' \n', 'a routing key has 32 characters, this has 0'],
    ['other characters', `${KEY.slice(1)}-`, 'a routing key has only letters and digits, this has others'],
    ['a line break within', `${KEY.slice(0, 15)}\n${KEY.slice(16)}`, 'only letters and digits'],
  ])('with %s is refused, by file and length and never by content', async (_what, text, message) => {
    await writeFile(at('key'), text);
    const error = await errorOf(readRoutingKey(files, [at('key')]));
    expect(error.message).toContain(at('key'));
    expect(error.message).toContain(message);
    expect(inspect(error, { showHidden: true, depth: null })).not.toContain(KEY.slice(1, 12));
  });

  it('that cannot be read says which file and why', async () => {
    expect((await errorOf(readRoutingKey(files, [at('a'), at('b')]))).message).toBe(
      `read ${at('a')} or ${at('b')}: ENOENT; write the key there`,
    );
    expect((await errorOf(readRoutingKey(files, [directory]))).message).toContain('is no file');
    await symlink(at('loop'), at('loop'));
    expect((await errorOf(readRoutingKey(files, [at('loop')]))).message).toBe(`read ${at('loop')}: ELOOP`);
    await writeFile(at('large'), 'x'.repeat(8193));
    expect((await errorOf(readRoutingKey(files, [at('large')]))).message).toContain('no file of at most 8192 bytes');
  });

  it('that everybody can read is used, with a warning that comes once', async () => {
    await writeFile(at('key'), KEY);
    const lines: string[] = [];
    const log = (level: string, message: string) => void lines.push(`${level}: ${message}`);
    const reader = new SecretReader(() => readRoutingKey(files, [at('key')]), log);
    await chmod(at('key'), 0o640);
    await reader.get();
    expect(lines).toEqual([]);
    await chmod(at('key'), 0o604);
    await reader.get();
    expect(await reader.get()).toHaveProperty('secret');
    expect(lines).toEqual([`warning: ${at('key')} can be read by everybody on this host: chmod 0600 ${at('key')}`]);
    // mended, and broken again
    await chmod(at('key'), 0o600);
    await reader.get();
    await chmod(at('key'), 0o644);
    await reader.get();
    expect(lines).toHaveLength(2);
  });
});

it('a bearer token is anything that a header can hold', async () => {
  await writeFile(at('token'), 'abc.DEF-_~+/=!\n');
  expect((await readBearerToken(files, at('token'))).secret.reveal()).toBe('abc.DEF-_~+/=!');
  for (const text of ['', 'two words', 'line\nbreak', 'schlüssel']) {
    await writeFile(at('token'), text);
    const error = await errorOf(readBearerToken(files, at('token')));
    expect(error.message).toContain(`this (${String(text.length)})`);
    if (text !== '') expect(error.message).not.toContain(text);
  }
});
