/** Whether a request is let in: rate limit, name and password. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { PasswordThread } from '../password-checks.ts';
import { type Reply, text } from '../reply.ts';
import { Bucket } from './bucket.ts';
import type { RateLimit, WebConfig } from './config.ts';
import { credentialsOf, Passwords, type Verdict } from './passwords.ts';

export class Guard {
  readonly #thread = new PasswordThread();
  readonly #passwords = new Passwords({
    check: (password, hash) => this.#thread.check(password, hash),
    monotonicMs: () => performance.now(),
    // never keeps the process alive
    sleep: (milliseconds) => sleep(milliseconds, undefined, { ref: false }),
  });
  #bucket: { readonly of: RateLimit; readonly bucket: Bucket } | null = null;

  /** What a request that is not let in is answered; null: it is. @throws if passwords cannot be checked */
  async refuse(config: WebConfig, { headers }: IncomingMessage, client: string): Promise<Reply | null> {
    if (!this.#take(config.rateLimit)) return text(429, 'too many requests', { 'retry-after': '1' });
    if (config.users.size === 0) return null;
    const credentials = credentialsOf(headers.authorization);
    if (credentials === undefined) return unauthorized('user and password are needed');
    const { user, password } = credentials;
    const verdict: Verdict = await this.#passwords.verify(config.users, user, password, client);
    switch (verdict) {
      case 'right':
        return null;
      case 'wrong':
        return unauthorized('wrong user or password');
      case 'busy':
        return text(503, 'too many passwords are being checked: try again', { 'retry-after': '1' });
    }
  }

  close(): void {
    this.#thread.close();
  }

  #take(limit: RateLimit | null): boolean {
    if (limit === null) return true;
    const now = performance.now();
    if (this.#bucket?.of !== limit) this.#bucket = { of: limit, bucket: new Bucket(limit, now) };
    return this.#bucket.bucket.take(now);
  }
}

const unauthorized = (why: string): Reply =>
  text(401, why, { 'www-authenticate': 'Basic realm="spillway", charset="UTF-8"' });
