/** The project's live tests, on each kernel. */
import { beforeAll, describe, expect, it } from 'vitest';
import { KERNELS, record } from './support/kernels.ts';
import { boot } from './support/vm.ts';

/** What is run: files of agent/test/live. The others want programs of the host's, or are of the agent alone. */
const FILES = ['object', 'doctor.test', 'stat.test', 'sequences', 'reasons', 'resolutions'];

/** What vitest reports, as far as it is read here. */
interface VitestReport {
  readonly testResults: readonly {
    readonly name: string;
    readonly assertionResults: readonly {
      readonly fullName: string;
      readonly status: string;
      readonly failureMessages: readonly string[];
    }[];
  }[];
}

/** Not run: an emulated processor takes minutes for each, and another test asks the same of fewer. */
const TOO_LONG = 'ten thousand|65,536|race|128,000|64 threads|every errno';

interface Test {
  readonly file: string;
  readonly name: string;
  readonly status: string;
  readonly why: string;
}

function testsOf(report: VitestReport): Test[] {
  return report.testResults.flatMap(({ name: path, assertionResults }) => {
    const file = path.replace(/^.*\//, '').replace('.test.ts', '');
    return assertionResults
      .filter(({ status }) => status !== 'pending' && status !== 'skipped')
      .map(({ fullName, status, failureMessages }) => ({
        file,
        name: fullName,
        status,
        why: failureMessages.join('\n').slice(0, 1000),
      }));
  });
}

describe.each(KERNELS.filter((kernel) => kernel !== '5.10'))('Linux %s', (kernel) => {
  let tests: Test[] = [];
  let output = '';

  beforeAll(async () => {
    const vitest = [
      'node_modules/.bin/vitest run --project live --testTimeout 900000 --hookTimeout 900000',
      '--reporter=default --reporter=json --outputFile.json=/out/live.json',
      `-t '^(?!.*(${TOO_LONG}))'`,
      ...FILES,
    ].join(' ');
    const outcome = await boot({ kernel, checkout: true, timeoutSeconds: 3_000 }).run(`uname -r; NO_COLOR=1 ${vitest}`);
    output = `${outcome.output}${outcome.stderr}`;
    const report = outcome.file('live.json');
    if (report !== null) tests = testsOf(JSON.parse(report) as VitestReport);
    record(kernel, 'live', { release: output.split('\n', 1)[0]?.trim() ?? '', tests });
  });

  it.each(FILES)('passes %s', (file) => {
    const wanted = file.replace('.test', '');
    const mine = tests.filter((test) => test.file === wanted);
    if (mine.length === 0) throw new Error(`no test of ${file} was run: ${output.slice(-2000)}`);
    const failed = mine.filter(({ status }) => status !== 'passed').map(({ name, why }) => `${name}: ${why}`);
    expect(failed).toEqual([]);
  });
});
