/** Secrets in files: read anew for each use, shown to nobody. */
import { createHash } from 'node:crypto';
import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/** A text that prints, serializes and inspects as `[redacted]`. */
export class Secret {
  readonly #text: string;

  constructor(text: string) {
    this.#text = text;
  }

  /** For the request and for nothing else. */
  reveal(): string {
    return this.#text;
  }

  /** The same for the same secret, and does not give it away. */
  fingerprint(): string {
    return createHash('sha256').update(this.#text).digest('hex');
  }

  /** Takes the secret out of a text, as it is and as JSON and URLs write it. */
  redact(text: string): string {
    const forms = [this.#text, JSON.stringify(this.#text).slice(1, -1), encodeURIComponent(this.#text)];
    return forms.reduce((all, form) => all.replaceAll(form, REDACTED), text);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** What is read of the file system; node:fs/promises is one. */
export interface SecretFiles {
  readFile(path: string, encoding: 'utf8'): Promise<string>;
  stat(path: string): Promise<{ readonly mode: number; readonly size: number; isFile(): boolean }>;
}

/** The message names the file and what to do, never the content. */
export class SecretError extends Error {
  override readonly name = 'SecretError';
}

/** Far above any key; keeps a path that was mistyped from being read into memory. */
const MAX_BYTES = 8192;

export interface SecretFile {
  readonly secret: Secret;
  readonly path: string;
  /** Everybody on this host can read it. */
  readonly worldReadable: boolean;
}

/**
 * The first of these files that exists, without the white space around it. `wrong` says what a text that is no such secret is.
 * @throws SecretError
 */
export async function readSecret(
  files: SecretFiles,
  paths: readonly string[],
  wrong: (text: string) => string | null,
): Promise<SecretFile> {
  for (const path of paths) {
    try {
      return await readOne(files, path, wrong);
    } catch (error) {
      if (error instanceof SecretError) throw error;
      const code = error instanceof Error && 'code' in error ? String(error.code) : 'unreadable';
      // without its cause, whose message may quote what was read
      if (code !== 'ENOENT') throw new SecretError(`read ${path}: ${code}`);
    }
  }
  throw new SecretError(`read ${paths.join(' or ')}: ENOENT; write the key there`);
}

async function readOne(files: SecretFiles, path: string, wrong: (text: string) => string | null): Promise<SecretFile> {
  const stat = await files.stat(path);
  if (!stat.isFile() || stat.size > MAX_BYTES) {
    throw new SecretError(`${path} is no file of at most ${String(MAX_BYTES)} bytes`);
  }
  const text = (await files.readFile(path, 'utf8')).trim();
  const why = wrong(text);
  if (why !== null) throw new SecretError(`${path}: ${why}`);
  return { secret: new Secret(text), path, worldReadable: (stat.mode & 0o004) !== 0 };
}
