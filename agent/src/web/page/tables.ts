/** Sections and tables that are read alike by eye, keyboard and screen reader. Pure. */
import { countText } from './figures.ts';
import { element, type Markup } from './markup.ts';
import type { Top } from './rows.ts';

export interface Column<Row> {
  readonly title: string;
  /** Stands before the title. */
  readonly mark?: Markup;
  /** Aligned right. */
  readonly number?: true;
  /** Takes what room is left, and may wrap. */
  readonly wide?: true;
  /** Its elements stand one below the other where there is no room. */
  readonly wraps?: true;
  readonly bar?: true;
  readonly cell: (row: Row) => Markup | number | null | readonly (Markup | null)[];
}

export function section(id: string, title: string, ...content: readonly (Markup | null)[]): Markup {
  const heading = `${id}-title`;
  return element('section', { id, 'aria-labelledby': heading }, element('h2', { id: heading }, title), content);
}

/** The first column names the row. It scrolls by itself where it is too wide, also by keyboard. */
export function table<Row>(section: string, columns: readonly Column<Row>[], rows: readonly Row[]): Markup {
  const classOf = ({ number, wide, wraps, bar }: Column<Row>): Readonly<Record<string, string>> => {
    const kinds = { number, wide, wraps, bars: bar };
    const name = Object.entries(kinds).find(([, is]) => is === true)?.[0];
    return name === undefined ? {} : { class: name };
  };
  const head = columns.map((column) =>
    element('th', { scope: 'col', ...classOf(column) }, column.mark ?? null, column.title),
  );
  const body = rows.map((row) =>
    element(
      'tr',
      {},
      columns.map((column, i) =>
        i === 0 ? element('th', { scope: 'row' }, column.cell(row)) : element('td', classOf(column), column.cell(row)),
      ),
    ),
  );
  return element(
    'div',
    { class: 'scroll', role: 'group', tabindex: '0', 'aria-labelledby': `${section}-title` },
    element(
      'table',
      { 'aria-labelledby': `${section}-title` },
      element('thead', {}, element('tr', {}, head)),
      element('tbody', {}, body),
    ),
  );
}

/** What is not shown, and where it is. */
export function rest<T>({ of, rows }: Top<T>, what: string, order = 'by count'): Markup | null {
  if (of <= rows.length) return null;
  return element(
    'p',
    { class: 'rest' },
    `The first ${countText(rows.length)} of ${countText(of)} ${what} ${order}; all are in the `,
    element('a', { href: '/api/v1/snapshot' }, 'snapshot'),
    '.',
  );
}
