/** Text exposition format 0.0.4, written in one pass into pages of bytes. Pure but for the pages. */
import { CATALOGUE, type HistogramName, type LabelValues, type MetricName, PREFIX } from './catalogue.ts';
import { Body, PAGE_BYTES, Pages } from './pages.ts';

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

/** Bytes of the longest number: `-1.2345678901234567e-308`. */
const NUMBER_BYTES = 24;
/** What UTF-8 makes of one UTF-16 unit at most. */
const BYTES_PER_UNIT = 3;

/** Collects samples; each family's header is written before its first one. */
export class TextWriter {
  readonly #pages: Pages;
  readonly #full: Buffer[] = [];
  /** Of each of those, and of the one that is written. */
  readonly #lengths: number[] = [];
  /** All that was taken from `#pages`. */
  readonly #taken: Buffer[] = [];
  #page: Buffer = NO_PAGE;
  #at = 0;
  #family: MetricName | null = null;
  readonly #written = new Set<MetricName>();

  /** @param pages where memory comes from, and goes to when nobody reads the body any more */
  constructor(pages: Pages = new Pages()) {
    this.#pages = pages;
  }

  /**
   * One line. `labels` is from labelSet(). The samples of a family must follow one another: the format demands it.
   * @throws Error when a family is begun again
   */
  sample(name: Exclude<MetricName, HistogramName>, labels: string, value: number): void {
    this.#begin(name);
    this.#write(`${PREFIX}${name}${labels} `, value);
  }

  /** One series of a histogram. `labels` is from labelSet(), and not empty. */
  histogram(name: HistogramName, labels: string, { bounds, cumulative, count, sum }: Histogram): void {
    this.#begin(name);
    const bucket = (bound: number, value: number) => {
      this.#write(`${PREFIX}${name}_bucket${labels.slice(0, -1)},le="${sampleValue(bound)}"} `, value);
    };
    bounds.forEach((bound, i) => bucket(bound, cumulative[i] ?? 0));
    bucket(Infinity, count);
    this.#write(`${PREFIX}${name}_sum${labels} `, sum);
    this.#write(`${PREFIX}${name}_count${labels} `, count);
  }

  /**
   * One line whose labels are bytes, for a series of which there are very many: `write` puts them, from `{` to `}`, into the page from
   * an index on, `most` bytes at most, and returns the index behind them.
   */
  line(
    name: Exclude<MetricName, HistogramName>,
    most: number,
    write: (page: Uint8Array, at: number) => number,
    value: number,
  ): void {
    this.#begin(name);
    const start = this.#startOf(name);
    this.#reserve(start.length + most + NUMBER_BYTES + 2);
    const page = this.#page;
    let at = write(page, putBytes(page, this.#at, start));
    page[at++] = SPACE;
    at = putNumber(page, at, value);
    page[at++] = NEWLINE;
    this.#at = at;
  }

  /** Text that is in the format already. */
  raw(text: string): void {
    this.#reserve(BYTES_PER_UNIT * text.length);
    this.#at += this.#page.write(text, this.#at);
  }

  /** What was written, until the body is used no more. The writer has ended then. */
  body(): Body {
    const taken = this.#taken.splice(0);
    return new Body(this.#pieces(), () => this.#pages.give(taken));
  }

  /** What was written so far. */
  get text(): string {
    return Buffer.concat(this.#pieces()).toString();
  }

  #pieces(): Buffer[] {
    const last = this.#page.subarray(0, this.#at);
    return [...this.#full.map((page, i) => page.subarray(0, this.#lengths[i])), ...(last.length === 0 ? [] : [last])];
  }

  #write(start: string, value: number): void {
    this.#reserve(BYTES_PER_UNIT * start.length + NUMBER_BYTES + 1);
    const at = putNumber(this.#page, this.#at + this.#page.write(start, this.#at), value);
    this.#page[at] = NEWLINE;
    this.#at = at + 1;
  }

  #begin(name: MetricName): void {
    if (name === this.#family) return;
    if (this.#written.has(name)) throw new Error(`samples of ${name} are not together`);
    this.#written.add(name);
    this.#family = name;
    const { help, type } = CATALOGUE[name];
    this.raw(`# HELP ${PREFIX}${name} ${help}\n# TYPE ${PREFIX}${name} ${type}\n`);
  }

  #start: { readonly name: MetricName; readonly bytes: Uint8Array } | null = null;

  #startOf(name: MetricName): Uint8Array {
    if (this.#start?.name !== name) this.#start = { name, bytes: Buffer.from(`${PREFIX}${name}`) };
    return this.#start.bytes;
  }

  /** Makes room for so many bytes in one piece. */
  #reserve(bytes: number): void {
    if (this.#at + bytes <= this.#page.length) return;
    if (this.#at > 0) {
      this.#full.push(this.#page);
      this.#lengths.push(this.#at);
    }
    this.#at = 0;
    if (bytes > PAGE_BYTES) {
      this.#page = Buffer.allocUnsafeSlow(bytes);
      return;
    }
    this.#page = this.#pages.take();
    this.#taken.push(this.#page);
  }
}

const NO_PAGE = Buffer.alloc(0);
const SPACE = 0x20;
const NEWLINE = 0x0a;
const ZERO = 0x30;

/** Go's spelling of what JavaScript spells otherwise. */
function sampleValue(value: number): string {
  if (value === Infinity) return '+Inf';
  return value === -Infinity ? '-Inf' : String(value);
}

/** Copies ASCII. Returns the index behind it, like the next two. */
export function putBytes(page: Uint8Array, at: number, bytes: Uint8Array): number {
  for (let i = 0; i < bytes.length; i++) page[at + i] = bytes[i] ?? 0;
  return at + bytes.length;
}

/** A value as sampleValue() spells it. */
function putNumber(page: Uint8Array, at: number, value: number): number {
  if (value >= 0 && value < 2 ** 31 && value === Math.trunc(value)) return putCount(page, at, value);
  const text = sampleValue(value);
  for (let i = 0; i < text.length; i++) page[at + i] = text.charCodeAt(i);
  return at + text.length;
}

/** A whole number below 2^31 in decimal. */
export function putCount(page: Uint8Array, at: number, count: number): number {
  let digits = 1;
  for (let bound = 10; count >= bound; bound *= 10) digits++;
  let rest = count | 0;
  for (let i = at + digits - 1; i >= at; i--) {
    const next = (rest / 10) | 0;
    page[i] = ZERO + (rest - 10 * next);
    rest = next;
  }
  return at + digits;
}
