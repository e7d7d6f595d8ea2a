import { describe, expect, it } from 'vitest';
import { LAYOUT, LAYOUT_HASH } from '../../src/abi/layout.ts';
import { type Identity, parseIdentity, takeoverOf } from '../../src/kernel/generation.ts';

const ours: Identity = {
  schema: 1,
  tables: 1,
  layoutHash: LAYOUT_HASH,
  layout: LAYOUT,
  object: 'aa',
  capacities: { processes: 10, flows: 20, causes: 30 },
  options: '{"latency":false}',
  hooks: 'tracepoint',
  unattached: [],
};

describe('takeoverOf', () => {
  it.each<[string, Partial<Identity>, string]>([
    ['the same in all', {}, 'adopt'],
    ['tables that another generation made', { tables: 7 }, 'adopt'],
    ['another object', { object: 'bb' }, 'reuse'],
    ['other options', { options: '{"latency":true}' }, 'reuse'],
    ['a probe that could not be attached', { unattached: ['io_uring_completion'] }, 'reuse'],
    ['another layout', { layoutHash: '0123' }, 'import'],
    ['another layout and another object', { layoutHash: '0123', object: 'bb' }, 'import'],
    ['other capacities', { capacities: { processes: 10, flows: 21, causes: 30 } }, 'import'],
    ['a capacity that was not kept', { capacities: { processes: 10, flows: 20 } }, 'import'],
  ])('%s', (_, found, how) => {
    expect(takeoverOf({ ...ours, ...found }, ours)).toBe(how);
  });
});

describe('parseIdentity', () => {
  it('reads what was written', () => {
    expect(parseIdentity(JSON.stringify(ours))).toEqual(JSON.parse(JSON.stringify(ours)));
  });

  it.each(['', '{', 'null', '[]', '{"schema":2}', '{"schema":1}', JSON.stringify({ ...ours, layout: undefined })])(
    'refuses %s',
    (text) => {
      expect(() => parseIdentity(text)).toThrow();
    },
  );
});
