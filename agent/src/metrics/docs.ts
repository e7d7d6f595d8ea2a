/** docs/metrics.md, from the catalogue. Pure. */
import { CATALOGUE, type Metric, PREFIX, PROCESS_CATALOGUE } from './catalogue.ts';
import { DEFAULT_LIMITS } from './exporter.ts';
import { MAX_LABEL_LENGTH } from './text.ts';

/** The whole page. */
export function metricsMarkdown(): string {
  return `<!-- Generated from agent/src/metrics/catalogue.ts by its test: vitest run agent/test/metrics/docs.test.ts --update=all -->
# Metrics

Served at \`/metrics\` in the Prometheus text format 0.0.4. Labels never hold a pid. Counters count from the start of the
agent and never decrease while it runs, also when the kernel's tables give entries back.

${table(PREFIX, CATALOGUE)}

## Bounded label sets

Names that hosts and programs choose could make any number of series. So only so many are told apart: ${DEFAULT_LIMITS.flows} flows and
${DEFAULT_LIMITS.workloads} workloads. The rest is summed under \`other\` (\`src="other",dst="other",proto="other"\` and \`unit="other",comm="other"\`), so
that the sum over all series of a metric is always everything that was counted.

- **Who gets a place:** while places are free, whoever has most attempts when \`/metrics\` is read; it then shows its full count.
- **Who keeps it:** whoever has it, also when it is gone; a flow that comes back goes on where its series stopped.
- **Who loses it:** only when all places are taken, whoever has had no attempt for ${duration(DEFAULT_LIMITS.idleSeconds)} and is in the way of another that
  has attempts now. Its series ends and its count moves into \`other\`, **which then jumps**: a rate of \`other\` shows attempts
  that were made long before. The newcomer's series begins at nothing: its earlier attempts are in \`other\` and stay there.
- A flow whose record the kernel table gave back and that returned before \`/metrics\` was read again leaves what it did in
  between in \`other\`. That takes a table that is nearly full, or a quarter of an hour without an attempt.
- A program that calls itself \`other\`, or nothing at all, has no place of its own, whatever its unit: it is counted under
  \`comm="other"\`. So are attempts for which no process was found, and those of processes that found the table full.
- Names that are the same in their first ${MAX_LABEL_LENGTH} characters are one.
- Series of workloads, flows, reasons, errnos, opcodes and durations appear with their first event; the others are there from the start.

## The agent itself

${table('', PROCESS_CATALOGUE)}
`;
}

function table(prefix: string, catalogue: Readonly<Record<string, Metric>>): string {
  const rows = Object.entries(catalogue).map(([name, { type, help, labels, note }]) =>
    row([
      `\`${prefix}${name}\``,
      type,
      labelNames(type, labels).join(', '),
      note === undefined ? help : `${help} ${note}`,
    ]),
  );
  return [row(['metric', 'type', 'labels', 'meaning']), row(['---', '---', '---', '---']), ...rows].join('\n');
}

const labelNames = (type: Metric['type'], labels: readonly string[]) =>
  type === 'histogram' ? [...labels, 'le'] : labels;

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

function duration(seconds: number): string {
  return seconds % 3600 === 0 ? `${seconds / 3600} h` : `${seconds} s`;
}
