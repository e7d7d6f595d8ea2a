/** Java's FileChannel.transferTo in a runtime that we pin. */
import { join } from 'node:path';
import { ROOT } from './run.ts';

const applications = join(ROOT, 'build/applications');

/** The command that runs applications/java/Transfer.java in that version. */
export const transfer = (version: 17 | 25, ...args: readonly string[]): string[] => [
  join(applications, `java-${String(version)}/bin/java`),
  // It ends sooner than a better compiler would have started.
  '-XX:TieredStopAtLevel=1',
  ...['-cp', join(applications, 'java'), 'Transfer'],
  ...args,
];
