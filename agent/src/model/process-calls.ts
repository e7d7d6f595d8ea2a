/** What the calls of one process failed with, and what it does with rings. Pure. */
import { MECHANISMS, type Mechanism } from '../abi/layout.ts';
import { COUNTER_COLUMNS, RING } from './counters.ts';
import { errnoName } from './errno.ts';
import type { Cause, Snapshot } from './snapshot.ts';

/** By name. */
export type Errnos = Readonly<Record<string, number>>;

export interface ProcessRings {
  readonly setups: { readonly ok: number; readonly errnos: Errnos };
  readonly enters: { readonly calls: number; readonly submitted: number; readonly errnos: Errnos };
  /** Requests of zero-copy opcodes that were handed to worker threads. */
  readonly queuedAsync: number;
  /** The same by opcode. */
  readonly asyncWork: Readonly<Record<string, number>>;
  readonly cqOverflows: number;
}

export interface ProcessCalls {
  /** Of attempts that moved nothing, by mechanism; left out where there were none. */
  readonly errnos?: Readonly<Partial<Record<Mechanism, Errnos>>>;
  /** Left out where it never had to do with a ring. */
  readonly rings?: ProcessRings;
}

const URING_PREFIX = 'io_uring_';

const NONE: readonly Cause[] = [];

/** Of every row of the table of processes. */
export function callsOf({ processes, causes }: Snapshot): (row: number) => ProcessCalls {
  const own = new Map<number, Cause[]>();
  for (const cause of causes) {
    if (cause.process === null || cause.kind === 'copied' || cause.kind === 'refused') continue;
    const known = own.get(cause.process);
    if (known === undefined) own.set(cause.process, [cause]);
    else known.push(cause);
  }
  return (row) => {
    const counter = (column: number) => processes.counters[row * COUNTER_COLUMNS + column] ?? 0;
    return processCalls(own.get(row) ?? NONE, counter);
  };
}

function processCalls(causes: readonly Cause[], counter: (column: number) => number): ProcessCalls {
  const errnos: Partial<Record<Mechanism, Errnos>> = {};
  for (const { kind, mechanism, code, count } of causes) {
    const name = MECHANISMS[mechanism];
    if (kind === 'errno' && name !== undefined) errnos[name] = plus(errnos[name] ?? {}, errnoName(code), count);
  }
  const of = (kind: Cause['kind']) => causes.filter((cause) => cause.kind === kind);
  const failed = (kind: 'setup_errno' | 'enter_errno') =>
    of(kind).reduce<Errnos>((counts, { code, count }) => plus(counts, errnoName(code), count), {});
  const rings: ProcessRings = {
    setups: { ok: counter(RING.setups), errnos: failed('setup_errno') },
    enters: { calls: counter(RING.enters), submitted: counter(RING.submitted), errnos: failed('enter_errno') },
    queuedAsync: of('async_work').reduce((sum, { count }) => sum + count, 0),
    asyncWork: of('async_work').reduce<Errnos>((counts, { mechanism, count }) => {
      const name = MECHANISMS[mechanism];
      return name === undefined ? counts : plus(counts, name.slice(URING_PREFIX.length), count);
    }, {}),
    cqOverflows: counter(RING.cqOverflows),
  };
  return {
    ...(Object.keys(errnos).length === 0 ? {} : { errnos }),
    ...(hasRings(rings) ? { rings } : {}),
  };
}

const hasRings = ({ setups, enters, queuedAsync, cqOverflows }: ProcessRings): boolean =>
  setups.ok + enters.calls + queuedAsync + cqOverflows > 0 ||
  Object.keys(setups.errnos).length + Object.keys(enters.errnos).length > 0;

const plus = (counts: Errnos, name: string, count: number): Errnos => ({
  ...counts,
  [name]: (counts[name] ?? 0) + count,
});

/** The sums of what several rows say of one process, which has run several programs. */
export function sumOfCalls(all: readonly ProcessCalls[]): ProcessCalls {
  const errnos: Partial<Record<Mechanism, Errnos>> = {};
  for (const mechanism of MECHANISMS) {
    const sum = sumOfErrnos(all.map((calls) => calls.errnos?.[mechanism] ?? {}));
    if (Object.keys(sum).length > 0) errnos[mechanism] = sum;
  }
  const rings = all.flatMap((calls) => calls.rings ?? []);
  const sum = (number: (rings: ProcessRings) => number) => rings.reduce((total, one) => total + number(one), 0);
  return {
    errnos,
    ...(rings.length === 0
      ? {}
      : {
          rings: {
            setups: {
              ok: sum(({ setups }) => setups.ok),
              errnos: sumOfErrnos(rings.map(({ setups }) => setups.errnos)),
            },
            enters: {
              calls: sum(({ enters }) => enters.calls),
              submitted: sum(({ enters }) => enters.submitted),
              errnos: sumOfErrnos(rings.map(({ enters }) => enters.errnos)),
            },
            queuedAsync: sum(({ queuedAsync }) => queuedAsync),
            asyncWork: sumOfErrnos(rings.map(({ asyncWork }) => asyncWork)),
            cqOverflows: sum(({ cqOverflows }) => cqOverflows),
          },
        }),
  };
}

const sumOfErrnos = (all: readonly Errnos[]): Errnos =>
  all.flatMap(Object.entries<number>).reduce<Errnos>((sum, [name, count]) => plus(sum, name, count), {});
