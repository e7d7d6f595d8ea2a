/** What keys do and what the columns mean. */
import { LETTERS } from './numbers.ts';

/** No line is wider than 80 columns, and all fit a terminal of 24 lines. */
export const HELP: readonly string[] = [
  'spillway top: zero-copy attempts as they are made, and which fell back to copies',
  '',
  '1 2 3 4, Tab, arrows  processes, workloads, flows, mechanisms',
  's S       sort by the next column, the one before;  r  the other way round',
  '/         show only what has a text in its name, or pid;  Esc  show all',
  't         counts since the agent started, instead of rates',
  'p, Space  pause: the figures stay;  + -  look more often, less often',
  'a         alerts: what fires, since when, what is about to; by an agent only',
  'Up Down PgUp PgDn Home End, k j g G   scroll',
  'Ctrl-L    draw anew;  Ctrl-Z  suspend;  q, Ctrl-C  quit',
  '',
  'ATT/S     attempts a second, over the window that the first line tells',
  `OUTCOMES  ${LETTERS.zerocopy} zerocopy: moved without a copy    ${LETTERS.copied} copied: by the kernel`,
  `          ${LETTERS.retry} retry: EAGAIN or EINTR            ${LETTERS.refused} refused: cannot be done so`,
  `          ${LETTERS.denied} denied: not allowed               ${LETTERS.failed} failed: other errors`,
  'ZC%, COPY%  of 100 attempts those without a copy, those that the kernel copied',
  'FALL%     of 100 attempts those after which the program copied by read and write',
  'EAGAIN/S  attempts, and calls of io_uring_enter, that are to be made again',
  'TOP REASON  why most of the others were copied, refused or denied; and the first',
  '          file of which it is so. "fell back": not tried again, or not yet with',
  '          success',
  '',
];
