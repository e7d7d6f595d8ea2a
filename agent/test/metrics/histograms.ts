/** Reads the histograms of the text format too, which parseExposition does not know. */
import { type Family, parseExposition, type Sample } from '../support/exposition.ts';

export interface HistogramFamily {
  readonly help: string;
  readonly type: 'histogram';
  /** One for each series, without `le`. */
  readonly samples: readonly HistogramSample[];
}

export interface HistogramSample {
  readonly labels: Readonly<Record<string, string>>;
  /** By `le`, as it is written, in the order in which they are written. */
  readonly buckets: readonly (readonly [le: string, count: number])[];
  readonly sum: number;
  readonly count: number;
}

/** The histograms of an exposition, and its other families. @throws Error where the text is not of the format */
export function parseHistograms(text: string): {
  readonly families: Map<string, Family>;
  readonly histograms: Map<string, HistogramFamily>;
} {
  const histograms = new Map<string, HistogramFamily>();
  let rest = '';
  for (const block of text.split(/^(?=# HELP )/m)) {
    const [, name = '', help = ''] = /^# HELP (\S+) (.*)\n# TYPE \1 histogram\n/.exec(block) ?? [];
    if (name === '') rest += block;
    else histograms.set(name, { help, type: 'histogram', samples: samplesOf(name, block.split('\n').slice(2, -1)) });
  }
  return { families: rest === '' ? new Map<string, Family>() : parseExposition(rest), histograms };
}

/** @throws Error when a series is torn apart: its buckets, then its sum, then its count */
function samplesOf(name: string, lines: readonly string[]): HistogramSample[] {
  const samples: HistogramSample[] = [];
  for (let at = 0; at < lines.length;) {
    const buckets: Sample[] = [];
    while (lines[at]?.startsWith(`${name}_bucket`) === true) buckets.push(sampleOf(lines[at++] ?? ''));
    const [sum, count] = [sampleOf(lines[at++] ?? ''), sampleOf(lines[at++] ?? '')];
    if (sum.name !== `${name}_sum` || count.name !== `${name}_count`) throw new Error(`no sum and count of ${name}`);
    for (const { labels } of [sum, ...buckets]) {
      const others = Object.entries(labels).filter(([label]) => label !== 'le');
      if (JSON.stringify(others) !== JSON.stringify(Object.entries(count.labels)))
        throw new Error(`series of ${name} torn apart`);
    }
    samples.push({
      labels: count.labels,
      buckets: buckets.map(({ labels, value }) => [labels.le ?? '', value]),
      sum: sum.value,
      count: count.value,
    });
  }
  return samples;
}

function sampleOf(line: string): Sample {
  const name = /^\w+/.exec(line)?.[0] ?? '';
  const [sample] = parseExposition(`# TYPE ${name} untyped\n${line}\n`).get(name)?.samples ?? [];
  if (sample === undefined) throw new Error(`no sample: ${line}`);
  return sample;
}
