/** The project's live tests, on each kernel: those that are about the kernel. */
import { describe, expect, it } from 'vitest';
import { KERNELS, type Line, record } from './support/kernels.ts';
import { boot } from './support/vm.ts';

/** Files of agent/test/live, each in a machine of its own. The others want programs of the host's, or are of the agent alone. */
const FILES = [
  'object',
  'doctor',
  'stat',
  'hooks',
  'sequences',
  'reasons',
  'resolutions',
  'persist',
  'identities',
  'inspect',
  'workloads',
] as const;

interface LeftOut {
  /** A pattern of names. */
  readonly tests: string;
  readonly because: string;
  /** Only on these; else on all. */
  readonly kernels?: readonly string[];
}

/** Modules that a system would load by itself, when one of their devices is opened. */
const MODULES = ['loop', 'tun'];

/** What is not run. Whatever is only slow is run all the same, with a smaller workload (SPILLWAY_SMALLER). */
const LEFT_OUT: Readonly<Partial<Record<(typeof FILES)[number], readonly LeftOut[]>>> = {};

/** How many times smaller the largest workloads are on an emulated processor. */
const SMALLER = 5;

/** After so long the tests of a machine are ended, and what they found until then is kept. */
const SECONDS = Number(process.env.SPILLWAY_LIVE_SECONDS ?? 3_000);

const linesOf = (text: string): Line[] =>
  text
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

describe.each(KERNELS.filter((kernel) => kernel !== '5.10'))('Linux %s', (kernel) => {
  it.each(FILES)(
    'passes %s',
    async (file) => {
      const leftOut = (LEFT_OUT[file] ?? []).filter(({ kernels }) => kernels?.includes(kernel) ?? true);
      const vitest = [
        `NO_COLOR=1 SPILLWAY_SMALLER=${SMALLER} SPILLWAY_TESTS=/out/tests timeout -k 5 ${SECONDS}`,
        'node_modules/.bin/vitest run --project live --testTimeout 1800000 --hookTimeout 1800000',
        '--reporter=verbose --reporter=agent/test/kernels/support/reporter.ts',
        ...(leftOut.length === 0 ? [] : [`-t '^(?!.*(${leftOut.map(({ tests }) => tests).join('|')}))'`]),
        // Not to the terminal, where vitest draws its progress once a second.
        `live/${file}.test.ts 2>&1 | cat`,
      ].join(' ');
      const begun = performance.now();
      const outcome = await boot({ kernel, checkout: true, timeoutSeconds: SECONDS + 300 }).run(
        `uname -r; modprobe -a ${MODULES.join(' ')}; ${vitest}`,
      );
      const seconds = Math.round((performance.now() - begun) / 1000);
      const output = `${outcome.output}${outcome.stderr}`;
      const lines = linesOf(outcome.file('tests') ?? '');
      const tests = lines.filter((line) => 'name' in line);
      const isWhole = lines.some((line) => 'ended' in line);
      if (tests.length > 0) {
        record(kernel, `live-${file}`, { release: output.split('\n', 1)[0]?.trim() ?? '', seconds, isWhole, tests });
      }
      const failed = tests.filter(({ status }) => status !== 'passed').map(({ name, why }) => `${name}: ${why}`);
      expect(failed).toEqual([]);
      if (!isWhole || tests.length === 0) throw new Error(`not run to its end: ${output.slice(-2000)}`);
    },
    (SECONDS + 600) * 1000,
  );
});
