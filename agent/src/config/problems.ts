/** What is wrong with a configuration, and where. */
import { SpillwayError } from '../model/errors.ts';
import { printable } from '../model/text.ts';

export interface Problem {
  /** From 1; null if it is about the file as a whole. */
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

/** Problems that a message shows; a file of another kind has one on every line. */
const MOST_SHOWN = 100;

/** A configuration that cannot be used, with everything that is wrong with it. */
export class ConfigError extends SpillwayError {
  readonly file: string;
  readonly problems: readonly Problem[];

  constructor(file: string, problems: readonly Problem[], options?: ErrorOptions) {
    const more = problems.length - MOST_SHOWN;
    const lines = problems.slice(0, MOST_SHOWN).map((problem) => problemText(file, problem));
    if (more > 0) lines.push(`${printable(file)}: ${String(more)} more`);
    super('CONFIG', lines.join('\n'), options);
    this.file = file;
    this.problems = problems;
  }
}

/** `file:line:column: message` */
function problemText(file: string, { line, column, message }: Problem): string {
  const place = line === null ? '' : `:${String(line)}:${String(column)}`;
  return `${printable(file)}${place}: ${message}`;
}

/** As long as PagerDuty's routing keys, or longer: no word that a person would type. */
const SECRET = /[A-Za-z0-9]{32,}/g;

/** Text of the file for a message: short, printable, and nothing that may be a secret. */
export function quote(text: string): string {
  const shown = printable(withoutSecrets(text));
  return `"${shown.length > 60 ? `${shown.slice(0, 60)}…` : shown}"`;
}

/** Whether the text may be a key that belongs into a file of its own. */
export function looksSecret(text: string): boolean {
  return /^[A-Za-z0-9]{32}$/.test(text);
}

/** The text with everything left out that may be a key. */
export function withoutSecrets(text: string): string {
  return text.replace(SECRET, '(not repeated here)');
}

/** Part of the text that a problem is about: offsets of its begin and of its end. */
export type Range = readonly [begin: number, end: number];

/** Collects problems of one text. */
export class Problems {
  readonly #text: string;
  readonly #found: { readonly range: Range; readonly message: string }[] = [];
  readonly #starts: number[] = [0];
  /** Where the text cannot be relied on any more. */
  #limit = Infinity;

  constructor(text: string) {
    this.#text = text;
    for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) this.#starts.push(at + 1);
  }

  add(range: Range, message: string): void {
    if (range[1] < this.#limit) this.#found.push({ range, message });
  }

  /**
   * What is no YAML. One a line: the others follow from it. What is said later about this line and those behind it is not
   * taken, because the parser had to guess what they mean.
   */
  addSyntax(offset: number, message: string): void {
    const start = this.#starts[this.#lineOf(offset)] ?? 0;
    const last = this.#found.at(-1);
    if (last !== undefined && this.#lineOf(last.range[0]) === this.#lineOf(offset)) return;
    this.#found.push({ range: [offset, offset], message });
    this.#limit = Math.min(this.#limit, start);
  }

  /** Line of an offset, from 1. */
  line(offset: number): number {
    return this.#lineOf(offset) + 1;
  }

  /** In the order of the file. */
  list(): Problem[] {
    return this.#found
      .toSorted((one, other) => one.range[0] - other.range[0])
      .map(({ range: [begin], message }) => {
        const offset = this.#inside(begin);
        const line = this.#lineOf(offset);
        return { line: line + 1, column: offset - (this.#starts[line] ?? 0) + 1, message };
      });
  }

  /** Something missing at the end is said of the last character. */
  #inside(offset: number): number {
    return Math.max(0, Math.min(offset, this.#text.length - 1));
  }

  #lineOf(offset: number): number {
    const inside = this.#inside(offset);
    let low = 0;
    let high = this.#starts.length;
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if ((this.#starts[middle] ?? 0) <= inside) low = middle;
      else high = middle;
    }
    return low;
  }
}
