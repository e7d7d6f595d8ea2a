/** How refusals end by what the program does next, in every way, watched and unwatched. */
import { beforeAll, describe, expect, it } from 'vitest';
import { type CaseWitness, casesOf, caseWitnesses, type Observed, program, type Report, stat } from './support/run.ts';
import { mechanismTotals } from './support/totals.ts';

const CASES = casesOf('resolutions');

interface Watched {
  readonly report: Report;
  readonly witnesses: Map<string, CaseWitness>;
}

/** All cases at once; each is a process of its own. */
async function watch(confirm: string, truth: readonly string[]): Promise<Watched> {
  const observed: Observed = await stat([program('resolutions'), 'all', ...truth], ['--confirm', confirm]);
  expect(observed.result.stderr).toBe('');
  return { report: observed.report, witnesses: caseWitnesses(observed) };
}

/** Refusals of a case that ended in one of these ways. */
const endedAs = ({ mechanisms }: Pick<Report, 'mechanisms'>, ...ways: string[]): number =>
  Object.values(mechanisms).reduce(
    (sum, { resolutions }) => sum + ways.reduce((n, way) => n + (resolutions?.[way] ?? 0), 0),
    0,
  );

const processOf = ({ report }: Watched, witness: CaseWitness) =>
  report.processes.find(({ pid }) => pid === witness.casePid);

describe.each([
  ['always', []],
  ['never', ['--unwatched']],
])('with --confirm %s', (confirm, truth) => {
  let watched: Watched;

  beforeAll(async () => {
    watched = await watch(confirm, truth);
  });

  it.each(CASES)('%s ends in as many fallbacks as there were', (name) => {
    const witness = watched.witnesses.get(name) as CaseWitness;
    const process = processOf(watched, witness);
    expect(process?.fallbacks).toBe(endedAs(witness, 'confirmed', 'presumed'));
    expect(process?.mechanisms).toEqual(
      Object.fromEntries(Object.entries(witness.mechanisms).map(([mechanism, { attempts }]) => [mechanism, attempts])),
    );
  });

  it('each refusal has ended as the program says, and none twice', () => {
    expect(watched.report.mechanisms).toEqual(mechanismTotals([...watched.witnesses.values()]));
  });
});

it('who has fallen back shows it until the mechanism has worked again', async () => {
  const watched = await watch('always', []);
  const fallenIn = (name: string) => processOf(watched, watched.witnesses.get(name) as CaseWitness)?.fallen;
  expect(fallenIn('read-then-write')).toEqual(['sendfile']);
  expect(fallenIn('read-then-send-again')).toEqual([]);
});

describe('with --confirm auto', () => {
  const WAYS = ['cascaded', 'confirmed', 'presumed', 'abandoned'];

  it('each refusal ends as when it is watched from the beginning, or as when it is not', async () => {
    const { report, witnesses } = await watch('auto', []);
    const unwatched = (await watch('never', ['--unwatched'])).witnesses;
    for (const [mechanism, { resolutions = {}, outcomes }] of Object.entries(report.mechanisms)) {
      const bounds = [...witnesses.values()].map((witness) =>
        [witness, unwatched.get(witness.case) as CaseWitness].map(
          ({ mechanisms }) => mechanisms[mechanism]?.resolutions ?? {},
        ),
      );
      const bound = (pick: (...ends: number[]) => number, way: string): number =>
        bounds.reduce((sum, ends) => sum + pick(...ends.map((each) => each[way] ?? 0)), 0);
      for (const way of WAYS) {
        expect(resolutions[way], `${mechanism} ${way}`).toBeGreaterThanOrEqual(bound(Math.min, way));
        expect(resolutions[way], `${mechanism} ${way}`).toBeLessThanOrEqual(bound(Math.max, way));
      }
      expect(WAYS.reduce((sum, way) => sum + (resolutions[way] ?? 0), 0)).toBe(outcomes.refused);
      expect(resolutions.pending).toBe(0);
    }
  });
});
