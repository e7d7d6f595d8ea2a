/** Every reason for a copy, a refusal and a failure that this kernel can be made to give, number for number. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  type CaseWitness,
  casesOf,
  caseWitnesses,
  flowSet,
  knownMechanisms,
  type Observed,
  program,
  stat,
} from './support/run.ts';
import { flowTotals, mechanismTotals, ringTotals } from './support/totals.ts';

const CASES = {
  'sources that are copied': ['source-device', 'source-proc', 'source-sysctl', 'source-sysfs', 'source-terminal'],
  'sockets as sources that are copied': ['source-datagram-socket'],
  'sources that are not copied': [
    'source-direct-is-no-copy',
    'source-block-device-is-no-copy',
    'source-by-reference-is-no-copy',
  ],
  'files as sinks that are copied to': [
    'sink-regular-file',
    'sink-on-tmpfs',
    'sink-block-device',
    'sink-and-source-copy',
    'sink-terminal',
    'sink-random-device',
  ],
  'files as sinks that are not copied to': ['sink-direct-is-no-copy', 'sink-that-keeps-nothing-is-no-copy'],
  'sockets as sinks that are copied to': [
    'sink-tcp-without-sg',
    'sink-signed-tcp-without-sg',
    'sink-udp-without-sg',
    'sink-unix-datagram',
    'sink-unix-seqpacket',
    'sink-udp-lite',
    'sink-raw',
    'sink-mptcp',
    'sink-netlink',
    'sink-packet',
  ],
  'sockets as sinks that some kernels copy to': ['sink-udp-over-ipv6'],
  'sockets as sinks that are not copied to': ['sink-socket-is-no-copy', 'sink-among-ordinary-ones'],
  'SEND_ZC and SENDMSG_ZC': [
    'zc-loopback',
    'zc-without-sg',
    'zc-notified-copied',
    'zc-notified-without-sg',
    'zc-notified-uncopied',
    'zc-device-with-sg',
    'zc-not-supported',
    'zc-ring-iopoll',
    'zc-failed',
  ],
  copy_file_range: [
    'range-in-kernel',
    'range-offloaded-perhaps',
    'range-zero-size-source',
    'range-cross-device',
    'range-not-regular',
    'range-append',
  ],
  'files that are refused': [
    'source-cannot-splice',
    'source-anonymous',
    'sink-anonymous',
    'sink-cannot-splice',
    'sink-append',
    'source-not-seekable',
    'not-supported',
    'einval-other',
    'no-syscall',
  ],
  pipes: ['vmsplice-to-user', 'no-pipe', 'not-a-pipe'],
  "the caller's own mistakes": [
    'failed-arguments',
    'failed-arguments-before-files',
    'failed-ring-arguments',
    'failed-descriptors',
    'failed-modes',
  ],
  'sockets in every state': ['socket-states-as-sink', 'socket-states-as-source'],
};

/** What cases need that not every kernel has, as the kernel itself tells it. */
const NEEDS: Readonly<Record<string, { readonly what: string; isThere(): boolean }>> = {
  'sink-udp-lite': { what: 'UDP-Lite', isThere: () => /^UDP-Lite /m.test(readFileSync('/proc/net/protocols', 'utf8')) },
};

/** What this kernel lacks for a case; null for one that it can be made to give. */
const lackingFor = (name: string): string | null => {
  const need = NEEDS[name];
  return need === undefined || need.isThere() ? null : need.what;
};

let observed: Observed;
let witnesses: Map<string, CaseWitness>;

beforeAll(async () => {
  const directory = mkdtempSync(join(tmpdir(), 'spillway-'));
  try {
    observed = await stat([program('reasons'), 'all', '--dir', directory]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  expect(observed.result.stderr).toBe('');
  witnesses = caseWitnesses(observed);
});

/** The case's attempts by mechanism and by reason, as its witness tells them. */
const witnessed = ({ mechanisms }: CaseWitness) => ({
  attempts: Object.fromEntries(Object.entries(mechanisms).map(([name, { attempts }]) => [name, attempts])),
  causes: Object.entries(mechanisms).flatMap(([mechanism, { reasons }]) =>
    (['copied', 'refused'] as const).flatMap((outcome) =>
      Object.entries(reasons[outcome]).map(([reason, count]) => ({ mechanism, outcome, reason, count })),
    ),
  ),
});

/** The same, as the report tells them of the case's process. */
function reported({ casePid, caseComm }: CaseWitness): ReturnType<typeof witnessed> {
  const { processes, causes } = observed.report;
  return {
    attempts: processes.find((each) => each.pid === casePid)?.mechanisms ?? {},
    causes: causes
      .filter((each) => each.comm === caseComm)
      .map(({ mechanism, outcome, reason, count }) => ({ mechanism, outcome: outcome as 'copied', reason, count })),
  };
}

const byText = (a: object, b: object): number => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1);

/** The report tells of a case what its witness tells. */
function isExact(name: string): void {
  const witness = witnesses.get(name) as CaseWitness;
  expect(witness.impossible).toBeUndefined();
  const [is, should] = [reported(witness), witnessed(witness)];
  expect(is.attempts).toEqual(should.attempts);
  expect(is.causes.sort(byText)).toEqual(should.causes.sort(byText));
  for (const { mechanism, outcome, reason, ...file } of witness.culprits ?? []) {
    const cause = observed.report.causes.find(
      (each) => each.comm === witness.caseComm && each.mechanism === mechanism && each.reason === reason,
    );
    expect({ mechanism, outcome, reason, ...cause?.culprit }).toMatchObject({ mechanism, outcome, reason, ...file });
  }
}

describe.each(Object.entries(CASES))('%s', (_, names) => {
  for (const name of names) {
    const lacking = lackingFor(name);
    if (lacking === null) it(name, () => isExact(name));
    else {
      it(`${name} is impossible: this kernel has no ${lacking}`, () => {
        const { impossible, mechanisms } = witnesses.get(name) as CaseWitness;
        expect({ impossible, mechanisms }).toEqual({ impossible: `this kernel has no ${lacking}`, mechanisms: {} });
      });
    }
  }
});

it('outcomes, errnos, bytes and flows of all cases are exact in sum', () => {
  const all = [...witnesses.values()];
  const told = { mechanisms: mechanismTotals(all) };
  expect(knownMechanisms(observed.report, told)).toEqual(told.mechanisms);
  expect(ringTotals([observed.report])).toEqual(ringTotals(all));
  expect(flowSet(observed.report.flows)).toEqual(flowSet(flowTotals(all)));
  expect(observed.report.lost).toEqual({ overflow: 0, events: 0, missedRuns: 0 });
});

it('every case is tested', () => {
  expect(Object.values(CASES).flat().sort()).toEqual(casesOf('reasons').sort());
});
