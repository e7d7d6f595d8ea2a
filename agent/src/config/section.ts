/** A section of the file -> the values that it gives, by dotted key. */
import { isMap, isScalar, type ParsedNode, type YAMLMap } from 'yaml';
import { didYouMean } from '../model/nearest.ts';
import { looksSecret, type Problems, quote } from './problems.ts';
import type { Settings, Values } from './settings.ts';
import { isNothing, kindOf, rangeOf } from './yaml.ts';

/** What a section gives. */
export interface Given<S extends Settings> {
  /** Those that are what they should be. */
  readonly values: Partial<Values<S>>;
  /** Where they stand, those that are not among them. */
  readonly nodes: ReadonlyMap<string, ParsedNode>;
}

/** Reads a section and those inside it. @param place what stands before its keys: '', or with a dot at its end */
export function readSection<S extends Settings>(
  section: YAMLMap.Parsed,
  settings: S,
  place: string,
  problems: Problems,
): Given<S> {
  const values = new Map<string, unknown>();
  const nodes = new Map<string, ParsedNode>();

  const read = (map: YAMLMap.Parsed, prefix: string): void => {
    for (const { name, key, value } of pairs(map, place + prefix, problems)) {
      const full = prefix + name;
      const setting = Object.hasOwn(settings, full) ? settings[full] : undefined;
      if (name.includes('.')) {
        problems.add(
          rangeOf(key),
          `unknown key ${quote(name)}: sections stand on lines of their own, not before a dot`,
        );
      } else if (setting !== undefined) {
        nodes.set(full, value ?? key);
        const result = value === null ? undefined : setting.type.read(value, place + full, problems);
        if (result !== undefined) values.set(full, result);
        // `{enabled}`, without a colon
        if (value === null) problems.add(rangeOf(key), `${place}${full}: there is no value`);
      } else if (Object.keys(settings).some((each) => each.startsWith(`${full}.`))) {
        // All of a section may be commented out.
        if (isMap(value)) read(value, `${full}.`);
        else if (value !== null && !isNothing(value)) {
          problems.add(rangeOf(value), notASection(place + full, value, keysOf(settings, `${full}.`)));
        }
      } else {
        problems.add(rangeOf(key), secretKey(place, full, value) ?? unknownKey(name, prefix, place, settings));
      }
    }
  };
  read(section, '');
  return { values: Object.fromEntries(values) as Partial<Values<S>>, nodes };
}

interface NamedValue {
  readonly name: string;
  readonly key: ParsedNode;
  readonly value: ParsedNode | null;
}

/** The keys of a section, without those that are no text or appear again. @param place for messages, with a dot at its end */
export function* pairs(map: YAMLMap.Parsed, place: string, problems: Problems): Generator<NamedValue> {
  const seen = new Map<string, ParsedNode>();
  for (const { key, value } of map.items) {
    if (!isScalar(key)) {
      problems.add(rangeOf(key), 'a key must be text');
      continue;
    }
    const name = String(key.value);
    const first = seen.get(name);
    if (first === undefined) {
      seen.set(name, key);
      yield { name, key, value };
    } else {
      problems.add(
        rangeOf(key),
        `${quote(place + name)} appears twice: it stands on line ${String(problems.line(first.range[0]))} too`,
      );
    }
  }
}

/** The keys that stand directly behind a prefix. */
function keysOf(settings: Settings, prefix: string): string[] {
  const keys = Object.keys(settings).filter((key) => key.startsWith(prefix));
  return [...new Set(keys.map((key) => key.slice(prefix.length).split('.', 1)[0] ?? ''))];
}

/** What is there is not repeated: it may be a key that was to be in a file. */
function notASection(key: string, value: ParsedNode, keys: readonly string[]): string {
  const secret = isScalar(value) && looksSecret(String(value.value)) ? `; ${IN_A_FILE}` : '';
  return `${key}: expected a section (with ${keys.join(', ')}), not ${kindOf(value)}${secret}`;
}

function unknownKey(name: string, prefix: string, place: string, settings: Settings): string {
  const here = keysOf(settings, prefix);
  const section = (place + prefix).slice(0, -1);
  const where = section === '' ? '' : ` in ${section}`;
  // The right name at the wrong place.
  const elsewhere = Object.keys(settings).filter((key) => key.split('.').at(-1) === name);
  const meant =
    elsewhere.length > 0
      ? `; did you mean ${elsewhere.map((key) => place + key).join(' or ')}?`
      : didYouMean(name, here);
  return `unknown key ${quote(name)}${where}${meant === '' ? ` (there are ${here.join(', ')})` : meant}`;
}

const IN_A_FILE = 'secrets do not stand here: write it into a file that only root can read';

/** For keys that would hold a secret: where it belongs. The value is never repeated. */
function secretKey(place: string, key: string, value: ParsedNode | null): string | undefined {
  const full = place + key;
  const receiver = /^receivers\.(pagerduty|webhook)\./.exec(full)?.[1];
  if (receiver === undefined) return undefined;
  const secret = isScalar(value) && looksSecret(String(value.value));
  if (!secret && !/key$|token|password|secret|credentials?$|authorization/i.test(full)) return undefined;
  const file = receiver === 'pagerduty' ? 'routing_key_file' : 'bearer_token_file';
  return `${quote(full)}: ${IN_A_FILE}, and name that file in receivers.${receiver}.${file}`;
}
