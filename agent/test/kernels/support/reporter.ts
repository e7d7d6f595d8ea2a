/**
 * A reporter of vitest's, for inside a machine: writes down each test when it ends, so that what was found is there also where the
 * time of the machine ends before the tests do. One line of JSON for each in SPILLWAY_TESTS; the last one says that all were run.
 */
import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestRunEndReason } from 'vitest/node';
import type { Line } from './kernels.ts';

const write = (line: Line): void => appendFileSync(process.env.SPILLWAY_TESTS ?? '', `${JSON.stringify(line)}\n`);

/** What vitest makes one of. */
export default class implements Reporter {
  onTestCaseResult(test: TestCase): void {
    const { state, errors = [] } = test.result();
    if (state === 'skipped' || state === 'pending') return;
    const why = errors.map(({ message, cause, diff = '' }) => [message, cause?.message, diff].join('\n')).join('\n');
    write({
      name: test.fullName,
      status: state,
      seconds: Math.round((test.diagnostic()?.duration ?? 0) / 1000),
      why: why.slice(0, 2000),
    });
  }

  /** What fails before its tests, e.g. in a beforeAll, has them skipped. */
  onTestModuleEnd(module: TestModule): void {
    for (const suite of [module, ...module.children.allSuites()]) {
      const why = suite.errors().map(({ message }) => message);
      const name = suite.type === 'module' ? 'the file' : suite.fullName;
      if (why.length > 0) write({ name, status: 'failed', seconds: 0, why: why.join('\n') });
    }
  }

  onTestRunEnd(_: unknown, errors: readonly { readonly message: string }[], reason: TestRunEndReason): void {
    if (reason !== 'interrupted') write({ ended: true, why: errors.map(({ message }) => message).join('\n') });
  }
}
