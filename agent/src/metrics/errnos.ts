/** Errno names as label values: bounded in number, whatever a seccomp filter answers. */
import { errnoName } from '../model/errno.ts';

/** Stands for numbers that have no name. */
const OTHER_ERRNO = 'other';

/** `EAGAIN`; `other` for a number without a name, of which a filter may answer some 4,000. */
export function errnoLabel(errno: number): string {
  const name = errnoName(errno);
  return /^E\d+$/.test(name) ? OTHER_ERRNO : name;
}
