import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Incident, Json } from '../../../src/alerts/incident.ts';
import { pagerDutyBody } from '../../../src/alerts/pagerduty.ts';
import { SEVERITIES } from '../../../src/alerts/rule.ts';
import { wrongWith } from './events-api.ts';
import { incidentOf, KEY, NOON, resolve, trigger } from './support.ts';

const withKey = (body: object): string => JSON.stringify({ routing_key: KEY, ...body });

describe('the body', () => {
  it('of a trigger', () => {
    const event = trigger('spillway:SendfileFallback:00ff', {
      subject: { unit: 'nginx.service', comm: 'nginx' },
      details: { aio_nr: 12, top: [{ comm: 'nginx', fallbacks: 7 }] },
      links: [{ href: 'https://runbook/sendfile', text: 'Runbook' }],
    });
    expect(pagerDutyBody(event, 'http://web-1:10190/')).toEqual({
      event_action: 'trigger',
      dedup_key: 'spillway:SendfileFallback:00ff',
      client: 'spillway',
      client_url: 'http://web-1:10190/',
      links: [{ href: 'https://runbook/sendfile', text: 'Runbook' }],
      payload: {
        summary: 'summary of spillway:SendfileFallback:00ff',
        source: 'web-1',
        severity: 'error',
        timestamp: '2026-01-02T12:00:00.000Z',
        component: 'nginx.service nginx',
        group: 'spillway',
        class: 'SendfileFallback',
        custom_details: { value: 0.02, threshold: 0.005, aio_nr: 12, top: [{ comm: 'nginx', fallbacks: 7 }] },
      },
    });
  });

  it('of a resolve, at the time of the resolve; of the whole host, without a component', () => {
    const body = pagerDutyBody(resolve('a'));
    expect(body.event_action).toBe('resolve');
    expect(body.payload.timestamp).toBe('2026-01-02T12:01:00.000Z');
    expect(body.payload).not.toHaveProperty('component');
    expect(body).not.toHaveProperty('client_url');
  });

  it.each([
    ['1024 characters', 'é'.repeat(1024), 'é'.repeat(1024)],
    ['1025 characters', 'é'.repeat(1025), `${'é'.repeat(1023)}…`],
    ['1024 characters of two units each', '😀'.repeat(1024), '😀'.repeat(1024)],
    ['1025 characters of two units each', '😀'.repeat(1025), `${'😀'.repeat(1023)}…`],
    ['half a character', 'x\ud83d', 'x\ufffd'],
    ['nothing', '', 'SendfileFallback'],
  ])('has a summary of at most 1024 characters: %s', (_what, summary, expected) => {
    expect(pagerDutyBody(trigger('a', { summary })).payload.summary).toBe(expected);
  });

  it('has a dedup key of at most 255 characters, another for another', () => {
    const key = (text: string) => pagerDutyBody(trigger(text)).dedup_key;
    expect(key('k'.repeat(255))).toBe('k'.repeat(255));
    const [one, two] = [key(`${'k'.repeat(255)}1`), key(`${'k'.repeat(255)}2`)];
    expect(one).toMatch(/^spillway:[0-9a-f]{64}$/);
    expect(one).not.toBe(two);
    expect(pagerDutyBody(resolve(`${'k'.repeat(255)}1`)).dedup_key).toBe(one);
  });

  it('that would be too large has a note instead of details, which names the largest parts', () => {
    const details: Record<string, Json> = { small: 1, evidence: 'é'.repeat(200_000), flows: ['x'.repeat(150_000)] };
    const body = pagerDutyBody(trigger('a', { details }));
    expect(body.payload.custom_details).toEqual({
      note: expect.stringMatching(
        /^details left out: the event had 550\d{3} bytes, and PagerDuty takes 512000; /,
      ) as unknown,
      largest: [
        { name: 'evidence', bytes: 400_002 },
        { name: 'flows', bytes: 150_004 },
        { name: 'value', bytes: 4 },
        { name: 'threshold', bytes: 5 },
        { name: 'small', bytes: 1 },
      ].sort((a, b) => b.bytes - a.bytes),
    });
    expect(wrongWith(withKey(body))).toEqual([]);
  });

  it('is as large as it may be, and not a byte larger', () => {
    const sizeWith = (length: number) => {
      const text = withKey(pagerDutyBody(trigger('a', { details: { text: 'x'.repeat(length) } })));
      expect(wrongWith(text)).toEqual([]);
      return Buffer.byteLength(text);
    };
    const empty = sizeWith(0);
    expect(sizeWith(511_900 - empty)).toBe(511_900);
    expect(sizeWith(512_001 - empty)).toBeLessThan(2000);
  });

  it('is taken by PagerDuty whatever the incident holds', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'grapheme', maxLength: 1500, size: 'max' }),
      fc.constantFrom('', '\0'.repeat(3000), '\ud800', '"'.repeat(5000)),
    );
    const incident: fc.Arbitrary<Incident> = fc.record({
      dedupKey: text.filter((key) => key !== ''),
      rule: text.filter((rule) => rule !== ''),
      subject: fc.option(fc.record({ unit: text, comm: text })),
      severity: fc.constantFrom(...SEVERITIES),
      host: text,
      summary: text,
      firedAtMs: fc.integer({ min: 0, max: NOON * 2 }),
      resolvedAtMs: fc.option(fc.integer({ min: 0, max: NOON * 2 })),
      value: fc.option(fc.double()),
      threshold: fc.double(),
      details: fc.dictionary(text, fc.jsonValue() as fc.Arbitrary<Json>),
      links: fc.array(fc.record({ href: text, text }), { maxLength: 40 }),
    });
    fc.assert(
      fc.property(fc.constantFrom('trigger' as const, 'resolve' as const), incident, (action, one) => {
        expect(wrongWith(withKey(pagerDutyBody({ action, incident: one })))).toEqual([]);
      }),
      { numRuns: 100 },
    );
  }, 60_000);
});

it('what checks the bodies finds what is wrong', () => {
  const body = { routing_key: KEY, ...pagerDutyBody({ action: 'trigger', incident: incidentOf('a') }) };
  const wrong = (changes: object, payload: object = {}) =>
    wrongWith(JSON.stringify({ ...body, ...changes, payload: { ...body.payload, ...payload } })).join();
  expect(wrong({})).toBe('');
  expect(wrong({ routing_key: 'x' })).toBe('routing_key');
  expect(wrong({ event_action: 'open' })).toBe('event_action');
  expect(wrong({ dedup_key: 'x'.repeat(256) })).toBe('dedup_key');
  expect(wrong({ extra: 'x'.repeat(512_000) })).toBe('size,unknown field');
  expect(wrong({}, { summary: 'x'.repeat(1025) })).toBe('summary');
  expect(wrong({}, { source: '' })).toBe('source');
  expect(wrong({}, { severity: 'Error' })).toBe('severity');
  expect(wrong({}, { timestamp: 'Fri Jan 2 2026' })).toBe('timestamp');
  expect(wrong({}, { extra: 1 })).toBe('unknown field of payload');
});
