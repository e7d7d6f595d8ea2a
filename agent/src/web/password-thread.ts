/** The other end of PasswordThread: a thread that does nothing but bcrypt, which takes a tenth of a second and more. */
import { compareSync } from 'bcryptjs';
import { parentPort } from 'node:worker_threads';
import type { Answer, Question } from './password-checks.ts';

parentPort?.on('message', ({ id, password, hash }: Question) => {
  parentPort?.postMessage({ id, matches: compareSync(password, hash) } satisfies Answer);
});
