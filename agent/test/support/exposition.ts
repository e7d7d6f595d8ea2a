/** A small reader of the text format 0.0.4, written from its description and not from our writer. */

export interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: string;
  readonly samples: Sample[];
}

export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** @throws Error where the text is not of the format, or a family comes twice */
export function parseExposition(text: string): Map<string, Family> {
  const families = new Map<string, Family>();
  let help = { name: '', text: '' };
  let family: Family | undefined;
  if (!text.endsWith('\n')) throw new Error('no newline at the end');
  for (const line of text.slice(0, -1).split('\n')) {
    const header = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$/.exec(line);
    if (header) {
      const [, kind, name = '', rest = ''] = header;
      if (kind === 'HELP') {
        help = { name, text: rest };
        continue;
      }
      if (families.has(name)) throw new Error(`family ${name} comes twice`);
      family = { name, help: help.name === name ? help.text : '', type: rest, samples: [] };
      families.set(name, family);
    } else if (!line.startsWith('#') && line !== '') {
      const sample = parseSample(line);
      if (family?.name !== sample.name) throw new Error(`sample outside its family: ${line}`);
      family.samples.push(sample);
    }
  }
  return families;
}

function parseSample(line: string): Sample {
  const name = /^[a-zA-Z_:][a-zA-Z0-9_:]*/.exec(line)?.[0];
  if (name === undefined) throw new Error(`no metric name: ${line}`);
  const labels: Record<string, string> = {};
  let at = name.length;
  if (line[at] === '{') {
    at++;
    while (line[at] !== '}') {
      const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="/.exec(line.slice(at));
      if (!label) throw new Error(`no label at ${String(at)}: ${line}`);
      at += label[0].length;
      let value = '';
      while (line[at] !== '"') {
        if (at >= line.length) throw new Error(`label value without end: ${line}`);
        if (line[at] === '\\') value += unescape(line[++at], line);
        else value += line[at] ?? '';
        at++;
      }
      at++;
      labels[label[1] ?? ''] = value;
      if (line[at] === ',') at++;
    }
    at++;
  }
  const value = /^ (-?[0-9.]+(?:e[+-]?[0-9]+)?|NaN|[+-]Inf)$/.exec(line.slice(at))?.[1];
  if (value === undefined) throw new Error(`no value: ${line}`);
  return { name, labels, value: Number(value.replace('Inf', 'Infinity')) };
}

function unescape(character: string | undefined, line: string): string {
  if (character === 'n') return '\n';
  if (character === '\\' || character === '"') return character;
  throw new Error(`unknown escape: ${line}`);
}

/** `name{a="x"}` -> value, in no particular notation but one that tells every series apart. */
export function seriesOf(families: ReadonlyMap<string, Family>, name: string): Map<string, number> {
  const series = new Map<string, number>();
  for (const { labels, value } of families.get(name)?.samples ?? []) {
    const key = JSON.stringify(labels);
    if (series.has(key)) throw new Error(`series twice: ${name} ${key}`);
    series.set(key, value);
  }
  return series;
}
