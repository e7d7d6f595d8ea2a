/** One attempt over HTTP: what all receivers do around their bodies. */
import { type Answer, type Post, PostError, type PostRequest } from './http.ts';
import { type Clock, type Log, type Outcome, outcomeOf, short } from './receiver.ts';
import { SecretError, type SecretFile } from './secret.ts';

/** How soon a key that cannot be read is looked for again. */
const KEY_RETRY_MS = 10_000;

/** Posts, and says what came of it. `redact` takes secrets out of what is said. */
export async function attempt(
  post: Post,
  request: PostRequest,
  signal: AbortSignal,
  clock: Clock,
  redact: (text: string) => string,
): Promise<Outcome> {
  let answer: Answer;
  try {
    answer = await post(request, signal);
  } catch (error) {
    if (!(error instanceof PostError)) throw error;
    const { reason, left } = error;
    return { kind: 'failed', reason, why: short(redact(error.message)), left, retryAfterMs: null };
  }
  return outcomeOf(answer, clock.unixMs(), redact);
}

/** Reads a secret before each attempt, and warns once of a file that everybody can read. */
export class SecretReader {
  readonly #read: () => Promise<SecretFile>;
  readonly #log: Log;
  #warnedOf: string | null = null;

  constructor(read: () => Promise<SecretFile>, log: Log) {
    this.#read = read;
    this.#log = log;
  }

  /** @returns the secret, or why there is none for now */
  async get(): Promise<SecretFile | Outcome> {
    let file: SecretFile;
    try {
      file = await this.#read();
    } catch (error) {
      if (!(error instanceof SecretError)) throw error;
      return { kind: 'wait', ms: KEY_RETRY_MS, why: error.message };
    }
    if (file.worldReadable && this.#warnedOf !== file.path) {
      this.#log('warning', `${file.path} can be read by everybody on this host: chmod 0600 ${file.path}`);
    }
    this.#warnedOf = file.worldReadable ? file.path : null;
    return file;
  }
}
