/**
 * Who may ask, by name and password. bcrypt is slow on purpose: one check at a time, few waiting, and a bounded share of one
 * CPU, so that a flood of wrong passwords costs no more. What has been right before is known at once.
 */
import { createHmac, randomBytes } from 'node:crypto';
import { costOf } from './config.ts';

export type Verdict = 'right' | 'wrong' | 'busy';

export interface PasswordOptions {
  /** Whether bcrypt makes this hash of the password. */
  readonly check: (password: string, hash: string) => Promise<boolean>;
  readonly monotonicMs: () => number;
  readonly sleep: (milliseconds: number) => Promise<unknown>;
}

/** Checks that wait for their turn; more are answered `busy`. */
const MOST_WAITING = 16;
/** A wrong password is followed by a pause of so many times what its check took: a flood has a quarter of one CPU. */
const PAUSES = 3;
/** Verdicts that are kept. Right ones are apart: no flood of wrong ones drives them out. */
const MOST_RIGHT = 64;
const MOST_WRONG = 1024;

interface Job {
  readonly client: string;
  readonly password: string;
  readonly hash: string;
  readonly end: (verdict: Verdict) => void;
  readonly fail: (error: unknown) => void;
}

export class Passwords {
  readonly #options: PasswordOptions;
  /** Passwords are not kept, only what nobody can turn back into them. */
  readonly #secret = randomBytes(32);
  readonly #right = new Set<string>();
  readonly #wrong = new Set<string>();
  /** The same question is asked once. */
  readonly #underWay = new Map<string, Promise<Verdict>>();
  readonly #waiting: Job[] = [];
  #busy = false;

  constructor(options: PasswordOptions) {
    this.#options = options;
  }

  /** @param client whose it is; none has more than its share of the waiting ones @throws what the check throws */
  async verify(users: ReadonlyMap<string, string>, user: string, password: string, client: string): Promise<Verdict> {
    const known = users.get(user);
    // Who is not known is checked all the same: how long it takes tells nobody which names there are.
    const hash = known ?? nobodysHash(users);
    const key = createHmac('sha256', this.#secret)
      .update(JSON.stringify([user, hash, password]))
      .digest('base64');
    if (this.#right.has(key)) return 'right';
    if (this.#wrong.has(key)) return 'wrong';
    let verdict = this.#underWay.get(key);
    if (verdict === undefined) {
      verdict = this.#ask(password, hash, client, known !== undefined)
        .then((each) => this.#keep(key, each))
        .finally(() => this.#underWay.delete(key));
      this.#underWay.set(key, verdict);
    }
    return verdict;
  }

  #keep(key: string, verdict: Verdict): Verdict {
    if (verdict === 'busy') return verdict;
    const [kept, most] = verdict === 'right' ? [this.#right, MOST_RIGHT] : [this.#wrong, MOST_WRONG];
    kept.add(key);
    const [oldest] = kept;
    if (kept.size > most && oldest !== undefined) kept.delete(oldest);
    return verdict;
  }

  #ask(password: string, hash: string, client: string, known: boolean): Promise<Verdict> {
    const { promise, resolve, reject } = Promise.withResolvers<Verdict>();
    const end = (verdict: Verdict) => resolve(verdict === 'right' && !known ? 'wrong' : verdict);
    this.#waiting.push({ client, password, hash, end, fail: reject });
    if (this.#waiting.length > MOST_WAITING) {
      const heaviest = this.#heaviest();
      const [dropped] = this.#waiting.splice(
        this.#waiting.findLastIndex((job) => job.client === heaviest),
        1,
      );
      dropped?.end('busy');
    }
    void this.#work();
    return promise;
  }

  /** Who has most checks waiting; of several, the one that came last. */
  #heaviest(): string | undefined {
    const counts = new Map<string, number>();
    for (const { client } of this.#waiting) counts.set(client, (counts.get(client) ?? 0) + 1);
    const most = Math.max(...counts.values());
    return this.#waiting.findLast(({ client }) => counts.get(client) === most)?.client;
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    let last = '';
    for (let job = this.#next(last); job !== undefined; job = this.#next(last)) {
      last = job.client;
      const began = this.#options.monotonicMs();
      try {
        const matches = await this.#options.check(job.password, job.hash);
        job.end(matches ? 'right' : 'wrong');
        if (!matches) await this.#options.sleep(PAUSES * (this.#options.monotonicMs() - began));
      } catch (error) {
        job.fail(error);
      }
    }
    this.#busy = false;
  }

  /** The oldest of another client than the last, if there is any: they take turns. */
  #next(last: string): Job | undefined {
    const other = this.#waiting.findIndex(({ client }) => client !== last);
    return this.#waiting.splice(Math.max(0, other), 1)[0];
  }
}

/** As costly as the costliest of all, and the hash of nothing. */
function nobodysHash(users: ReadonlyMap<string, string>): string {
  const cost = Math.max(4, ...[...users.values()].map((hash) => costOf(hash) ?? 0));
  return `$2b$${String(cost).padStart(2, '0')}$${'.'.repeat(53)}`;
}

/** What an Authorization header says; undefined if it is none of this kind (RFC 7617). */
export function credentialsOf(header: string | undefined): { user: string; password: string } | undefined {
  const token = /^basic +([A-Za-z0-9+/_-]+=*) *$/i.exec(header ?? '')?.[1];
  const text = token === undefined ? '' : Buffer.from(token, 'base64').toString();
  const colon = text.indexOf(':');
  return colon === -1 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}
