import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COPY_REASONS, OUTCOMES, REFUSAL_REASONS, RESOLUTIONS } from '../../src/abi/layout.ts';
import {
  ASYNC_ADVICE,
  COPY_ADVICE,
  DENIED_ADVICE,
  DENIED_REQUEST_ADVICE,
  ENTER_ADVICE,
  OVERFLOW_ADVICE,
  REFUSAL_ADVICE,
  RESOLUTION_MEANING,
  SETUP_ADVICE,
} from '../../src/model/advice.ts';
import { errnoName } from '../../src/model/errno.ts';

const page = readFileSync(new URL('../../../docs/outcomes.md', import.meta.url), 'utf8');

/** Text between the heading of a name and the next heading. */
function section(name: string): string {
  const [, text = ''] = page.split(`\n### \`${name}\`\n`);
  return text.split(/\n##+ /)[0] ?? '';
}

const reasons = [...COPY_REASONS, ...REFUSAL_REASONS].filter((reason) => reason !== 'none');

describe('docs/outcomes.md', () => {
  it.each([...OUTCOMES, ...reasons])('%s has a section with a command that shows it', (name) => {
    expect(section(name)).toMatch(/^```\n.+\n(?:.*\n)*?```$/m);
  });

  it.each(RESOLUTIONS)('%s has a section, and a row that says whether it is a fallback', (name) => {
    expect(section(name).trim()).not.toBe('');
    expect(page).toMatch(new RegExp(`^\\| \`${name}\` \\| .+ \\| (?:yes|no) \\|$`, 'm'));
  });

  it.each(OUTCOMES)('%s has a row', (name) => {
    expect(page).toMatch(new RegExp(`^\\| \`${name}\` \\| .+ \\| .+ \\|$`, 'm'));
  });

  it('has no section for a name that does not exist', () => {
    const names = [...page.matchAll(/^### `(.+)`$/gm)].map(([, name]) => name);
    expect(names.toSorted()).toEqual([...OUTCOMES, ...reasons, ...RESOLUTIONS].toSorted());
  });
});

describe('advice', () => {
  it('is complete: a reason without one cannot be shown', () => {
    expect(Object.keys(COPY_ADVICE)).toEqual([...COPY_REASONS]);
    expect(Object.keys(REFUSAL_ADVICE)).toEqual([...REFUSAL_REASONS]);
    expect(Object.keys(RESOLUTION_MEANING)).toEqual([...RESOLUTIONS, 'pending']);
  });

  const tables = {
    COPY_ADVICE,
    REFUSAL_ADVICE,
    DENIED_ADVICE,
    DENIED_REQUEST_ADVICE,
    SETUP_ADVICE,
    ENTER_ADVICE,
  };
  const all = [
    ...Object.entries(tables).flatMap(([table, entries]) =>
      Object.entries(entries).map(([name, advice]) => [`${table}.${name}`, advice] as const),
    ),
    ['OVERFLOW_ADVICE', OVERFLOW_ADVICE] as const,
    ['ASYNC_ADVICE', ASYNC_ADVICE] as const,
  ];

  it.each(all)('%s: what to do fits on a line of the terminal behind its arrow', (_, { meaning, remedy }) => {
    expect(meaning.length).toBeGreaterThan(10);
    expect(meaning.length).toBeLessThanOrEqual(64);
    expect(remedy.length).toBeGreaterThan(10);
    expect(remedy.length).toBeLessThanOrEqual(80 - '    -> '.length);
  });

  it('no two reasons have the same meaning: a report tells each meaning once', () => {
    const meanings = [COPY_ADVICE, REFUSAL_ADVICE].flatMap((table) =>
      Object.entries(table).flatMap(([reason, { meaning }]) => (reason === 'none' ? [] : [meaning])),
    );
    expect(new Set(meanings).size).toBe(meanings.length);
  });

  it('errnos that have an advice exist', () => {
    const names = new Set(Array.from({ length: 134 }, (_, errno) => errnoName(errno)));
    for (const table of [DENIED_ADVICE, DENIED_REQUEST_ADVICE, SETUP_ADVICE, ENTER_ADVICE]) {
      for (const name of Object.keys(table)) expect(names, name).toContain(name);
    }
  });

  it('EAGAIN of io_uring_enter is about memory, and no reason to look at fs.aio-nr', () => {
    expect(`${ENTER_ADVICE.EAGAIN?.meaning ?? ''} ${ENTER_ADVICE.EAGAIN?.remedy ?? ''}`).toMatch(
      /memory.*memory\.max.*never mind fs\.aio-nr/,
    );
  });
});
