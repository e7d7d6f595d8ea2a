/** Data on stdout. A reader that goes away early (`| head`) ends us quietly. */
import { writeFileSync } from 'node:fs';
import { EXIT } from '../model/errors.ts';

export const FORMATS = ['table', 'json', 'ndjson'] as const;
export type Format = (typeof FORMATS)[number];

/** Ends the process with 0 once nobody reads stdout any more. A log that takes nothing is no reason to end: see log(). */
export function endQuietlyOnBrokenPipe(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : EXIT.failed);
  });
}

/** Writes text to a file, or to stdout when there is none; resolves when it has left. */
export async function write(text: string, file?: string): Promise<void> {
  if (file !== undefined) {
    writeFileSync(file, text);
    return;
  }
  await new Promise<void>((resolve) => {
    process.stdout.write(text, () => {
      resolve();
    });
  });
}

/** One document as the chosen JSON: indented, or on one line. */
export function jsonText(document: unknown, format: 'json' | 'ndjson'): string {
  return `${JSON.stringify(document, null, format === 'json' ? 2 : undefined)}\n`;
}
