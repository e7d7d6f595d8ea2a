/**
 * Takes secrets out of texts that are sent to others. What may be one is taken for one: a report that lacks a word is of use, a key that
 * has left the host is not. Pure.
 */

const REDACTED = '[redacted]';

/** Names whose values are secrets, as configurations, JSON, environments and command lines write them. */
const SECRET_NAME =
  '[\\w.-]*(?:passw(?:or)?d|passwd|passphrase|secret|token|credential|(?:api|access|account|routing|service|integration|private|signing|encryption)[_.-]?key|authorization|cookie|basic_auth)s?(?:[_.-]\\w+)*';

/** A name that says where the secret is, not what it is. */
const NAMES_A_FILE = /[_.-](?:file|path|dir|directory)$/i;

/** What is a secret by the look of it. In this order: what stands in front may hold what comes behind. */
const SHAPES: readonly (readonly [RegExp, string])[] = [
  [/-----BEGIN ([A-Z0-9 ]*PRIVATE KEY)-----[\s\S]*?(?:-----END \1-----|$)/g, REDACTED],
  // user and password of a URL
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/?#"'<>@]+@/gi, `$1${REDACTED}@`],
  // crypt(3) and bcrypt, $ doubled where a compose file escapes it
  [/\${1,2}(?:2[abxy]?|1|5|6|7|y|gy|apr1|sha1|argon2\w*|scrypt|pbkdf2[\w-]*)\${1,2}[^\s"',}]+/g, REDACTED],
  [/\b(Bearer|Basic|Digest|Negotiate|Token)\s+[\w.~+/=:-]{6,}/gi, `$1 ${REDACTED}`],
  [/\beyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?/g, REDACTED],
  [/\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\b(?:gh[pousr]|github_pat|glpat|xox[a-z]|sk|pk|hvs|npm)[_-][\w-]{10,}/g, REDACTED],
  // the id of a container, as long as people write it
  [/(?<![A-Za-z0-9])([0-9a-f]{12})[0-9a-f]{52}(?![A-Za-z0-9])/g, '$1…'],
  // as long as PagerDuty's keys, or longer
  [/[A-Za-z0-9]{32,}/g, REDACTED],
  [/(?<![\w+=-])(?=[\w+=-]*\d)(?=[\w+=-]*[A-Z])(?=[\w+=-]*[a-z])[\w+=-]{24,}/g, REDACTED],
];

/** Headers whose values are of several words. */
const HEADER = /((?:authorization|cookie)["']?\s*[:=]\s*)("(?:[^"\\]|\\.)*"|'[^']*'|[^\n"']+)/gi;
/** `name: value`, `name=value`, `"name":"value"`, `--name value`; without quotes up to the next blank, or the next part of a query. */
const ASSIGNED = new RegExp(
  String.raw`((?:^|[^\w.-])-{0,2})(${SECRET_NAME})(["']?\s*[:=]\s*|["']?\s+(?=["']?[^\s-]))("(?:[^"\\]|\\.)*"|'[^']*'|[^\s&"'][^\s&]*)`,
  'gim',
);
/** The same in YAML, where a value may go on over lines that are further in, and hold blanks. */
const YAML_ASSIGNED = new RegExp(
  String.raw`^([ \t#]*(?:- )?["']?)((?:${SECRET_NAME})|basic_auth_users)(["']?[ \t]*:)(.*(?:\n(?:\1[ \t]+.*|[ \t]*$))*)`,
  'gim',
);
const URL = /\bhttps?:\/\/[^\s"'<>\\,)\]}]+/gi;
const LOOPBACK = /^https?:\/\/(?:127\.[\d.]+|localhost|\[::1\])(?::\d+)?(?:[/?#]|$)/i;

/** No word that is of use is so long, and looking into one takes time with the square of its length. */
const ENDLESS = /\S{2000,}/g;

/** Any text: the log, a message, the value of a label. */
export function redactText(text: string): string {
  const headed = text
    .replace(ENDLESS, REDACTED)
    .replace(HEADER, (_, name: string, value: string) => `${name}${quotedAs(value)}`);
  const assigned = headed.replace(ASSIGNED, (whole, before: string, name: string, between: string, value: string) =>
    isPlace(name, value) || isProse(between, value) ? whole : `${before}${name}${between}${quotedAs(value)}`,
  );
  const shaped = SHAPES.reduce((all, [shape, instead]) => all.replace(shape, instead), assigned);
  return shaped.replace(URL, withoutPath);
}

/** A YAML file, comments included. */
export function redactYaml(text: string): string {
  return redactText(
    text
      .replace(ENDLESS, REDACTED)
      .replace(YAML_ASSIGNED, (whole, before: string, name: string, colon: string, value: string) =>
        isPlace(name, value.trim()) || value.trim() === '' ? whole : `${before}${name}${colon} ${REDACTED}`,
      ),
  );
}

/** A JSON document; values behind a name that is one of secrets, and whatever looks like one anywhere else. */
export function redactJson(document: unknown): unknown {
  if (typeof document === 'string') return redactText(document);
  if (Array.isArray(document)) return document.map(redactJson);
  if (typeof document !== 'object' || document === null) return document;
  const isSecret = new RegExp(`^(?:${SECRET_NAME}|basic_auth_users)$`, 'i');
  return Object.fromEntries(
    Object.entries(document).map(([name, value]: [string, unknown]) => {
      const hide = isSecret.test(name) && value !== null && !(typeof value === 'string' && isPlace(name, value));
      return [redactText(name), hide ? REDACTED : redactJson(value)];
    }),
  );
}

/** `routing_key_file: /etc/…`. A file is named from the root: what else stands there may be the secret itself. */
const isPlace = (name: string, value: string): boolean =>
  NAMES_A_FILE.test(name) && /^["']?\/[\w./@+-]*["']?$/.test(value) && !/[A-Za-z0-9]{32}/.test(value);

/** `the token is …` names no value; `--token abc` does, and so does a blank behind a name with a dash. */
const isProse = (between: string, value: string): boolean =>
  !/[:=]/.test(between) &&
  /^(?:is|was|are|of|in|for|from|or|and|has|must|cannot|that|to|with|file|files|can)$/i.test(value);

const quotedAs = (value: string): string => {
  const quote = /^["']/.exec(value)?.[0] ?? '';
  return `${quote}${REDACTED}${quote}`;
};

/** Behind the host may stand what opens a door (webhooks of chat services). */
function withoutPath(url: string): string {
  if (LOOPBACK.test(url)) return url;
  const [, origin = '', rest = ''] = /^(https?:\/\/[^/?#]+)(.*)$/i.exec(url) ?? [];
  return rest === '' || rest === '/' ? url : `${origin}/…`;
}
