import { describe, expect, it } from 'vitest';
import { firingJson, shownAlerts } from '../../src/cli/alerts-shown.ts';
import { alertsJson } from '../../src/web/alerts-json.ts';
import { firingOf, statusOf, viewOf } from '../support/alerts.ts';

const now = { unixMs: Date.UTC(2026, 0, 2, 3, 4, 5), boottime: 1000 };
const nginx = { unit: 'nginx.service', comm: 'nginx' };
const json = alertsJson(
  viewOf({
    time: now,
    statuses: [
      statusOf({ rule: 'Quiet', since: 1 }),
      statusOf({ rule: 'Soon', state: 'pending', since: 999 }),
      // its incident is not on disk yet
      statusOf({ rule: 'New', state: 'firing', since: 998 }),
      statusOf({ rule: 'Old', subject: nginx, state: 'firing', since: 950 }),
    ],
    firing: [
      firingOf({ rule: 'Old', subject: nginx, firedAtMs: now.unixMs - 60_000, summary: 'nginx copies' }),
      firingOf({ rule: 'Removed', firedAtMs: Date.UTC(2025, 11, 31, 23, 59, 0), summary: '' }),
      firingOf({ rule: 'Broken', firedAtMs: NaN, summary: '' }),
    ],
  }),
);

describe('what fires', () => {
  it('comes first, the longest first; of another day with its date; what is well is left out', () => {
    const shown = shownAlerts(json, 'daemon', 'UTC');
    expect(shown.kind === 'judged' && shown.alerts.filter(({ rule }) => rule !== 'Broken')).toEqual([
      { state: 'firing', rule: 'Removed', subject: 'host', since: '12-31 23:59', summary: '' },
      { state: 'firing', rule: 'Old', subject: 'nginx (nginx.service)', since: '03:03:05', summary: 'nginx copies' },
      { state: 'firing', rule: 'New', subject: 'host', since: '03:04:03', summary: '' },
      { state: 'pending', rule: 'Soon', subject: 'host', since: '03:04:04', summary: '' },
    ]);
    expect(shown.kind === 'judged' && shown.alerts.find(({ rule }) => rule === 'Broken')?.since).toBe('-');
  });

  it('for programs: with times that need no guessing', () => {
    expect(firingJson(json)).toContainEqual({
      rule: 'Old',
      subject: nginx,
      since: '2026-01-02T03:03:05.000Z',
      summary: 'nginx copies',
    });
    expect(firingJson(json).map(({ rule }) => rule)).toEqual(expect.arrayContaining(['New', 'Removed']));
    expect(firingJson(json).map(({ rule }) => rule)).not.toContain('Soon');
  });

  it('in the time of day of who looks', () => {
    const shown = shownAlerts(json, 'daemon', 'local');
    const local = new Date(now.unixMs - 60_000).toTimeString().slice(0, 8);
    expect(shown.kind === 'judged' && shown.alerts.find(({ rule }) => rule === 'Old')?.since).toContain(local);
  });

  it('nobody judges without an agent, or with one that was told not to', () => {
    expect(shownAlerts(null, 'probes', 'UTC')).toEqual({ kind: 'nobody' });
    expect(shownAlerts(null, 'daemon', 'UTC')).toEqual({ kind: 'off' });
  });
});
