/** Text -> YAML nodes that know their place. */
import { type ErrorCode, isAlias, isScalar, isSeq, type ParsedNode, parseDocument, type YAMLError } from 'yaml';
import { type Problems, type Range, withoutSecrets } from './problems.ts';

/**
 * All scalars stay text: what `0.5%`, `10s` or `yes` is, is for the schema to say. The parser's own check for duplicate keys
 * compares each key with all others, which takes hours for a file that is full of them.
 */
const OPTIONS = { schema: 'failsafe', stringKeys: true, uniqueKeys: false, prettyErrors: false } as const;

/** The one document of the text; null if there is none. Syntax errors are added to the problems. */
export function parseYaml(text: string, problems: Problems): ParsedNode | null {
  const { stackTraceLimit } = Error;
  try {
    // each of its errors would take its stack along, which nobody reads: half of the time for a file that is full of them
    Error.stackTraceLimit = 0;
    const document = parseDocument(text, OPTIONS);
    // A tag that has no meaning is a warning to the parser.
    const errors = [...document.errors, ...document.warnings].sort((one, other) => one.pos[0] - other.pos[0]);
    for (const error of errors) problems.addSyntax(error.pos[0], syntaxMessage(error));
    return document.contents;
  } catch (error) {
    // The parser does not promise never to throw: nesting can exhaust its stack.
    problems.addSyntax(0, `this cannot be parsed (${error instanceof Error ? error.name : 'unknown error'})`);
    return null;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** What the parser says in terms of YAML, or with text of the file. */
const SYNTAX: Partial<Record<ErrorCode, string>> = {
  TAB_AS_INDENT: 'a tab cannot indent: use spaces',
  MULTIPLE_DOCS: 'a second document begins here: put everything into one',
  RESOURCE_EXHAUSTION: 'nested too deep',
  TAG_RESOLVE_FAILED: 'tags have no meaning here: text that begins with ! needs quotes',
  BAD_DIRECTIVE: 'directives have no meaning here: text that begins with % needs quotes',
  NON_STRING_KEY: 'a key must be text; text that begins with { or [ needs quotes',
};

function syntaxMessage({ code, message }: YAMLError): string {
  // Text of the file stands behind a colon.
  if (code === 'UNEXPECTED_TOKEN') {
    return `${lowerFirst(message.replace(/: .*$/s, ''))}; text that begins with { or [ needs quotes`;
  }
  return SYNTAX[code] ?? withoutSecrets(lowerFirst(message));
}

const lowerFirst = (text: string): string => text.charAt(0).toLowerCase() + text.slice(1);

/** Where a node stands. */
export function rangeOf(node: ParsedNode): Range {
  return [node.range[0], node.range[1]];
}

/** Whether a key has nothing behind it. */
export function isNothing(node: ParsedNode | null): boolean {
  return node === null || (isScalar(node) && node.type === 'PLAIN' && ['', '~', 'null'].includes(String(node.value)));
}

/** What a node is, for `…, not a list`. */
export function kindOf(node: ParsedNode): string {
  if (isAlias(node)) return 'an alias (write the value out: this file has none)';
  if (isScalar(node)) return 'text';
  return isSeq(node) ? 'a list' : 'a section';
}
