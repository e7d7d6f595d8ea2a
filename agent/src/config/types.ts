/** Types of values: how each is read from the file, and written. */
import { isScalar, isSeq, type ParsedNode } from 'yaml';
import type { CounterSelector } from '../alerts/rule.ts';
import { durationText, parseDuration } from '../model/duration.ts';
import { type Address, ADDRESS_EXPECTED, addressText, parseAddress } from './address.ts';
import { didYouMean } from '../model/nearest.ts';
import { looksSecret, type Problems, quote } from './problems.ts';
import { parseSelector, selectorText } from './selector.ts';
import { isNothing, kindOf, rangeOf } from './yaml.ts';

export interface ValueType<V> {
  /** For docs/configuration.md. */
  readonly name: string;
  /** The value, or undefined after its problem has been added. @param key for the message */
  read(node: ParsedNode, key: string, problems: Problems): V | undefined;
  /** As it is written in the file. */
  format(value: V): string;
}

interface ScalarType<V> extends Hints {
  readonly name: string;
  /** What is allowed: a noun phrase. */
  readonly expected: string;
  /** Undefined if the text is no such value; a sentence if there is more to say. */
  readonly parse: (text: string) => { readonly value: V } | string | undefined;
  readonly format: (value: V) => string;
  /** Not text but a number or a word of YAML: quotes would make it text. */
  readonly unquoted?: boolean;
}

/** What to say about another text. */
interface Hints {
  /** May hold a password: not to be repeated. */
  readonly confidential?: boolean;
  /** Words that a mistyped one is compared with. */
  readonly words?: readonly string[];
  /** What the words are in other dialects. */
  readonly synonyms?: Readonly<Record<string, string>>;
}

/** A type of one text. */
export function scalar<V>(type: ScalarType<V>): ValueType<V> {
  const { name, expected, parse, format } = type;
  const read = (node: ParsedNode, key: string, problems: Problems): V | undefined => {
    const complain = (message: string) => problems.add(rangeOf(node), `${key}: ${message}`);
    if (isNothing(node)) {
      complain(`there is no value: give ${expected}, or leave the key out`);
    } else if (!isScalar(node)) {
      // `{{host}} …` and `[::1]:80` are that to YAML.
      const quotes = 'flow' in node && node.flow ? '; text that begins with { or [ needs quotes' : '';
      complain(`expected ${expected}, not ${kindOf(node)}${quotes}`);
    } else {
      const text = String(node.value);
      const parsed = parse(text);
      if (type.unquoted === true && node.type !== 'PLAIN') complain(`expected ${expected}, without quotes`);
      else if (typeof parsed === 'string') complain(parsed);
      else if (parsed !== undefined) return parsed.value;
      else complain(`expected ${expected}${unexpected(text, type)}`);
    }
    return undefined;
  };
  return { name, read, format };
}

function unexpected(text: string, { confidential, words, synonyms }: Hints): string {
  if (confidential === true) return '';
  const word = text.toLowerCase();
  const synonym = synonyms !== undefined && Object.hasOwn(synonyms, word) ? synonyms[word] : undefined;
  return `, not ${quote(text)}${didYouMean(synonym ?? text, words ?? [])}`;
}

const found = <V>(value: V | undefined) => (value === undefined ? undefined : { value });

export const ADDRESS: ValueType<Address> = scalar({
  name: 'address',
  expected: ADDRESS_EXPECTED,
  parse: (text) => found(parseAddress(text)),
  format: addressText,
});

export const BOOLEAN: ValueType<boolean> = scalar<boolean>({
  name: '`true` or `false`',
  expected: 'true or false',
  unquoted: true,
  parse: (text) => (text === 'true' || text === 'false' ? { value: text === 'true' } : undefined),
  format: String,
  words: ['true', 'false'],
  synonyms: { yes: 'true', on: 'true', 1: 'true', no: 'false', off: 'false', 0: 'false' },
});

/** A whole number within bounds. */
export function whole(least: number, most: number): ValueType<number> {
  return scalar<number>({
    name: `number from ${String(least)} to ${String(most)}`,
    expected: `a whole number from ${String(least)} to ${String(most)}`,
    unquoted: true,
    parse: (text) => {
      const value = Number(text);
      return /^[0-9]+$/.test(text) && value >= least && value <= most ? { value } : undefined;
    },
    format: String,
  });
}

/** So many per second. */
export const PER_SECOND: ValueType<number> = scalar<number>({
  name: 'number per second',
  expected: 'a number per second, 0 or more',
  unquoted: true,
  parse: (text) => {
    const value = Number(text);
    return /^[0-9]+(?:\.[0-9]+)?$/.test(text) && Number.isFinite(value) ? { value } : undefined;
  },
  format: String,
});

/** 0 to 1: a ratio of more than everything would be a percentage without its sign. */
export const RATIO: ValueType<number> = scalar({
  name: 'ratio such as `0.5%` or `0.005`',
  expected: 'a ratio from 0 to 1 such as 0.005, or from 0% to 100% such as 0.5%',
  parse: (text) => {
    const [, digits, percent] = /^([0-9]+(?:\.[0-9]+)?)\s?(%?)$/.exec(text) ?? [];
    // Not divided: 0.14 / 100 is another number than 0.0014.
    const value = Number(percent === '%' ? `${digits ?? ''}e-2` : digits);
    return value <= 1 ? { value } : undefined;
  },
  format: (value) => `${String(Number((value * 100).toPrecision(12)))}%`,
});

/** A time within bounds (milliseconds), as seconds. */
export function seconds(least: number, most: number): ValueType<number> {
  return scalar({
    name: `time from ${durationText(least)} to ${durationText(most)}`,
    expected: `a time from ${durationText(least)} to ${durationText(most)} such as 500ms, 10s, 5m or 1h`,
    parse: (text) => {
      const value = parseDuration(text);
      return value !== undefined && value >= least && value <= most ? { value: value / 1000 } : undefined;
    },
    format: (value) => durationText(value * 1000),
  });
}

/** One of some words. */
export function oneOf<const Word extends string>(words: readonly Word[]): ValueType<Word> {
  return scalar<Word>({
    name: words.map((word) => `\`${word}\``).join(', '),
    expected: `${words.slice(0, -1).join(', ')} or ${words.at(-1) ?? ''}`,
    parse: (text) => found(words.find((word) => word === text)),
    format: String,
    words,
  });
}

/** Some of the words, at least one. */
export function someOf<const Word extends string>(words: readonly Word[]): ValueType<readonly Word[]> {
  const item = oneOf(words);
  return {
    name: `list of ${item.name}`,
    read: (node, key, problems) => {
      if (!isSeq(node) || node.items.length === 0) {
        problems.add(rangeOf(node), `${key}: expected a list of ${words.join(', ')} such as [${words.join(', ')}]`);
        return undefined;
      }
      const values: Word[] = [];
      for (const [i, each] of node.items.entries()) {
        const value = item.read(each, `${key}[${String(i)}]`, problems);
        if (value === undefined) return undefined;
        if (values.includes(value)) {
          problems.add(rangeOf(each), `${key}[${String(i)}]: ${value} appears twice`);
          return undefined;
        }
        values.push(value);
      }
      return values;
    },
    format: (values) => `[${values.join(', ')}]`,
  };
}

/** As long as the kernel takes them (PATH_MAX). */
// eslint-disable-next-line no-control-regex -- no path of a configuration has these
export const FILE_NAME = /^[^\u0000-\u001f\u007f]{1,4095}$/;

/** A file or directory. Never repeated: a secret may stand where its file was meant. */
export const PATH: ValueType<string> = scalar<string>({
  name: 'absolute path',
  expected: 'an absolute path such as /etc/spillway/…',
  confidential: true,
  parse: (text) => {
    if (looksSecret(text))
      return 'this looks like a key: write it into a file that only root can read, and name the file here';
    return text.startsWith('/') && FILE_NAME.test(text) ? { value: text } : undefined;
  },
  format: String,
});

/** Without the slash at its end. A path may be a secret (chat services), so it is never repeated. */
export const URL_TEXT: ValueType<string> = scalar({
  name: 'URL',
  expected: 'a URL such as https://host.example/path',
  confidential: true,
  parse: (text) => {
    const url = URL.parse(text);
    if (url === null || !/^https?:\/\/[^/\s][^\s]*$/i.test(text)) return undefined;
    if (url.username !== '' || url.password !== '') return 'a URL here has no user and no password in it';
    if (url.hash !== '') return 'a URL here has no # in it';
    return { value: text.replace(/\/+$/, '') };
  },
  format: shownUrl,
});

/** A URL for people to see: scheme, host and port; what follows may be a secret. */
export function shownUrl(text: string): string {
  const { origin, pathname, search } = new URL(text);
  return pathname === '/' && search === '' ? origin : `${origin}/…`;
}

/** Text on one line. @param check what is wrong with it, if anything */
export function line(expected: string, most: number, check: (text: string) => string | undefined): ValueType<string> {
  return scalar({
    name: `text, at most ${String(most)} characters`,
    expected: `${expected} on one line, at most ${String(most)} characters`,
    confidential: true,
    parse: (text) => {
      const value = text.trim();
      if (value === '' || /\p{Cc}/u.test(value) || value.length > most) return undefined;
      return check(value) ?? { value };
    },
    format: (value) => `"${value}"`,
  });
}

export const SELECTOR: ValueType<CounterSelector> = scalar({
  name: 'counter',
  expected: 'a counter such as errors_total{mechanism="sendfile", errno="EAGAIN"}',
  parse: (text) => {
    const selector = parseSelector(text);
    return typeof selector === 'string' ? selector : { value: selector };
  },
  format: selectorText,
});
