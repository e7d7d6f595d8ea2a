/** What became different between two states of the page, so that only that is sent. Pure. */
import type { Markup } from './markup.ts';

/** Of an element that stays: its names are short because there are many of them. */
export interface Change {
  /** Attributes that are new or different; null: no longer there. */
  readonly a?: Readonly<Record<string, string | null>>;
  /** Children that are new (whole) or different, by their place. */
  readonly c?: Readonly<Record<number, Markup | Change>>;
  /** How many children there are now; absent: as many as before. */
  readonly n?: number;
}

/** What makes `after` out of `before`: null where they are alike, `after` itself where it is text or another element. */
export function changeOf(before: Markup, after: Markup): Markup | Change | null {
  if (before === after) return null;
  if (typeof before === 'string' || typeof after === 'string' || before[0] !== after[0]) return after;
  const [, old, ...oldChildren] = before;
  const [, now, ...children] = after;
  const attributes: Record<string, string | null> = {};
  for (const [key, value] of Object.entries(now)) if (old[key] !== value) attributes[key] = value;
  for (const key of Object.keys(old)) if (!(key in now)) attributes[key] = null;
  const changed: Record<number, Markup | Change> = {};
  children.forEach((child, i) => {
    const was = oldChildren[i];
    const change = was === undefined ? child : changeOf(was, child);
    if (change !== null) changed[i] = change;
  });
  const change: Change = {
    ...(Object.keys(attributes).length === 0 ? {} : { a: attributes }),
    ...(Object.keys(changed).length === 0 ? {} : { c: changed }),
    ...(children.length === oldChildren.length ? {} : { n: children.length }),
  };
  return Object.keys(change).length === 0 ? null : change;
}
