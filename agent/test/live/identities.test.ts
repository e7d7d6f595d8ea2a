/** Whatever programs do, at whatever moment one looks: the sums hold. */
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { type Daemon, knownMechanisms, ONCE, program, type Report, run, startDaemon, stat } from './support/run.ts';

/** New ones in every run; a failing test has its seed in its name. */
const seeds = Array.from({ length: 3 }, () => randomInt(1, 20_000_000));

const sum = (counts: Record<string, number> | readonly number[]): number =>
  Object.values(counts).reduce((a, b) => a + b, 0);

/** What holds at every moment, also while attempts are being counted. */
function expectIdentities({ mechanisms, flows }: Report): void {
  for (const [name, mechanism] of Object.entries(mechanisms)) {
    const { attempts, bytes, outcomes, outcomeBytes, errnos, resolutions = {}, reasons } = mechanism;
    const at = `${name} ${JSON.stringify({ outcomes, resolutions, reasons })}`;
    expect(attempts, at).toBe(sum(outcomes));
    expect(bytes, at).toBe(sum(outcomeBytes));
    expect(Object.keys(resolutions).sort(), at).toEqual(['abandoned', 'cascaded', 'confirmed', 'pending', 'presumed']);
    expect(sum(resolutions), at).toBe(outcomes.refused);
    for (const count of Object.values(resolutions)) expect(count, at).toBeGreaterThanOrEqual(0);
    // what came while this was read has no cause yet
    for (const outcome of ['copied', 'refused'] as const) expect(sum(reasons[outcome]), at).toBe(outcomes[outcome]);
    const { retry = 0, refused = 0, denied = 0, failed = 0 } = outcomes;
    expect(sum(errnos), at).toBeLessThanOrEqual(retry + refused + denied + failed);
  }
  expect(sum(flows.map((flow) => flow.attempts))).toBeLessThanOrEqual(
    sum(Object.values(mechanisms).map((mechanism) => mechanism.attempts)),
  );
}

/** What holds besides once nothing is going on any more. */
function expectSettled(report: Report): void {
  expectIdentities(report);
  for (const [name, { outcomes, errnos, resolutions, reasons }] of Object.entries(report.mechanisms)) {
    const at = `${name} ${JSON.stringify({ outcomes, resolutions, reasons })}`;
    expect(resolutions?.pending, at).toBe(0);
    const causes = (outcome: string): number =>
      report.causes
        .filter((cause) => cause.mechanism === name && cause.outcome === outcome)
        .reduce((total, { count }) => total + count, 0);
    for (const outcome of ['copied', 'refused'] as const) {
      expect(sum(reasons[outcome]), at).toBe(outcomes[outcome]);
      expect(reasons[outcome], at).not.toHaveProperty('unknown');
      expect(causes(outcome), at).toBe(outcomes[outcome]);
    }
    // a copy_file_range that is refused by 0 has no errno
    const { retry = 0, refused = 0, denied = 0, failed = 0 } = outcomes;
    expect(sum(errnos), at).toBe(retry + refused + denied + failed - (reasons.refused.zero_size_source ?? 0));
  }
  expect(report.processes.reduce((total, { fallbacks }) => total + fallbacks, 0)).toBeLessThanOrEqual(
    Object.values(report.mechanisms).reduce(
      (total, { resolutions = {} }) => total + (resolutions.confirmed ?? 0) + (resolutions.presumed ?? 0),
      0,
    ),
  );
}

/** Nothing that was counted is ever taken back. */
function expectGrown(before: Report, after: Report): void {
  for (const [name, { outcomes, resolutions = {} }] of Object.entries(before.mechanisms)) {
    const now = after.mechanisms[name];
    for (const [outcome, count] of Object.entries(outcomes)) {
      expect(now?.outcomes[outcome], `${name} ${outcome}`).toBeGreaterThanOrEqual(count);
    }
    for (const way of ['cascaded', 'confirmed', 'presumed', 'abandoned']) {
      expect(now?.resolutions?.[way], `${name} ${way}`).toBeGreaterThanOrEqual(resolutions[way] ?? 0);
    }
  }
}

/** What a program can witness; a call that the kernel interrupts and starts again by itself returns to it only once. */
const uninterrupted = ({ mechanisms }: Report) =>
  Object.fromEntries(
    Object.entries(mechanisms).map(
      ([
        name,
        {
          attempts,
          bytes,
          errnos: { EINTR = 0, ...errnos },
        },
      ]) => [name, { attempts: attempts - EINTR, bytes, errnos }],
    ),
  );

const snapshot = async ({ url }: Daemon): Promise<Report> =>
  (await (await fetch(`${url}/api/v1/snapshot`, ONCE)).json()) as Report;

const pending = ({ mechanisms }: Report): number =>
  Object.values(mechanisms).reduce((total, { resolutions }) => total + (resolutions?.pending ?? 0), 0);

/** Reads as often as it can until the program has ended; gives the last reading and how many there were. */
async function readWhile(daemon: Daemon, running: Promise<unknown>): Promise<{ last: Report; readings: number }> {
  const state = { ended: false };
  const end = running.then(() => (state.ended = true));
  let last = await snapshot(daemon);
  let readings = 0;
  while (!state.ended) {
    const next = await snapshot(daemon);
    expectIdentities(next);
    expectGrown(last, next);
    last = next;
    readings++;
  }
  await end;
  return { last, readings };
}

const chaos = (seed: number, rounds: number): string[] => [program('chaos'), String(seed), '--rounds', String(rounds)];

// the second with so few records that they change hands all the time
const DAEMONS = [['auto'], ['always', '--processes', '64']];
const RUNS = seeds.flatMap((seed) => DAEMONS.map((flags) => ({ seed, flags })));

describe.each(RUNS)('seed $seed in a daemon with --confirm $flags', ({ seed, flags }) => {
  it('attempts, outcomes, reasons and resolutions add up at every reading', async () => {
    const daemon = await startDaemon(['--confirm', ...flags]);
    const program = run(chaos(seed, 40));
    const { last, readings } = await readWhile(daemon, program);
    expect(await program).toMatchObject({ code: 0, stderr: '' });
    // how many there are is a matter of speed; without any nothing was tested
    expect(readings).toBeGreaterThan(0);
    const deadline = Date.now() + 60_000;
    let settled = await snapshot(daemon);
    while (pending(settled) > 0 && Date.now() < deadline) settled = await snapshot(daemon);
    expectGrown(last, settled);
    expectSettled(settled);
    const witness = JSON.parse((await program).stdout) as Report;
    for (const [name, { attempts }] of Object.entries(witness.mechanisms)) {
      expect(settled.mechanisms[name]?.attempts, name).toBeGreaterThanOrEqual(attempts);
    }
  });
});

/** Refused as often as it can, to a socket, until it is told to end: each attempt is one of a process, a cause and a flow. */
const REFUSED = `
import os, signal, socket
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
here = socket.create_server(('127.0.0.1', 0))
out = socket.create_connection(here.getsockname())
source = os.open('/proc/self/environ', os.O_RDONLY)
print('ready', flush=True)
while not ending:
    try:
        os.sendfile(out.fileno(), source, 0, 1)
    except OSError:
        pass
`;

it('while attempts are counted no reading has more causes, or more of flows, than attempts', async () => {
  const daemon = await startDaemon(['--confirm', 'never']);
  const child = spawn('python3', ['-c', REFUSED], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  await once(child.stdout, 'data');
  try {
    for (let readings = 0; readings < 300; readings++) expectIdentities(await snapshot(daemon));
  } finally {
    child.kill();
    await ended;
  }
});

describe.each(['always', 'auto', 'never'])('in stat with --confirm %s', (confirm) => {
  it.each(seeds)('seed %i: every attempt is counted once and has ended in one way', async (seed) => {
    const { report, witness } = await stat(chaos(seed, 20), ['--confirm', confirm]);
    expectSettled(report);
    expect(uninterrupted(report)).toEqual(uninterrupted(witness));
    expect(report.unattributed).toEqual({ attempts: 0 });
  });
});

it('a refusal that several threads are about to confirm is confirmed once', async () => {
  const { report, witness } = await stat([program('ringrace')]);
  expect(knownMechanisms(report, witness)).toEqual(witness.mechanisms);
  // the others were refused again before anyone had read
  expect(report.mechanisms.io_uring_splice?.resolutions?.confirmed).toBeGreaterThan(0);
});
