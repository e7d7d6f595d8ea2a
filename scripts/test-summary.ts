/**
 * Prints `N passed, N failed` for a run of the tests and exits with 1 unless something ran and nothing failed.
 *
 *     node scripts/test-summary.ts RESULTS.json FAILED_CHECKS STATUS_OF_VITEST
 */
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { stripVTControlCharacters } from 'node:util';

/** What we read of vitest's JSON report. */
interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
  testResults: {
    name: string;
    status: string;
    message: string;
    assertionResults: { status: string; fullName: string; failureMessages: string[] }[];
  }[];
}

/** The first lines of a message, without the stack. */
const head = (message: string): string =>
  stripVTControlCharacters(message).split('\n').slice(0, 3).join(' ').slice(0, 300);

const [file = '', failedChecks = '0', vitestStatus = '0'] = process.argv.slice(2);
let passed = 0;
let failed = Number(failedChecks);
let skipped = 0;

if (existsSync(file)) {
  const report = JSON.parse(readFileSync(file, 'utf8')) as Report;
  passed = report.numPassedTests;
  skipped = report.numPendingTests + report.numTodoTests;
  failed += report.numFailedTests;
  // A file that could not even be loaded has no tests to fail.
  failed += report.testResults.filter((one) => one.status === 'failed' && one.assertionResults.length === 0).length;
  // Once more in short, below all that was printed: what somebody reads who has only the end of a long log.
  for (const file of report.testResults.filter((one) => one.status === 'failed')) {
    const name = path.relative(process.cwd(), file.name);
    if (file.assertionResults.length === 0) console.log(`FAIL  ${name}: ${head(file.message)}`);
    for (const test of file.assertionResults.filter((one) => one.status === 'failed')) {
      console.log(`FAIL  ${name}: ${test.fullName}: ${head(test.failureMessages[0] ?? '')}`);
    }
  }
}
if (vitestStatus !== '0' && failed === Number(failedChecks)) {
  console.log(`vitest ended with status ${vitestStatus} though no test failed: see above`);
  failed += 1;
}
if (skipped > 0) console.log(`${skipped} skipped`);
if (passed === 0 && failed === 0) {
  console.log('no test was run');
  failed = 1;
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
