import { expect, it } from 'vitest';
import { victimsOf } from '../../../src/alerts/overflow.ts';
import type { Entry } from '../../../src/alerts/store.ts';
import { NOON, resolve, trigger } from './support.ts';

/** `Ta` is a trigger of a, `Ra` its resolve; `*`: it may have left; `-`: not the first that is told of its incident. */
const entries = (text: string): Entry[] =>
  text.split(' ').map((word, sequence) => {
    const event = (word.startsWith('T') ? trigger : resolve)(word.charAt(1));
    const opening = word.startsWith('T') && !word.includes('-');
    const stored = { event, queuedAtMs: NOON, opening, receiver: null, absorbs: [], members: null };
    return {
      stored,
      sequence,
      bytes: 100,
      marks: new Map(word.includes('*') ? [['pagerduty', 'tried']] : []),
      file: null,
    };
  });

/** What is left of these with room for so many. */
function left(text: string, events: number, pinned = '', bytes = Infinity): string {
  const all = entries(text);
  const words = text.split(' ');
  const victims = victimsOf(all, { events, bytes }, ({ sequence }) =>
    pinned.split(' ').includes(words[sequence] ?? ''),
  );
  return words.filter((_word, i) => !victims.has(all[i] as Entry)).join(' ');
}

it.each([
  ['all that fits', 'Ta Rb Tc', 3, 'Ta Rb Tc'],
  ['not what is over, trigger and resolve', 'Ta Tb Rb Tc', 2, 'Ta Tc'],
  ['not the oldest of those that are over', 'Ta Tb Rb Ra Tc', 3, 'Ta Ra Tc'],
  ['not more of them than must go', 'Ta Tb Rb Ra Tc', 4, 'Ta Ra Tc'],
  ['the resolve of what may have left', 'Ta* Ra Tb', 2, 'Ra Tb'],
  ['the resolve of what may have been told before', 'Ta- Ra Tb', 2, 'Ra Tb'],
  ['no repeated trigger of what is over', 'Ta Ta- Ra Tb', 2, 'Tb'],
  ['the resolve, if a repeated trigger may have left', 'Ta Ta-* Ra Tb', 2, 'Ra Tb'],
  ['what comes after an incident that is over', 'Ta Ra Ta Tb', 2, 'Ta Tb'],
  ['resolves rather than triggers', 'Ra Tb Tc Rd', 2, 'Ra Rd'],
  ['the newest triggers', 'Ta Tb Tc Td', 2, 'Tc Td'],
  ['the newest resolves when there are only those', 'Ra Rb Rc', 2, 'Rb Rc'],
])('keeps %s', (_what, text, events, expected) => {
  expect(left(text, events)).toBe(expected);
});

it('keeps what is pinned, whatever the limits say', () => {
  expect(left('Ta Tb Rb Tc', 2, 'Tb Rb')).toBe('Tb Rb');
  expect(left('Ta Tb', 1, 'Ta Tb')).toBe('Ta Tb');
});

it('goes by bytes as well', () => {
  expect(left('Ta Tb Tc', 10, '', 250)).toBe('Tb Tc');
  expect(left('Ta Tb Tc', 10, '', 300)).toBe('Ta Tb Tc');
});
