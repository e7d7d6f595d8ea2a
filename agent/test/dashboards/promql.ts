/** What PromQL expressions name, and what there is to name. */
import { CATALOGUE, PREFIX, PROCESS_CATALOGUE } from '../../src/metrics/catalogue.ts';

/** A selector of an expression. */
export interface Selected {
  readonly name: string;
  readonly matchers: readonly { readonly label: string; readonly operator: string; readonly value: string }[];
}

const KEYWORDS = new Set(['and', 'or', 'unless', 'offset']);

/** Every series that an expression names. */
export function seriesOf(expr: string): Selected[] {
  const groupings = /\b(?:on|ignoring|by|without)\s*\([^)]*\)/g;
  const ranges = /\[[^\]]*\]|\boffset\s+\w+/g;
  const rest = expr.replace(groupings, ' ').replace(ranges, ' ');
  return [...rest.matchAll(/(?<![\w:.])([a-zA-Z_:][\w:]*)(?![\w:])\s*(?:\{([^}]*)\}|(?!\s*\())/g)]
    .filter(([, name = '']) => !KEYWORDS.has(name))
    .map(([, name = '', matchers = '']) => ({
      name,
      matchers: [...matchers.matchAll(/(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"/g)].map(
        ([, label = '', operator = '', value = '']) => ({ label, operator, value }),
      ),
    }));
}

/** Of every metric that is exported: its labels. */
export const EXPORTED: ReadonlyMap<string, readonly string[]> = new Map<string, readonly string[]>([
  ...Object.entries(CATALOGUE).map(([name, { labels }]) => [`${PREFIX}${name}`, labels] as const),
  ...Object.entries(PROCESS_CATALOGUE).map(([name, { labels }]) => [name, labels] as const),
]);

/** The selector as one writes it. */
export const selectorText = ({ name, matchers }: Selected): string => {
  const texts = matchers.map(({ label, operator, value }) => `${label}${operator}"${value}"`);
  return texts.length === 0 ? name : `${name}{${texts.join(', ')}}`;
};

/** Every label by which an expression groups or matches. */
export const groupedBy = (expr: string): string[] =>
  [...expr.matchAll(/\b(?:on|ignoring|by|without|group_left|group_right)\s*\(([^)]*)\)/g)]
    .flatMap(([, labels = '']) => labels.split(','))
    .map((label) => label.trim())
    .filter((label) => label !== '');
