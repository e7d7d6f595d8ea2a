/** PagerDuty's routing key: where it is, and what one looks like. */
import { join } from 'node:path';
import { readSecret, type SecretFile, type SecretFiles } from './secret.ts';

const DEFAULT_PATH = '/etc/spillway/pagerduty.key';
const CREDENTIAL = 'pagerduty-routing-key';
const LENGTH = 32;

/** Where to look, in this order. A file that was configured is the only one. */
export function routingKeyPaths(
  configured: string | null,
  env: Readonly<Record<string, string | undefined>>,
): string[] {
  if (configured !== null) return [configured];
  const credentials = env.CREDENTIALS_DIRECTORY;
  return credentials === undefined || credentials === ''
    ? [DEFAULT_PATH]
    : [join(credentials, CREDENTIAL), DEFAULT_PATH];
}

/** @throws SecretError that names the file */
export function readRoutingKey(files: SecretFiles, paths: readonly string[]): Promise<SecretFile> {
  return readSecret(files, paths, (text) =>
    text.length !== LENGTH
      ? `a routing key has ${String(LENGTH)} characters, this has ${String(text.length)}`
      : /^[A-Za-z0-9]*$/.test(text)
        ? null
        : 'a routing key has only letters and digits, this has others',
  );
}
