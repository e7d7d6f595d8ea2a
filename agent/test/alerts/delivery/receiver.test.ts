import { describe, expect, it } from 'vitest';
import { outcomeOf, retryAfter, short } from '../../../src/alerts/receiver.ts';
import { NOON } from './support.ts';

const same = (text: string): string => text;
const answer = (status: number, body = '', after: string | null = null) => ({ status, body, retryAfter: after });

describe('what an answer means', () => {
  it.each([
    [200, 'sent'],
    [202, 'sent'],
    [204, 'sent'],
    [299, 'sent'],
    [301, 'redirected, not left'],
    [307, 'redirected, not left'],
    [400, 'rejected'],
    [401, 'rejected'],
    [403, 'rejected'],
    [404, 'rejected'],
    [407, 'server_error, left'],
    [408, 'server_error, left'],
    [413, 'rejected'],
    [422, 'rejected'],
    [429, 'rate_limited, not left'],
    [499, 'rejected'],
    [500, 'server_error, left'],
    [502, 'server_error, left'],
    [503, 'server_error, left'],
    [599, 'server_error, left'],
  ])('%i: %s', (status, expected) => {
    const outcome = outcomeOf(answer(status), NOON, same);
    const left = outcome.kind === 'failed' ? `${outcome.reason}, ${outcome.left ? 'left' : 'not left'}` : outcome.kind;
    expect(left).toBe(expected);
  });

  it('the words of a server that takes it are kept', () => {
    expect(outcomeOf(answer(202, '{"status":"success"}'), NOON, (text) => text.toUpperCase())).toEqual({
      kind: 'sent',
      answer: '202 SUCCESS',
    });
  });

  it.each([
    ['{"status":"invalid event","message":"Event object is invalid","errors":["a is missing","b is long"]}'],
    ['{"errors":["a is missing","b is long"],"message":"Event object is invalid","status":"invalid event","extra":1}'],
  ])('the words of PagerDuty: %s', (body) => {
    expect(outcomeOf(answer(400, body), NOON, same)).toEqual({
      kind: 'rejected',
      why: '400 invalid event: Event object is invalid: a is missing: b is long',
    });
  });

  it.each([
    ['', '400'],
    ['<h1>Bad\r\n  Request</h1>', '400 <h1>Bad Request</h1>'],
    ['\u001b[2Jgone', '400 \\x1b[2Jgone'],
    ['[1]', '400 [1]'],
    ['null', '400 null'],
    ['{"status":400,"errors":"none"}', '400 {"status":400,"errors":"none"}'],
  ])('the words of others: %j', (body, why) => {
    expect(outcomeOf(answer(400, body), NOON, same)).toEqual({ kind: 'rejected', why });
  });

  it('secrets go before the words are cut', () => {
    const redact = (text: string) => text.replaceAll('SECRET', '#');
    const body = `${'x'.repeat(497)}SECRET and more`;
    const outcome = outcomeOf(answer(500, body), NOON, redact);
    expect(JSON.stringify(outcome)).not.toMatch(/SE|CR/);
    expect(JSON.stringify(outcome)).toContain('x#');
    expect(short('y'.repeat(501))).toHaveLength(500);
    expect(short('y'.repeat(500))).toBe('y'.repeat(500));
  });

  it('secrets that JSON spells in its own way go too', () => {
    const redact = (text: string) => text.replaceAll('SECRET', '#');
    const outcome = outcomeOf(answer(400, String.raw`{"message":"key \u0053ECRET is unknown"}`), NOON, redact);
    expect(outcome).toEqual({ kind: 'rejected', why: '400 key # is unknown' });
  });
});

describe('Retry-After', () => {
  it.each([
    [null, null],
    ['0', 0],
    ['7', 7000],
    [' 120 ', 120_000],
    ['3600', 3_600_000],
    ['999999999', 3_600_000],
    ['Fri, 02 Jan 2026 12:01:30 GMT', 90_000],
    ['Fri, 02 Jan 2026 11:00:00 GMT', 0],
    ['Sat, 03 Jan 2026 12:00:00 GMT', 3_600_000],
    ['Fri Jan  2 12:00:05 2026 GMT', 5000],
    ['soon', null],
    ['-5', null],
    ['1.5', null],
    ['', null],
    ['Fri, nonsense', null],
  ])('%j: %j ms', (value, expected) => {
    expect(retryAfter(value, NOON)).toBe(expected);
  });

  it('is part of what failed', () => {
    expect(outcomeOf(answer(429, '', '7'), NOON, same)).toMatchObject({ retryAfterMs: 7000 });
    expect(outcomeOf(answer(503, '', 'Fri, 02 Jan 2026 12:00:09 GMT'), NOON, same)).toMatchObject({
      retryAfterMs: 9000,
    });
  });
});
