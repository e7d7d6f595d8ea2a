/**
 * What the page shows as plain data: elements with attributes and children. The server writes it as HTML, the stream sends it as
 * JSON, and the page's script makes the same elements of it. Pure.
 */
import { printable } from '../../model/text.ts';

export type Attributes = Readonly<Record<string, string>>;

/** Text, or an element: its name, its attributes, what is in it. */
export type Markup = string | readonly [name: string, attributes: Attributes, ...children: Markup[]];

type Child = Markup | number | null | readonly Child[];

const isAttributes = (value: unknown): boolean => typeof value === 'object' && value !== null && !Array.isArray(value);

const isElement = (child: Child): child is Exclude<Markup, string> =>
  Array.isArray(child) && typeof child[0] === 'string' && isAttributes(child[1]);

/**
 * An element. Texts may be from others: what would turn the text around it is made visible. Neighbouring texts become one, as
 * a browser makes one of them too.
 */
export function element(name: string, attributes: Attributes, ...children: readonly Child[]): Markup {
  const inside: Markup[] = [];
  const add = (child: Child): void => {
    if (child === null) return;
    if (isElement(child)) {
      inside.push(child);
    } else if (typeof child === 'object') {
      for (const one of child) add(one);
    } else {
      const text = printable(String(child));
      const last = inside.at(-1);
      if (text === '') return;
      if (typeof last === 'string') inside[inside.length - 1] = last + text;
      else inside.push(text);
    }
  };
  for (const child of children) add(child);
  return [name, attributes, ...inside];
}

/** As HTML, with nothing between the elements. */
export function html(markup: Markup): string {
  if (typeof markup === 'string') return escapeHtml(markup);
  const [name, attributes, ...children] = markup;
  const written = Object.entries(attributes).map(([key, value]) => ` ${key}="${escapeHtml(value)}"`);
  return `<${name}${written.join('')}>${children.map(html).join('')}</${name}>`;
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
};

/** Text for elements and quoted attributes. */
function escapeHtml(text: string): string {
  return text.toWellFormed().replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character);
}
