/** As much of a browser as the page's script uses: elements, and a stream of events that a test speaks into. */
import type { Browser } from '../../../src/web/page/live.ts';
import { html, type Markup } from '../../../src/web/page/markup.ts';

export class FakeNode {
  readonly nodeName: string;
  readonly nodeType: number;
  nodeValue: string | null;
  parent: FakeNode | null = null;
  readonly childNodes: FakeNode[] = [];
  readonly dataset: Record<string, string> = {};
  hidden = false;
  readonly #attributes = new Map<string, string>();
  readonly #listeners: (() => void)[] = [];

  constructor(name: string, text: string | null = null) {
    this.nodeName = name;
    this.nodeType = text === null ? 1 : 3;
    this.nodeValue = text;
  }

  static of(markup: Markup): FakeNode {
    if (typeof markup === 'string') return new FakeNode('#text', markup);
    const [name, attributes, ...children] = markup;
    const node = new FakeNode(name);
    for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
    for (const child of children) node.appendChild(FakeNode.of(child));
    return node;
  }

  get attributes(): { readonly name: string }[] {
    return [...this.#attributes.keys()].map((name) => ({ name }));
  }

  get textContent(): string {
    return this.nodeValue ?? this.childNodes.map(({ textContent }) => textContent).join('');
  }

  set textContent(text: string) {
    this.childNodes.length = 0;
    this.appendChild(new FakeNode('#text', text));
  }

  /** What is there now. */
  get markup(): Markup {
    if (this.nodeValue !== null) return this.nodeValue;
    const attributes = [...this.#attributes].sort(([a], [b]) => (a < b ? -1 : 1));
    return [this.nodeName, Object.fromEntries(attributes), ...this.childNodes.map(({ markup }) => markup)];
  }

  getAttribute(name: string): string | null {
    return this.#attributes.get(name) ?? null;
  }

  setAttribute(name: string, value: string): void {
    this.#attributes.set(name, value);
  }

  removeAttribute(name: string): void {
    this.#attributes.delete(name);
  }

  appendChild(child: FakeNode): void {
    child.parent = this;
    this.childNodes.push(child);
  }

  replaceWith(other: FakeNode): void {
    const { parent } = this;
    if (parent === null) throw new Error('it stands nowhere');
    other.parent = parent;
    parent.childNodes[parent.childNodes.indexOf(this)] = other;
  }

  remove(): void {
    this.parent?.childNodes.splice(this.parent.childNodes.indexOf(this), 1);
  }

  addEventListener(_kind: string, listener: () => void): void {
    this.#listeners.push(listener);
  }

  click(): void {
    for (const listener of this.#listeners) listener();
  }

  find(id: string): FakeNode | null {
    if (this.getAttribute('id') === id) return this;
    for (const child of this.childNodes) {
      const found = child.find(id);
      if (found !== null) return found;
    }
    return null;
  }
}

/** One of the streams that the script has opened. */
class FakeStream {
  static all: FakeStream[] = [];
  readyState = 1;
  closed = false;
  readonly #listeners = new Map<string, (event: { data: string; lastEventId: string }) => void>();

  constructor() {
    FakeStream.all.push(this);
  }

  addEventListener(kind: string, listener: (event: { data: string; lastEventId: string }) => void): void {
    this.#listeners.set(kind, listener);
  }

  close(): void {
    this.closed = true;
  }

  /** What has come is not heard any more once it is closed. */
  tell(kind: string, data: string, lastEventId = ''): void {
    if (!this.closed) this.#listeners.get(kind)?.({ data, lastEventId });
  }
}

export interface FakeBrowser {
  readonly browser: Browser;
  readonly body: FakeNode;
  /** In the order in which they were opened. */
  readonly streams: readonly FakeStream[];
  reloads: number;
}

/** @param build of the page that it has loaded */
export function fakeBrowser(content: readonly Markup[], build: string): FakeBrowser {
  const body = FakeNode.of(['body', {}, ...content]);
  body.dataset.build = build;
  FakeStream.all = [];
  const fake: FakeBrowser = {
    body,
    streams: FakeStream.all,
    reloads: 0,
    browser: {
      document: {
        body,
        title: '',
        hidden: false,
        getElementById: (id: string) => body.find(id),
        createTextNode: (text: string) => new FakeNode('#text', text),
        createElement: (name: string) => new FakeNode(name),
        createElementNS: (_space: string, name: string) => new FakeNode(name),
        addEventListener: () => undefined,
      },
      location: {
        reload: () => {
          fake.reloads++;
        },
      },
      EventSource: FakeStream,
      setTimeout: () => 0,
      clearTimeout: () => undefined,
    },
  };
  return fake;
}

/** The same with attributes in an order of their own, to compare. */
export const asHtml = (markup: Markup): string => html(FakeNode.of(markup).markup);
