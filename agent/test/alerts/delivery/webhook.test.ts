import { expect, it } from 'vitest';
import { webhookBody } from '../../../src/alerts/webhook.ts';
import { resolve, trigger } from './support.ts';

const incident = {
  subject: { unit: 'nginx.service', comm: 'nginx' },
  details: { aio_nr: 12 },
  links: [{ href: 'https://runbook/sendfile', text: 'Runbook' }],
};

it('a trigger is a group of one alert that fires, in the version that Alertmanager sends', () => {
  const labels = {
    alertname: 'SendfileFallback',
    severity: 'error',
    host: 'web-1',
    unit: 'nginx.service',
    comm: 'nginx',
  };
  const annotations = {
    summary: 'summary of a',
    runbook_url: 'https://runbook/sendfile',
    value: '0.02',
    threshold: '0.005',
    details: '{"aio_nr":12}',
  };
  expect(webhookBody(trigger('a', incident), 'webhook', 'http://web-1:10190/')).toEqual({
    version: '4',
    groupKey: '{}:{dedup_key="a"}',
    truncatedAlerts: 0,
    status: 'firing',
    receiver: 'webhook',
    groupLabels: { alertname: 'SendfileFallback' },
    commonLabels: labels,
    commonAnnotations: annotations,
    externalURL: 'http://web-1:10190/',
    alerts: [
      {
        status: 'firing',
        labels,
        annotations,
        startsAt: '2026-01-02T12:00:00.000Z',
        endsAt: '0001-01-01T00:00:00Z',
        generatorURL: 'http://web-1:10190/',
        fingerprint: 'ca978112ca1bbdca',
      },
    ],
  });
});

it('a resolve is the same alert, ended', () => {
  const fired = webhookBody(trigger('a', incident), 'webhook');
  const resolved = webhookBody(resolve('a', incident), 'webhook');
  expect(resolved.status).toBe('resolved');
  expect(resolved.groupKey).toBe(fired.groupKey);
  expect(resolved.alerts).toEqual([{ ...fired.alerts[0], status: 'resolved', endsAt: '2026-01-02T12:01:00.000Z' }]);
});

it('what is empty is left out, what is large too, and text is valid Unicode', () => {
  const { alerts } = webhookBody(
    trigger('a', { value: null, summary: '\ud83d', details: { text: 'é'.repeat(40_000) } }),
    'webhook',
  );
  expect(alerts[0]?.labels).toEqual({ alertname: 'SendfileFallback', severity: 'error', host: 'web-1' });
  expect(alerts[0]?.annotations).toEqual({
    summary: '\ufffd',
    threshold: '0.005',
    details: 'left out: 80011 bytes; the evidence is on the host',
  });
  const other = webhookBody(trigger('b'), 'webhook');
  expect(other.alerts[0]?.fingerprint).not.toBe(alerts[0]?.fingerprint);
});
