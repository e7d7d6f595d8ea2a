import { execFileSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { errnoName } from '../../src/model/errno.ts';

it('names every errno as the C library does', () => {
  // Python's table comes from the system's errno.h; EDEADLOCK, EWOULDBLOCK and ENOTSUP are second names of one number
  const script =
    'import errno, json; print(json.dumps({n: getattr(errno, n) for n in dir(errno) if n.startswith("E")}))';
  const table = JSON.parse(execFileSync('python3', ['-c', script], { encoding: 'utf8' })) as Record<string, number>;
  const second = ['EWOULDBLOCK', 'ENOTSUP', 'EDEADLOCK'];
  for (const [name, number] of Object.entries(table)) {
    if (!second.includes(name)) expect(errnoName(number)).toBe(name);
  }
});

it('shows what has no name by its number', () => {
  expect(errnoName(41)).toBe('E41');
  expect(errnoName(4095)).toBe('E4095');
});
