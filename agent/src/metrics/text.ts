/** Text exposition format 0.0.4, written in one pass. Pure. */
import { CATALOGUE, type HistogramName, type LabelValues, type MetricName, PREFIX } from './catalogue.ts';

export const CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** UTF-16 units of a label value that are shown; a comm has at most 15, the name of a cgroup at most 95. */
export const MAX_LABEL_LENGTH = 128;

const ESCAPES: Readonly<Record<string, string>> = { '\\': '\\\\', '"': '\\"', '\n': '\\n' };

/** What is shown of any text: a bounded length, valid Unicode. Who tells names apart must tell these apart. */
export function shownText(value: string): string {
  // cut first: the cut may leave half of a surrogate pair, which toWellFormed() replaces
  return value.slice(0, MAX_LABEL_LENGTH).toWellFormed();
}

/** Any text as a label value: of bounded length, valid Unicode, escaped. */
export function labelText(value: string): string {
  return shownText(value).replace(/[\\"\n]/g, (character) => ESCAPES[character] ?? character);
}

/**
 * `{a="x",b="y"}`; empty for a metric without labels. Worth keeping where a series is written again and again: escaping is
 * most of what a sample costs.
 */
export function labelSet<N extends MetricName>(name: N, values: LabelValues<N>): string {
  const names: readonly string[] = CATALOGUE[name].labels;
  const texts: readonly string[] = values;
  if (names.length === 0) return '';
  return `{${names.map((label, i) => `${label}="${labelText(texts[i] ?? '')}"`).join(',')}}`;
}

/** How often something took at most so long. */
export interface Histogram {
  /** Rising; what is longer than the last one counts only in the total. */
  readonly bounds: readonly number[];
  /** By bound, each including those before it. */
  readonly cumulative: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** Collects samples; each family's header is written before its first one. */
export class TextWriter {
  #text = '';
  #family: MetricName | null = null;
  readonly #written = new Set<MetricName>();

  /**
   * One line. `labels` is from labelSet(). The samples of a family must follow one another: the format demands it.
   * @throws Error when a family is begun again
   */
  sample(name: Exclude<MetricName, HistogramName>, labels: string, value: number): void {
    if (name !== this.#family) this.#begin(name);
    this.#text += `${PREFIX}${name}${labels} ${sampleValue(value)}\n`;
  }

  /** One series of a histogram. `labels` is from labelSet(), and not empty. */
  histogram(name: HistogramName, labels: string, { bounds, cumulative, count, sum }: Histogram): void {
    if (name !== this.#family) this.#begin(name);
    const bucket = (bound: number, value: number) => {
      this.#text += `${PREFIX}${name}_bucket${labels.slice(0, -1)},le="${sampleValue(bound)}"} ${sampleValue(value)}\n`;
    };
    bounds.forEach((bound, i) => bucket(bound, cumulative[i] ?? 0));
    bucket(Infinity, count);
    this.#text += `${PREFIX}${name}_sum${labels} ${sampleValue(sum)}\n${PREFIX}${name}_count${labels} ${sampleValue(count)}\n`;
  }

  #begin(name: MetricName): void {
    if (this.#written.has(name)) throw new Error(`samples of ${name} are not together`);
    this.#written.add(name);
    this.#family = name;
    const { help, type } = CATALOGUE[name];
    this.#text += `# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n`;
  }

  get text(): string {
    return this.#text;
  }
}

/** Go's spelling of what JavaScript spells otherwise. */
function sampleValue(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}
