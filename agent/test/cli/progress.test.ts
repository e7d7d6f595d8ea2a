import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { countSeconds } from '../../src/cli/progress.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

it('counts on one line, which is clear afterwards', () => {
  const terminal = screen(true);
  const done = countSeconds(10_000, terminal);
  vi.advanceTimersByTime(2500);
  done();
  vi.advanceTimersByTime(5000);
  expect(terminal.written).toEqual(['\r1 s of 10 s', '\r2 s of 10 s', '\r\x1b[K']);
});

it('says how it is ended where it has no end', () => {
  const terminal = screen(true);
  countSeconds(undefined, terminal);
  vi.advanceTimersByTime(1000);
  expect(terminal.written).toEqual(['\r1 s, Ctrl-C ends it']);
});

it('writes nothing where there is no terminal', () => {
  const pipe = screen(false);
  const done = countSeconds(10_000, pipe);
  vi.advanceTimersByTime(5000);
  done();
  expect(pipe.written).toEqual([]);
});
