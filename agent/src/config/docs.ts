/** docs/configuration.md, from the schema. Pure. */
import { DEFAULT_CONFIG_FILE, MOST_KIB } from './load.ts';
import { RULE_SETTINGS } from './rule-settings.ts';
import { type Setting, SETTINGS, type Settings } from './settings.ts';

/** The whole page. */
export function configurationMarkdown(): string {
  return `<!-- Generated from agent/src/config/settings.ts by its test: vitest run agent/test/config/docs.test.ts --update=all -->
# Configuration

\`${DEFAULT_CONFIG_FILE}\`, or the file named with \`--config\`: YAML, UTF-8, at most ${MOST_KIB} KiB. Every key is optional; an empty file,
or none, means the defaults. A file named with \`--config\` must be there. [packaging/config.yaml](../packaging/config.yaml) shows every key.

\`\`\`
spillway check                  # is ${DEFAULT_CONFIG_FILE} good, and what does it come to?
spillway check new.yaml         # or another file
spillway check --attach         # can every program be attached on this kernel too?
spillway alerts test            # does a test incident reach everyone who is to be told?
\`\`\`

A file with a mistake is not used at all. Each mistake is told as \`file:line:column: message\`, and the exit status is 78. A key that is
not known is a mistake, and so is one that appears twice. Anchors, aliases and tags have no meaning here.

**Secrets do not stand in this file**: keys and tokens are in files of their own that only root can read, and their names are here.

- **Times** are \`500ms\`, \`10s\`, \`5m\` or \`1h\`; a number without a unit is seconds.
- **Ratios** are \`0.5%\` or \`0.005\`.
- **Paths** begin with \`/\`.
- Text that begins with \`{\`, \`[\`, \`!\` or \`%\` needs quotes: \`summary: '{{host}} copies'\`, \`listen_address: '[::1]:10190'\`.

## Keys

A key such as \`web.listen_address\` is written as \`listen_address:\` inside \`web:\`. New values of the keys marked *restart* are taken when
the agent starts, all others at a reload too.

${table(SETTINGS, standardOf)}

## Rules

\`alerts.rules\` holds rules by name. Under the name of a default rule it changes those keys that it gives and leaves the others; any
other name (a letter, then letters, digits and \`_\`) is a new rule. A rule has either a \`ratio\` or a \`rate\`.

\`\`\`yaml
alerts:
  rules:
    SendfileFallback:            # a default rule: other thresholds
      ratio:
        above: 2%
        clear: 1%
    SpliceErrors:                # a new rule
      rate:
        counter: errors_total{mechanism="splice", errno="EINVAL|ENOMEM"}
        above: 50
      window: 1m
      severity: warning
      summary: '{{host}}: {{value}} failing splices a second'
\`\`\`

A **counter** is a counter of [metrics.md](metrics.md), with or without \`spillway_\` before its name, summed over all its series whose
labels have the given values: \`errors_total{mechanism="sendfile|splice", errno="EAGAIN"}\`. Several values of one label stand between the
same quotes with \`|\` between them; a label that is not named may have any value. There are no other operators than \`=\`. A program may
call itself anything: a quote, a \`|\` or a backslash of a name itself has a backslash before it, a new line is \`\\n\`. A few counters
belong to the host alone (\`unattributed_attempts_total\`, those of tables, programs and events): a rule on them has \`scopes: [host]\`.

${table(RULE_SETTINGS, standardOfRule)}
`;
}

function table(settings: Settings, standard: (key: string, setting: Setting<unknown>) => string): string {
  const rows = Object.entries(settings).map(([key, setting]) =>
    row([
      `\`${key}\``,
      setting.type.name,
      standard(key, setting),
      setting.change === 'restart' ? `${setting.meaning} *restart*` : setting.meaning,
    ]),
  );
  return [row(['key', 'type', 'default', 'meaning']), row(['---', '---', '---', '---']), ...rows].join('\n');
}

function standardOf(_key: string, { type, default: standard }: Setting<unknown>): string {
  return standard === null || standard === undefined ? 'none' : `\`${type.format(standard)}\``;
}

function standardOfRule(key: string, { type, default: standard }: Setting<unknown>): string {
  if (standard !== null && standard !== undefined) return `\`${type.format(standard)}\``;
  if (key === 'runbook') return 'none';
  return key.endsWith('.clear') ? 'as `above`' : 'must be given';
}

const row = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
