import { expect, test } from 'vitest';
import { Quiet } from '../../src/web/quiet.ts';

test('of each kind one a minute is logged, with how many more there were', () => {
  const logged: string[] = [];
  let now = 0;
  const quiet = new Quiet(
    (level, message) => logged.push(`${level} ${message}`),
    () => now,
  );
  for (let i = 0; i < 1000; i++) quiet.say('a', 'error', `a${String(i)}`);
  quiet.say('b', 'info', 'b');
  now = 59_999;
  quiet.say('a', 'error', 'soon');
  now = 60_000;
  quiet.say('a', 'error', 'later');
  now = 120_000;
  quiet.say('a', 'error', 'again');
  expect(logged).toEqual(['error a0', 'info b', 'error later (and 1000 more like the one before)', 'error again']);
});
