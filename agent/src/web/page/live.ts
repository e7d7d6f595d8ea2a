/**
 * The page's only script: takes the parts that have changed from the stream and makes elements of them. It runs in a browser, as
 * the text of this one function: nothing outside of it may be used in it.
 */
import type { Change } from './change.ts';
import type { Markup } from './markup.ts';

/** What the script uses of a browser. */
interface Node {
  readonly nodeType: number;
  nodeValue: string | null;
  textContent: string | null;
  readonly nodeName: string;
  readonly childNodes: ArrayLike<Node>;
  readonly attributes: Iterable<{ readonly name: string }>;
  hidden: boolean;
  readonly dataset: Readonly<Record<string, string | undefined>>;
  getAttribute(name: string): string | null;
  setAttribute(name: string, value: string): void;
  removeAttribute(name: string): void;
  appendChild(child: Node): void;
  replaceWith(other: Node): void;
  remove(): void;
  addEventListener(kind: string, listener: () => void): void;
}

interface EventStream {
  readonly readyState: number;
  addEventListener(
    kind: string,
    listener: (event: { readonly data: string; readonly lastEventId: string }) => void,
  ): void;
  close(): void;
}

export interface Browser {
  readonly document: {
    readonly body: Node;
    title: string;
    readonly hidden: boolean;
    getElementById(id: string): Node | null;
    createTextNode(text: string): Node;
    createElement(name: string): Node;
    createElementNS(space: string, name: string): Node;
    addEventListener(kind: string, listener: () => void): void;
  };
  readonly location: { reload(): void };
  readonly EventSource: new (url: string) => EventStream;
  setTimeout(work: () => void, ms: number): number;
  clearTimeout(timer: number): void;
}

/** What comes over the stream: parts by the id of their element, and the page's title. */
export interface Update {
  /** Of the agent that sends it: a page of another one is loaded anew. */
  readonly build: string;
  readonly title: string;
  /** `14:03:07 UTC` */
  readonly clock: string;
  /** For those who do not see the page: said only when it changes. */
  readonly news: string;
  /** The message that this one goes on from: parts are what changed since, and those that did not are left out. Absent: all is here. */
  readonly after?: string;
  readonly parts: readonly (readonly [id: string, part: Markup | Change])[];
}

/** Self-contained: see above. */
export function live(browser: Browser): void {
  const { document } = browser;
  const byId = (id: string) => document.getElementById(id);
  const SVG = 'http://www.w3.org/2000/svg';
  const SHAPES = ['svg', 'g', 'path', 'rect'];
  const ELEMENTS =
    'section div p span small strong code h2 h3 ul li dl dt dd a figure figcaption table thead tbody tr th td'.split(
      ' ',
    );
  // milliseconds without news after which something must be wrong
  const SILENCE = 15_000;
  const RETRY = 3000;
  let stream: EventStream | null = null;
  let timer = 0;
  let paused = false;
  // of the message that the page shows
  let shown = '';

  const make = (markup: Markup): Node => {
    if (typeof markup === 'string') return document.createTextNode(markup);
    const [name, attributes, ...children] = markup;
    const isShape = SHAPES.includes(name);
    if (!isShape && !ELEMENTS.includes(name)) return document.createTextNode('');
    const node = isShape ? document.createElementNS(SVG, name) : document.createElement(name);
    for (const key of Object.keys(attributes)) set(node, key, attributes[key] ?? '');
    for (const child of children) node.appendChild(make(child));
    return node;
  };
  /** Nothing that runs, and no address elsewhere. */
  const set = (node: Node, key: string, value: string): void => {
    if (/^on|style/i.test(key) || (key === 'href' && !/^[/#](?!\/)/.test(value))) return;
    if (node.getAttribute(key) !== value) node.setAttribute(key, value);
  };
  /** Changes what is there, so that focus, selection and what is scrolled stay. */
  const patch = (node: Node, markup: Markup): void => {
    if (typeof markup === 'string') {
      if (node.nodeType !== 3) node.replaceWith(make(markup));
      else if (node.nodeValue !== markup) node.nodeValue = markup;
      return;
    }
    const [name, attributes, ...children] = markup;
    if (node.nodeName.toLowerCase() !== name) {
      node.replaceWith(make(markup));
      return;
    }
    for (const { name: key } of [...node.attributes]) if (!(key in attributes)) node.removeAttribute(key);
    for (const key of Object.keys(attributes)) set(node, key, attributes[key] ?? '');
    children.forEach((child, i) => {
      const old = node.childNodes[i];
      if (old === undefined) node.appendChild(make(child));
      else patch(old, child);
    });
    while (node.childNodes.length > children.length) node.childNodes[node.childNodes.length - 1]?.remove();
  };

  const isMarkup = (part: Markup | Change): part is Markup => typeof part === 'string' || Array.isArray(part);
  const change = (node: Node, part: Markup | Change): void => {
    if (isMarkup(part)) {
      patch(node, part);
      return;
    }
    const { a = {}, c = {}, n = node.childNodes.length } = part;
    for (const key of Object.keys(a)) {
      const value = a[key] ?? null;
      if (value === null) node.removeAttribute(key);
      else set(node, key, value);
    }
    for (const key of Object.keys(c)) {
      const child = c[Number(key)] ?? '';
      const old = node.childNodes[Number(key)];
      if (old !== undefined) change(old, child);
      else if (isMarkup(child)) node.appendChild(make(child));
    }
    while (node.childNodes.length > n) node.childNodes[node.childNodes.length - 1]?.remove();
  };

  const say = (id: string, text: string): void => {
    const node = byId(id);
    if (node !== null && node.textContent !== text) node.textContent = text;
  };
  const update = ({ build, title, clock, news, parts }: Update): void => {
    if (build !== document.body.dataset.build) {
      browser.location.reload();
      return;
    }
    for (const [id, part] of parts) {
      const node = byId(id);
      if (node !== null) change(node, part);
    }
    if (document.title !== title) document.title = title;
    say('stream', `live, as of ${clock}`);
    say('news', news);
  };

  const stop = (): void => {
    stream?.close();
    stream = null;
    browser.clearTimeout(timer);
  };
  /** Anew, whatever ended the last one: a browser gives up by itself after some answers. */
  const start = (): void => {
    stop();
    if (paused || document.hidden) return;
    const own = (stream = new browser.EventSource('/page/stream'));
    const later = (ms: number, why: string): void => {
      browser.clearTimeout(timer);
      timer = browser.setTimeout(() => {
        say('stream', why);
        start();
      }, ms);
    };
    const lost = 'no answer from the agent: trying again';
    later(SILENCE, lost);
    own.addEventListener('message', ({ data, lastEventId }) => {
      later(SILENCE, lost);
      const news = JSON.parse(data) as Update;
      // who asks anew gets all
      if (news.after !== undefined && news.after !== shown) start();
      else update(news);
      shown = lastEventId;
    });
    own.addEventListener('beat', () => later(SILENCE, lost));
    own.addEventListener('failure', ({ data }) => say('stream', data));
    own.addEventListener('error', () => {
      say('stream', lost);
      if (own.readyState === 2) later(RETRY, lost);
    });
  };

  const button = byId('pause');
  if (button !== null) {
    button.hidden = false;
    button.addEventListener('click', () => {
      paused = !paused;
      button.textContent = paused ? 'Resume' : 'Pause';
      if (paused) say('stream', 'paused');
      start();
    });
  }
  // what nobody looks at costs nothing
  document.addEventListener('visibilitychange', start);
  start();
}

/** As a browser takes it. */
export const SCRIPT = `'use strict';\n(${live.toString()})(globalThis);\n`;
