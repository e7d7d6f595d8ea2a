/** What the user has chosen, and what keys change of it. Pure. */
import { printable } from '../model/text.ts';
import { type View, VIEWS } from './figures.ts';
import { type Order, ORDERS_OF } from './select.ts';

export interface State {
  readonly view: View;
  readonly orders: Readonly<Record<View, Order>>;
  readonly reversed: boolean;
  readonly filter: string;
  /** The filter while it is typed; null while none is. */
  readonly typing: string | null;
  readonly paused: boolean;
  /** Counts since the agent started instead of rates. */
  readonly totals: boolean;
  readonly help: boolean;
  /** The view of alerts, in the place of the table. */
  readonly alerts: boolean;
  /** Rows above the first that is shown. */
  readonly first: number;
  /** Milliseconds between samples. */
  readonly interval: number;
}

const INTERVALS = [250, 500, 1000, 2000, 5000, 10_000, 30_000, 60_000] as const;
const DEFAULT_INTERVAL = 1000;
/** Characters of a filter: no name that is shown is longer. */
const MOST_FILTER = 128;

export const START: State = {
  view: 'processes',
  orders: {
    processes: ORDERS_OF.processes[0],
    workloads: ORDERS_OF.workloads[0],
    flows: ORDERS_OF.flows[0],
    mechanisms: ORDERS_OF.mechanisms[0],
  },
  reversed: false,
  filter: '',
  typing: null,
  paused: false,
  totals: false,
  help: false,
  alerts: false,
  first: 0,
  interval: DEFAULT_INTERVAL,
};

/** A key: its name as Node's readline has it, or the character. */
export interface Key {
  readonly name: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  /** What it types; '' for keys that type nothing. */
  readonly text: string;
}

/** What there is to scroll through. */
export interface Extent {
  readonly rows: number;
  readonly page: number;
}

export type Action = 'quit' | 'suspend' | 'redraw' | null;

/** The state after a key, and what is to be done beside showing it. */
export function press(state: State, key: Key, extent: Extent): { readonly state: State; readonly action: Action } {
  if (key.ctrl) {
    if (key.name === 'c') return { state, action: 'quit' };
    if (key.name === 'z') return { state, action: 'suspend' };
    if (key.name === 'l') return { state, action: 'redraw' };
  }
  if (state.typing !== null) return { state: typeFilter(state, state.typing, key), action: null };
  // the key that closes the help or the alerts does nothing else
  if (state.help || state.alerts) return { state: { ...state, help: false, alerts: false }, action: null };
  if (!key.ctrl && (key.text === 'q' || key.text === 'Q')) return { state, action: 'quit' };
  const scrolled = scroll(state, key, extent);
  return { state: scrolled ?? command(state, key), action: null };
}

function typeFilter(state: State, draft: string, { name, ctrl, text }: Key): State {
  if (name === 'return' || name === 'enter') return { ...state, typing: null, filter: draft, first: 0 };
  if (name === 'escape') return { ...state, typing: null };
  if (name === 'backspace') return { ...state, typing: Array.from(draft).slice(0, -1).join('') };
  if (ctrl && name === 'u') return { ...state, typing: '' };
  // a terminal may paste anything
  if (ctrl || text === '' || printable(text) !== text || draft.length + text.length > MOST_FILTER) return state;
  return { ...state, typing: draft + text };
}

/** Null for keys that do not scroll. */
function scroll(state: State, { name, ctrl, text }: Key, { rows, page }: Extent): State | null {
  const last = Math.max(0, rows - page);
  const first = Math.min(state.first, last);
  const to = (row: number): State => ({ ...state, first: Math.max(0, Math.min(row, last)) });
  if (name === 'down' || text === 'j') return to(first + 1);
  if (name === 'up' || text === 'k') return to(first - 1);
  if (name === 'pagedown' || (ctrl && name === 'f')) return to(first + page);
  if (name === 'pageup' || (ctrl && name === 'b')) return to(first - page);
  if (name === 'home' || text === 'g') return to(0);
  if (name === 'end' || text === 'G') return to(last);
  return null;
}

function command(state: State, { name, ctrl, shift, text }: Key): State {
  const { view, interval, orders } = state;
  const nextOf = <T>(list: readonly T[], one: T, by: number): T =>
    list[(list.indexOf(one) + by + list.length) % list.length] ?? one;
  const show = (next: View): State => ({ ...state, view: next, first: 0 });
  const sort = (by: number): State => ({
    ...state,
    orders: { ...orders, [view]: nextOf(ORDERS_OF[view], orders[view], by) },
    first: 0,
  });
  if (ctrl) return state;
  const numbered = VIEWS[Number(text) - 1];
  if (text !== '' && numbered !== undefined) return show(numbered);
  if (name === 'tab' || name === 'right') return show(nextOf(VIEWS, view, name === 'tab' && shift ? -1 : 1));
  if (name === 'left') return show(nextOf(VIEWS, view, -1));
  if (name === 'escape') return { ...state, filter: '', first: 0 };
  switch (text) {
    case 's':
      return sort(1);
    case 'S':
      return sort(-1);
    case 'r':
      return { ...state, reversed: !state.reversed, first: 0 };
    case '/':
      return { ...state, typing: state.filter };
    case 'p':
    case ' ':
      return { ...state, paused: !state.paused };
    case 't':
      return { ...state, totals: !state.totals };
    case 'a':
      return { ...state, alerts: true };
    case 'h':
    case '?':
      return { ...state, help: true };
    case '+':
      return { ...state, interval: INTERVALS.findLast((one) => one < interval) ?? interval };
    case '-':
      return { ...state, interval: INTERVALS.find((one) => one > interval) ?? interval };
    default:
      return state;
  }
}
